"""Handing on what was committed."""

from collections.abc import Callable, Sequence

from shared.domain.history import Chunk
from shared.domain.vehicle import Entry, VehicleState
from shared.errors import Conflict, Unavailable
from shared.ports import Histories, Notifications, States, Versioned


async def save(found: Versioned[VehicleState], state: VehicleState, states: States) -> Versioned[VehicleState]:
    """Commit over what was found."""
    return Versioned(state, await states.commit(state, found.version))


async def tell(
    found: Versioned[VehicleState],
    states: States,
    notifications: Notifications,
    histories: Histories,
    scheduled: Callable[[VehicleState], VehicleState],
) -> Versioned[VehicleState] | None:
    """Hand on what the committed outbox holds, then forget it; None if another writer came in between.

    What was handed on before a failure is forgotten too, so that a long outbox drains under faults. A crash in between
    hands an entry on again, under the same id. Chunks alone are forgotten with the next write, whoever makes it: what
    is stored still owes them until then. `scheduled` says when the timer has to look at it again."""
    done: list[Entry] = []
    try:
        for entry in found.value.outbox:
            if isinstance(entry, Chunk):
                await histories.put(entry)
            else:
                await notifications.send(entry)
            done.append(entry)
    finally:
        left = await _forget(found, done, states, scheduled)
    return left


async def _forget(
    found: Versioned[VehicleState],
    done: Sequence[Entry],
    states: States,
    scheduled: Callable[[VehicleState], VehicleState],
) -> Versioned[VehicleState] | None:
    if not done:
        return found
    left = found.value.handed_on(done)
    if all(isinstance(entry, Chunk) for entry in done):
        return Versioned(left, found.version)
    try:
        return await save(found, scheduled(left), states)
    except (Conflict, Unavailable):
        return None  # whoever wrote in between found the same outbox, and hands it on too
