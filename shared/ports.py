"""What the use cases need from the outside world. Every call may raise Unavailable."""

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Protocol

from shared.domain.audit import Access, Tally
from shared.domain.catalog import Catalog
from shared.domain.charges import Charge
from shared.domain.freshness import Thresholds
from shared.domain.held import Held
from shared.domain.history import Chunk
from shared.domain.inbox import Item, Reply, Turn
from shared.domain.kinds import Channel
from shared.domain.ledger import Ledger
from shared.domain.notification import Notification
from shared.domain.parked import Filter, Parked
from shared.domain.person import Erased, Owned, Person, PersonId
from shared.domain.preferences import Preferences
from shared.domain.principal import Principal
from shared.domain.profile import Consent, Profile
from shared.domain.rules import Book, Rule
from shared.domain.sighting import Sighting
from shared.domain.signals import Release
from shared.domain.subscription import Entry
from shared.domain.telemetry import Sample, Telemetry
from shared.domain.trip_settings import TripSettings
from shared.domain.trips import Trip
from shared.domain.vehicle import VehicleState
from shared.domain.webhooks import Endpoint
from shared.domain.wording import Call, Context, Mail, Push, Template, Templates

type Clock = Callable[[], int]
"""Epoch milliseconds."""
type MonotonicClock = Callable[[], float]
"""Seconds since an arbitrary moment; never set back."""
type Decode = Callable[[str, bytes, int], Telemetry]
"""What a device sent in a body that arrived at a time (epoch ms); raises Rejected with the reason to park it for."""


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


@dataclass(frozen=True, slots=True)
class Sought:
    """Vehicles of a brand that fit every part that is given; `vin` is how the VIN begins."""

    brand: str
    region: str | None = None
    model: str | None = None
    status: str | None = None
    vin: str | None = None

    def fits(self, profile: Profile) -> bool:
        wanted = {"region": self.region, "model": self.model, "status": self.status}
        return (
            profile.brand == self.brand
            and profile.vin.startswith(self.vin or "")
            and all(value is None or getattr(profile, name) == value for name, value in wanted.items())
        )


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


class Sightings(Protocol):
    async def list(self, brand: str, limit: int, cursor: str | None = None) -> Page[Sighting]:
        """Where the brand's vehicles were seen last, in no order. Raises Malformed(invalid_cursor)."""
        ...

    async def since(self, brand: str, second: int, most: int) -> Sequence[tuple[int, Sighting]]:
        """Those whose state was written in or after a second (epoch), each with the second in which it was; so many at
        most."""
        ...


class Profiles(Protocol):
    async def claim_vin(self, vin: str, vehicle_id: str) -> str:
        """Bind the VIN to the vehicle unless it is bound, and return the vehicle it is bound to."""
        ...

    async def load(self, vehicle_id: str) -> Versioned[Profile]:
        """The profile, or raise NotFound."""
        ...

    async def register(self, profile: Profile, state: VehicleState) -> str:
        """Store both in one write and return the profile's version, or raise Conflict if there are any."""
        ...

    async def change(
        self,
        profile: Versioned[Profile],
        state: Versioned[VehicleState] | None = None,
        also: Consent | Sequence[Rule] | None = None,
    ) -> str:
        """Replace the profile, and the state if one is given, in one write over the versions that were read, and return
        the profile's new one; or raise Conflict and change neither.

        In the same write go the lines that the profile holds for the books, and a version of a consent, kept for good,
        or all the rules of the vehicle's own."""
        ...

    async def find(self, vin: str) -> str | None:
        """The vehicle that the VIN is bound to."""
        ...

    async def list(self, sought: Sought, limit: int, cursor: str | None = None) -> Page[Profile]:
        """Those that fit, in no order. Raises Malformed(invalid_cursor) for a cursor that is none."""
        ...

    async def consents(self, vehicle_id: str, purpose: str) -> Sequence[Consent]:
        """Every version of a consent, the oldest first."""
        ...

    async def said_by(self, vehicle_id: str, user_id: str) -> Sequence[Consent]:
        """Every version of every consent that a person gave or refused for the vehicle."""
        ...

    async def forget_said_by(self, vehicle_id: str, user_id: str) -> None:
        """Forget all of those."""
        ...

    async def said_anywhere(self, user_id: str) -> Sequence[str]:
        """The vehicles for which a person of that id, of whatever brand, gave or refused a consent."""
        ...

    async def books(self, vehicle_id: str, subject: str) -> Sequence[Entry]:
        """All that was done with one sale or grant, the oldest first."""
        ...


class Rules(Protocol):
    async def book(self, brand: str, vehicle_id: str, version: int) -> Book:
        """The rules of a vehicle: the brand's, and its own of that version. Raises Conflict if those have moved on."""
        ...

    async def defaults(self, brand: str) -> Sequence[Rule]:
        """What the brand tells; the shipped rules if it never said."""
        ...

    async def read_defaults(self, brand: str) -> Versioned[Sequence[Rule]]:
        """What the brand tells now."""
        ...

    async def put_defaults(self, brand: str, rules: Sequence[Rule], version: str | None) -> None:
        """Replace what the brand tells over the version that was read, or raise Conflict."""
        ...

    async def own(self, vehicle_id: str, version: int) -> Sequence[Rule]:
        """The vehicle's own rules of that version. Raises Conflict if they have moved on."""
        ...


class Vocabularies(Protocol):
    async def decoder(self, brand: str) -> Decode:
        """What reads the messages of the brand's vehicles."""
        ...

    async def not_places(self, brand: str) -> Set[str]:
        """The brand's signals that are known to tell no place."""
        ...

    async def load(self, brand: str) -> Release:
        """What the brand loaded as it was at most a minute ago, or nothing."""
        ...

    async def read(self, brand: str) -> Versioned[Release]:
        """What the brand has loaded now."""
        ...

    async def put(self, brand: str, release: Release, version: str | None) -> None:
        """Replace what the brand loaded over the version that was read, or raise Conflict."""
        ...


class Brands(Protocol):
    async def thresholds(self, brand: str) -> Thresholds:
        """From when on a reading is stale, and offline."""
        ...

    async def put_thresholds(self, brand: str, thresholds: Thresholds) -> None: ...

    async def trip_settings(self, brand: str) -> TripSettings:
        """What counts as a trip."""
        ...

    async def put_trip_settings(self, brand: str, settings: TripSettings) -> None: ...

    async def trouble_codes(self, brand: str) -> Mapping[str, str]:
        """What each trouble code means, as far as the operator said."""
        ...

    async def put_trouble_codes(self, brand: str, texts: Mapping[str, str]) -> None: ...

    async def telling(self, brand: str) -> Preferences:
        """How people are told who don't say."""
        ...

    async def put_telling(self, brand: str, preferences: Preferences) -> None: ...


class Histories(Protocol):
    async def put(self, chunk: Chunk) -> None:
        """Store it once under its id; it is there already if it was handed over before."""
        ...

    async def samples(self, vehicle_id: str, day: str, start: int, end: int) -> Sequence[Sequence[Sample]]:
        """The samples of every chunk of the day that overlaps [start, end] (epoch ms)."""
        ...

    async def derived(self, vehicle_id: str, day: str) -> Sequence[Trip | Charge]:
        """The trips and charges whose ids are of that day."""
        ...

    async def forget(self, vehicle_id: str, day: str, start: int, end: int) -> None:
        """Forget what of the day lies in [start, end) (epoch ms): the samples, cut out of their chunks, and every trip
        and charge that touches it. What is left of a chunk is kept no longer than it would have been."""
        ...

    async def put_derived(self, derived: Trip | Charge, keep_days: int) -> None:
        """Store it in the place of what has its id."""
        ...

    async def drop_derived(self, derived: Trip | Charge) -> None:
        """Forget it; it may be gone already."""
        ...


class People(Protocol):
    async def load(self, id: PersonId) -> Versioned[Person]:
        """What is kept of a person; a blank one if nothing is yet."""
        ...

    async def commit(self, person: Person, version: str | None) -> None:
        """Store it over the version that was read, or raise Conflict. What is archived becomes documents of its own in
        the same write."""
        ...

    async def archived(self, id: PersonId) -> Sequence[Owned]:
        """Those periods of ownership, in the order in which they ended."""
        ...

    async def everyone(self, limit: int, cursor: str | None = None) -> Page[PersonId]:
        """Everyone of whom anything is kept, in no order. Raises Malformed(invalid_cursor)."""
        ...

    async def due(self, now: int, cursor: str | None = None) -> Page[tuple[str, int]]:
        """The ids as text of people whose `due` has come (epoch ms), each with it."""
        ...

    async def forget(self, id: PersonId, at: int | None) -> None:
        """Forget the person, but not when that was (epoch ms), for 45 days, under a pseudonym; unless that is None."""
        ...

    async def forgotten_at(self, id: PersonId) -> int:
        """When the person was last forgotten (epoch ms); -1 if not within 45 days."""
        ...


class QuotaStore(Protocol):
    async def load(self, key: str) -> Versioned[tuple[int, ...]]:
        """When something was done (epoch ms), the oldest first; nothing if it never was, or not for a day."""
        ...

    async def commit(self, key: str, times: tuple[int, ...], version: str | None) -> None:
        """Store it for a day over the version that was read, or raise Conflict."""
        ...


class Exports(Protocol):
    async def put(self, name: str, held: Held) -> None:
        """Store what is held about a person, for a week, under `Export.name`."""
        ...

    async def read(self, name: str) -> bytes:
        """It as JSON, or raise NotFound."""
        ...

    async def forget(self, owner: PersonId) -> None:
        """Forget every export of a person, however many there were."""
        ...


class ErasedList(Protocol):
    """Who was erased, under pseudonyms, for as long as a backup from before may be restored. It is stored apart from
    what is backed up."""

    async def put(self, entry: Erased) -> None:
        """Store it in the place of the one of the same person and moment."""
        ...

    async def all(self, brand: str) -> Sequence[Erased]:
        """Every entry of a brand."""
        ...


class DeadLetters(Protocol):
    async def set_aside(self, queue: str, parking: "Parking") -> None:
        """Park whatever the broker gave up of one of our own queues, and take it off there."""
        ...


class Audit(Protocol):
    async def record(self, access: Access) -> None:
        """Keep it for good; the same id once."""
        ...

    async def list(self, brand: str, day: str, limit: int, cursor: str | None = None) -> Page[Access]:
        """What was done on a UTC day, the oldest first. Raises Malformed(invalid_cursor) for a cursor that is none."""
        ...

    async def tally(self, tally: Tally) -> Versioned[Tally]:
        """The stored one of the same caller, day and route; the given one if there is none yet."""
        ...

    async def commit_tally(self, tally: Tally, version: str | None) -> None:
        """Store it over the version that was read, or raise Conflict."""
        ...

    async def counted(self, brand: str, day: str) -> Sequence[Tally]:
        """Those of a UTC day in which requests were only counted."""
        ...

    async def of(self, whose: str) -> Sequence[Access]:
        """What was done with the data of one vehicle or device, the oldest first."""
        ...


class Catalogs(Protocol):
    async def load(self, brand: str) -> Catalog:
        """What the brand sells, as it was at most a minute ago; an empty catalogue if it never stored one."""
        ...

    async def read(self, brand: str) -> Versioned[Catalog]:
        """What the brand sells now."""
        ...

    async def commit(self, catalog: Catalog, version: str | None) -> None:
        """Replace it as a whole over the version that was read, or raise Conflict."""
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

    async def list(self, sought: Filter, limit: int, cursor: str | None = None) -> Page[tuple[str, Parked]]:
        """Those that fit, each with the name it is read by, without their bodies."""
        ...

    async def read(self, name: str) -> Parked:
        """One with its body, or raise NotFound."""
        ...

    async def mark_replayed(self, name: str, at: int) -> None:
        """Remember that it was taken in after all (epoch ms). It stays."""
        ...

    async def of_device(self, device: str) -> Sequence[str]:
        """The names of all that was parked of a device, in no order. What was parked a moment ago may be missing."""
        ...

    async def drop(self, name: str) -> None:
        """Forget it; it may be gone already."""
        ...


class Inbox(Protocol):
    """What every recipient was told: people, a brand's operators, and partners' endpoints by day."""

    async def put(self, item: Item) -> bool:
        """Store it under its id; False if it was there already."""
        ...

    async def load(self, recipient: PersonId, id: str) -> Versioned[Item]:
        """One, also if it is not shown; or raise NotFound."""
        ...

    async def commit(self, item: Item, version: str | None) -> str:
        """Replace it over the version that was read and return its new one, or raise Conflict."""
        ...

    async def list(self, recipient: PersonId, limit: int, cursor: str | None = None) -> Page[Item]:
        """What is shown, the newest first. Raises Malformed(invalid_cursor) for a cursor that is none."""
        ...

    async def all_of(self, recipient: PersonId) -> Sequence[Item]:
        """All of a recipient's, also what is not shown, the newest first."""
        ...

    async def since(self, recipient: PersonId, after: int, cursor: str | None = None) -> Page[Item]:
        """What is shown and was planned after a moment (epoch ms), the first first, a hundred a page."""
        ...

    async def unread(self, recipient: PersonId, most: int) -> Sequence[str]:
        """The ids of what is shown and was not read, so many at most."""
        ...

    async def gathered(self, recipient: PersonId, now: int) -> Sequence[Item]:
        """What waits for a digest whose moment has come (epoch ms)."""
        ...

    async def superseded(self, item: Item) -> bool:
        """Whether something later of the same collapse key was told."""
        ...

    async def of_notification(self, id: str) -> Sequence[Item]:
        """What everyone was told of one notification."""
        ...

    async def of_vehicle(self, vehicle_id: str) -> Sequence[Item]:
        """What everyone was told of one vehicle."""
        ...

    async def failed(self, brand: str, limit: int, cursor: str | None = None) -> Page[Item]:
        """What has a delivery that failed. Raises Malformed(invalid_cursor) for a cursor that is none."""
        ...

    async def drop(self, recipient: PersonId, id: str) -> None:
        """Forget one; it may be gone already."""
        ...

    async def forget(self, recipient: PersonId) -> None:
        """Forget all of a recipient's."""
        ...


class Endpoints(Protocol):
    async def of(self, brand: str) -> Sequence[Endpoint]:
        """All of a brand's, as they were at most a minute ago."""
        ...

    async def all(self, brand: str) -> Sequence[Endpoint]:
        """All of a brand's now, in the order in which they were made."""
        ...

    async def load(self, brand: str, id: str) -> Versioned[Endpoint]:
        """One as it is now, or raise NotFound."""
        ...

    async def commit(self, endpoint: Endpoint, version: str | None) -> None:
        """Store it over the version that was read, or raise Conflict."""
        ...

    async def drop(self, brand: str, id: str) -> None:
        """Forget it; it may be gone already."""
        ...


class Wordings(Protocol):
    """What brands say instead of what is shipped."""

    async def all(self, brand: str) -> Templates:
        """By kind, channel and locale, as it was at most a minute ago."""
        ...

    async def read(self, brand: str) -> Versioned[Templates]:
        """As it is now."""
        ...

    async def commit(self, brand: str, templates: Templates, version: str | None) -> None:
        """Replace all of them over the version that was read, or raise Conflict."""
        ...


class Renderer(Protocol):
    def shipped(self, kind: str, channel: Channel, locale: str) -> Template | None:
        """What is shipped for a kind, channel and locale."""
        ...

    def check(self, kind: str, channel: Channel, template: Template) -> None:
        """Raise Malformed(invalid_template), with part, line and name, for what could fail or do more than show."""
        ...

    def render(self, template: Template, context: Context) -> Mapping[str, str]:
        """Each of the template's parts in the context's words; raises Malformed(invalid_template) if it shows more than
        there is."""
        ...

    def knows(self, locale: str) -> bool:
        """Whether it is a language, and perhaps a country, whose way to write numbers and dates is known."""
        ...


class Mailer(Protocol):
    async def send(self, mail: Mail) -> Reply:
        """Hand it to the mail server. What it answers is a reply, whatever goes wrong."""
        ...


class Pusher(Protocol):
    """Nothing stands behind it yet: people have no devices."""

    async def push(self, push: Push) -> Reply:
        """Hand it to the push service. What it answers is a reply, whatever goes wrong."""
        ...


class Caller(Protocol):
    def check(self, url: str) -> None:
        """Raise Malformed(invalid_url) for what no partner's public system can be."""
        ...

    async def call(self, call: Call) -> Reply:
        """Post it. What comes of it is a reply, whatever goes wrong; nothing but public addresses is ever called.

        A challenge is `sent` only once it was echoed."""
        ...


class Notifications(Protocol):
    async def send(self, notification: Notification, attempt: int = 0, delay: float = 0, replay: int = 0) -> None:
        """Hand over to be planned, at least once, after `delay` seconds; a repeated attempt, of the same replay, may be
        dropped."""
        ...


class Deliveries(Protocol):
    async def send(self, turns: Sequence[Turn], attempt: int = 0, delay: float = 0) -> None:
        """Hand over to be delivered, at least once each, after `delay` seconds; a repeated attempt may be dropped."""
        ...


class Wakes(Protocol):
    async def send(self, wakes: Sequence[tuple[str, int]], people: bool = False) -> None:
        """Hand over the vehicles, or people, whose time has come, each with the `due` it was found at."""
        ...


class Codes(Protocol):
    def make(self, key: str | None) -> str:
        """A secret of 60 bits that people can type; the same one for the same idempotency key."""
        ...

    def secret(self, name: str) -> bytes:
        """A secret of 32 bytes under a name, always the same."""
        ...

    def seal(self, text: str) -> str:
        """The text in a form that is safe in a URL and that nobody else can make."""
        ...

    def unseal(self, sealed: str) -> str:
        """The text that was sealed, or raise NotFound."""
        ...


class Signer(Protocol):
    def sign(self, claims: Mapping[str, object]) -> str:
        """The claims as a signed token (JWS, EdDSA) of ours."""
        ...

    def published(self) -> Sequence[Mapping[str, str]]:
        """The public keys as JWKs: what signs now, what signed before, and what will."""
        ...


class Tokens(Protocol):
    async def verify(self, token: str) -> Principal:
        """Who bears this token, or raise Unauthenticated."""
        ...
