"""Forgetting a person: in steps that can be done again, so that a run which dies is gone on with by the next."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial
from uuid import NAMESPACE_URL, uuid5

from shared.domain.audit import Access
from shared.domain.person import Erased, Erasure, Owned, Person
from shared.domain.telemetry import AHEAD
from shared.errors import NotFound, Unavailable
from shared.use_cases.everywhere import Outside, all_owned, all_owning, known_vehicles
from shared.use_cases.jobs import Job
from shared.use_cases.personal_data import STORES, leave

STEPS = 100
"""Steps that one run does before it hands on to the next; a step is one store, or one day of history."""
TAKES = 60_000
"""Milliseconds after which a run hands on sooner."""

type Step = Callable[[], Awaitable[None]]


async def erase(job: Job, o: Outside) -> None:
    """Do the next steps of an erasure. It has two passes: what was on its way at first is found by the second one.

    Raises Unavailable while the index by person is behind, and Conflict once another run has the lease."""
    person, began = await job.load(), job.clock()
    erasure = _erasure(person)
    if not erasure.steps:
        person = await _begin(job, person, erasure, o)
        erasure = _erasure(person)
    steps = await _steps(person, erasure, o)
    for number in range(erasure.done, len(steps)):
        if number - erasure.done >= STEPS or job.clock() - began > TAKES:
            await _hand_over(job, number, o)
            return
        await steps[number]()
        await job.keep(partial(_with_progress, done=number + 1))
    if len(steps) == erasure.steps and erasure.first_done:
        await _finish(await job.load(), erasure, o, job)
        return
    again = Erasure(erasure.asked_at, True, job.clock() + o.settles)
    await job.end(lambda p: replace(p, erasure=again))


async def _begin(job: Job, person: Person, erasure: Erasure, o: Outside) -> Person:
    """Out of every vehicle, so that all periods of ownership have ended; on the list of the erased; with the number of
    steps that follow."""
    await _list(person, erasure, o)
    for vehicle in known_vehicles(person):
        await leave(vehicle, person.id, erasure.asked_at, o)
        await job.keep()
    person = await job.load()
    if person.vehicles:
        raise Unavailable("the index by person is behind: it is tried again")
    await _list(person, erasure, o)
    steps = len(await _steps(person, erasure, o))
    return await job.commit(lambda p: replace(p, erasure=replace(erasure, done=0, steps=steps)))


async def _steps(person: Person, erasure: Erasure, o: Outside) -> Sequence[Step]:
    """All of one pass, in an order that does not change: every store by every period of ownership, then by person."""
    found = list[Step]()
    for store in STORES:
        if store.set_aside:
            found.append(_bound(store.set_aside, o))
    for owned in await all_owned(person, erasure.asked_at, o):
        period = await _with_clock_ahead(owned, erasure.asked_at, o)
        for store in STORES:
            if forget := store.forget_period:
                found += [_bound(forget, person, period, part, o) for part in store.parts(period)]
    found += [_bound(store.forget_person, person, o) for store in STORES if store.forget_person]
    return found


async def _with_clock_ahead(period: Owned, at: int, o: Outside) -> Owned:
    """A period that ended by the erasure, with what a vehicle whose clock is ahead had reported by then; up to the next
    owner's."""
    if period.ends_at != at:
        return period
    try:
        profile = (await o.reach.profiles.load(period.vehicle_id)).value
    except NotFound:
        return period._replace(ends_at=at + AHEAD)
    if profile.primary is not None and profile.owned_since == at:
        return period
    return period._replace(ends_at=min([at + AHEAD, *(border for border in profile.borders if border > at)]))


def _bound[*A](act: Callable[[*A], Awaitable[None]], *given: *A) -> Step:
    return lambda: act(*given)


async def _hand_over(job: Job, done: int, o: Outside) -> None:
    """Let the next run go on from here."""
    person = await job.end(partial(_with_progress, done=done))
    if person.due is not None:
        await o.wakes.send([(str(person.id), person.due)], people=True)


async def _list(person: Person, erasure: Erasure, o: Outside) -> None:
    """On the list of those who were erased, which a restored backup is held against."""
    at = erasure.asked_at
    owned = [*await all_owned(person, at, o), *await all_owning(person, at, o)]
    entry = Erased(person.id.brand, person.id.pseudonym, at, tuple(dict.fromkeys(owned)))
    await o.erased.put(entry)


async def _finish(person: Person, erasure: Erasure, o: Outside, job: Job) -> None:
    """That it was done is on record, under a pseudonym: whoever knows the id can prove it. Then the person goes."""
    who, brand, at = person.id.pseudonym, person.id.brand, erasure.asked_at
    id = str(uuid5(NAMESPACE_URL, f"{brand}/{who}/erased/{at}"))
    await o.audit.record(Access(id, brand, at, who, "erased", who))
    await o.reach.people.forget(person.id, None if person.id.stands_for_another else job.clock())


def _with_progress(person: Person, done: int) -> Person:
    return replace(person, erasure=replace(_erasure(person), done=done))


def _erasure(person: Person) -> Erasure:
    if person.erasure is None:
        raise Unavailable("nobody asked for it any more")
    return person.erasure
