"""Writers of one document take turns on an instance; those on different instances rest a while after a lost race."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from shared.errors import Unavailable
from shared.ports import Versioned

TRIES = 25
"""How often one writer goes for a document that writers on other instances want too."""
FIRST_REST, LONGEST_REST = 0.01, 0.25
"""Seconds up to which a writer rests after its first lost race, and after the later ones."""
WAITS = 5.0
"""Seconds for which a writer waits for its turn."""


class _Queue[T]:
    """Those who want to write one document, and what the last of them wrote."""

    def __init__(self) -> None:
        self.lock, self.here, self.tickets = asyncio.Lock(), 0, 0
        self.latest: tuple[int, Versioned[T]] | None = None


class Turn[T]:
    """A writer's turn at a document."""

    def __init__(self, queue: _Queue[T], ticket: int) -> None:
        self._queue, self._ticket, self._started = queue, ticket, 0
        self.waited = queue.lock.locked()
        """Whether another one had the turn when this writer came."""

    def known(self) -> Versioned[T] | None:
        """What is stored, if a write that began after this writer came says so: then it need not be read."""
        latest = self._queue.latest
        return latest[1] if latest and latest[0] >= self._ticket else None

    def start(self) -> None:
        """A write begins now."""
        self._started, self._queue.latest = self._queue.tickets, None

    def finish(self, written: Versioned[T]) -> None:
        """The write that began is stored."""
        self._queue.latest = (self._started, written)


class Writers[T]:
    """Of one instance, by the key of the document. `chance` is from 0 to 1, `waits` seconds."""

    def __init__(self, chance: Callable[[], float] = lambda: 0.0, waits: float | None = None) -> None:
        self._chance, self._waits = chance, waits
        self._queues: dict[str, _Queue[T]] = {}

    @asynccontextmanager
    async def turn(self, key: str) -> AsyncIterator[Turn[T]]:
        """One writer after the other, in the order in which they came. Raises Unavailable for who waits too long."""
        queue = self._queues.setdefault(key, _Queue())
        queue.here += 1
        queue.tickets += 1
        turn = Turn(queue, queue.tickets)
        try:
            await self._acquire(queue, key)
            try:
                yield turn
            finally:
                queue.lock.release()
        finally:
            queue.here -= 1
            if not queue.here:
                self._queues.pop(key, None)

    async def _acquire(self, queue: _Queue[T], key: str) -> None:
        try:
            async with asyncio.timeout(self._waits):
                await queue.lock.acquire()
        except TimeoutError:
            raise Unavailable(f"{key} is being written by others") from None

    async def rest(self, lost: int) -> None:
        """Once so many races were lost: for a time by chance, so that two writers do not meet again and again."""
        await asyncio.sleep(self._chance() * min(FIRST_REST * 2**lost, LONGEST_REST))
