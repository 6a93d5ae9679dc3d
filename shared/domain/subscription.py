"""One sale, and what it comes to at any moment: everything follows from a few facts and the time."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from shared.domain.catalog import Config, Plan
from shared.domain.period import DAY, end_of, term_at

HOLD = 30 * DAY
"""Milliseconds for which an outstanding payment is waited for once grace is over."""
REMINDERS = (30, 7, 1)
"""Days before an end at which it is told; not in the first half of what ends."""
KEPT = 90 * DAY
"""Milliseconds for which a profile knows of what has ended; the books know for good."""


class State(StrEnum):
    SCHEDULED = "scheduled"
    TRIALING = "trialing"
    ACTIVE = "active"
    GRACE = "grace"
    PAST_DUE = "past_due"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


GIVING = frozenset({State.TRIALING, State.ACTIVE, State.GRACE})
"""The states in which what was sold may be used."""
OVER = frozenset({State.CANCELLED, State.EXPIRED})


class Interval(NamedTuple):
    """Half open (epoch ms); without an end it is for ever."""

    starts_at: int
    ends_at: int | None

    def covers(self, at: int) -> bool:
        return self.starts_at <= at and (self.ends_at is None or at < self.ends_at)


class Phase(NamedTuple):
    """A state, and the interval in which it lasts if nothing else happens."""

    state: State
    starts_at: int
    ends_at: int | None


class Event(NamedTuple):
    """What time brings to a subscription. `days` are those that are left, of a reminder."""

    at: int
    what: str
    days: int = 0


@dataclass(frozen=True, slots=True)
class Subscription:
    """The plan as it was when it was sold, from when on (epoch ms), and where its first term begins: after the trial.

    `paid` counts the terms that were paid for, `cancels_at` is when it ends before them or instead of a renewal, and
    `successor` takes its place then; `follows` is whose place it took. Up to `told_until` all that time brought was
    told."""

    id: str
    plan: Plan
    starts_at: int
    anchor: int
    told_until: int
    paid: int = 0
    cancels_at: int | None = None
    successor: str | None = None
    follows: str | None = None

    @property
    def paid_until(self) -> int | None:
        """Where the terms end that were paid for or cost nothing; None for never."""
        if self.plan.free:
            return None
        return end_of(self.anchor, self.plan.period, self.paid) if self.paid else self.anchor

    @property
    def grace_until(self) -> int | None:
        """Where access ends that nobody pays for any more. The very first payment has no grace."""
        paid = self.paid_until
        first = self.paid == 0 and self.anchor == self.starts_at and self.follows is None
        return paid if paid is None or first else paid + self.plan.grace_days * DAY

    @property
    def access(self) -> Interval | None:
        """When what was sold may be used, if nothing else happens; None for never."""
        ends = _first(self.grace_until, self.cancels_at)
        return None if ends is not None and ends <= self.starts_at else Interval(self.starts_at, ends)

    def phase(self, at: int) -> Phase:
        """What it comes to at a moment."""
        cancels = self.cancels_at
        if cancels is not None and at >= cancels:
            return Phase(State.CANCELLED, cancels, None)
        state, starts, ends = next(p for p in self._phases() if p.ends_at is None or at < p.ends_at)
        return Phase(state, starts, _first(ends, cancels))

    def term(self, at: int) -> Interval:
        """The term that holds a moment, or the trial."""
        if at < self.anchor:
            return Interval(self.starts_at, self.anchor)
        number = term_at(self.anchor, self.plan.period, at)
        starts = (end_of(self.anchor, self.plan.period, number) if number else None) or self.anchor
        return Interval(starts, end_of(self.anchor, self.plan.period, number + 1))

    def upcoming(self, after: int) -> list[Event]:
        """What time brings next, all at one moment, later than `after`; nothing if it brings nothing any more."""
        events = sorted(event for event in self._events() if event.at > after)
        return [event for event in events if event.at == events[0].at]

    def _phases(self) -> Iterator[Phase]:
        paid, grace = self.paid_until, self.grace_until
        yield Phase(State.SCHEDULED, self.starts_at, self.starts_at)
        yield Phase(State.TRIALING, self.starts_at, self.anchor)
        yield Phase(State.ACTIVE, self.anchor, paid)
        if paid is not None and grace is not None:
            yield Phase(State.GRACE, paid, grace)
            yield Phase(State.PAST_DUE, grace, grace + HOLD)
            yield Phase(State.EXPIRED, grace + HOLD, None)

    def _events(self) -> Iterator[Event]:
        cancels = self.cancels_at
        for state, starts, ends in self._phases():
            if state is State.SCHEDULED or (ends is not None and ends <= starts):
                continue
            if cancels is None or starts < cancels:
                yield Event(starts, state.value)
        if cancels is not None:
            yield Event(cancels, State.CANCELLED.value)
        yield from self._reminders()
        if self.paid > 1 and (last := end_of(self.anchor, self.plan.period, self.paid - 1)) is not None:
            yield Event(last, "renewed")

    def _reminders(self) -> Iterator[Event]:
        ends = _first(self.paid_until, self.cancels_at)
        if ends is None or ends <= self.starts_at:
            return
        starts = self.term(ends - 1).starts_at
        for days in REMINDERS:
            at = ends - days * DAY
            if at >= starts + (ends - starts) // 2:
                yield Event(at, "ending", days)


@dataclass(frozen=True, slots=True)
class Grant:
    """A feature that an operator gave, over [starts_at, ends_at) (epoch ms), with its config if it is static."""

    id: str
    feature: str
    config: Config | None
    starts_at: int
    ends_at: int | None

    @property
    def access(self) -> Interval | None:
        empty = self.ends_at is not None and self.ends_at <= self.starts_at
        return None if empty else Interval(self.starts_at, self.ends_at)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line in the books: what was done with a sale or grant, when (epoch ms), by what kind of caller or by time."""

    id: str
    subject: str
    what: str
    at: int
    by: str
    facts: Config


def _first(*ends: int | None) -> int | None:
    return min((end for end in ends if end is not None), default=None)
