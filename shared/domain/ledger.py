"""How many events of one hub partition ended how: each hub position counted once."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from shared.domain.telemetry import Census, Position
from shared.domain.vehicle import Outcome


@dataclass(frozen=True, slots=True)
class Counted:
    """One event's entry: where it stood, how it ended, why if parked, and its readings."""

    position: Position
    outcome: Outcome
    reason: str | None = None
    census: Census = Census()


def with_limited(entries: list[Counted], limited: int) -> list[Counted]:
    """One vehicle's entries, of which so much was left out beyond its limits: counted with the last one applied."""
    last = max((n for n, entry in enumerate(entries) if entry.outcome is Outcome.APPLIED), default=None)
    if not limited or last is None:
        return entries
    entry = entries[last]
    counted = replace(entry, census=entry.census._replace(limited=entry.census.limited + limited))
    return [*entries[:last], counted, *entries[last + 1 :]]


@dataclass(frozen=True, slots=True)
class Ledger:
    """The books of one partition. `accepted` is read off the hub's positions, never summed from the outcomes;
    `counted_at` is when the newest position was counted (epoch ms, -1 if that is not known)."""

    id: str
    position: Position | None = None
    accepted: int = 0
    outcomes: Mapping[str, int] = field(default_factory=dict)
    reasons: Mapping[str, int] = field(default_factory=dict)
    census: Census = Census()
    counted_at: int = -1

    @property
    def balanced(self) -> bool:
        return self.accepted == sum(self.outcomes.values())


def count(ledger: Ledger, batch: Sequence[Counted]) -> Ledger:
    """The ledger after a batch; positions that are in it already change nothing.

    A batch may hold a stretch twice: a reader that lost its connection begins again where it stood."""
    accepted, last, new = ledger.accepted, ledger.position, list[Counted]()
    for entry in batch:
        if last and last.covers(entry.position):
            continue
        sequence = entry.position.sequence
        accepted += sequence - last.sequence if last and sequence > last.sequence else 1
        last = entry.position
        new.append(entry)
    if not new:
        return ledger
    outcomes = Counter(ledger.outcomes)
    outcomes.update(c.outcome.value for c in new)
    reasons = Counter(ledger.reasons)
    reasons.update(c.reason for c in new if c.reason)
    totals = zip(ledger.census, *(c.census for c in new), strict=True)
    return Ledger(ledger.id, last, accepted, outcomes, reasons, Census(*map(sum, totals)))
