"""What people may ask of their data: to be given it, and to be forgotten."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from uuid import NAMESPACE_URL, uuid5

from shared.domain import folding, ownership
from shared.domain.audit import Access
from shared.domain.garage import Role
from shared.domain.held import Held, HeldPeriod, HeldVehicle
from shared.domain.history import DAY, days_between
from shared.domain.notification import InboxItem
from shared.domain.parked import Filter, Parked
from shared.domain.person import EXPORT_LIVES, Erasure, Export, Owned, Person, PersonId, Progress
from shared.domain.principal import Principal, require_user
from shared.domain.profile import Profile, Request
from shared.domain.trips import Charge, Trip
from shared.errors import Conflict, NotFound, Unavailable
from shared.ports import Audit, Clock, Exports, Histories, Inbox, Parking, Rules, Versioned, Wakes
from shared.use_cases.amend import Asked, Change, Reach, amend
from shared.use_cases.books import ATTEMPTS
from shared.use_cases.derive import samples_between

KEPT_AT_MOST = 366 * DAY
"""Milliseconds for which anything a vehicle reported is kept."""
LINK_LIVES = 15 * 60_000
"""Milliseconds for which a link to an export holds; another one can be had for as long as the export is kept."""
QUEUES = ("notifications", "deliveries", "wake")


@dataclass(frozen=True, slots=True)
class Outside:
    """Everywhere that something about people is. `settles` is the longest that something can be on its way (ms)."""

    reach: Reach
    histories: Histories
    inbox: Inbox
    parking: Parking
    audit: Audit
    exports: Exports
    rules: Rules
    wakes: Wakes
    settles: int


async def ask_export(caller: Principal, asked: Asked, o: Outside) -> Export:
    """Have everything written down that is held about the person; while one is on its way it is that one.

    Raises Forbidden, Reused."""
    require_user(caller)

    def decide(person: Person) -> tuple[Person, str]:
        made = _asked_before(person, asked) or next((e.id for e in person.exports if _waits(e)), None)
        if made is not None:
            return person, made
        after = person.asking(Export(asked.made, caller.at), caller.at)
        return _remembering(after, asked), asked.made

    person, made = await _change(_id(caller), decide, o)
    found = next((e for e in person.exports if e.id == made), None)
    return found or Export(made, caller.at, Progress.DONE)


async def read_export(caller: Principal, id: str, o: Outside) -> tuple[Export, str | None, int]:
    """How far it is, and once it is written a link to it, and until when that holds (epoch ms). Raises NotFound."""
    require_user(caller)
    person = (await o.reach.people.load(_id(caller))).value
    found = next((e for e in person.exports if e.id == id and caller.at < e.asked_at + EXPORT_LIVES), None)
    if found is None:
        raise NotFound("no such export")
    until = min(caller.at + LINK_LIVES, found.asked_at + EXPORT_LIVES)
    return found, None if _waits(found) else await o.exports.link(id, until), until


async def ask_erasure(caller: Principal, o: Outside) -> Erasure:
    """Have everything forgotten that is held about the person. It can't be taken back; twice is once."""
    require_user(caller)
    wanted = Erasure(caller.at, first_done=False, not_before=caller.at)

    def decide(person: Person) -> tuple[Person, str]:
        if person.erasure is not None:
            return person, ""
        return replace(person, erasure=wanted).scheduled(caller.at), ""

    person, _ = await _change(_id(caller), decide, o)
    return person.erasure or wanted


async def look_after(id: PersonId, clock: Clock, o: Outside) -> None:
    """Do what a person asked for and what is due. What fails needs no retry: it stays due, and the timer finds it."""
    person = (await o.reach.people.load(id)).value
    if person.erasure is not None:
        if clock() >= person.erasure.not_before:
            await _erase(person, person.erasure, clock, o)
        return
    for export in person.exports:
        if _waits(export):
            await o.exports.put(export.id, await collect(id, clock(), o))
            await _exported(id, export.id, clock(), o)


async def _exported(id: PersonId, export: str, now: int, o: Outside) -> None:
    await _save(id, lambda person: person.exported(export, now), o)


async def collect(id: PersonId, now: int, o: Outside) -> Held:
    """Everything that is held about a person: of their vehicles, and of their periods of ownership."""
    person = (await o.reach.people.load(id)).value
    vehicles = [v for known in _known_vehicles(person) if (v := await _vehicle(known, id.user, now, o))]
    owning = [v.profile for v in vehicles if v.state is not None]
    current = [Owned(p.vehicle_id, p.owned_since, now + 1) for p in owning]
    periods = [await _period(period, now, o) for period in (*person.owned, *current)]
    return Held(now, person, vehicles, periods, await _all_inbox(id, o))


async def _vehicle(vehicle_id: str, user_id: str, now: int, o: Outside) -> HeldVehicle | None:
    try:
        profile = (await o.reach.profiles.load(vehicle_id)).value
    except NotFound:
        return None
    consents, member = await o.reach.profiles.said_by(vehicle_id, user_id), profile.member(user_id, now)
    if member is None or member.role is not Role.PRIMARY:
        mine = {user_id: member} if member else {}
        what = profile.model, profile.model_year, profile.status
        public = Profile(vehicle_id, "", profile.brand, "", *what, frozenset(), mine)
        return HeldVehicle(public, consents)
    state = (await o.reach.states.load(vehicle_id)).value
    subjects = [s.id for s in profile.subscriptions] + [g.id for g in profile.grants]
    books = {id: await o.reach.profiles.books(vehicle_id, id) for id in subjects}
    return HeldVehicle(profile, consents, state, await o.rules.own(vehicle_id, profile.rules), books)


async def _period(period: Owned, now: int, o: Outside) -> HeldPeriod:
    vehicle, start, end = period.vehicle_id, max(period.starts_at, now - KEPT_AT_MOST), period.ends_at
    derived = list[Trip | Charge]()
    for day in days_between(start, end):
        derived += [d for d in await o.histories.derived(vehicle, day) if start <= d.span.start < end]
    state = (await o.reach.states.load(vehicle)).value
    samples = await samples_between(state, start, end - 1, o.histories)
    accesses = [a for a in await o.audit.of(vehicle) if start <= a.at < end]
    parked = [await o.parking.read(name) for name, _ in await _parked(period, o)]
    return HeldPeriod(period, samples, derived, parked, accesses)


async def _erase(person: Person, erasure: Erasure, clock: Clock, o: Outside) -> None:
    """Twice: what was on its way at first is found by the second pass, when all is settled."""
    id = person.id
    for vehicle in _known_vehicles(person):
        await _leave(vehicle, id.user, erasure.asked_at, o)
    person = (await o.reach.people.load(id)).value
    if person.vehicles:
        raise Unavailable("the index by person is behind: it is tried again")
    for period in person.owned:
        start = max(period.starts_at, erasure.asked_at - KEPT_AT_MOST)
        for day in days_between(start, period.ends_at):
            await o.histories.forget(period.vehicle_id, day, start, period.ends_at)
        for name, _ in await _parked(period, o):
            await o.parking.drop(name)
    for name in await _parked_messages(id, o):
        await o.parking.drop(name)
    await o.inbox.forget(id)
    for export in person.exports:
        await o.exports.drop(export.id)
    if not erasure.first_done:
        again = Erasure(erasure.asked_at, True, clock() + o.settles)
        await _save(id, lambda p: replace(p, erasure=again).scheduled(clock()), o)
        return
    await _record(person, erasure.asked_at, o)
    await o.reach.people.forget(id, clock())


async def _leave(vehicle_id: str, user: str, at: int, o: Outside) -> None:
    """Out of the profile; and where it was the person's own, what it reported goes too."""

    def decide(profile: Profile) -> Change:
        after, owned = ownership.forgotten(profile, user, at), profile.primary == user
        return Change(after, folding.forgotten, ()) if owned else Change(after)

    try:
        await amend(vehicle_id, decide, o.reach)
        await o.reach.profiles.forget_said_by(vehicle_id, user)
    except NotFound:
        return


async def _parked(period: Owned, o: Outside) -> Sequence[tuple[str, Parked]]:
    found = await _all_parked(Filter(device=period.vehicle_id), o)
    return [(name, parked) for name, parked in found if period.starts_at <= parked.at < period.ends_at]


async def _parked_messages(id: PersonId, o: Outside) -> Sequence[str]:
    """Messages of our own queues that nobody could read, and that name the person."""
    found = [pair for queue in QUEUES for pair in await _all_parked(Filter(device=queue), o)]
    return [name for name, _ in found if _names(id, (await o.parking.read(name)).body)]


def _names(id: PersonId, body: bytes) -> bool:
    return id.user.encode() in body and id.brand.encode() in body


async def _all_parked(sought: Filter, o: Outside) -> Sequence[tuple[str, Parked]]:
    found, cursor = list[tuple[str, Parked]](), None
    while True:
        page = await o.parking.list(sought, 100, cursor)
        found += page.items
        cursor = page.cursor
        if cursor is None:
            return found


async def _all_inbox(id: PersonId, o: Outside) -> Sequence[InboxItem]:
    found, cursor = list[InboxItem](), None
    while True:
        page = await o.inbox.list(id, 100, cursor)
        found += page.items
        cursor = page.cursor
        if cursor is None:
            return found


def _known_vehicles(person: Person) -> list[str]:
    return sorted({*person.memberships, *(period.vehicle_id for period in person.owned)})


async def _record(person: Person, at: int, o: Outside) -> None:
    """That it was done, under a pseudonym: whoever knows the id can prove it."""
    who, brand = person.id.pseudonym, person.id.brand
    id = str(uuid5(NAMESPACE_URL, f"{brand}/{who}/erased/{at}"))
    await o.audit.record(Access(id, brand, at, who, "erased", who))


async def _change(id: PersonId, decide: Callable[[Person], tuple[Person, str]], o: Outside) -> tuple[Person, str]:
    """Commit what is decided, and have it looked after at once; the timer finds what isn't."""
    made = ""

    def step(person: Person) -> Person:
        nonlocal made
        after, made = decide(person)
        return after

    person = await _save(id, step, o)
    if person.due is not None:
        await o.wakes.send([(str(id), person.due)], people=True)
    return person, made


async def _save(id: PersonId, step: Callable[[Person], Person], o: Outside) -> Person:
    for _ in range(ATTEMPTS):
        found: Versioned[Person] = await o.reach.people.load(id)
        after = step(found.value)
        if after == found.value:
            return after
        try:
            await o.reach.people.commit(after, found.version)
        except Conflict:
            continue
        return after
    raise Unavailable("the person is being written by others")


def _asked_before(person: Person, asked: Asked) -> str | None:
    return next((r.made for r in person.requests if asked.key is not None and r.key == asked.key), None)


def _remembering(person: Person, asked: Asked) -> Person:
    if asked.key is None:
        return person
    return replace(person, requests=(*person.requests, Request(asked.key, asked.digest, asked.made))[-8:])


def _id(caller: Principal) -> PersonId:
    return PersonId(caller.brand, caller.subject)


def _waits(export: Export) -> bool:
    return export.progress is Progress.WAITING
