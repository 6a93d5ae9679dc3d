"""Where personal data is: a row for every store of infra/topology.json. Erasing and exporting walk this table, and a
store that it lacks fails a test.

Data of people is found in two ways: by person, and by period of ownership, which is a vehicle and an interval."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from shared.domain import folding, ownership
from shared.domain.charges import Charge
from shared.domain.concerns import concerns, names, times_in
from shared.domain.garage import Role
from shared.domain.held import HeldVehicle
from shared.domain.history import DAY, days_between
from shared.domain.inbox import Item, is_system
from shared.domain.notification import Audience
from shared.domain.parked import Parked
from shared.domain.person import Owned, Person, PersonId
from shared.domain.profile import Profile
from shared.domain.trips import Trip
from shared.errors import NotFound
from shared.ports import Profiles
from shared.use_cases.amend import Change, amend
from shared.use_cases.derive import samples_between
from shared.use_cases.everywhere import Outside, known_vehicles

LONGEST_DERIVED = 7 * DAY
"""Milliseconds before a period in which a trip or charge may have begun that reaches into it."""

type Found = dict[str, Any]
"""Fields of `Held` or `HeldPeriod`."""


class Kind(StrEnum):
    CONTAINER = "container"
    BLOBS = "blob container"
    QUEUE = "queue"
    HUB = "event hub"


def _whole(period: Owned) -> Sequence[str]:
    return [""]


def _days(period: Owned) -> Sequence[str]:
    """The days under which something of the period may be stored."""
    return days_between(max(0, period.starts_at - LONGEST_DERIVED), period.ends_at)


@dataclass(frozen=True, slots=True)
class Store:
    """One store: what it holds of people, or why nothing is done there; and how it is exported and forgotten.

    `parts` are pieces of a period that are forgotten one at a time. `set_aside` moves what nobody reads to where it is
    found."""

    kind: Kind
    name: str
    about: str
    held_of_person: Callable[[Person, int, Outside], Awaitable[Found]] | None = None
    held_of_period: Callable[[PersonId, Owned, Outside], Awaitable[Found]] | None = None
    forget_person: Callable[[Person, Outside], Awaitable[None]] | None = None
    forget_period: Callable[[Person, Owned, str, Outside], Awaitable[None]] | None = None
    parts: Callable[[Owned], Sequence[str]] = _whole
    set_aside: Callable[[Outside], Awaitable[None]] | None = None


# ---- vehicles


async def leave(vehicle_id: str, id: PersonId, at: int, o: Outside) -> None:
    """Out of the profile at a moment (epoch ms); where it was the person's own, all that its state holds goes too."""

    def decide(profile: Profile) -> Change:
        if profile.brand != id.brand:
            return Change(profile)
        after, owned = ownership.forgotten(profile, id.user, at), profile.primary == id.user
        return Change(after, folding.forgotten, (), protects=True) if owned else Change(after, protects=True)

    try:
        await amend(vehicle_id, decide, o.reach)
    except NotFound:
        return


async def _vehicles_of(person: Person, now: int, o: Outside) -> Found:
    found = [await _vehicle(known, person.id.user, now, o) for known in known_vehicles(person)]
    return {"vehicles": [vehicle for vehicle in found if vehicle]}


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


async def _forget_said(person: Person, o: Outside) -> None:
    """What the person consented to, of whatever vehicle of the brand."""
    for vehicle in await o.reach.profiles.said_anywhere(person.id.user):
        try:
            profile = (await o.reach.profiles.load(vehicle)).value
        except NotFound:
            continue
        if profile.brand == person.id.brand:
            await o.reach.profiles.forget_said_by(vehicle, person.id.user)


async def _forget_state(person: Person, period: Owned, part: str, o: Outside) -> None:
    """What the state still holds of the period; and nothing that was seen before its end is taken in any more."""

    end = min(period.ends_at, person.erasure.asked_at) if person.erasure else period.ends_at

    def decide(profile: Profile) -> Change:
        after = replace(profile, privacy=profile.privacy._replace(floor=max(profile.privacy.floor, end)))
        return Change(after, lambda state: folding.forgotten_between(state, period.starts_at, end))

    try:
        await amend(period.vehicle_id, decide, o.reach)
    except NotFound:
        return


# ---- history


async def _history_of(id: PersonId, period: Owned, o: Outside) -> Found:
    """A trip or charge from before this was cut that lies on both sides of a border is nobody's."""
    derived = list[Trip | Charge]()
    for day in days_between(period.starts_at, period.ends_at):
        of_day = await o.histories.derived(period.vehicle_id, day)
        derived += [d for d in of_day if period.holds(d.span.start) and period.holds(d.span.end)]
    try:
        state = (await o.reach.states.load(period.vehicle_id)).value
    except NotFound:
        return {"derived": derived}
    samples = await samples_between(state, period.starts_at, period.ends_at - 1, o.histories)
    return {"samples": samples, "derived": derived}


async def _forget_history(person: Person, period: Owned, day: str, o: Outside) -> None:
    await o.histories.forget(period.vehicle_id, day, period.starts_at, period.ends_at)


# ---- inbox


async def _inbox_of(person: Person, now: int, o: Outside) -> Found:
    return {"inbox": await o.inbox.all_of(person.id)}


async def _sent_of(id: PersonId, period: Owned, o: Outside) -> Found:
    told = await o.inbox.of_vehicle(period.vehicle_id)
    return {"sent": [i for i in told if is_system(i.recipient) and period.holds(i.notification.at)]}


async def _forget_inbox(person: Person, o: Outside) -> None:
    await o.inbox.forget(person.id)


async def _forget_told(person: Person, period: Owned, part: str, o: Outside) -> None:
    for item in await o.inbox.of_vehicle(period.vehicle_id):
        if period.holds(item.notification.at) and _tells_of_vehicle(item):
            await o.inbox.drop(item.recipient, item.id)


def _tells_of_vehicle(item: Item) -> bool:
    """Whether it was told to whoever is concerned with the vehicle, and not to one person about the own access."""
    return is_system(item.recipient) or Audience.USERS in item.notification.audience


# ---- parked


async def _parked_devices(id: PersonId, vehicle: str, o: Outside) -> list[tuple[str, Parked]]:
    """Everything that was set aside of a vehicle, and what may be: messages that did not say whose they are."""
    own = [pair for device in (vehicle, f"@{id.brand}/{vehicle}") for pair in await _parked(device, o)]
    nobodys = [(name, p) for queue in QUEUES for name, p in await _parked(queue, o) if names(p, vehicle)]
    return own + nobodys


async def _parked(device: str, o: Outside) -> list[tuple[str, Parked]]:
    found = list[tuple[str, Parked]]()
    for name in await o.parking.of_device(device):
        try:
            found.append((name, await o.parking.read(name)))
        except NotFound:
            continue
    return found


async def _parked_of(id: PersonId, period: Owned, o: Outside) -> Found:
    found = await _parked_devices(id, period.vehicle_id, o)
    return {"parked": [parked for _, parked in found if concerns(parked, period)]}


async def _forget_parked(person: Person, period: Owned, part: str, o: Outside) -> None:
    """In doubt it goes."""
    for name, parked in await _parked_devices(person.id, period.vehicle_id, o):
        if concerns(parked, period) is not False:
            await o.parking.drop(name)


async def _forget_parked_names(person: Person, o: Outside) -> None:
    devices = [*QUEUES, *(f"@{person.id.brand}/{vehicle}" for vehicle in ("", *known_vehicles(person)))]
    for device in devices:
        for name, parked in await _parked(device, o):
            if names(parked, person.id.user, person.id.brand):
                await o.parking.drop(name)


async def was_forgotten(parked: Parked, profiles: Profiles) -> bool:
    """Whether a message of our own queues tells of a time that was forgotten of its vehicle: then it is not parked.

    False where that can't be looked up: nothing is lost for an outage or a defect."""
    vehicle = parked.device.partition("/")[2]
    try:
        floor = (await profiles.load(vehicle)).value.privacy.floor if vehicle else 0
    except Exception:
        return False
    return any(at < floor for at in times_in(parked.body))


# ---- the rest


async def _forget_exports(person: Person, o: Outside) -> None:
    await o.exports.forget(person.id)


async def _accesses_of(id: PersonId, period: Owned, o: Outside) -> Found:
    return {"accesses": [a for a in await o.audit.of(period.vehicle_id) if period.holds(a.at)]}


def _set_aside(queue: str) -> Callable[[Outside], Awaitable[None]]:
    async def set_aside(o: Outside) -> None:
        await o.dead_letters.set_aside(queue, o.parking)

    return set_aside


def _queue(name: str, about: str) -> Store:
    rest = "; what is given up is parked, what the broker gave up is set aside there too, and nothing outlives its ttl"
    return Store(Kind.QUEUE, name, about + rest, set_aside=_set_aside(name))


QUEUES = ("notifications", "deliveries", "wake")
STORES: Sequence[Store] = (
    Store(
        Kind.CONTAINER,
        "vehicles",
        "profile with people, consents and rules; state with the newest readings, and samples on their way",
        held_of_person=_vehicles_of,
        forget_person=_forget_said,
        forget_period=_forget_state,
    ),
    Store(Kind.CONTAINER, "vins", "no person: which vehicle a VIN is of"),
    Store(
        Kind.CONTAINER,
        "history",
        "samples, trips, charges",
        held_of_period=_history_of,
        forget_period=_forget_history,
        parts=_days,
    ),
    Store(Kind.CONTAINER, "people", "the person, who goes last; then for 45 days a pseudonym says when that was"),
    Store(
        Kind.CONTAINER,
        "inbox",
        "what was told to the person, and of the vehicle to others",
        held_of_person=_inbox_of,
        held_of_period=_sent_of,
        forget_person=_forget_inbox,
        forget_period=_forget_told,
    ),
    Store(Kind.CONTAINER, "webhooks", "no person: systems of partners"),
    Store(Kind.CONTAINER, "catalog", "no person: what a brand says"),
    Store(Kind.CONTAINER, "ledger", "no person: numbers"),
    Store(
        Kind.CONTAINER,
        "audit",
        "who of operators and partners did what with which vehicle: kept for good, as the record of it; it names "
        "people by pseudonym only",
        held_of_period=_accesses_of,
    ),
    Store(
        Kind.BLOBS,
        "parked",
        "bodies of vehicles and of our own queues",
        held_of_period=_parked_of,
        forget_person=_forget_parked_names,
        forget_period=_forget_parked,
    ),
    Store(Kind.BLOBS, "exports", "everything, once a person asked for it", forget_person=_forget_exports),
    Store(Kind.BLOBS, "erased", "who was erased, under a pseudonym, with vehicles and intervals: kept for 35 days"),
    _queue("notifications", "what happened to a vehicle or a person"),
    _queue("deliveries", "ids of a person and an item"),
    _queue("wake", "ids of vehicles and people"),
    Store(Kind.HUB, "telemetry", "what vehicles sent: gone after a day, and not taken in again below the floor"),
    Store(Kind.HUB, "lifecycle", "when vehicles were connected: gone after a day"),
)
