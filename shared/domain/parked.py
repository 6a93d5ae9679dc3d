"""Input set aside with its reason, for a person to mend and replay."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Parked:
    """Where it came from (`source`: a hub or queue; `key`: unique and stable within it), when (epoch ms), and why."""

    source: str
    key: str
    at: int
    device: str
    reason: str
    detail: str
    body: bytes
