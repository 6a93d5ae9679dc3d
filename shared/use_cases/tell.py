"""Handing on what was committed."""

from asyncio import gather
from collections.abc import Callable, Sequence

from shared.domain.history import Chunk
from shared.domain.vehicle import Entry, VehicleState
from shared.errors import Conflict, Unavailable
from shared.ports import Histories, Notifications, States, Versioned
from shared.use_cases.books import ATTEMPTS

AT_ONCE = 16
"""Chunks of one vehicle that are stored at once."""


async def save(found: Versioned[VehicleState], state: VehicleState, states: States) -> Versioned[VehicleState]:
    """Commit over what was found."""
    return Versioned(state, await states.commit(state, found.version))


async def tell(
    found: Versioned[VehicleState],
    states: States,
    notifications: Notifications,
    histories: Histories,
    scheduled: Callable[[VehicleState], VehicleState],
    chunks_later: bool = False,
) -> Versioned[VehicleState] | None:
    """Hand on what the committed outbox holds, then forget it; None if it can't be told what is stored.

    What was handed on before a failure is forgotten too, so that a long outbox drains under faults. A crash in between
    hands an entry on again, under the same id. `scheduled` says when the timer has to look at it again. `chunks_later`:
    if there is nothing but chunks, they are forgotten with the next write; what is stored owes them until then."""
    done: list[Entry] = []
    try:
        for entry in found.value.outbox:
            if not isinstance(entry, Chunk):
                await notifications.send(entry)
                done.append(entry)
        await _store([entry for entry in found.value.outbox if isinstance(entry, Chunk)], histories, done)
    finally:
        later = chunks_later and all(isinstance(entry, Chunk) for entry in done)
        left = await _forget(found, done, states, None if later else scheduled)
    return left


async def _store(chunks: Sequence[Chunk], histories: Histories, done: list[Entry]) -> None:
    """Some at once: one message may close hundreds. Those that were stored are done, also if others fail."""
    for start in range(0, len(chunks), AT_ONCE):
        some = chunks[start : start + AT_ONCE]
        failures = await gather(*map(histories.put, some), return_exceptions=True)
        done += [chunk for chunk, failure in zip(some, failures, strict=True) if failure is None]
        for failure in failures:
            if failure is not None:
                raise failure


async def _forget(
    found: Versioned[VehicleState],
    done: Sequence[Entry],
    states: States,
    scheduled: Callable[[VehicleState], VehicleState] | None,
) -> Versioned[VehicleState] | None:
    """Whoever wrote in between, what was handed on has to go: were it left, it would be handed on for ever."""
    if not done:
        return found
    if scheduled is None:
        return Versioned(found.value.handed_on(done), found.version)
    for _ in range(ATTEMPTS):
        left = found.value.handed_on(done)
        if left.outbox == found.value.outbox:
            return found
        try:
            return await save(found, scheduled(left), states)
        except Conflict:
            found = await states.load(found.value.vehicle_id)
        except Unavailable:
            return None
    return None
