"""What is kept of a person apart from vehicles: which they have access to, and what they asked for of their data."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import NamedTuple

from shared.domain.garage import Membership
from shared.domain.profile import Request

EXPORTS = 5
"""Exports that are remembered, and their links."""
EXPORT_LIVES = 7 * 86_400_000
"""Milliseconds for which an export can be fetched."""
PERIODS = 50
"""Periods of ownership that ended and are remembered."""
ENDED_KEPT = 200
"""Accesses that ended and are remembered, so that older news of them changes nothing."""


class PersonId(NamedTuple):
    """A person within a brand: two brands' people may have the same id and be two."""

    brand: str
    user: str

    def __str__(self) -> str:
        return f"{self.brand}:{self.user}"

    @classmethod
    def parse(cls, text: str) -> "PersonId":
        """Of what `str` made of one; no brand has a colon."""
        brand, _, user = text.partition(":")
        return cls(brand, user)

    @property
    def pseudonym(self) -> str:
        """What stands for the person in records that outlive them: whoever knows the id finds it again."""
        return "person-" + hashlib.sha256(f"automotive-cloud/{self}".encode()).hexdigest()[:32]


class Progress(StrEnum):
    WAITING = "waiting"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Export:
    """Everything that is held about a person, as it was asked for (epoch ms) and written to a blob."""

    id: str
    asked_at: int
    progress: Progress = Progress.WAITING


@dataclass(frozen=True, slots=True)
class Erasure:
    """What a person asked for, when (epoch ms), and which of its two passes comes next, not before a moment.

    The second finds what was on its way while the first one ran."""

    asked_at: int
    first_done: bool
    not_before: int


class Owned(NamedTuple):
    """A period of ownership that has ended (epoch ms)."""

    vehicle_id: str
    starts_at: int
    ends_at: int


@dataclass(frozen=True, slots=True)
class Person:
    """An index that follows the vehicles' profiles, the periods of ownership that ended, and jobs.

    `due` is when time has something to do (epoch ms)."""

    id: PersonId
    memberships: Mapping[str, Membership] = field(default_factory=dict)
    owned: tuple[Owned, ...] = ()
    exports: tuple[Export, ...] = ()
    erasure: Erasure | None = None
    requests: tuple[Request, ...] = ()
    due: int | None = None

    @property
    def vehicles(self) -> list[str]:
        return sorted(v for v, m in self.memberships.items() if m.role is not None)

    def following(self, news: Membership) -> "Person":
        """With what became of an access; older news than what is known changes nothing."""
        known = self.memberships.get(news.vehicle_id)
        if known is not None and known.revision >= news.revision:
            return self
        found = {**self.memberships, news.vehicle_id: news}
        ended = sorted((m for m in found.values() if m.role is None), key=lambda m: m.revision)
        for old in ended[:-ENDED_KEPT]:
            del found[old.vehicle_id]
        owned = (*self.owned, Owned(news.vehicle_id, *news.owned))[-PERIODS:] if news.owned else self.owned
        return replace(self, memberships=found, owned=owned)

    def asking(self, export: Export, at: int) -> "Person":
        """With an export to be written, in the place of the oldest."""
        return replace(self, exports=(*self.exports, export)[-EXPORTS:]).scheduled(at)

    def exported(self, id: str, at: int) -> "Person":
        done = tuple(replace(e, progress=Progress.DONE) if e.id == id else e for e in self.exports)
        return replace(self, exports=done).scheduled(at)

    def scheduled(self, at: int) -> "Person":
        """Due at once for an export that waits, or when the erasure goes on."""
        moments = [at for e in self.exports if e.progress is Progress.WAITING]
        moments += [self.erasure.not_before] if self.erasure else []
        return replace(self, due=min(moments, default=None))
