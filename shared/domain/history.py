"""What a vehicle reported over time: samples collected into chunks that never change once they are closed."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from typing import Any, NamedTuple

from shared.domain.size import textual_size
from shared.domain.telemetry import Sample, Value, outranks

DAY = 86_400_000
LONGEST = 600_000
"""Milliseconds that one chunk spans."""
LARGEST = 4096
"""Bytes of one chunk as it is stored, roughly."""
ROW, VALUE = 10, 6
"""Bytes of a row without its values, and of a value, on average; texts and lists come on top of it."""


class Row(tuple[Any, ...]):
    """Milliseconds after the first sample of its table, and a value or None for each path that was known by then."""


class Table(NamedTuple):
    """Samples in the order in which they came, as they are stored: each path once, with its place, and a row for each
    sample. `base` is the time of the one that came first (epoch ms)."""

    base: int = 0
    paths: Mapping[str, int] = {}
    rows: tuple[Row, ...] = ()

    @classmethod
    def of(cls, samples: Iterable[Sample]) -> "Table":
        table = cls()
        for sample in samples:
            table = table.add(sample)
        return table

    def add(self, sample: Sample) -> "Table":
        at, readings = sample
        base = self.base if self.rows else at
        paths = self.paths
        if not readings.keys() <= paths.keys():
            paths = {path: place for place, path in enumerate(dict.fromkeys((*paths, *readings)))}
        return Table(base, paths, (*self.rows, Row((at - base, *map(readings.get, paths)))))

    @property
    def samples(self) -> tuple[Sample, ...]:
        return tuple(
            Sample(self.base + row[0], {p: v for p, v in zip(self.paths, row[1:], strict=False) if v is not None})
            for row in self.rows
        )

    def where(self, keeps: Callable[[int], bool]) -> "Table":
        """Just the samples whose time (epoch ms) is kept; the paths that are left without a value go too."""
        return Table.of(s for s in self.samples if keeps(s.at))

    @property
    def span(self) -> tuple[int, int]:
        """The times of the earliest and of the latest sample."""
        times = [row[0] for row in self.rows]
        return self.base + min(times), self.base + max(times)


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
    """The chunk that still takes samples: its bytes so far, the sequence number of the message that began it, and the
    times of its earliest and latest sample."""

    table: Table = Table()
    size: int = 0
    sequence: int = 0
    earliest: int = 0
    latest: int = 0

    @property
    def samples(self) -> tuple[Sample, ...]:
        return self.table.samples

    def full_for(self, sample: Sample) -> bool:
        """Whether the sample begins another chunk, be it later or earlier."""
        if not self.table.rows:
            return False
        at = sample.at
        spans = max(at, self.latest) - min(at, self.earliest)
        return self.size >= LARGEST or spans >= LONGEST or at // DAY != self.earliest // DAY

    def add(self, sample: Sample, sequence: int) -> "Open":
        table = self.table.add(sample)
        size = self.size + ROW + VALUE * len(sample.readings) + textual_size(sample.readings)
        if table.paths is not self.table.paths:
            size += sum(len(path) + 3 for path in table.paths.keys() - self.table.paths.keys())
        at = sample.at
        if not self.table.rows:
            return Open(table, size, sequence, at, at)
        return Open(table, size, self.sequence, min(at, self.earliest), max(at, self.latest))

    def where(self, keeps: Callable[[int], bool]) -> "Open":
        """Just the samples whose time (epoch ms) is kept."""
        left = self.table.where(keeps)
        if len(left.rows) == len(self.table.rows):
            return self
        return Open(left, self.size, self.sequence, *left.span) if left.rows else Open()

    def close(self, vehicle_id: str, keep_days: int) -> Chunk:
        base = self.table.base
        return Chunk(f"chunk-{base}-{self.sequence}", vehicle_id, day_of(base), self.table, keep_days)


def late(
    samples: Iterable[Sample], vehicle_id: str, sequence: int, keep_days: int, ownership: Callable[[int], int]
) -> list[Chunk]:
    """Samples of a message too old to tell whether it came before, under ids of their own: one a day and ownership."""
    days = groupby(sorted(samples, key=lambda s: s.at), lambda s: (s.at // DAY, ownership(s.at)))
    tables = [Table.of(group) for _, group in days]
    return [Chunk(f"late-{t.base}-{sequence}", vehicle_id, day_of(t.base), t, keep_days) for t in tables]


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
