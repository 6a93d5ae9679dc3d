"""Eight writers of one vehicle at once, over the real store: nothing of any of them is lost or doubled."""

import asyncio
import os
import random
from collections.abc import Callable
from dataclasses import replace
from time import monotonic
from typing import Any
from uuid import uuid4

from shared.bootstrap import World
from shared.domain.history import DAY, days_between, merged
from shared.domain.telemetry import Position, Sample, Telemetry
from shared.domain.vehicle import VehicleState
from shared.errors import Unavailable
from shared.use_cases.derive import samples_between
from shared.use_cases.ingest import Arrival, Ingest, Outside
from tests.examples import NOON, PROFILE

WRITERS = 8
EACH = 2_000 if os.environ.get("PROVE") else 50
DEADLINE = 600.0


class Numbers:
    """A vocabulary in which a body is the number of a message: writer and turn."""

    async def decoder(self, brand: str) -> Callable[[str, bytes, int], Telemetry]:
        return self._read

    def _read(self, device: str, body: bytes, at: int) -> Telemetry:
        writer, turn = map(int, body.split())
        sample = Sample(NOON + turn * 1000 + writer, {f"Vehicle.W{writer}": turn})
        return Telemetry(device, turn * WRITERS + writer, (sample,))


async def test_eight_writers_of_one_vehicle_lose_nothing(real: World) -> None:
    vehicle, hub, numbers = f"veh-{uuid4().hex}", f"hub-{uuid4().hex}", Numbers()
    await real.profiles.register(replace(PROFILE, vehicle_id=vehicle), VehicleState(vehicle, PROFILE.policy()))
    vocabularies: Any = numbers
    outside = Outside(
        real.states, real.notifications, real.histories, real.ledgers, real.parking, real.rules, vocabularies
    )
    until = monotonic() + DEADLINE

    async def write(writer: int) -> None:
        ingest = Ingest(hub, outside, 60_000)
        for turn in range(EACH):
            at = Position(turn, NOON + turn, str(writer))
            while monotonic() < until:
                try:
                    await ingest.batch(str(writer), [Arrival(at, vehicle, b"%d %d" % (writer, turn))], lambda: NOON)
                    break
                except Unavailable:
                    await asyncio.sleep(random.random() * 0.02)
            await asyncio.sleep(random.random() * 0.02)

    await asyncio.gather(*map(write, range(WRITERS)))
    state = (await real.states.load(vehicle)).value
    assert {path: r.value for path, r in state.signals.items()} == {f"Vehicle.W{n}": EACH - 1 for n in range(WRITERS)}
    kept = await samples_between(state, NOON, NOON + DAY // 2, real.histories)
    assert kept == merged(
        [numbers._read(vehicle, b"%d %d" % (w, t), 0).samples for w in range(WRITERS) for t in range(EACH)]
    )
    books = [(await real.ledgers.load(f"{hub}-{writer}")).value for writer in range(WRITERS)]
    assert all(book.balanced and book.accepted == EACH for book in books)
    chunks = [s for day in days_between(NOON, NOON + DAY) for s in await real.histories.samples(vehicle, day, 0, 2**52)]
    assert sum(map(len, chunks)) + len(state.open.samples) >= WRITERS * EACH
