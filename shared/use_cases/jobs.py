"""What a person asked for and takes long: one run at a time, by a lease in the person's document."""

from collections.abc import Callable
from dataclasses import replace

from shared.domain.person import Lease, Person, PersonId
from shared.errors import Conflict, Unavailable
from shared.ports import Clock, People
from shared.use_cases.books import ATTEMPTS
from shared.use_cases.everywhere import save_person

LEASE = 5 * 60_000
"""Milliseconds for which a run has the lease, from the last that was heard of it: then another run goes on."""


class Job:
    """A run that has the lease. Whatever it commits is committed only while it still has it."""

    def __init__(self, id: PersonId, run: str, clock: Clock, people: People) -> None:
        self.id, self.clock, self._run, self._people = id, clock, run, people
        self._renewed_at = clock()

    async def load(self) -> Person:
        """The person as they are now, or raise Conflict."""
        return self._own((await self._people.load(self.id)).value)

    async def commit(self, step: Callable[[Person], Person] = lambda person: person) -> Person:
        """Commit a step and renew the lease. Raises Conflict once another run has it."""
        now = self.clock()

        def renewed(person: Person) -> Person:
            return replace(step(self._own(person)), lease=Lease(self._run, now + LEASE)).scheduled(now)

        person = await save_person(self.id, renewed, self._people)
        self._renewed_at = now
        return person

    async def keep(self, step: Callable[[Person], Person] = lambda person: person) -> None:
        """Commit a step and renew the lease if a third of it is over. Raises Conflict once another run has it."""
        if self.clock() - self._renewed_at > LEASE // 3:
            await self.commit(step)

    async def end(self, step: Callable[[Person], Person] = lambda person: person) -> Person:
        """Commit the last step and let go of the lease. Raises Conflict once another run has it."""
        now = self.clock()
        return await save_person(
            self.id, lambda person: replace(step(self._own(person)), lease=None).scheduled(now), self._people
        )

    def _own(self, person: Person) -> Person:
        if person.lease is None or person.lease.run != self._run:
            raise Conflict("another run has the lease")
        return person


async def take(id: PersonId, run: str, clock: Clock, people: People) -> Job | None:
    """The lease for what is due of a person's export and erasure; None if nothing is, or another run has it.

    Raises Unavailable if the person is being written by others."""
    for _ in range(ATTEMPTS):
        found, now = await people.load(id), clock()
        after = found.value.leased_to(run, now, now + LEASE)
        if after is None:
            return None
        try:
            await people.commit(after, found.version)
        except Conflict:
            continue
        return Job(id, run, clock, people)
    raise Unavailable("the person is being written by others")
