"""How much one caller may ask for."""

from collections import OrderedDict
from dataclasses import dataclass

CALLERS = 50_000
"""Callers that an instance counts; whoever asked longest ago is forgotten, which can only be in their favour."""


@dataclass(slots=True)
class _Bucket:
    left: float
    at: float


class Buckets:
    """A bucket of so many requests for each caller, which fills up at a rate (requests a second). Each instance counts
    for itself."""

    def __init__(self, rate: float, burst: float) -> None:
        self._rate, self._burst = rate, burst
        self._held: OrderedDict[str, _Bucket] = OrderedDict()

    def take(self, caller: str, now: float) -> float:
        """Take one request at a moment (seconds), and return 0; or take none, and return in how many seconds to come
        again."""
        bucket = self._held.pop(caller, None) or _Bucket(self._burst, now)
        bucket.left = min(self._burst, bucket.left + max(0.0, now - bucket.at) * self._rate)
        bucket.at = max(now, bucket.at)
        self._held[caller] = bucket
        if len(self._held) > CALLERS:
            self._held.popitem(last=False)
        if bucket.left < 1:
            return (1 - bucket.left) / self._rate
        bucket.left -= 1
        return 0.0
