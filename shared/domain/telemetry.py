"""What a vehicle sent: samples of signals, each at a time; and where the hub holds it."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import NamedTuple

type Scalar = float | int | bool | str
type Value = Scalar | Sequence[Scalar]
"""What one signal can hold."""

AHEAD = 60_000
"""Milliseconds that a vehicle's clock may run ahead of the hub's before the hub's is believed instead."""
OLDEST = 30 * 86_400_000
"""Milliseconds before arrival from which a sample is none: cars buffer for weeks, and privacy remembers as long."""
ROLLOVER = 1024 * 7 * 86_400_000
"""Milliseconds by which a GPS receiver falls back when its ten bits of week number begin anew."""


class Position(NamedTuple):
    """Where an event stands in its hub: sequence number and enqueued time (epoch ms) in a partition."""

    sequence: int
    enqueued_at: int
    partition: str = ""

    def covers(self, other: "Position") -> bool:
        """At or before this one on both counts: seen already. A recreated hub counts anew, but at later times."""
        return (
            other.sequence <= self.sequence
            and other.enqueued_at <= self.enqueued_at
            and other.partition == self.partition
        )


class Sample(NamedTuple):
    """What the vehicle saw at one time (epoch ms)."""

    at: int
    readings: Mapping[str, Value]


class Census(NamedTuple):
    """How the readings of one event fared: counted apart from the event's own outcome. `limited` counts what was left
    out beyond a limit of its vehicle: readings, trouble codes not followed, notifications not raised."""

    samples: int = 0
    readings: int = 0
    refused: int = 0
    unknown: int = 0
    skewed: int = 0
    limited: int = 0


class Telemetry(NamedTuple):
    """One message from one vehicle; how many readings it held, and how many were refused, unknown, or seen at a time
    that the hub's clock overruled. `not_places` are signals that tell no place; any other is taken to tell one."""

    vehicle_id: str
    sequence: int
    samples: Sequence[Sample]
    readings: int = 0
    refused: int = 0
    unknown: int = 0
    skewed: int = 0
    traceparent: str | None = None
    not_places: Set[str] = frozenset()

    @property
    def census(self) -> Census:
        return Census(len(self.samples), self.readings, self.refused, self.unknown, self.skewed)


@dataclass(frozen=True, slots=True)
class Event:
    """Telemetry as the hub holds it. Without a position it is a replay, and arrival is when it first arrived.

    `generation` tells one registration of the device from another under the same name."""

    telemetry: Telemetry
    arrived_at: int
    position: Position | None = None
    generation: str | None = None


def outranks(value: Value, other: Value) -> bool:
    """An order on values that breaks a tie in time, so that the order of arrival never decides."""
    kind, other_kind = type(value).__name__, type(other).__name__
    if kind == other_kind and kind != "list":
        return value > other  # type: ignore[operator]
    return (kind, repr(value)) > (other_kind, repr(other))


def sample_times(claimed: Sequence[int | None], arrived_at: int) -> tuple[Sequence[int | None], int]:
    """When each sample of a message was seen (epoch ms), and how often the vehicle's clock was overruled; None for a
    sample that is too old to be one.

    A clock that is ahead, or fell back by 1024 weeks, in all of a message is put right: its newest sample is one of
    arrival, and the others keep their distance. A single time that cannot be, or none, is that of arrival."""
    known = [at for at in claimed if at is not None]
    if len(known) == len(claimed) and arrived_at - OLDEST <= min(known) and max(known) <= arrived_at + AHEAD:
        return claimed, 0
    wrong = [at for at in known if _is_wrong(at, arrived_at)]
    if wrong and len(wrong) == len(known):
        newest = max(wrong)
        shifted = [arrived_at if at is None else max(at - newest + arrived_at, arrived_at - OLDEST) for at in claimed]
        return shifted, len(claimed)
    times = [arrived_at if at is None or _is_wrong(at, arrived_at) else at for at in claimed]
    overruled = sum(at != time for at, time in zip(claimed, times, strict=True))
    return [at if at >= arrived_at - OLDEST else None for at in times], overruled


def _is_wrong(at: int, arrived_at: int) -> bool:
    """Ahead of arrival, or as many rollovers behind as bring it close to arrival."""
    if at > arrived_at + AHEAD:
        return True
    rollovers = round((arrived_at - at) / ROLLOVER)
    return rollovers > 0 and abs(at + rollovers * ROLLOVER - arrived_at) <= OLDEST
