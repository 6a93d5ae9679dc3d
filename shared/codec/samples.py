"""Samples as they are stored: the paths once, then a row for each sample with its time and what it held of them."""

from collections.abc import Sequence
from typing import Any

from shared.domain.telemetry import Sample

type Packed = dict[str, Any]
"""`paths`, `first` (epoch ms), and `rows` of [milliseconds after it, value or null ...] in the order of the paths."""


def pack(samples: Sequence[Sample]) -> Packed:
    paths: dict[str, None] = {}
    for sample in samples:
        paths.update(dict.fromkeys(sample.readings))
    start = samples[0].at if samples else 0
    rows = [[at - start, *map(readings.get, paths)] for at, readings in samples]
    return {"paths": list(paths), "first": start, "rows": rows}


def unpack(packed: Packed) -> tuple[Sample, ...]:
    paths, start = packed["paths"], packed["first"]
    return tuple(
        Sample(start + after, {p: v for p, v in zip(paths, values, strict=True) if v is not None})
        for after, *values in packed["rows"]
    )
