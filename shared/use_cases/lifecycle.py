"""From what IoT Hub says of its connections to what is known of vehicles."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from shared.domain.folding import connect
from shared.domain.ledger import Counted
from shared.domain.parked import Parked
from shared.domain.telemetry import Position
from shared.domain.vehicle import Connection, Outcome
from shared.errors import CloudError, Code, Conflict, NotFound, Refused, Rejected, Unavailable
from shared.ports import Clock, Ledgers, Parking, States
from shared.use_cases.books import ATTEMPTS, Books
from shared.use_cases.tell import save


@dataclass(frozen=True, slots=True)
class Announcement:
    """One event of the hub, with what it says or why it can't be read."""

    position: Position
    device: str
    body: bytes
    said: Connection | Rejected


class Lifecycle:
    """Takes batches of the hub of connection events. They are rare: nothing is held in between."""

    def __init__(self, hub: str, states: States, ledgers: Ledgers, parking: Parking) -> None:
        self.hub, self._states, self._parking = hub, states, parking
        self._books = Books(hub, ledgers)

    async def batch(self, partition: str, announcements: Sequence[Announcement], clock: Clock) -> list[Counted]:
        """Apply, park and count every event, or raise Unavailable so that the batch comes again."""
        self._books.forget(partition)
        counted = [await self._take(announcement) for announcement in announcements]
        await self._books.count(partition, counted, clock())
        return counted

    async def _take(self, a: Announcement) -> Counted:
        if isinstance(a.said, Rejected):
            return await self._park(a, a.said)
        for _ in range(ATTEMPTS):
            try:
                found = await self._states.load(a.device)
                state, outcome = connect(found.value, a.said)
                if state is not found.value:
                    await save(found, replace(state, revision=state.revision + 1), self._states)
            except NotFound as error:
                return await self._park(a, NotFound(error.detail, Code.UNREGISTERED_DEVICE))
            except Refused as error:
                return await self._park(a, error)
            except Conflict:
                continue
            return Counted(a.position, outcome)
        raise Unavailable(f"{a.device} is being written by others")

    async def _park(self, a: Announcement, error: CloudError) -> Counted:
        key = f"{a.position.partition}-{a.position.sequence}"
        reason, at = error.code.value, a.position.enqueued_at
        await self._parking.park(Parked(self.hub, key, at, a.device, reason, error.detail, a.body))
        return Counted(a.position, Outcome.PARKED, reason)
