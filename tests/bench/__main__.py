"""`make bench`: every figure with its goal, printed and written to .local/bench.json.

Ratios are against a floor measured in the same run, in CPU time, as the median of many rounds."""

import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random

import orjson

from local.cloud import ROOT, Cloud, Ports
from local.demo import Plan, drive
from local.town import Resident, operator, settle
from shared.bootstrap import world
from shared.codec.signals import FILE
from shared.codec.telemetry import decode
from tests.examples import NOON, VEHICLE, cloud_event, encoded

OUT = ROOT / ".local" / "bench.json"
ROUNDS, EVENTS = 60, 256


@dataclass(frozen=True, slots=True)
class Figure:
    """`goal` is a bound in the direction of `better`; None for a figure that is only told."""

    name: str
    value: float
    unit: str
    goal: float | None = None
    better: str = "lower"

    @property
    def holds(self) -> bool:
        if self.goal is None:
            return True
        return self.value <= self.goal if self.better == "lower" else self.value >= self.goal


def ratio(step: Callable[[], object], floor: Callable[[], object]) -> float:
    """CPU time of the step over that of the floor."""
    ratios = []
    for _ in range(ROUNDS):
        taken = []
        for run in (floor, step):
            start = time.process_time_ns()
            run()
            taken.append(time.process_time_ns() - start)
        ratios.append(taken[1] / taken[0])
    return statistics.median(ratios)


def events(shuffled: bool) -> list[bytes]:
    """Messages of 25 signals: 16 numbers, 8 booleans, a text. In a car's own order, or in another each time."""
    random, leaves = Random(1), json.loads(FILE.read_text())

    def some(count: int, *kinds: str) -> list[str]:
        fitting = [p for p, leaf in leaves.items() if leaf["datatype"] in kinds and leaf.get("max", 100) >= 90]
        return random.sample(fitting, count)

    texts = [p for p, leaf in leaves.items() if "allowed" in leaf]
    paths = some(16, "float", "double") + some(8, "boolean") + random.sample(texts, 1)
    messages = []
    for number in range(EVENTS):
        if shuffled:
            random.shuffle(paths)
        signals = {path: value(random, leaves[path]) for path in paths}
        data = {"samples": [{"time": "2026-11-22T12:00:00Z", "signals": signals}]}
        messages.append(encoded(cloud_event(sequence=str(number), data=data, time="2026-11-22T12:00:00Z")))
    return messages


def value(random: Random, leaf: dict[str, object]) -> object:
    allowed = leaf.get("allowed")
    if isinstance(allowed, list):
        return allowed[0]
    return random.random() < 0.5 if leaf["datatype"] == "boolean" else round(random.uniform(0, 90), 3)


def parsing() -> Iterator[Figure]:
    for name, shuffled, goal in (("parse_ratio", False, 1.8), ("parse_ratio_shuffled", True, None)):
        raw = events(shuffled)
        for body in raw:
            decode(VEHICLE, body, NOON)
        yield Figure(name, round(parse_ratio(raw), 2), "x orjson.loads", goal)


def parse_ratio(raw: Sequence[bytes]) -> float:
    return ratio(lambda: [decode(VEHICLE, b, NOON) for b in raw], lambda: [orjson.loads(b) for b in raw])


def cold_start() -> Iterator[Figure]:
    """CPU time of importing the app, in a fresh process, less that of an empty one."""

    def taken(code: str) -> float:
        measured = f"import time; {code}; print(time.process_time() * 1000)"
        runs = [
            float(subprocess.run([sys.executable, "-c", measured], capture_output=True, cwd=ROOT, check=True).stdout)
            for _ in range(5)
        ]
        return statistics.median(runs)

    yield Figure("cold_start", round(taken("import function_app") - taken("pass")), "ms CPU")


async def road() -> list[Figure]:
    """Five vehicles at full speed through the whole stack, after a warm-up."""
    with tempfile.TemporaryDirectory() as folder:
        started = time.monotonic()
        cloud = Cloud(Path(folder), Ports.free())
        try:
            await cloud.start()
            figures = [Figure("start", round(time.monotonic() - started, 1), "s", 120)]
            await drive(cloud, Plan(seconds=200))
            for per_event, seconds, goal in ((1, 4_000, 2_000), (6, 12_000, 8_000)):
                summary = await drive(cloud, Plan(seconds=seconds, per_event=per_event))
                rate = 5 * seconds / summary["seconds"]
                figures.append(Figure(f"samples_per_second_{per_event}", round(rate), "samples/s", goal, "higher"))
            writes = summary["state_writes"] / summary["samples"]
            figures.append(Figure("state_writes_per_sample", round(writes, 4), "writes"))
            figures += await checks(cloud, await settle(cloud, 5))
            await world().close()
            return figures
        finally:
            await cloud.stop()


async def checks(cloud: Cloud, residents: Sequence[Resident]) -> list[Figure]:
    api, taken = operator(cloud), []
    for number in range(500):
        start = time.perf_counter()
        await api.call("GET", f"vehicles/{residents[number % 5].vehicle_id}/entitlements/remote-climate")
        taken.append((time.perf_counter() - start) * 1000)
    await api.__aexit__()
    cuts = statistics.quantiles(taken, n=100)
    return [Figure("check_p50", round(cuts[49], 1), "ms"), Figure("check_p99", round(cuts[98], 1), "ms")]


def main() -> int:
    figures = [*parsing(), *cold_start(), *asyncio.run(road())]
    for figure in figures:
        goal = "" if figure.goal is None else f"goal {figure.goal:g}: {'holds' if figure.holds else 'FAILS'}"
        print(f"{figure.name:28} {figure.value:>10g} {figure.unit:18} {goal}")
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps({f.name: asdict(f) | {"holds": f.holds} for f in figures}, indent=2) + "\n")
    return 0 if all(figure.holds for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
