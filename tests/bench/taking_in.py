"""Taking in events without a store: what a vehicle and batch cost in calls, in time, and in memory."""

import asyncio
import gc
import statistics
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import psutil

from local.fleet.drives import ElectricCar
from shared.domain.folding import fold
from shared.domain.history import Chunk
from shared.domain.rules import Book
from shared.domain.telemetry import Event, Position, Sample, Telemetry
from shared.domain.vehicle import VehicleState
from shared.use_cases.ingest import Arrival, Ingest, Outside
from tests.bench.figures import Figure
from tests.examples import BOOK, NOON, PROFILE
from tests.memory import MemoryWorld

MEMORY_EVENTS, STEP, VEHICLES = 300_000, 30_000, 50


_CAR = ElectricCar(1)
_DRIVE = [_CAR.step() for _ in range(3_600)]


def samples(number: int, count: int) -> list[Sample]:
    """What a car sees in consecutive seconds: fifteen signals."""
    turns = range(number * count, number * count + count)
    return [Sample(NOON + turn * 1000, _DRIVE[turn % len(_DRIVE)]) for turn in turns]


class Counted:
    """A port whose calls are counted."""

    def __init__(self, port: object, name: str, calls: Counter[str]) -> None:
        self._port, self._name, self._calls = port, name, calls

    def __getattr__(self, method: str) -> Callable[..., Awaitable[Any]]:
        self._calls[f"{self._name}.{method}"] += 1
        found: Callable[..., Awaitable[Any]] = getattr(self._port, method)
        return found


class Loss:
    """History that is handed over and forgotten."""

    async def put(self, chunk: Chunk) -> None:
        return None


class Plain:
    """Messages that need no decoding."""

    def __init__(self, per_message: int) -> None:
        self._per_message = per_message

    async def decoder(self, brand: str) -> Callable[[str, bytes, int], Telemetry]:
        return lambda device, body, at: Telemetry(device, int(body), samples(int(body), self._per_message))


def ingest(world: MemoryWorld, calls: Counter[str], per_message: int) -> Ingest:
    ports: Any = {"states": world.states, "notifications": world.notifications, "histories": Loss()}
    counted: Any = {name: Counted(port, name, calls) for name, port in ports.items()}
    plain: Any = Plain(per_message)
    outside = Outside(**counted, ledgers=world.ledgers, parking=world.parking, rules=world.rules, vocabularies=plain)
    return Ingest("telemetry", outside, 60_000)


def registered(vehicles: int) -> MemoryWorld:
    world = MemoryWorld()
    for number in range(vehicles):
        name = f"veh-{number}"
        world.states.shelf.commit(name, VehicleState(name, PROFILE.policy()), None)
    return world


async def batches(ingest: Ingest, count: int, vehicles: int) -> None:
    """One message of each vehicle a batch."""
    for number in range(count):
        at = number * vehicles
        batch = [
            Arrival(Position(at + v, NOON + number * 1000, "0"), f"veh-{v}", b"%d" % number) for v in range(vehicles)
        ]
        await ingest.batch("0", batch, lambda: NOON)


def calls() -> Iterator[Figure]:
    """Two hundred batches of six-sample messages, after the first that fills the memory."""
    counted, world = Counter[str](), registered(VEHICLES)
    taking = ingest(world, counted, 6)
    asyncio.run(batches(taking, 200, VEHICLES))
    events = 200 * VEHICLES
    yield Figure("state_writes_per_vehicle_batch", round(counted["states.commit"] / events, 4), "writes", 1.0)
    yield Figure(
        "state_writes_per_sample_6", round(counted["states.commit"] / events / 6, 4), "writes", round(1 / 6, 4)
    )
    yield Figure("history_writes_per_sample", round(counted["histories.put"] / events / 6, 4), "writes")
    yield Figure("reads_per_warm_batch", (counted["states.load"] - VEHICLES) / 199, "reads", 0)


def folding() -> Iterator[Figure]:
    """One sample of fifteen signals into a vehicle's state, with the shipped rules and without any."""
    for name, book in (("fold", Book()), ("fold_and_rules", BOOK)):
        taken = []
        for turn in range(21):
            events = [
                Event(Telemetry("v", n, samples(n, 1)), NOON + n * 1000) for n in range(turn * 500, turn * 500 + 500)
            ]
            state = VehicleState("v", PROFILE.policy())
            start = time.process_time_ns()
            fold(state, events, book)
            taken.append((time.process_time_ns() - start) / 500 / 1000)
        yield Figure(f"{name}_us", round(statistics.median(taken), 1), "us an event")


def memory() -> Iterator[Figure]:
    """Resident bytes an event, as the slope of a line through what was measured after the first third."""
    world = registered(VEHICLES)
    taking, process = ingest(world, Counter(), 1), psutil.Process()
    seen: list[tuple[int, int]] = []

    async def run() -> None:
        number = 0
        for step in range(MEMORY_EVENTS // STEP):
            for _ in range(STEP // VEHICLES):
                at = number * VEHICLES
                batch = [
                    Arrival(Position(at + v, NOON + number * 1000, "0"), f"veh-{v}", b"%d" % number)
                    for v in range(VEHICLES)
                ]
                await taking.batch("0", batch, lambda: NOON)
                number += 1
            world.notifications.sent.clear()
            gc.collect()
            seen.append(((step + 1) * STEP, process.memory_info().rss))

    asyncio.run(run())
    late = seen[len(seen) // 3 :]
    slope = statistics.linear_regression(*zip(*late, strict=True)).slope
    yield Figure("memory_slope", round(max(0.0, slope), 2), "bytes an event", 8)
