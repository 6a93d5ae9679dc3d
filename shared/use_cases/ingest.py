"""From a batch of a hub partition to vehicle states, notifications and the ledger."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from shared.domain.ledger import Counted, Ledger, count
from shared.domain.parked import Parked
from shared.domain.telemetry import Event, Position, Telemetry
from shared.domain.vehicle import Outcome, VehicleState, fold
from shared.errors import CloudError, Code, Conflict, NotFound, Refused, Rejected, Unavailable
from shared.ports import Ledgers, Notifications, Parking, States, Versioned
from shared.use_cases.tell import save, tell

ATTEMPTS = 5
"""How often one batch reads a document anew after losing a race for it."""
IN_FLIGHT = 32
"""How many vehicles of a batch are written at once: more only adds latency."""
WARM = 5_000
"""How many vehicles an instance holds in memory between batches."""

type Clock = Callable[[], int]
"""Epoch milliseconds."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """One event as the hub gave it, with what the codec made of it."""

    position: Position
    device: str
    body: bytes
    parsed: Telemetry | Rejected


class Ingest:
    """Takes batches of one hub. Holds what it last wrote, and learns from a conflict that another wrote since."""

    def __init__(
        self,
        hub: str,
        states: States,
        notifications: Notifications,
        ledgers: Ledgers,
        parking: Parking,
        handover_after: int,
    ) -> None:
        """`handover_after`: milliseconds after which the timer looks after what was committed and not handed on."""
        self._hub, self._states, self._notifications = hub, states, notifications
        self._ledgers, self._parking, self._handover_after = ledgers, parking, handover_after
        self._warm: OrderedDict[str, tuple[str, Versioned[VehicleState]]] = OrderedDict()
        self._books: dict[str, Versioned[Ledger]] = {}
        self._read_to: dict[str, Position] = {}

    async def batch(self, partition: str, arrivals: Sequence[Arrival], clock: Clock) -> list[Counted]:
        """Apply, park and count every event of the batch, or raise Unavailable so that the batch comes again."""
        self._forget_after_a_gap(partition, arrivals)
        by_vehicle: dict[str, list[Arrival]] = {}
        counted: dict[Position, Counted] = {}
        for arrival in arrivals:
            if isinstance(arrival.parsed, Telemetry):
                by_vehicle.setdefault(arrival.device, []).append(arrival)
            else:
                counted[arrival.position] = await self._park(partition, arrival, arrival.parsed)
        slots = asyncio.Semaphore(IN_FLIGHT)
        entries = await asyncio.gather(
            *(self._in_slot(slots, partition, own, clock) for own in by_vehicle.values()), return_exceptions=True
        )
        for found in entries:
            if isinstance(found, BaseException):
                raise found
            counted.update((c.position, c) for c in found)
        books = [counted[a.position] for a in arrivals]
        await self._count(partition, books)
        self._read_to[partition] = arrivals[-1].position
        return books

    def _forget_after_a_gap(self, partition: str, arrivals: Sequence[Arrival]) -> None:
        """A partition that was elsewhere meanwhile may have moved on there."""
        last = self._read_to.pop(partition, None)
        if last is None or arrivals[0].position.sequence != last.sequence + 1:
            for vehicle in [v for v, (p, _) in self._warm.items() if p == partition]:
                del self._warm[vehicle]
            self._books.pop(partition, None)

    async def _in_slot(
        self, slots: asyncio.Semaphore, partition: str, own: Sequence[Arrival], clock: Clock
    ) -> list[Counted]:
        async with slots:
            try:
                return await self._vehicle(partition, own, clock)
            except (NotFound, Refused) as error:
                if isinstance(error, NotFound):
                    error = NotFound(error.detail, Code.UNREGISTERED_DEVICE)
                return [await self._park(partition, arrival, error) for arrival in own]

    async def _vehicle(self, partition: str, own: Sequence[Arrival], clock: Clock) -> list[Counted]:
        """Fold one vehicle's events into one write, then tell what follows from them."""
        vehicle = own[0].device
        for _ in range(ATTEMPTS):
            _, found = self._warm.pop(vehicle, (partition, None))
            if found is None:
                found = await self._states.load(vehicle)
            state, outcomes = _fold(found.value, own)
            state = state.owing(clock() + self._handover_after)
            try:
                held = found if state is found.value else await save(found, state, self._states)
            except (Conflict, Unavailable):
                continue
            told = await tell(held, self._states, self._notifications) if held.value.outbox else held
            if told:
                self._hold(partition, vehicle, told)
            return [_counted(a, o) for a, o in zip(own, outcomes, strict=True)]
        raise Unavailable(f"{vehicle} could not be written in {ATTEMPTS} attempts")

    def _hold(self, partition: str, vehicle: str, state: Versioned[VehicleState]) -> None:
        self._warm[vehicle] = (partition, state)
        if len(self._warm) > WARM:
            self._warm.popitem(last=False)

    async def _park(self, partition: str, arrival: Arrival, error: CloudError) -> Counted:
        position = arrival.position
        key = f"{partition}-{position.sequence}"
        await self._parking.park(
            Parked(self._hub, key, position.enqueued_at, arrival.device, error.code.value, error.detail, arrival.body)
        )
        return Counted(position, Outcome.PARKED, error.code.value)

    async def _count(self, partition: str, entries: Sequence[Counted]) -> None:
        for _ in range(ATTEMPTS):
            book = self._books.pop(partition, None) or await self._ledgers.load(f"{self._hub}-{partition}")
            after = count(book.value, entries)
            try:
                version = book.version if after is book.value else await self._ledgers.commit(after, book.version)
            except (Conflict, Unavailable):
                continue
            self._books[partition] = Versioned(after, version)
            return
        raise Unavailable(f"the ledger of {partition} could not be written in {ATTEMPTS} attempts")


def _fold(state: VehicleState, own: Sequence[Arrival]) -> tuple[VehicleState, list[Outcome]]:
    """What the domain makes of them; a defect there parks one vehicle's events instead of holding up the hub."""
    events = [Event(a.parsed, a.position.enqueued_at, a.position) for a in own if isinstance(a.parsed, Telemetry)]
    try:
        return fold(state, events)
    except Exception as error:
        raise Refused(f"fold: {error!r}", Code.INTERNAL) from error


def _counted(arrival: Arrival, outcome: Outcome) -> Counted:
    census = arrival.parsed.census if isinstance(arrival.parsed, Telemetry) else None
    return Counted(arrival.position, outcome, None, census) if census else Counted(arrival.position, outcome)
