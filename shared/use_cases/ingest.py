"""From a batch of a hub partition to vehicle states, history, notifications and the ledger."""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from shared.domain.folding import fold, refusal
from shared.domain.ledger import Counted, with_limited
from shared.domain.parked import Parked
from shared.domain.policy import Privacy
from shared.domain.rules import Book
from shared.domain.telemetry import Event, Position
from shared.domain.vehicle import Outcome, VehicleState
from shared.errors import CloudError, Code, Conflict, NotFound, Refused, Rejected, Unavailable, brief
from shared.ports import (
    Clock,
    Decode,
    Histories,
    Ledgers,
    Notifications,
    Parking,
    Rules,
    States,
    Versioned,
    Vocabularies,
)
from shared.use_cases.batch_budget import Spent, by_weight, slices, too_much
from shared.use_cases.books import ATTEMPTS, Books
from shared.use_cases.tell import save, tell

IN_FLIGHT = 32
"""How many vehicles of a batch are written at once: more only adds latency."""
WARM = 5_000
"""How many vehicles an instance holds in memory between batches."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """One event as the hub gave it. Without a device nobody knows whose it is."""

    position: Position
    device: str
    body: bytes
    generation: str | None = None


@dataclass(frozen=True, slots=True)
class Outside:
    """What ingest reaches."""

    states: States
    notifications: Notifications
    histories: Histories
    ledgers: Ledgers
    parking: Parking
    rules: Rules
    vocabularies: Vocabularies


class Ingest:
    """Takes batches of one hub. Holds what it last wrote, and learns from a conflict that another wrote since."""

    def __init__(self, hub: str, outside: Outside, handover_after: int) -> None:
        """`handover_after`: milliseconds after which the timer looks after what was committed and not handed on."""
        self.hub, self._o, self._handover_after = hub, outside, handover_after
        self._warm: OrderedDict[str, tuple[str, Versioned[VehicleState]]] = OrderedDict()
        self._books = Books(hub, outside.ledgers)
        self._read_to: dict[str, Position] = {}

    async def batch(self, partition: str, arrivals: Sequence[Arrival], clock: Clock) -> list[Counted]:
        """Apply, park and count every event of the batch, or raise Unavailable so that the batch comes again.

        Vehicles that sent much come last, and none takes in more than its budget: see batch_budget."""
        self._forget_after_a_gap(partition, arrivals)
        by_vehicle: dict[str, list[Arrival]] = {}
        for arrival in arrivals:
            by_vehicle.setdefault(arrival.device, []).append(arrival)
        slots = asyncio.Semaphore(IN_FLIGHT)
        light, heavy = by_weight(by_vehicle.values())
        entries = [*await self._all(slots, partition, light, clock), *await self._all(slots, partition, heavy, clock)]
        counted: dict[Position, Counted] = {}
        for found in entries:
            if isinstance(found, BaseException):
                raise found
            for entry in found:  # a reader that began again holds some twice: what became of the first is what counts
                counted.setdefault(entry.position, entry)
        books = [counted[a.position] for a in arrivals]
        await self._books.count(partition, books, clock())
        self._read_to[partition] = arrivals[-1].position
        return books

    async def _all(
        self, slots: asyncio.Semaphore, partition: str, vehicles: Sequence[Sequence[Arrival]], clock: Clock
    ) -> list[list[Counted] | BaseException]:
        """What became of each, whatever became of the others."""
        steps = (self._in_slot(slots, partition, own, clock) for own in vehicles)
        return await asyncio.gather(*steps, return_exceptions=True)

    def _forget_after_a_gap(self, partition: str, arrivals: Sequence[Arrival]) -> None:
        """A partition that was elsewhere meanwhile may have moved on there."""
        last = self._read_to.pop(partition, None)
        if last is None or arrivals[0].position.sequence != last.sequence + 1:
            for vehicle in [v for v, (p, _) in self._warm.items() if p == partition]:
                del self._warm[vehicle]
            self._books.forget(partition)

    async def _in_slot(
        self, slots: asyncio.Semaphore, partition: str, own: Sequence[Arrival], clock: Clock
    ) -> list[Counted]:
        entries, spent = list[Counted](), Spent()
        async with slots:
            for some in slices(own):
                entries += await self._slice(partition, some, spent, clock)
        return entries

    async def _slice(self, partition: str, own: Sequence[Arrival], spent: Spent, clock: Clock) -> list[Counted]:
        """One vehicle's events that go into one write, or are parked together."""
        try:
            if not own[0].device:
                raise NotFound("the hub names no device", Code.NO_DEVICE)
            if spent.all:
                raise too_much()
            return await self._vehicle(partition, own, spent, clock)
        except NotFound as error:
            code = Code.UNREGISTERED_DEVICE if error.code is Code.NOT_FOUND else error.code
            return [await self._park(arrival, NotFound(error.detail, code), None) for arrival in own]
        except Refused as error:
            privacy = (await self._o.states.load(own[0].device)).value.policy.privacy
            return [await self._park(arrival, error, privacy) for arrival in own]

    async def _vehicle(self, partition: str, own: Sequence[Arrival], spent: Spent, clock: Clock) -> list[Counted]:
        """Fold one vehicle's events into one write, then hand on what follows from them."""
        vehicle = own[0].device
        for _ in range(ATTEMPTS):
            _, found = self._warm.pop(vehicle, (partition, None))
            if found is None:
                found = await self._o.states.load(vehicle)
            policy = found.value.policy
            try:
                book = await self._o.rules.book(policy.brand, vehicle, policy.rules)
                state, entries = await self._fold(found.value, own, book)
                held = found
                if state is not found.value:
                    held = await save(found, self._scheduled(state, book, clock), self._o.states)
            except (Conflict, Unavailable):
                continue
            spent.add(own, entries, len(held.value.outbox))
            told = await self._tell(held, book, clock, owed_before=bool(found.value.outbox))
            if told and told.value.may_be_held(clock()):
                self._hold(partition, vehicle, told)
            return entries
        raise Unavailable(f"{vehicle} could not be written in {ATTEMPTS} attempts")

    def _scheduled(self, state: VehicleState, book: Book, clock: Clock) -> VehicleState:
        return state.scheduled(book, clock(), self._handover_after)

    async def _tell(
        self, held: Versioned[VehicleState], book: Book, clock: Clock, owed_before: bool
    ) -> Versioned[VehicleState] | None:
        """Where something was owed before, another writer left it: were it left again, it would grow for ever."""
        if not held.value.outbox:
            return held

        def scheduled(state: VehicleState) -> VehicleState:
            return self._scheduled(state, book, clock)

        o = self._o
        return await tell(held, o.states, o.notifications, o.histories, scheduled, chunks_later=not owed_before)

    async def _fold(
        self, state: VehicleState, own: Sequence[Arrival], book: Book
    ) -> tuple[VehicleState, list[Counted]]:
        """The state after what can be taken in of the events; the rest is parked before anything is committed."""
        decode = await self._o.vocabularies.decoder(state.policy.brand)
        parsed = [_parsed(arrival, decode) for arrival in own]
        after, outcomes = _folded(state, [event for event in parsed if isinstance(event, Event)], book)
        verdicts, entries = iter(outcomes), list[Counted]()
        for arrival, event in zip(own, parsed, strict=True):
            verdict = event if isinstance(event, CloudError) else next(verdicts)
            if isinstance(verdict, CloudError):
                entries.append(await self._park(arrival, verdict, state.policy.privacy))
            elif isinstance(event, Event):
                entries.append(Counted(arrival.position, verdict, None, event.telemetry.census))
        return after, with_limited(entries, after.allowance.limited - state.allowance.limited)

    async def replay(self, arrival: Arrival, clock: Clock) -> Outcome:
        """Take in one event that was parked, as of when it arrived. It is parked already, so that it may stay so.

        The vehicle's own sequence tells whether it was taken in before; the hub's position says nothing any more."""
        vehicle = arrival.device
        for _ in range(ATTEMPTS):
            try:
                found = await self._o.states.load(vehicle)
                policy = found.value.policy
                book = await self._o.rules.book(policy.brand, vehicle, policy.rules)
                event = _parsed(arrival, await self._o.vocabularies.decoder(policy.brand))
                if isinstance(event, CloudError):
                    return Outcome.PARKED
                state, outcomes = fold(found.value, [replace(event, position=None)], book)
                if state is not found.value:
                    held = await save(found, self._scheduled(state, book, clock), self._o.states)
                    await self._tell(held, book, clock, owed_before=True)
            except NotFound:
                return Outcome.PARKED
            except Conflict:
                continue
            return outcomes[0]
        raise Unavailable(f"{vehicle} is being written by others")

    def _hold(self, partition: str, vehicle: str, state: Versioned[VehicleState]) -> None:
        self._warm[vehicle] = (partition, state)
        if len(self._warm) > WARM:
            self._warm.popitem(last=False)

    async def _park(self, arrival: Arrival, error: CloudError, privacy: Privacy | None) -> Counted:
        """Set it aside. Of a vehicle that was excluded lately nobody knows what is in the body: it is only counted."""
        position = arrival.position
        if privacy in (None, Privacy()):
            key = f"{position.partition}-{position.sequence}"
            reason, at, generation = error.code.value, position.enqueued_at, arrival.generation
            await self._o.parking.park(
                Parked(self.hub, key, at, arrival.device, reason, error.detail, arrival.body, generation)
            )
        return Counted(position, Outcome.PARKED, error.code.value)


def _parsed(arrival: Arrival, decode: Decode) -> Event | CloudError:
    """What was sent, or why it can't be read; a defect of ours there parks the event too."""
    try:
        telemetry = decode(arrival.device, arrival.body, arrival.position.enqueued_at)
    except Rejected as error:
        return error
    except Exception as error:
        return Refused(f"decode: {brief(error)}", Code.INTERNAL)
    return Event(telemetry, arrival.position.enqueued_at, arrival.position, arrival.generation)


def _folded(
    state: VehicleState, events: Sequence[Event], book: Book
) -> tuple[VehicleState, list[Outcome | CloudError]]:
    """What the domain makes of them. A defect there parks the event that brings it out, and no other."""
    try:
        after, outcomes = fold(state, events, book)
    except Exception as error:
        if len(events) == 1:
            return state, [Refused(f"fold: {brief(error)}", Code.INTERNAL)]
        found = list[Outcome | CloudError]()
        for event in events:
            state, one = _folded(state, [event], book)
            found += one
        return state, found
    refused = Refused(f"nothing is taken in of {state.vehicle_id}", refusal(after))
    return after, [refused if outcome is Outcome.PARKED else outcome for outcome in outcomes]
