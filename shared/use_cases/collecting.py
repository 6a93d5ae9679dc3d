"""Collecting everything that is held about a person."""

from shared.domain.held import Held, HeldPeriod
from shared.domain.person import Owned
from shared.use_cases.everywhere import Outside, all_owned, all_owning
from shared.use_cases.jobs import Job
from shared.use_cases.personal_data import STORES, Found


async def collect(job: Job, o: Outside) -> Held:
    """Everything that is held about a person: of their vehicles, and of their periods of ownership.

    Raises Conflict once another run has the lease."""
    person, now = await job.load(), job.clock()
    found: Found = {}
    for store in STORES:
        if store.held_of_person:
            found |= await store.held_of_person(person, now, o)
            await job.keep()
    owned = [*await all_owned(person, now, o), *await all_owning(person, now + 1, o)]
    periods = [await _period(period, job, o) for period in owned]
    return Held(at=now, person=person, periods=periods, **found)


async def _period(period: Owned, job: Job, o: Outside) -> HeldPeriod:
    found: Found = {}
    for store in STORES:
        if store.held_of_period:
            found |= await store.held_of_period(job.id, period, o)
            await job.keep()
    return HeldPeriod(period, **found)
