"""Forgetting a person."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import NAMESPACE_URL, uuid5

from shared.domain import folding, ownership
from shared.domain.audit import Access
from shared.domain.history import days_between
from shared.domain.parked import Filter
from shared.domain.person import Erasure, Person, PersonId
from shared.domain.profile import Profile
from shared.errors import NotFound, Unavailable
from shared.ports import Clock
from shared.use_cases.amend import Change, amend
from shared.use_cases.everywhere import (
    KEPT_AT_MOST,
    Outside,
    all_parked,
    known_vehicles,
    parked_in,
    save_person,
    sent_of,
)

QUEUES = ("notifications", "deliveries", "wake")


async def erase(person: Person, erasure: Erasure, clock: Clock, o: Outside) -> None:
    """Twice: what was on its way at first is found by the second pass, when all is settled."""
    id = person.id
    for vehicle in known_vehicles(person):
        await _leave(vehicle, id.user, erasure.asked_at, o)
    person = (await o.reach.people.load(id)).value
    if person.vehicles:
        raise Unavailable("the index by person is behind: it is tried again")
    for period in person.owned:
        start = max(period.starts_at, erasure.asked_at - KEPT_AT_MOST)
        for day in days_between(start, period.ends_at):
            await o.histories.forget(period.vehicle_id, day, start, period.ends_at)
        for name, _ in await parked_in(period, o):
            await o.parking.drop(name)
        for item in await sent_of(period, start, o):
            await o.inbox.drop(item.recipient, item.id)
    for name in await _parked_messages(person, o):
        await o.parking.drop(name)
    await o.inbox.forget(id)
    for export in person.exports:
        await o.exports.drop(export.id)
    if not erasure.first_done:
        again = Erasure(erasure.asked_at, True, clock() + o.settles)
        await save_person(id, lambda p: replace(p, erasure=again).scheduled(clock()), o.reach.people)
        return
    await _record(person, erasure.asked_at, o)
    await o.reach.people.forget(id, clock())


async def _leave(vehicle_id: str, user: str, at: int, o: Outside) -> None:
    """Out of the profile; and where it was the person's own, what it reported goes too."""

    def decide(profile: Profile) -> Change:
        after, owned = ownership.forgotten(profile, user, at), profile.primary == user
        return Change(after, folding.forgotten, (), protects=True) if owned else Change(after, protects=True)

    try:
        await amend(vehicle_id, decide, o.reach)
        await o.reach.profiles.forget_said_by(vehicle_id, user)
    except NotFound:
        return


async def _parked_messages(person: Person, o: Outside) -> Sequence[str]:
    """Messages of our own queues that were given up, of vehicles of theirs or of nobody's, and that name the person."""
    devices = {*QUEUES, *(f"@{person.id.brand}/{vehicle}" for vehicle in ("", *known_vehicles(person)))}
    found = [pair for device in sorted(devices) for pair in await all_parked(Filter(device=device), o)]
    return [name for name, _ in found if _names(person.id, (await o.parking.read(name)).body)]


def _names(id: PersonId, body: bytes) -> bool:
    return id.user.encode() in body and id.brand.encode() in body


async def _record(person: Person, at: int, o: Outside) -> None:
    """That it was done, under a pseudonym: whoever knows the id can prove it."""
    who, brand = person.id.pseudonym, person.id.brand
    id = str(uuid5(NAMESPACE_URL, f"{brand}/{who}/erased/{at}"))
    await o.audit.record(Access(id, brand, at, who, "erased", who))
