"""Reading messages, and importing the app."""

import json
import statistics
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from random import Random

import orjson

from local.cloud import ROOT
from shared.codec import vspec
from shared.codec.signals import shipped, vocabulary
from shared.codec.telemetry import Decoder
from shared.domain.signals import Leaf, Release
from tests.bench.figures import Figure, ratio
from tests.conftest import DATA
from tests.examples import NOON, VEHICLE, cloud_event, encoded

EVENTS = 256


def events(leaves: Mapping[str, Leaf], shuffled: bool) -> list[bytes]:
    """Messages of 25 signals: 16 numbers, 8 booleans, a text. In a car's own order, or in another each time."""
    random = Random(1)

    def some(count: int, *kinds: str) -> list[str]:
        fitting = [p for p, leaf in leaves.items() if leaf.datatype in kinds and (leaf.most is None or leaf.most >= 90)]
        return random.sample(fitting, count)

    texts = [p for p, leaf in leaves.items() if leaf.allowed and leaf.datatype == "string"]
    paths = some(16, "float", "double") + some(8, "boolean") + random.sample(texts, 1)
    messages = []
    for number in range(EVENTS):
        if shuffled:
            random.shuffle(paths)
        signals = {path: value(random, leaves[path]) for path in paths}
        data = {"samples": [{"time": "2026-11-22T12:00:00Z", "signals": signals}]}
        messages.append(encoded(cloud_event(sequence=str(number), data=data, time="2026-11-22T12:00:00Z")))
    return messages


def value(random: Random, leaf: Leaf) -> object:
    if leaf.allowed:
        return leaf.allowed[0]
    return random.random() < 0.5 if leaf.datatype == "boolean" else round(random.uniform(0, 90), 3)


def parsing() -> Iterator[Figure]:
    for name, shuffled, goal in (("parse_ratio", False, 1.8), ("parse_ratio_shuffled", True, None)):
        decoder, raw = Decoder(vocabulary(Release())), events(shipped(), shuffled)
        yield Figure(name, round(parse_ratio(decoder, raw), 2), "x orjson.loads", goal)
    if DATA.is_dir():
        tree = json.loads((DATA / "vss-6.0.json").read_text())
        whole = {path: leaf for path, leaf in vspec.read(tree).items() if leaf is not None}
        measured = parse_ratio(Decoder(vocabulary(Release(whole))), events(whole, False))
        yield Figure("parse_ratio_whole_vss", round(measured, 2), "x orjson.loads", 2.0)


def parse_ratio(decoder: Decoder, raw: Sequence[bytes]) -> float:
    for body in raw:
        decoder.decode(VEHICLE, body, NOON)
    return ratio(lambda: [decoder.decode(VEHICLE, b, NOON) for b in raw], lambda: [orjson.loads(b) for b in raw])


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
