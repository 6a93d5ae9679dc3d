"""Every port in memory, held to the same contract suite as the real adapters."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count

from shared.domain.catalog import Catalog
from shared.domain.ledger import Ledger
from shared.domain.notification import Delivery, InboxItem, Notification
from shared.domain.parked import Parked
from shared.domain.principal import Principal
from shared.domain.profile import Profile
from shared.domain.vehicle import VehicleState
from shared.errors import Code, Conflict, Malformed, NotFound, Unauthenticated
from shared.ports import Page, Versioned
from shared.use_cases.ingest import Ingest

_versions = count(1)


class Shelf[T]:
    """Documents under keys, each with a version; a write over another version than the stored one is a conflict."""

    def __init__(self) -> None:
        self.held: dict[str, Versioned[T]] = {}

    def load(self, key: str) -> Versioned[T]:
        if key not in self.held:
            raise NotFound("no such vehicle")
        return self.held[key]

    def commit(self, key: str, value: T, version: str | None) -> str:
        current = self.held.get(key)
        if (current.version if current else None) != version:
            raise Conflict(key)
        new = str(next(_versions))
        self.held[key] = Versioned(value, new)
        return new


class MemoryStates:
    def __init__(self) -> None:
        self.shelf = Shelf[VehicleState]()

    async def load(self, vehicle_id: str) -> Versioned[VehicleState]:
        return self.shelf.load(vehicle_id)

    async def commit(self, state: VehicleState, version: str | None) -> str:
        return self.shelf.commit(state.vehicle_id, state, version)

    async def due(self, now: int, cursor: str | None = None) -> Page[tuple[str, int]]:
        states = (held.value for held in self.shelf.held.values())
        return Page([(s.vehicle_id, s.due) for s in states if s.due is not None and s.due <= now])


class MemoryProfiles:
    def __init__(self, states: MemoryStates) -> None:
        self.shelf, self._states = Shelf[Profile](), states
        self.vins: dict[str, str] = {}

    async def claim_vin(self, vin: str, vehicle_id: str) -> str:
        return self.vins.setdefault(vin, vehicle_id)

    async def load(self, vehicle_id: str) -> Versioned[Profile]:
        return self.shelf.load(vehicle_id)

    async def register(self, profile: Profile, state: VehicleState) -> None:
        self.shelf.commit(profile.vehicle_id, profile, None)
        self._states.shelf.commit(state.vehicle_id, state, None)

    async def commit(self, profile: Profile, version: str | None) -> str:
        return self.shelf.commit(profile.vehicle_id, profile, version)

    async def change(self, profile: Versioned[Profile], state: Versioned[VehicleState]) -> None:
        vehicle, states = profile.value.vehicle_id, self._states.shelf
        if self.shelf.load(vehicle).version != profile.version:
            raise Conflict(vehicle)
        states.commit(vehicle, state.value, state.version)
        self.shelf.commit(vehicle, profile.value, profile.version)


class MemoryCatalogs:
    def __init__(self) -> None:
        self.held: dict[str, Catalog] = {}

    async def load(self, brand: str) -> Catalog:
        return self.held.get(brand, Catalog(brand))

    async def put(self, catalog: Catalog) -> None:
        self.held[catalog.brand] = catalog


class MemoryLedgers:
    def __init__(self) -> None:
        self.shelf = Shelf[Ledger]()

    async def load(self, id: str) -> Versioned[Ledger]:
        return self.shelf.held.get(id, Versioned(Ledger(id), None))

    async def commit(self, ledger: Ledger, version: str | None) -> str:
        return self.shelf.commit(ledger.id, ledger, version)

    async def all(self) -> Sequence[Ledger]:
        return sorted((held.value for held in self.shelf.held.values()), key=lambda entry: entry.id)


class MemoryParking:
    def __init__(self) -> None:
        self.held: dict[tuple[str, str], Parked] = {}

    async def park(self, parked: Parked) -> None:
        self.held.setdefault((parked.source, parked.key), parked)

    @property
    def reasons(self) -> list[str]:
        return [parked.reason for parked in self.held.values()]


class MemoryInbox:
    def __init__(self) -> None:
        self.held: dict[str, InboxItem] = {}

    async def put(self, item: InboxItem) -> bool:
        if item.delivery.id in self.held:
            return False
        self.held[item.delivery.id] = item
        return True

    async def list(self, user_id: str, limit: int, cursor: str | None = None) -> Page[InboxItem]:
        if cursor and not cursor.isdigit():
            raise Malformed("no such cursor", Code.INVALID_CURSOR)
        own = [i for i in self.held.values() if i.delivery.user_id == user_id]
        own.sort(key=lambda item: -item.delivery.notification.at)
        start = int(cursor or 0)
        rest = str(start + limit) if len(own) > start + limit else None
        return Page(own[start : start + limit], rest)


@dataclass
class MemoryQueue[T]:
    """What was sent, with the attempt and the delay it was sent with."""

    sent: list[tuple[T, int, float]] = field(default_factory=list)

    @property
    def contents(self) -> list[T]:
        return [content for content, _, _ in self.sent]


class MemoryNotifications(MemoryQueue[Notification]):
    async def send(self, notification: Notification, attempt: int = 0, delay: float = 0) -> None:
        self.sent.append((notification, attempt, delay))


class MemoryDeliveries(MemoryQueue[Delivery]):
    async def send(self, deliveries: Sequence[Delivery], attempt: int = 0, delay: float = 0) -> None:
        self.sent += [(delivery, attempt, delay) for delivery in deliveries]


class MemoryWakes(MemoryQueue[tuple[str, int]]):
    async def send(self, wakes: Sequence[tuple[str, int]]) -> None:
        self.sent += [(wake, 0, 0.0) for wake in wakes]


class MemoryTokens:
    """A token is the name of the principal it was put in for."""

    def __init__(self) -> None:
        self.held: dict[str, Principal] = {}

    async def verify(self, token: str) -> Principal:
        if token not in self.held:
            raise Unauthenticated("no such token")
        return self.held[token]


class MemoryWorld:
    """Stands where `shared.bootstrap.World` does."""

    def __init__(self) -> None:
        self.states = MemoryStates()
        self.profiles = MemoryProfiles(self.states)
        self.catalogs, self.ledgers, self.parking = MemoryCatalogs(), MemoryLedgers(), MemoryParking()
        self.inbox, self.tokens, self.wakes = MemoryInbox(), MemoryTokens(), MemoryWakes()
        self.notifications, self.deliveries = MemoryNotifications(), MemoryDeliveries()
        self.ingest = Ingest("telemetry", self.states, self.notifications, self.ledgers, self.parking, 60_000)


def clock(at: int) -> Callable[[], int]:
    """A clock that stands still (epoch ms)."""
    return lambda: at
