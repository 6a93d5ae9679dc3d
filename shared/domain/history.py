"""What a vehicle reported over time: samples collected into chunks that never change once they are closed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from typing import Any, NamedTuple

from shared.domain.telemetry import Sample, Value, outranks

DAY = 86_400_000
LONGEST = 600_000
"""Milliseconds that one chunk spans."""
LARGEST = 4096
"""Bytes of one chunk as it is stored, roughly."""
ROW, VALUE = 10, 6
"""Bytes of a row without its values, and of a value, on average."""


class Table(NamedTuple):
    """Samples in the order in which they came, as they are stored: each path once, with its place; and for each sample
    a row of [milliseconds after the first, a value or None for each path that was known by then]."""

    first: int = 0
    paths: Mapping[str, int] = {}
    rows: tuple[tuple[Any, ...], ...] = ()

    @classmethod
    def of(cls, samples: Iterable[Sample]) -> "Table":
        table = cls()
        for sample in samples:
            table = table.add(sample)
        return table

    def add(self, sample: Sample) -> "Table":
        at, readings = sample
        first = self.first if self.rows else at
        paths = self.paths
        if not readings.keys() <= paths.keys():
            paths = {path: place for place, path in enumerate(dict.fromkeys((*paths, *readings)))}
        return Table(first, paths, (*self.rows, (at - first, *map(readings.get, paths))))

    @property
    def samples(self) -> tuple[Sample, ...]:
        return tuple(
            Sample(self.first + row[0], {p: v for p, v in zip(self.paths, row[1:], strict=False) if v is not None})
            for row in self.rows
        )

    @property
    def last(self) -> int:
        """The time of the latest sample."""
        return self.first + int(max(row[0] for row in self.rows))


@dataclass(frozen=True, slots=True)
class Chunk:
    """Samples of one UTC day that are stored once, under an id that the same samples always give."""

    id: str
    vehicle_id: str
    day: str
    table: Table
    keep_days: int

    @property
    def samples(self) -> tuple[Sample, ...]:
        return self.table.samples


class Open(NamedTuple):
    """The chunk that still takes samples, its bytes so far, and the sequence number of the message that began it."""

    table: Table = Table()
    size: int = 0
    sequence: int = 0

    @property
    def samples(self) -> tuple[Sample, ...]:
        return self.table.samples

    def precedes(self, at: int) -> bool:
        """Whether a sample of that time may still join it, or one that follows it."""
        return not self.table.rows or at >= self.table.first

    def full_for(self, sample: Sample) -> bool:
        """Whether the sample begins another chunk."""
        if not self.table.rows:
            return False
        first = self.table.first
        return self.size >= LARGEST or sample.at - first >= LONGEST or sample.at // DAY != first // DAY

    def add(self, sample: Sample, sequence: int) -> "Open":
        table = self.table.add(sample)
        size = self.size + ROW + VALUE * len(sample.readings)
        if table.paths is not self.table.paths:
            size += sum(len(path) + 3 for path in table.paths.keys() - self.table.paths.keys())
        return Open(table, size, self.sequence if self.table.rows else sequence)

    def close(self, vehicle_id: str, keep_days: int) -> Chunk:
        first = self.table.first
        return Chunk(f"chunk-{first}-{self.sequence}", vehicle_id, day_of(first), self.table, keep_days)


def late(samples: Iterable[Sample], vehicle_id: str, sequence: int, keep_days: int) -> list[Chunk]:
    """Samples of one message that came too late for the open chunk, under ids of their own: one a day."""
    days = groupby(sorted(samples, key=lambda s: s.at), lambda s: s.at // DAY)
    tables = [Table.of(group) for _, group in days]
    return [Chunk(f"late-{t.first}-{sequence}", vehicle_id, day_of(t.first), t, keep_days) for t in tables]


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
