"""What ingest must know of a vehicle's profile, and what its owner keeps from us."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence, Set
from enum import StrEnum
from typing import NamedTuple

from shared.domain.telemetry import Sample

FORGOTTEN_AFTER = 30 * 86_400_000
"""Milliseconds for which an interval that has ended is remembered: a car may buffer as long."""
REMEMBERED = 64
"""Intervals at most. What is older than the last one forgotten is kept out altogether."""


class Status(StrEnum):
    ACTIVE = "active"
    SUSPENDED = "suspended"
    QUARANTINED = "quarantined"
    DECOMMISSIONED = "decommissioned"


class Mode(StrEnum):
    """How much a vehicle may tell."""

    FULL = "full"
    NO_POSITION = "no_position"
    OFFLINE = "offline"


class Exclusion(NamedTuple):
    """A half-open interval (epoch ms) in which a mode other than `full` holds; without an end it is open."""

    mode: Mode
    starts_at: int
    ends_at: int | None = None

    def covers(self, at: int) -> bool:
        return self.starts_at <= at and (self.ends_at is None or at < self.ends_at)


class Privacy(NamedTuple):
    """The intervals that are remembered, in order; nothing seen before `floor` is taken in any more."""

    exclusions: tuple[Exclusion, ...] = ()
    floor: int = 0

    def mode(self, *times: int) -> Mode:
        """The strictest mode that holds at any of the times."""
        if any(at < self.floor for at in times):
            return Mode.OFFLINE
        found = {e.mode for e in self.exclusions for at in times if e.covers(at)}
        return Mode.OFFLINE if Mode.OFFLINE in found else Mode.NO_POSITION if found else Mode.FULL

    def ends_at(self, now: int) -> int | None:
        """When the mode that holds now ends by itself (epoch ms)."""
        return next((e.ends_at for e in self.exclusions if e.covers(now)), None)

    def pending(self, now: int) -> bool:
        """Whether an exclusion is open or lies ahead."""
        return any(e.ends_at is None or e.ends_at > now for e in self.exclusions)

    def changed(self, mode: Mode, starts_at: int, ends_at: int | None, now: int) -> "Privacy":
        """With the mode from `starts_at` on, until `ends_at` or the next change; what has passed stays excluded."""
        kept = [_cut(e, starts_at) for e in self.exclusions if e.starts_at < starts_at]
        if mode is not Mode.FULL:
            kept.append(Exclusion(mode, starts_at, ends_at))
        ended = sum(e.ends_at is not None and e.ends_at < now - FORGOTTEN_AFTER for e in kept)
        forgotten = kept[: max(ended, len(kept) - REMEMBERED, 0)]
        floor = max([self.floor, *(e.ends_at for e in forgotten if e.ends_at)])
        return Privacy(tuple(kept[len(forgotten) :]), floor)


class Policy(NamedTuple):
    """A copy out of the profile that changes in one write with it. `rules` is the version of the vehicle's own rules,
    `history_days` for how long its samples are kept (0 keeps none), `borders` the moments at which the vehicle changed
    hands lately, in order, `history_from` from when on samples are seen that may be kept (epoch ms)."""

    brand: str
    status: Status = Status.ACTIVE
    privacy: Privacy = Privacy()
    rules: int = 0
    history_days: int = 30
    borders: tuple[int, ...] = ()
    history_from: int = 0

    @property
    def owned_since(self) -> int:
        """When the present ownership began (epoch ms)."""
        return self.borders[-1] if self.borders else 0

    def ownership(self, at: int) -> int:
        """The number of the period of ownership that a moment lies in, counted from the first that is remembered. A
        border is the first moment of the period that it begins."""
        return bisect_right(self.borders, at)

    def by_ownership(self, samples: Sequence[Sample]) -> list[list[Sample]]:
        """Samples by the period of ownership in which they were seen, the earliest first; each keeps its order."""
        parts: dict[int, list[Sample]] = {}
        for sample in samples:
            parts.setdefault(self.ownership(sample.at), []).append(sample)
        return [parts[number] for number in sorted(parts)]


def visible(
    privacy: Privacy, samples: Iterable[Sample], arrived_at: int, not_places: Set[str]
) -> tuple[list[Sample], bool]:
    """What may be taken in of the samples, and whether anything may not. Without position, just the readings of
    signals that are known to tell no place (`not_places`).

    What counts is when it was seen and when it arrived: cars buffer."""
    shown, hidden = list[Sample](), False
    for sample in samples:
        mode = privacy.mode(sample.at, arrived_at)
        if mode is Mode.FULL:
            shown.append(sample)
            continue
        left = {} if mode is Mode.OFFLINE else {p: v for p, v in sample.readings.items() if p in not_places}
        hidden = hidden or len(left) < len(sample.readings)
        if left:
            shown.append(Sample(sample.at, left))
    return shown, hidden


def _cut(exclusion: Exclusion, at: int) -> Exclusion:
    ends = exclusion.ends_at
    return exclusion if ends is not None and ends <= at else exclusion._replace(ends_at=at)
