"""What neighbours notice of a vehicle that floods its partition: how late they are written, with and without it."""

import asyncio
import statistics
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from shared.domain.notification import Notification
from shared.domain.paths import SPEED, TROUBLE_CODES
from shared.domain.telemetry import Position
from shared.domain.vehicle import VehicleState
from shared.use_cases.ingest import Arrival
from tests.bench.figures import Figure
from tests.examples import NOON, PROFILE, cloud_event, encoded
from tests.memory import MemoryWorld

NEIGHBOURS, BATCHES, EVERY = 50, 40, 0.25
"""Vehicles, batches, and seconds between two of them."""
FLOOD, CODES, SAMPLES = 4, 250, 12
"""Messages of the hostile vehicle in a batch, and what each holds: 28 KB."""
WAY = 0.003
"""Seconds to the store or the broker, and back."""


async def flood() -> list[Figure]:
    """Twice the same minute, without and with the hostile vehicle."""
    calm, _ = await _late(hostile=False)
    beside, sent = await _late(hostile=True)
    ratio = _p99(beside) / _p99(calm)
    return [
        Figure("neighbours_p99_calm", round(_p99(calm) * 1000, 1), "ms"),
        Figure("neighbours_p99_beside_flood", round(ratio, 2), "x calm", 3),
        Figure("notifications_of_a_flood", sent, "in 10 s", 31),
    ]


def _p99(seconds: Sequence[float]) -> float:
    return statistics.quantiles(seconds, n=100)[-1]


async def _late(hostile: bool) -> tuple[list[float], int]:
    """Seconds from when a neighbour's message is there until it is written, and how many notifications were raised."""
    world, due, late = MemoryWorld(), 0.0, list[float]()
    names = [f"veh-{number}" for number in range(NEIGHBOURS)]
    for name in (*names, "veh-hostile"):
        world.states.shelf.commit(name, VehicleState(name, PROFILE.policy()), None)
    states: Any = world.states
    told: Any = world.notifications
    commit, send, one_at_once = states.commit, told.send, asyncio.Lock()

    async def committed(state: VehicleState, version: str | None) -> str:
        await asyncio.sleep(WAY)
        if state.vehicle_id != "veh-hostile":
            late.append(time.perf_counter() - due)
        return str(await commit(state, version))

    async def handed_on(notification: Notification) -> None:
        async with one_at_once:
            await asyncio.sleep(WAY)
        await send(notification)

    states.commit, told.send = committed, handed_on
    due, sequence = time.perf_counter(), 0
    for number in range(BATCHES):
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        batch = [_flood(number, turn) for turn in range(FLOOD if hostile else 0)]
        batch += [_message(name, number, [{SPEED: 50.0}]) for name in names]
        placed = [replace(a, position=a.position._replace(sequence=sequence + n)) for n, a in enumerate(batch)]
        sequence += len(batch)
        await world.ingest.batch("0", placed, world.clock)
        due += EVERY
    return late, len(told.sent)


def _message(device: str, number: int, seen: Sequence[dict[str, Any]]) -> Arrival:
    at = NOON + number * 250
    times = [datetime.fromtimestamp((at - len(seen) + n) / 1000, UTC).isoformat() for n in range(len(seen))]
    samples = [{"time": time, "signals": signals} for time, signals in zip(times, seen, strict=True)]
    body = encoded(cloud_event(sequence=str(number + 1), source=f"/vehicles/{device}", data={"samples": samples}))
    return Arrival(Position(0, at, "0"), device, body)


def _flood(number: int, turn: int) -> Arrival:
    """Other codes in every sample."""
    first = (number * FLOOD + turn) * SAMPLES
    seen = [{TROUBLE_CODES: [f"{first + n:04}{code:03}" for code in range(CODES)]} for n in range(SAMPLES)]
    return _message("veh-hostile", number * FLOOD + turn, seen)
