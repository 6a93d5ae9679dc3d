"""What the use cases need from the outside world. Every call may raise Unavailable."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from shared.domain.catalog import Catalog
from shared.domain.ledger import Ledger
from shared.domain.notification import Delivery, InboxItem, Notification
from shared.domain.parked import Parked
from shared.domain.principal import Principal
from shared.domain.profile import Profile
from shared.domain.vehicle import VehicleState


@dataclass(frozen=True, slots=True)
class Versioned[T]:
    """What was read, and the version it was read at; None if it was never stored."""

    value: T
    version: str | None


@dataclass(frozen=True, slots=True)
class Page[T]:
    """Some of a list, and where the rest begins; None at its end."""

    items: Sequence[T]
    cursor: str | None = None


class States(Protocol):
    async def load(self, vehicle_id: str) -> Versioned[VehicleState]:
        """The state of a registered vehicle, or raise NotFound."""
        ...

    async def commit(self, state: VehicleState, version: str | None) -> str:
        """Replace the state with its outbox in one write and return its new version.

        Raises Conflict if another writer came first, Refused if it can never be stored."""
        ...

    async def due(self, now: int, cursor: str | None = None) -> Page[tuple[str, int]]:
        """Vehicles whose `due` has come (epoch ms), each with it."""
        ...


class Profiles(Protocol):
    async def claim_vin(self, vin: str, vehicle_id: str) -> str:
        """Bind the VIN to the vehicle unless it is bound, and return the vehicle it is bound to."""
        ...

    async def load(self, vehicle_id: str) -> Versioned[Profile]:
        """The profile, or raise NotFound."""
        ...

    async def register(self, profile: Profile, state: VehicleState) -> None:
        """Store both in one write, or raise Conflict if there are any."""
        ...

    async def commit(self, profile: Profile, version: str | None) -> str:
        """Replace the profile and return its new version, or raise Conflict."""
        ...

    async def change(self, profile: Versioned[Profile], state: Versioned[VehicleState]) -> None:
        """Replace both in one write over the versions that were read, or raise Conflict and change neither."""
        ...


class Catalogs(Protocol):
    async def load(self, brand: str) -> Catalog:
        """What the brand sells; an empty catalogue if it never stored one."""
        ...

    async def put(self, catalog: Catalog) -> None:
        """Replace it as a whole."""
        ...


class Ledgers(Protocol):
    async def load(self, id: str) -> Versioned[Ledger]:
        """The books of one hub partition; blank ones if it has none yet."""
        ...

    async def commit(self, ledger: Ledger, version: str | None) -> str:
        """Store them and return their new version, or raise Conflict."""
        ...

    async def all(self) -> Sequence[Ledger]:
        """The books of every partition."""
        ...


class Parking(Protocol):
    async def park(self, parked: Parked) -> None:
        """Set it aside. The same source and key twice is parked once."""
        ...


class Inbox(Protocol):
    async def put(self, item: InboxItem) -> bool:
        """Store it under its delivery's id; False if it was there already."""
        ...

    async def list(self, user_id: str, limit: int, cursor: str | None = None) -> Page[InboxItem]:
        """The newest first. Raises Malformed(invalid_cursor) for a cursor that is none."""
        ...


class Notifications(Protocol):
    async def send(self, notification: Notification, attempt: int = 0, delay: float = 0) -> None:
        """Hand over to be planned, at least once, after `delay` seconds; a repeated attempt may be dropped."""
        ...


class Deliveries(Protocol):
    async def send(self, deliveries: Sequence[Delivery], attempt: int = 0, delay: float = 0) -> None:
        """Hand over to be delivered, at least once each, after `delay` seconds; a repeated attempt may be dropped."""
        ...


class Wakes(Protocol):
    async def send(self, wakes: Sequence[tuple[str, int]]) -> None:
        """Hand over the vehicles whose time has come, each with the `due` it was found at."""
        ...


class Tokens(Protocol):
    async def verify(self, token: str) -> Principal:
        """Who bears this token, or raise Unauthenticated."""
        ...
