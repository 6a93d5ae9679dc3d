"""What a vehicle reported over time: samples collected into chunks that never change once they are closed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from typing import NamedTuple

from shared.domain.telemetry import Sample, Value, outranks

DAY = 86_400_000
LONGEST = 600_000
"""Milliseconds that one chunk spans."""
LARGEST = 4096
"""Bytes of one chunk as it is stored, roughly."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Samples of one UTC day that are stored once, under an id that the same samples always give."""

    id: str
    vehicle_id: str
    day: str
    samples: tuple[Sample, ...]
    keep_days: int


class Open(NamedTuple):
    """The chunk that still takes samples, its bytes so far, and the sequence number of the message that began it."""

    samples: tuple[Sample, ...] = ()
    size: int = 0
    paths: frozenset[str] = frozenset()
    sequence: int = 0

    def precedes(self, at: int) -> bool:
        """Whether a sample of that time may still join it, or one that follows it."""
        return not self.samples or at >= self.samples[0].at

    def full_for(self, sample: Sample) -> bool:
        """Whether the sample begins another chunk."""
        if not self.samples:
            return False
        first = self.samples[0].at
        return self.size >= LARGEST or sample.at - first >= LONGEST or sample.at // DAY != first // DAY

    def add(self, sample: Sample, sequence: int) -> "Open":
        readings = sample.readings
        new = readings.keys() - self.paths
        paths = self.paths | new if new else self.paths
        size = self.size + 10 + 8 * len(readings) + sum(len(path) + 3 for path in new)
        return Open((*self.samples, sample), size, paths, self.sequence if self.samples else sequence)

    def close(self, vehicle_id: str, keep_days: int) -> Chunk:
        first = self.samples[0].at
        return Chunk(f"chunk-{first}-{self.sequence}", vehicle_id, day_of(first), self.samples, keep_days)


def late(samples: Iterable[Sample], vehicle_id: str, sequence: int, keep_days: int) -> list[Chunk]:
    """Samples of one message that came too late for the open chunk, under ids of their own: one a day."""
    days = groupby(sorted(samples, key=lambda s: s.at), lambda s: s.at // DAY)
    grouped = [tuple(group) for _, group in days]
    return [Chunk(f"late-{g[0].at}-{sequence}", vehicle_id, day_of(g[0].at), g, keep_days) for g in grouped]


def merged(parts: Iterable[Sequence[Sample]]) -> list[Sample]:
    """One sample a moment, in order of time; of two values of one signal at one moment always the same wins."""
    moments: dict[int, dict[str, Value]] = {}
    for samples in parts:
        for sample in samples:
            known = moments.setdefault(sample.at, {})
            for path, value in sample.readings.items():
                if path not in known or outranks(value, known[path]):
                    known[path] = value
    return [Sample(at, moments[at]) for at in sorted(moments)]


def day_of(at: int) -> str:
    """The UTC day (`2026-11-22`) of an epoch time in milliseconds."""
    return f"{datetime.fromtimestamp(at // 1000, UTC):%Y-%m-%d}"


def days_between(start: int, end: int) -> list[str]:
    """Every UTC day that [start, end) touches (epoch ms)."""
    return [day_of(at) for at in range(start - start % DAY, max(end, start + 1), DAY)]
