"""Looking after vehicles whose time has come."""

from shared.errors import Conflict, NotFound
from shared.ports import Notifications, States, Wakes
from shared.use_cases.tell import save, tell


async def sweep(now: int, states: States, wakes: Wakes) -> int:
    """Enqueue every vehicle that is due (epoch ms), page by page, and return how many."""
    cursor, found = None, 0
    while True:
        page = await states.due(now, cursor)
        if page.items:
            await wakes.send(page.items)
        found += len(page.items)
        cursor = page.cursor
        if cursor is None:
            return found


async def wake(vehicle_id: str, states: States, notifications: Notifications) -> None:
    """Hand on what the vehicle owes. A failure needs no retry: the vehicle stays due, and the timer finds it again."""
    try:
        found = await states.load(vehicle_id)
        if found.value.outbox:
            await tell(found, states, notifications)
        elif found.value.due is not None:
            await save(found, found.value.told(()), states)
    except (NotFound, Conflict):
        return
