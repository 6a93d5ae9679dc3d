"""Deleting what history keeps of a vehicle, once its owner wants it kept no more, or for fewer days."""

from itertools import pairwise
from typing import NamedTuple

from shared.domain.history import DAY

AT_MOST = 366 * DAY
"""Milliseconds for which history keeps anything."""
AHEAD = 120_000
"""Milliseconds after a refusal within which samples may be dated that came before it: clocks differ."""
CLEARINGS = 16
"""Deletions that are under way at once, at most."""
STEP = 100 * DAY
"""How much time of a vehicle's history one step clears (ms)."""


class Clearing(NamedTuple):
    """What began in [start, end) (epoch ms) goes once it is `keep_days` old; 0 is at once.

    Everything before `cleared` is gone; the next step is due at `not_before`. `again` once all was deleted, and it is
    looked through a second time for what was on its way."""

    start: int
    end: int
    keep_days: int
    cleared: int
    not_before: int
    again: bool = False

    def hides(self, at: int, now: int) -> bool:
        """Whether what was seen at a moment is to be deleted, and shown to nobody meanwhile (epoch ms)."""
        return self.start <= at < self._expired(now)

    def next_step(self, now: int) -> tuple[int, int]:
        """The interval that can be cleared by now; empty if there is none (epoch ms)."""
        return self.cleared, min(self.cleared + STEP, max(self.cleared, self._expired(now)))

    def after_step(self, now: int, settles: int) -> "Clearing | None":
        """After `next_step` at that moment; None once all is done. `settles`: ms until nothing is on its way."""
        _, until = self.next_step(now)
        if until < self.end:
            rests = until >= self._expired(now)
            return self._replace(cleared=until, not_before=until + (self.keep_days + 1) * DAY if rests else now)
        if self.again or self.keep_days:
            return None
        return self._replace(cleared=_first(self.start, self.end), not_before=now + settles, again=True)

    def _expired(self, now: int) -> int:
        """What was seen before it may go (epoch ms)."""
        return min(self.end, now - self.keep_days * DAY) if self.keep_days else self.end


def cleared_from(owned_since: int, at: int, keep_days: int) -> Clearing:
    """What is kept of the present ownership, at a moment from which on it is kept for fewer days (epoch ms)."""
    end = at + (0 if keep_days else AHEAD)
    return Clearing(owned_since, end, keep_days, _first(owned_since, end), at)


def with_clearing(known: tuple[Clearing, ...], wanted: Clearing) -> tuple[Clearing, ...]:
    """With another one, in the place of those that it covers. Where there are too many two become one, of one ownership
    if there are such: that may delete too much, and never too little."""
    left = [c for c in known if c.start != wanted.start or c.keep_days < wanted.keep_days]
    while len(left) >= CLEARINGS:
        pairs = list(pairwise(left))
        first, second = next(((a, b) for a, b in pairs if a.start == b.start), pairs[0])
        start, end = min(first.start, second.start), max(first.end, second.end)
        days, due = min(first.keep_days, second.keep_days), min(first.not_before, second.not_before)
        both = Clearing(start, end, days, _first(start, end), due)
        left = [both if c is first else c for c in left if c is not second]
    return (*left, wanted)


def _first(start: int, end: int) -> int:
    """From where on there may be anything (epoch ms)."""
    return max(start, end - AT_MOST)
