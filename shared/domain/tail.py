"""The newest changes of a brand's vehicles, for those who follow them."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from shared.domain.sighting import Sighting

KEPT = 60
"""Seconds for which a change is held for those who come back."""
OVERLAP = 5
"""Seconds by which a look goes behind the newest that was seen: a replica may show a write late."""


class Mark(NamedTuple):
    """Up to where somebody has seen: by a tail's own count, by the store's clock (epoch seconds), and of the own
    vehicles by revision."""

    tail: str = ""
    serial: int = 0
    second: int = 0
    known: Mapping[str, int] = {}


@dataclass(slots=True)
class Tail:
    """Changes by vehicle, the oldest first: its number, when it was written (epoch seconds), and what it was.

    What was written before `since`, or has a number up to `base`, is not held."""

    name: str
    since: int
    newest: int = 0
    base: int = 0
    serial: int = 0
    changes: OrderedDict[str, tuple[int, int, Sighting]] = field(default_factory=OrderedDict)

    @property
    def mark(self) -> Mark:
        return Mark(self.name, self.serial, self.newest)

    def take(self, found: Sequence[tuple[int, Sighting]], now: int) -> None:
        """What a look at a moment (epoch seconds) found; what is known already is none."""
        self.newest = max([self.newest, now - 2 * OVERLAP, *(written for written, _ in found)])
        for written, seen in found:
            known = self.changes.get(seen.vehicle_id)
            if known is None or known[2].revision != seen.revision:
                self.serial += 1
                self.changes[seen.vehicle_id] = self.serial, written, seen
                self.changes.move_to_end(seen.vehicle_id)
        while self.changes:
            vehicle, (serial, written, _) = next(iter(self.changes.items()))
            if written >= self.newest - KEPT - 2 * OVERLAP:
                return
            del self.changes[vehicle]
            self.base, self.since = serial, max(self.since, written + 1)

    def after(self, mark: Mark) -> list[Sighting] | None:
        """What changed since a mark; something may come twice. None if that is not held any more."""
        if mark.tail == self.name and self.base <= mark.serial <= self.serial:
            found = list[Sighting]()
            for number, _, seen in reversed(self.changes.values()):
                if number <= mark.serial:
                    break
                found.append(seen)
            return found[::-1]
        if mark.second - OVERLAP < self.since:
            return None
        return [seen for _, written, seen in self.changes.values() if written >= mark.second - OVERLAP]
