"""Changing what is said of a vehicle, in one write with the copy that ingest goes by."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from shared.domain.profile import Consent, Profile
from shared.domain.rules import Rule
from shared.domain.vehicle import VehicleState
from shared.errors import Conflict, Unavailable
from shared.ports import Profiles, States, Versioned
from shared.use_cases.books import ATTEMPTS


@dataclass(frozen=True, slots=True)
class Change:
    """The profile as it is to be, with what goes into the same write: the state too, if more than its policy changes,
    and a version of a consent or the vehicle's own rules."""

    profile: Profile
    state: Callable[[VehicleState], VehicleState] | None = None
    also: Consent | Sequence[Rule] | None = None


async def amend(vehicle_id: str, decide: Callable[[Profile], Change], profiles: Profiles, states: States) -> Profile:
    """Commit what is decided over what is stored, deciding again after a conflict; what changes nothing is not written.

    The state is due at once, as time may mean something else to it now. Raises what `decide` raises, or Unavailable."""
    for _ in range(ATTEMPTS):
        found = await profiles.load(vehicle_id)
        change = decide(found.value)
        if change.profile == found.value and change.state is None:
            return found.value
        before = await states.load(vehicle_id)
        after = change.state(before.value) if change.state else before.value
        after = replace(after, policy=change.profile.policy(), due=after.at_once, revision=after.revision + 1)
        try:
            await profiles.change(
                Versioned(change.profile, found.version), Versioned(after, before.version), change.also
            )
        except Conflict:
            continue
        return change.profile
    raise Unavailable(f"{vehicle_id} is being written by others")
