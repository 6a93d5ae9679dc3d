"""Input set aside with its reason, for a person to mend and replay."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Parked:
    """Where it came from (`source`: a hub or queue; `key`: unique and stable within it), when (epoch ms), and why.

    `generation` is the device's registration, `replayed_at` when it was taken in after all (epoch ms)."""

    source: str
    key: str
    at: int
    device: str
    reason: str
    detail: str
    body: bytes
    generation: str | None = None
    replayed_at: int | None = None


@dataclass(frozen=True, slots=True)
class Filter:
    """Which of the parked: those that fit every part that is given. `day` is 2026-11-22, in UTC, of `at`."""

    reason: str | None = None
    day: str | None = None
    device: str | None = None
