"""A fleet in memory behind the real app: `python -m tests.bench.crowd VEHICLES serve|still|cost`.

`serve` has each vehicle seen again once a second, a tenth of them every tenth of a second, and prints where the local
host listens; `still` the same without. `cost` prints what answering takes."""

import asyncio
import importlib
import json
import statistics
import sys
import time

from local.cloud import ROOT
from local.host.http import Front
from local.host.worker import index
from local.part import HOST
from shared.adapters.clock import epoch_ms
from shared.domain.geo import Place
from shared.domain.location import Fix, Location
from shared.domain.principal import Kind, Principal
from shared.domain.sighting import SIGNALS
from shared.domain.vehicle import Reading, VehicleState
from shared.ports import Versioned
from tests.examples import BRAND, PROFILE
from tests.functions.conftest import EVENT_MODULES, MODULES, ask
from tests.memory import MemoryClock, MemoryWorld

PARTS = 10
"""Of a second."""
ROUNDS = 30


class Passing(MemoryClock):
    """The real time."""

    def __call__(self) -> int:
        self.at = epoch_ms()
        return self.at


class Crowd:
    def __init__(self, vehicles: int, clock: MemoryClock) -> None:
        self.world, self._vehicles, self._turn = MemoryWorld(clock), vehicles, 0
        self.world.tokens.held = {"watcher": Principal("watcher", BRAND, Kind.OPERATOR)}
        for name in (*MODULES, *EVENT_MODULES):
            importlib.import_module(f"functions.{name}").world = lambda: self.world  # type: ignore[attr-defined]
        self.move_all(clock())

    def move_all(self, now: int) -> None:
        for part in range(PARTS):
            self.move(part, now)

    def move(self, part: int, now: int) -> None:
        """A tenth of the fleet is seen again."""
        self._turn += 1
        states = self.world.states.shelf
        for number in range(part, self._vehicles, PARTS):
            vehicle, further = f"veh-{number:06}", self._turn / 10_000
            place = Place(47.0 + number % 50 / 20 + further, 9.0 + number // 50 / 20 + further)
            values = (float((number * 7 + self._turn) % 360), 50.0 + number % 30, True, 60.0, False)
            readings = {path: Reading(value, now) for path, value in zip(SIGNALS.values(), values, strict=True)}
            state = VehicleState(
                vehicle_id=vehicle,
                policy=PROFILE.policy(),
                signals=readings,
                newest=now,
                revision=self._turn,
                seen_at=now,
                location=Location(Fix(place, now)),
            )
            states.held[vehicle] = Versioned(state, str(self._turn))
            states.written[vehicle] = now // 1000

    async def drive(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            for part in range(PARTS):
                self.move(part, self.world.clock())
                due += 1 / PARTS
                await asyncio.sleep(max(0.0, due - loop.time()))


async def serve(crowd: Crowd, moving: bool) -> None:
    front = Front(await index(ROOT), "", {})
    print(await front.start(HOST, 0), flush=True)
    await (crowd.drive() if moving else asyncio.Event().wait())


async def cost(crowd: Crowd) -> None:
    """CPU milliseconds of one more watcher's answer when all have moved, and of `json.dumps` of the same."""
    from functions import sightings

    marks = [(await ask(sightings.read_sightings, "watcher")).body["mark"]] * 2
    took, floor = list[float](), list[float]()
    for _ in range(ROUNDS):
        crowd.world.clock.at += 1000
        crowd.move_all(crowd.world.clock.at)
        for watcher, mark in enumerate(marks):
            started = time.process_time_ns()
            answer = await ask(sightings.read_sightings, "watcher", query={"after": mark})
            parsed = time.process_time_ns()
            json.dumps(answer.body)
            dumped = time.process_time_ns() - parsed
            json.loads(json.dumps(answer.body))
            loaded = time.process_time_ns() - parsed - 2 * dumped
            marks[watcher] = answer.body["mark"]
        took.append((parsed - started - loaded) / 1e6)  # of the second watcher, without the test's own parsing
        floor.append(dumped / 1e6)
    print(json.dumps([statistics.median(took), statistics.median(floor)]))


if __name__ == "__main__":
    vehicles, what = int(sys.argv[1]), sys.argv[2]
    if what == "cost":
        asyncio.run(cost(Crowd(vehicles, MemoryClock())))
    else:
        asyncio.run(serve(Crowd(vehicles, Passing()), what == "serve"))
