"""Everything that is held about a person, as it is handed out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shared.domain.audit import Access
from shared.domain.charges import Charge
from shared.domain.inbox import Item
from shared.domain.parked import Parked
from shared.domain.person import Owned, Person
from shared.domain.profile import Consent, Profile
from shared.domain.rules import Rule
from shared.domain.subscription import Entry
from shared.domain.telemetry import Sample
from shared.domain.trips import Trip
from shared.domain.vehicle import VehicleState


@dataclass(frozen=True, slots=True)
class HeldPeriod:
    """What a vehicle reported while the person owned it, what could not be taken in, who looked at its data, and what
    partners were sent of it."""

    period: Owned
    samples: Sequence[Sample] = ()
    derived: Sequence[Trip | Charge] = ()
    parked: Sequence[Parked] = ()
    accesses: Sequence[Access] = ()
    sent: Sequence[Item] = ()


@dataclass(frozen=True, slots=True)
class HeldVehicle:
    """What a vehicle's profile says of the person and, to its owner, all of it with the newest state, the own rules and
    the books of what was sold."""

    profile: Profile
    consents: Sequence[Consent]
    state: VehicleState | None = None
    rules: Sequence[Rule] = ()
    books: Mapping[str, Sequence[Entry]] | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """All of it, as of a moment (epoch ms)."""

    at: int
    person: Person
    vehicles: Sequence[HeldVehicle]
    periods: Sequence[HeldPeriod]
    inbox: Sequence[Item]
