"""What a vehicle sent: samples of signals, each at a time; and where the hub holds it."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import NamedTuple

from shared.errors import Code, Malformed

type Scalar = float | int | bool | str
type Value = Scalar | Sequence[Scalar]
"""What one signal can hold."""

YEAR_2000 = 946_684_800_000
"""Epoch milliseconds. No connected car has seen an earlier moment."""

AHEAD = 60_000
"""Milliseconds that a vehicle's clock may run ahead of the hub's before the hub's is believed instead."""


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
    """How the readings of one event fared: counted apart from the event's own outcome."""

    samples: int = 0
    readings: int = 0
    refused: int = 0
    unknown: int = 0
    skewed: int = 0


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


def sample_time(claimed: int | None, arrived_at: int) -> tuple[int, bool]:
    """When the sample was seen (epoch ms), and whether the vehicle's clock was overruled.

    Raises Malformed(impossible_time) before the year 2000."""
    if claimed is None or claimed > arrived_at + AHEAD:
        return arrived_at, True
    if claimed < YEAR_2000:
        raise Malformed("a sample time before the year 2000", Code.IMPOSSIBLE_TIME)
    return claimed, False
