"""Every port in memory, held to the same contract suite as the real adapters."""

import builtins
import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from itertools import count
from uuid import uuid4

from shared.adapters.passports import SecretCodes
from shared.adapters.templates import JinjaRenderer
from shared.adapters.webhooks import WebhookCaller
from shared.codec.held import held_document
from shared.codec.messages import belongs_to
from shared.codec.signals import vocabulary
from shared.codec.telemetry import Decoder
from shared.domain.audit import Access, Tally
from shared.domain.breaker import Breakers
from shared.domain.catalog import Catalog
from shared.domain.charges import Charge
from shared.domain.conditions import DEFAULTS
from shared.domain.freshness import Thresholds
from shared.domain.held import Held
from shared.domain.history import Chunk, day_of
from shared.domain.inbox import Item, Outcome, Reply, Turn
from shared.domain.ledger import Ledger
from shared.domain.limits import Buckets
from shared.domain.notification import Notification
from shared.domain.parked import Filter, Parked
from shared.domain.person import Erased, Owned, Person, PersonId
from shared.domain.preferences import Preferences
from shared.domain.principal import Principal
from shared.domain.profile import Consent, Profile
from shared.domain.rules import Book, Rule
from shared.domain.sighting import Sighting, sighting
from shared.domain.signals import Release
from shared.domain.span import named_at
from shared.domain.subscription import Entry
from shared.domain.telemetry import Sample
from shared.domain.trip_settings import TripSettings
from shared.domain.trips import Trip
from shared.domain.vehicle import VehicleState
from shared.domain.webhooks import Endpoint
from shared.domain.wording import Call, Mail, Templates
from shared.errors import Code, Conflict, Malformed, NotFound, Unauthenticated
from shared.ports import Clock, Decode, Page, Parking, Sought, Versioned
from shared.settings import Console
from shared.use_cases.amend import Reach
from shared.use_cases.delivering import Delivering
from shared.use_cases.entitlements import Checks
from shared.use_cases.everywhere import Outside as Everywhere
from shared.use_cases.ingest import Ingest, Outside
from shared.use_cases.lifecycle import Lifecycle
from shared.use_cases.outgoing import Outgoing
from shared.use_cases.planning import Planning
from shared.use_cases.quotas import Quotas
from shared.use_cases.sightings import Watch
from shared.use_cases.trail import Trail
from shared.use_cases.wording import Words
from tests.examples import NOON

_SHIPPED = Release()
_versions = count(1)


@dataclass
class MemoryClock:
    """A clock that stands still until a test moves it; `at` is epoch milliseconds."""

    at: int = NOON

    def __call__(self) -> int:
        return self.at

    def monotonic(self) -> float:
        return self.at / 1000


class Shelf[T]:
    """Documents under keys, each with a version; a write over another version than the stored one is a conflict."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or MemoryClock()
        self.held: dict[str, Versioned[T]] = {}
        self.written: dict[str, int] = {}
        """When, in epoch seconds."""

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
        self.written[key] = self._clock() // 1000
        return new


class MemoryStates:
    def __init__(self, clock: Clock) -> None:
        self.shelf, self.profiles = Shelf[VehicleState](clock), Shelf[Profile](clock)

    async def load(self, vehicle_id: str) -> Versioned[VehicleState]:
        return self.shelf.load(vehicle_id)

    async def commit(self, state: VehicleState, version: str | None) -> str:
        return self.shelf.commit(state.vehicle_id, state, version)

    async def due(self, now: int, cursor: str | None = None) -> Page[tuple[str, int]]:
        found = [(s.vehicle_id, s.due) for s in (held.value for held in self.shelf.held.values())]
        found += [(p.vehicle_id, p.due) for p in (held.value for held in self.profiles.held.values())]
        return Page([(vehicle, due) for vehicle, due in found if due is not None and due <= now])


class MemorySightings:
    def __init__(self, states: MemoryStates) -> None:
        self._shelf = states.shelf
        self.looks = 0

    async def list(self, brand: str, limit: int, cursor: str | None = None) -> Page[Sighting]:
        return _page([seen for _, seen in self._of(brand)], limit, cursor)

    async def since(self, brand: str, second: int, most: int) -> Sequence[tuple[int, Sighting]]:
        self.looks += 1
        return [(at, seen) for at, seen in self._of(brand) if at >= second][:most]

    def _of(self, brand: str) -> builtins.list[tuple[int, Sighting]]:
        found = self._shelf.held.items()
        return [(self._shelf.written[k], sighting(v.value)) for k, v in found if v.value.policy.brand == brand]


class MemoryProfiles:
    def __init__(self, states: MemoryStates) -> None:
        self.shelf, self._states = states.profiles, states
        self.vins: dict[str, str] = {}
        self.rules: dict[str, tuple[int, tuple[Rule, ...]]] = {}
        self.said: list[tuple[str, Consent]] = []
        self.lines: list[tuple[str, Entry]] = []

    async def claim_vin(self, vin: str, vehicle_id: str) -> str:
        return self.vins.setdefault(vin, vehicle_id)

    async def load(self, vehicle_id: str) -> Versioned[Profile]:
        return self.shelf.load(vehicle_id)

    async def register(self, profile: Profile, state: VehicleState) -> str:
        version = self.shelf.commit(profile.vehicle_id, profile, None)
        self._states.shelf.commit(state.vehicle_id, state, None)
        return version

    async def change(
        self,
        profile: Versioned[Profile],
        state: Versioned[VehicleState] | None = None,
        also: Consent | Sequence[Rule] | None = None,
    ) -> str:
        vehicle, states = profile.value.vehicle_id, self._states.shelf
        if self.shelf.load(vehicle).version != profile.version:
            raise Conflict(vehicle)
        if state is not None:
            states.commit(vehicle, state.value, state.version)
        version = self.shelf.commit(vehicle, replace(profile.value, fresh=()), profile.version)
        self.lines += [(vehicle, entry) for entry in profile.value.fresh]
        if isinstance(also, Consent):
            self.said.append((vehicle, also))
        elif also is not None:
            self.rules[vehicle] = (profile.value.rules, tuple(also))
        return version

    async def find(self, vin: str) -> str | None:
        return self.vins.get(vin)

    async def list(self, sought: Sought, limit: int, cursor: str | None = None) -> Page[Profile]:
        return _page([held.value for held in self.shelf.held.values() if sought.fits(held.value)], limit, cursor)

    async def consents(self, vehicle_id: str, purpose: str) -> Sequence[Consent]:
        return [c for vehicle, c in self.said if vehicle == vehicle_id and c.purpose == purpose]

    async def said_by(self, vehicle_id: str, user_id: str) -> Sequence[Consent]:
        return [c for vehicle, c in self.said if vehicle == vehicle_id and c.by == user_id]

    async def forget_said_by(self, vehicle_id: str, user_id: str) -> None:
        self.said = [pair for pair in self.said if pair[0] != vehicle_id or pair[1].by != user_id]

    async def said_anywhere(self, user_id: str) -> Sequence[str]:
        return sorted({vehicle for vehicle, c in self.said if c.by == user_id})

    async def books(self, vehicle_id: str, subject: str) -> Sequence[Entry]:
        return [entry for vehicle, entry in self.lines if (vehicle, entry.subject) == (vehicle_id, subject)]


class MemoryRules:
    def __init__(self, profiles: MemoryProfiles) -> None:
        self._profiles = profiles
        self.held: dict[str, tuple[Rule, ...]] = {}
        self._versions = Counter[str]()

    async def book(self, brand: str, vehicle_id: str, version: int) -> Book:
        return Book.of(await self.defaults(brand), await self.own(vehicle_id, version))

    async def defaults(self, brand: str) -> Sequence[Rule]:
        return self.held.get(brand, DEFAULTS)

    async def read_defaults(self, brand: str) -> Versioned[Sequence[Rule]]:
        return Versioned(await self.defaults(brand), str(self._versions[brand]) if brand in self.held else None)

    async def put_defaults(self, brand: str, rules: Sequence[Rule], version: str | None) -> None:
        if (await self.read_defaults(brand)).version != version:
            raise Conflict(brand)
        self.held[brand] = tuple(rules)
        self._versions[brand] += 1

    async def own(self, vehicle_id: str, version: int) -> Sequence[Rule]:
        stored, rules = self._profiles.rules.get(vehicle_id, (0, ()))
        if stored != version:
            raise Conflict(vehicle_id)
        return rules


class MemoryVocabularies:
    def __init__(self) -> None:
        self.held: dict[str, Release] = {}
        self._versions = Counter[str]()
        self._decoders: dict[str, tuple[Release, Decoder]] = {}

    async def decoder(self, brand: str) -> Decode:
        return self._decoder(brand).decode

    async def not_places(self, brand: str) -> Set[str]:
        return self._decoder(brand).not_places

    def _decoder(self, brand: str) -> Decoder:
        release = self.held.get(brand, _SHIPPED)
        if brand not in self._decoders or self._decoders[brand][0] is not release:
            self._decoders[brand] = (release, Decoder(vocabulary(release)))
        return self._decoders[brand][1]

    async def load(self, brand: str) -> Release:
        return self.held.get(brand, _SHIPPED)

    async def read(self, brand: str) -> Versioned[Release]:
        return Versioned(await self.load(brand), str(self._versions[brand]) if brand in self.held else None)

    async def put(self, brand: str, release: Release, version: str | None) -> None:
        if (await self.read(brand)).version != version:
            raise Conflict(brand)
        self.held[brand] = release
        self._versions[brand] += 1


class MemoryBrands:
    def __init__(self) -> None:
        self.fresh: dict[str, Thresholds] = {}
        self.codes: dict[str, Mapping[str, str]] = {}
        self.preferences: dict[str, Preferences] = {}
        self.trips: dict[str, TripSettings] = {}

    async def thresholds(self, brand: str) -> Thresholds:
        return self.fresh.get(brand, Thresholds())

    async def put_thresholds(self, brand: str, thresholds: Thresholds) -> None:
        self.fresh[brand] = thresholds

    async def trip_settings(self, brand: str) -> TripSettings:
        return self.trips.get(brand, TripSettings())

    async def put_trip_settings(self, brand: str, settings: TripSettings) -> None:
        self.trips[brand] = settings

    async def trouble_codes(self, brand: str) -> Mapping[str, str]:
        return self.codes.get(brand, {})

    async def put_trouble_codes(self, brand: str, texts: Mapping[str, str]) -> None:
        self.codes[brand] = texts

    async def telling(self, brand: str) -> Preferences:
        return self.preferences.get(brand, Preferences())

    async def put_telling(self, brand: str, preferences: Preferences) -> None:
        self.preferences[brand] = preferences


class MemoryHistories:
    def __init__(self) -> None:
        self.chunks: dict[tuple[str, str, str], Chunk] = {}
        self.found: dict[tuple[str, str], Trip | Charge] = {}

    async def put(self, chunk: Chunk) -> None:
        self.chunks.setdefault((chunk.vehicle_id, chunk.day, chunk.id), chunk)

    async def samples(self, vehicle_id: str, day: str, start: int, end: int) -> Sequence[Sequence[Sample]]:
        own = (c.table for c in self.chunks.values() if c.vehicle_id == vehicle_id and c.day == day)
        return [table.samples for table in own if table.span[0] <= end and table.span[1] >= start]

    async def derived(self, vehicle_id: str, day: str) -> Sequence[Trip | Charge]:
        return [d for d in self.found.values() if d.vehicle_id == vehicle_id and day_of(named_at(d.id)) == day]

    async def put_derived(self, derived: Trip | Charge, keep_days: int) -> None:
        self.found[derived.vehicle_id, derived.id] = derived

    async def drop_derived(self, derived: Trip | Charge) -> None:
        self.found.pop((derived.vehicle_id, derived.id), None)

    async def forget(self, vehicle_id: str, day: str, start: int, end: int) -> None:
        for key, chunk in list(self.chunks.items()):
            if key[:2] == (vehicle_id, day):
                left = chunk.table.where(lambda at: not start <= at < end)
                if left.rows:
                    self.chunks[key] = replace(chunk, table=left)
                else:
                    del self.chunks[key]
        for found in await self.derived(vehicle_id, day):
            if found.span.start < end and start <= found.span.end:
                await self.drop_derived(found)


class MemoryPeople:
    def __init__(self) -> None:
        self.shelf, self.forgotten = Shelf[Person](), dict[str, int]()
        self.periods: dict[str, dict[Owned, None]] = {}

    async def load(self, id: PersonId) -> Versioned[Person]:
        return self.shelf.held.get(str(id), Versioned(Person(id), None))

    async def commit(self, person: Person, version: str | None) -> None:
        self.shelf.commit(str(person.id), replace(person, archived=()), version)
        self.periods.setdefault(str(person.id), {}).update(dict.fromkeys(person.archived))

    async def archived(self, id: PersonId) -> Sequence[Owned]:
        return sorted(self.periods.get(str(id), {}), key=lambda owned: owned.ends_at)

    async def everyone(self, limit: int, cursor: str | None = None) -> Page[PersonId]:
        return _page([held.value.id for held in self.shelf.held.values()], limit, cursor)

    async def due(self, now: int, cursor: str | None = None) -> Page[tuple[str, int]]:
        people = (held.value for held in self.shelf.held.values())
        return Page([(str(p.id), p.due) for p in people if p.due is not None and p.due <= now])

    async def forget(self, id: PersonId, at: int | None) -> None:
        self.shelf.held.pop(str(id), None)
        self.periods.pop(str(id), None)
        if at is not None:
            self.forgotten[id.pseudonym] = at

    async def forgotten_at(self, id: PersonId) -> int:
        return self.forgotten.get(id.pseudonym, -1)


class MemoryQuotaStore:
    def __init__(self) -> None:
        self.shelf = Shelf[tuple[int, ...]]()

    async def load(self, key: str) -> Versioned[tuple[int, ...]]:
        return self.shelf.held.get(key, Versioned((), None))

    async def commit(self, key: str, times: tuple[int, ...], version: str | None) -> None:
        self.shelf.commit(key, times, version)


class MemoryExports:
    def __init__(self) -> None:
        self.held: dict[str, Held] = {}

    async def put(self, name: str, held: Held) -> None:
        self.held[name] = held

    async def read(self, name: str) -> bytes:
        found = self.held.get(name) or self.held.get(name.rpartition("/")[2])
        if found is None:
            raise NotFound("no such export")
        return json.dumps(held_document(found)).encode()

    async def forget(self, owner: PersonId) -> None:
        early = {name for name, held in self.held.items() if "/" not in name and held.person.id.user == owner.user}
        own = {name for name in self.held if name.startswith(f"{owner.pseudonym}/")}
        self.held = {name: held for name, held in self.held.items() if name not in early | own}


class MemoryErasedList:
    def __init__(self) -> None:
        self.held: dict[tuple[str, int], Erased] = {}

    async def put(self, entry: Erased) -> None:
        self.held[entry.pseudonym, entry.asked_at] = entry

    async def all(self, brand: str) -> Sequence[Erased]:
        return [entry for entry in self.held.values() if entry.brand == brand]


@dataclass
class MemoryDeadLetters:
    """What the broker gave up, by queue."""

    clock: Clock
    held: dict[str, list[bytes]] = field(default_factory=dict)

    async def set_aside(self, queue: str, parking: Parking) -> None:
        for body in self.held.pop(queue, []):
            device, key = belongs_to(body) or queue, hashlib.sha256(body).hexdigest()[:32]
            await parking.park(Parked(queue, key, self.clock(), device, "dead_lettered", "", body))


class MemoryAudit:
    def __init__(self) -> None:
        self.held: dict[str, Access] = {}
        self.tallies = Shelf[Tally]()

    async def record(self, access: Access) -> None:
        self.held.setdefault(access.id, access)

    async def list(self, brand: str, day: str, limit: int, cursor: str | None = None) -> Page[Access]:
        own = (a for a in self.held.values() if a.brand == brand and day_of(a.at) == day)
        return _page(sorted(own, key=lambda access: access.at), limit, cursor)

    async def tally(self, tally: Tally) -> Versioned[Tally]:
        return self.tallies.held.get(f"{tally.brand}/{tally.day}/{tally.id}", Versioned(tally, None))

    async def commit_tally(self, tally: Tally, version: str | None) -> None:
        self.tallies.commit(f"{tally.brand}/{tally.day}/{tally.id}", tally, version)

    async def counted(self, brand: str, day: str) -> Sequence[Tally]:
        found = (held.value for held in self.tallies.held.values())
        return [t for t in found if (t.brand, t.day) == (brand, day) and t.counted]

    async def of(self, whose: str) -> Sequence[Access]:
        return sorted((a for a in self.held.values() if a.whose == whose), key=lambda access: access.at)


class MemoryCatalogs:
    def __init__(self) -> None:
        self.shelf = Shelf[Catalog]()

    async def load(self, brand: str) -> Catalog:
        return (await self.read(brand)).value

    async def read(self, brand: str) -> Versioned[Catalog]:
        return self.shelf.held.get(brand, Versioned(Catalog(brand), None))

    async def commit(self, catalog: Catalog, version: str | None) -> None:
        self.shelf.commit(catalog.brand, catalog, version)


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

    async def list(self, sought: Filter, limit: int, cursor: str | None = None) -> Page[tuple[str, Parked]]:
        found = [(_name(p), replace(p, body=b"")) for p in sorted(self.held.values(), key=_name) if _fits(p, sought)]
        return _page(found, limit, cursor)

    async def read(self, name: str) -> Parked:
        for parked in self.held.values():
            if _name(parked) == name:
                return parked
        raise NotFound("nothing of that name is parked")

    async def mark_replayed(self, name: str, at: int) -> None:
        parked = await self.read(name)
        self.held[parked.source, parked.key] = replace(parked, replayed_at=at)

    async def of_device(self, device: str) -> Sequence[str]:
        return [_name(parked) for parked in self.held.values() if parked.device == device]

    async def drop(self, name: str) -> None:
        self.held = {key: parked for key, parked in self.held.items() if _name(parked) != name}

    @property
    def reasons(self) -> builtins.list[str]:
        return [parked.reason for parked in self.held.values()]


def _name(parked: Parked) -> str:
    return f"{day_of(parked.at)}_{parked.source}-{parked.key}"


def _fits(parked: Parked, sought: Filter) -> bool:
    day, of = sought.day in (None, day_of(parked.at)), sought.reason in (None, parked.reason)
    return day and of and sought.device in (None, parked.device)


def _page[T](found: Sequence[T], limit: int, cursor: str | None) -> Page[T]:
    if cursor and not cursor.isdigit():
        raise Malformed("no such cursor", Code.INVALID_CURSOR)
    start = int(cursor or 0)
    return Page(found[start : start + limit], str(start + limit) if len(found) > start + limit else None)


class MemoryInbox:
    def __init__(self) -> None:
        self.shelf = Shelf[Item]()

    async def put(self, item: Item) -> bool:
        try:
            self.shelf.commit(_key(item.recipient, item.id), item, None)
        except Conflict:
            return False
        return True

    async def load(self, recipient: PersonId, id: str) -> Versioned[Item]:
        return self.shelf.load(_key(recipient, id))

    async def commit(self, item: Item, version: str | None) -> str:
        return self.shelf.commit(_key(item.recipient, item.id), item, version)

    @property
    def items(self) -> builtins.list[Item]:
        return [held.value for held in self.shelf.held.values()]

    async def list(self, recipient: PersonId, limit: int, cursor: str | None = None) -> Page[Item]:
        return _page([i for i in await self.all_of(recipient) if i.shown], limit, cursor)

    async def all_of(self, recipient: PersonId) -> Sequence[Item]:
        return sorted((i for i in self.items if i.recipient == recipient), key=lambda item: -item.notification.at)

    async def since(self, recipient: PersonId, after: int, cursor: str | None = None) -> Page[Item]:
        found = (i for i in await self.all_of(recipient) if i.shown and i.planned_at > after)
        return _page(sorted(found, key=lambda item: item.planned_at), 100, cursor)

    async def unread(self, recipient: PersonId, most: int) -> Sequence[str]:
        return [i.id for i in await self.all_of(recipient) if i.shown and i.read_at is None][:most]

    async def gathered(self, recipient: PersonId, now: int) -> Sequence[Item]:
        found = (i for i in await self.all_of(recipient) if i.digest is not None and i.digest <= now)
        return sorted(found, key=lambda item: (item.notification.at, item.id))

    async def superseded(self, item: Item) -> bool:
        told = item.notification
        others = (i.notification for i in await self.all_of(item.recipient))
        return told.collapse is not None and any(o.collapse == told.collapse and o.at > told.at for o in others)

    async def of_notification(self, id: str) -> Sequence[Item]:
        return sorted((i for i in self.items if i.notification.id == id), key=lambda item: item.recipient)

    async def of_vehicle(self, vehicle_id: str) -> Sequence[Item]:
        return [i for i in self.items if i.notification.vehicle_id == vehicle_id]

    async def failed(self, brand: str, limit: int, cursor: str | None = None) -> Page[Item]:
        return _page([i for i in self.items if i.failed and i.recipient.brand == brand], limit, cursor)

    async def drop(self, recipient: PersonId, id: str) -> None:
        self.shelf.held.pop(_key(recipient, id), None)

    async def forget(self, recipient: PersonId) -> None:
        for item in await self.all_of(recipient):
            await self.drop(recipient, item.id)


def _key(recipient: PersonId, id: str) -> str:
    return f"{recipient}/{id}"


class MemoryEndpoints:
    def __init__(self) -> None:
        self.shelf = Shelf[Endpoint]()

    async def of(self, brand: str) -> Sequence[Endpoint]:
        return await self.all(brand)

    async def all(self, brand: str) -> Sequence[Endpoint]:
        found = (held.value for held in self.shelf.held.values() if held.value.brand == brand)
        return sorted(found, key=lambda e: (e.created_at, e.id))

    async def load(self, brand: str, id: str) -> Versioned[Endpoint]:
        return self.shelf.load(f"{brand}/{id}")

    async def commit(self, endpoint: Endpoint, version: str | None) -> None:
        self.shelf.commit(f"{endpoint.brand}/{endpoint.id}", endpoint, version)

    async def drop(self, brand: str, id: str) -> None:
        self.shelf.held.pop(f"{brand}/{id}", None)


class MemoryWordings:
    def __init__(self) -> None:
        self.shelf = Shelf[Templates]()

    async def all(self, brand: str) -> Templates:
        return (await self.read(brand)).value

    async def read(self, brand: str) -> Versioned[Templates]:
        return self.shelf.held.get(brand, Versioned({}, None))

    async def commit(self, brand: str, templates: Templates, version: str | None) -> None:
        self.shelf.commit(brand, templates, version)


@dataclass
class MemoryMailer:
    """Every mail that it was given; answers the next of `replies`, or that all is well."""

    sent: list[Mail] = field(default_factory=list)
    replies: list[Reply] = field(default_factory=list)

    async def send(self, mail: Mail) -> Reply:
        self.sent.append(mail)
        return self.replies.pop(0) if self.replies else Reply(Outcome.SENT, "250")


@dataclass
class MemoryCaller:
    """Every call that it was given; answers the next of `replies`, or that all is well."""

    clock: Clock
    sent: list[Call] = field(default_factory=list)
    replies: list[Reply] = field(default_factory=list)

    def check(self, url: str) -> None:
        WebhookCaller(self.clock).check(url)

    async def call(self, call: Call) -> Reply:
        self.sent.append(call)
        return self.replies.pop(0) if self.replies else Reply(Outcome.SENT, "200")


@dataclass
class MemoryQueue[T]:
    """What was sent, with the attempt and the delay it was sent with."""

    sent: list[tuple[T, int, float]] = field(default_factory=list)

    @property
    def contents(self) -> list[T]:
        return [content for content, _, _ in self.sent]


class MemoryNotifications(MemoryQueue[Notification]):
    async def send(self, notification: Notification, attempt: int = 0, delay: float = 0, replay: int = 0) -> None:
        self.sent.append((notification, attempt, delay))


class MemoryDeliveries(MemoryQueue[Turn]):
    async def send(self, turns: Sequence[Turn], attempt: int = 0, delay: float = 0) -> None:
        self.sent += [(turn, attempt, delay) for turn in turns]


class MemoryWakes(MemoryQueue[tuple[str, int]]):
    async def send(self, wakes: Sequence[tuple[str, int]], people: bool = False) -> None:
        self.sent += [(wake, 0, 0.0) for wake in wakes]


class MemoryTokens:
    """A token is the name of the principal it was put in for."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.held: dict[str, Principal] = {}

    async def verify(self, token: str) -> Principal:
        if token not in self.held:
            raise Unauthenticated("no such token")
        return replace(self.held[token], at=self._clock())


class MemorySigner:
    """Signs nothing: a token is the claims."""

    def sign(self, claims: Mapping[str, object]) -> str:
        return json.dumps(dict(claims))

    def published(self) -> Sequence[Mapping[str, str]]:
        return []


class MemoryCodes(SecretCodes):
    def __init__(self) -> None:
        super().__init__("secret")
        self._numbers = count(1)

    def make(self, key: str | None) -> str:
        return f"CODE{key[-8:].upper() if key else f'{next(self._numbers):08}'}"


class MemoryWorld:
    """Stands where `shared.bootstrap.World` does."""

    handover_after = 60_000
    public_url = "https://cloud.example/api/v1"

    def __init__(self, clock: MemoryClock | None = None) -> None:
        self.clock = clock or MemoryClock()
        self.monotonic = self.clock.monotonic
        self.states = MemoryStates(self.clock)
        self.profiles = MemoryProfiles(self.states)
        self.rules, self.vocabularies, self.brands = MemoryRules(self.profiles), MemoryVocabularies(), MemoryBrands()
        self.catalogs, self.ledgers, self.parking = MemoryCatalogs(), MemoryLedgers(), MemoryParking()
        self.inbox, self.tokens, self.wakes = MemoryInbox(), MemoryTokens(self.clock), MemoryWakes()
        self.notifications, self.deliveries = MemoryNotifications(), MemoryDeliveries()
        self.histories, self.audit, self.people = MemoryHistories(), MemoryAudit(), MemoryPeople()
        self.quota_store = MemoryQuotaStore()
        self.exports, self.signer, self.codes = MemoryExports(), MemorySigner(), MemoryCodes()
        self.erased, self.dead_letters = MemoryErasedList(), MemoryDeadLetters(self.clock)
        self.quotas = Quotas(self.quota_store, self.codes)
        self.endpoints, self.wordings, self.renderer = MemoryEndpoints(), MemoryWordings(), JinjaRenderer()
        self.words, self.mailer, self.caller = (
            Words(self.wordings, self.renderer),
            MemoryMailer(),
            MemoryCaller(self.clock),
        )
        self.breakers, self.chance = Breakers(), 0.0
        self.limits, self.trail = Buckets(1e6, 1e6), Trail(self.audit)
        self.reach = Reach(self.profiles, self.states, self.notifications, self.people)
        self.console: Console | None = Console("https://issuer.example", "console", "openid", None)
        self.sightings = MemorySightings(self.states)
        self.watch = Watch(uuid4().hex, self.sightings, self.catalogs, self.reach)
        self.checks = Checks(self.profiles, self.catalogs)
        self.ingest = Ingest("telemetry", self.outside, self.handover_after)
        self.lifecycle = Lifecycle("lifecycle", self.states, self.ledgers, self.parking)

    @property
    def outside(self) -> Outside:
        return Outside(
            self.states, self.notifications, self.histories, self.ledgers, self.parking, self.rules, self.vocabularies
        )

    @property
    def planning(self) -> Planning:
        stores = self.profiles, self.people, self.brands, self.endpoints, self.inbox
        return Planning(*stores, self.deliveries, self.words, self.catalogs)

    @property
    def outgoing(self) -> Outgoing:
        stores = self.profiles, self.people, self.brands, self.endpoints, self.inbox, self.deliveries, self.words
        more = self.catalogs, self.notifications, self.codes, self.mailer, self.caller
        return Outgoing(*stores, *more, "https://api.example/api/v1", self.quotas)

    @property
    def delivering(self) -> Delivering:
        return Delivering(self.outgoing, self.breakers, self.monotonic, lambda: self.chance)

    @property
    def everywhere(self) -> Everywhere:
        stores = self.histories, self.inbox, self.parking, self.audit, self.exports, self.rules, self.wakes
        return Everywhere(self.reach, *stores, self.dead_letters, self.erased, self.handover_after)
