"""How far a reading can be relied on when it is read."""

from enum import StrEnum
from typing import NamedTuple


class Freshness(StrEnum):
    LIVE = "live"
    STALE = "stale"
    OFFLINE = "offline"


class Thresholds(NamedTuple):
    """Seconds up to which a reading is live, and up to which it is only stale."""

    live: int = 120
    stale: int = 86_400

    def of(self, at: int, now: int) -> Freshness:
        """Of a reading seen at `at` (both epoch ms)."""
        age = (now - at) / 1000
        return Freshness.LIVE if age <= self.live else Freshness.STALE if age <= self.stale else Freshness.OFFLINE
