"""What is kept of a person apart from vehicles: which they have access to, and what they asked for of their data."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import NamedTuple

from shared.domain.garage import Membership
from shared.domain.preferences import Preferences
from shared.domain.profile import Request
from shared.errors import Code, Contradiction

EXPORTS = 5
"""Exports that are remembered, and their links."""
EXPORT_LIVES = 7 * 86_400_000
"""Milliseconds for which an export can be fetched."""
TOLD_WITHIN = 3_600_000
"""Milliseconds within which a person is told of one kind only so often."""
PERIODS = 50
"""Periods of ownership that ended and stand in the person's document; older ones are documents of their own."""
STANDS_FOR = "@erased/"
"""How the id of a person begins of whom no more than a pseudonym is known. No person's own id begins so."""
ENDED_KEPT = 200
"""Accesses that ended and are remembered, so that older news of them changes nothing."""


VEHICLES = 1_000
"""Vehicles that a person has access to at once."""
TOLD_OF = 1_000
"""Items of all kinds that a person is told of within the hour over channels that interrupt."""


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
        if self.user.startswith(STANDS_FOR):
            return self.user.removeprefix(STANDS_FOR)
        text = f"automotive-cloud/{self}".encode(errors="surrogatepass")
        return "person-" + hashlib.sha256(text).hexdigest()[:32]

    @property
    def stands_for_another(self) -> bool:
        return self.user.startswith(STANDS_FOR)


class Progress(StrEnum):
    """`running` is never stored: it is what waits while a run has the lease."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Export:
    """Everything that is held about a person, as it was asked for (epoch ms) and written to a blob."""

    id: str
    asked_at: int
    progress: Progress = Progress.WAITING

    def name(self, owner: PersonId) -> str:
        """What it is stored under: all of one person's begin alike."""
        return f"{owner.pseudonym}/{self.id}"


@dataclass(frozen=True, slots=True)
class Erasure:
    """What a person asked for, when (epoch ms), and which of its two passes comes next, not before a moment.

    The second finds what was on its way while the first one ran. `done` of the `steps` of the present pass are done; 0
    steps while it is not known how many there are."""

    asked_at: int
    first_done: bool
    not_before: int
    done: int = 0
    steps: int = 0


class Lease(NamedTuple):
    """Which run does what the person asked for, and until when no other one may (epoch ms)."""

    run: str
    until: int


CODE_LIVES, CODE_TRIES = 3_600_000, 5
"""Milliseconds for which a code that was mailed can be used, and wrong ones after which it can't."""


@dataclass(frozen=True, slots=True)
class Contact:
    """An e-mail address: when it was said and, once a code that was sent there came back, verified (epoch ms).

    Until then the one that was verified `before` holds."""

    email: str
    asked_at: int
    verified_at: int | None = None
    tries: int = 0
    before: str | None = None

    @property
    def reachable(self) -> str | None:
        """Where mail goes."""
        return self.email if self.verified_at is not None else self.before

    def open(self, now: int) -> bool:
        return self.verified_at is None and self.tries < CODE_TRIES and now < self.asked_at + CODE_LIVES


class Owned(NamedTuple):
    """A period of ownership that has ended: [starts_at, ends_at) in epoch ms."""

    vehicle_id: str
    starts_at: int
    ends_at: int

    def holds(self, at: int) -> bool:
        return self.starts_at <= at < self.ends_at


@dataclass(frozen=True, slots=True)
class Erased:
    """An entry of the list of those who were erased: under a pseudonym, when it was asked for (epoch ms), and what they
    had owned. It is kept for as long as a backup from before may be restored."""

    brand: str
    pseudonym: str
    asked_at: int
    owned: tuple[Owned, ...]


@dataclass(frozen=True, slots=True)
class Person:
    """An index that follows the vehicles' profiles, the periods of ownership that ended, jobs, and how the person wants
    to be told.

    `told` is when which items of a kind were told over channels that interrupt, within the last hour; `digest_due` when
    what waits is told together, `due` when time has something to do (epoch ms). `waiting` counts what was ever left for
    a digest: whoever clears `digest_due` has to have seen all of it. `lease` is held by who exports or erases.
    `archived` are periods of ownership that become documents of their own in the same write; what is stored holds
    none."""

    id: PersonId
    memberships: Mapping[str, Membership] = field(default_factory=dict)
    owned: tuple[Owned, ...] = ()
    exports: tuple[Export, ...] = ()
    erasure: Erasure | None = None
    requests: tuple[Request, ...] = ()
    preferences: Preferences = Preferences()
    contact: Contact | None = None
    told: Mapping[str, tuple[tuple[str, int], ...]] = field(default_factory=dict)
    digest_due: int | None = None
    waiting: int = 0
    due: int | None = None
    lease: Lease | None = None
    archived: tuple[Owned, ...] = ()

    @property
    def vehicles(self) -> list[str]:
        return sorted(v for v, m in self.memberships.items() if m.role is not None)

    def require_room(self) -> None:
        """Raises Contradiction(too_many_vehicles) for a person with access to as many vehicles as there may be."""
        if len(self.vehicles) >= VEHICLES:
            raise Contradiction(f"a person has access to at most {VEHICLES} vehicles", Code.TOO_MANY_VEHICLES)

    def following(self, news: Membership) -> "Person":
        """With what became of an access; older news than what is known changes nothing."""
        known = self.memberships.get(news.vehicle_id)
        if known is not None and known.revision >= news.revision:
            return self
        found = {**self.memberships, news.vehicle_id: news}
        ended = sorted((m for m in found.values() if m.role is None), key=lambda m: m.revision)
        for old in ended[:-ENDED_KEPT]:
            del found[old.vehicle_id]
        owned = (*self.owned, Owned(news.vehicle_id, *news.owned)) if news.owned else self.owned
        archived = (*self.archived, *owned[:-PERIODS])
        return replace(self, memberships=found, owned=owned[-PERIODS:], archived=archived)

    def asking(self, export: Export, at: int) -> "Person":
        """With an export to be written, in the place of the oldest."""
        return replace(self, exports=(*self.exports, export)[-EXPORTS:]).scheduled(at)

    def exported(self, id: str, at: int) -> "Person":
        done = tuple(replace(e, progress=Progress.DONE) if e.id == id else e for e in self.exports)
        return replace(self, exports=done).scheduled(at)

    def scheduled(self, at: int) -> "Person":
        """Due at once for an export that waits, or when the erasure goes on; while a run has the lease, at its end.
        Each time at another moment: a wake for the same would be taken for a repeat."""
        jobs = [at for e in self.waiting_exports] if self.erasure is None else [max(at, self.erasure.not_before)]
        moments = [max(moment, self.lease.until) if self.lease else moment for moment in jobs]
        moments += [self.digest_due] if self.digest_due is not None else []
        return replace(self, due=min(moments, default=None))

    @property
    def waiting_exports(self) -> list[Export]:
        return [e for e in self.exports if e.progress is Progress.WAITING]

    def leased_to(self, run: str, now: int, until: int) -> "Person | None":
        """With the lease for the export or the erasure that is due; None if there is none, or another run is at it."""
        waits = self.erasure.not_before <= now if self.erasure else bool(self.waiting_exports)
        if not waits or (self.lease is not None and now < self.lease.until and self.lease.run != run):
            return None
        return replace(self, lease=Lease(run, until)).scheduled(now)

    def telling(self, kind: str, item: str, now: int, cap: int) -> "Person | None":
        """With an item counted among those of its kind within the last hour; None if there were too many others, of its
        kind or of all."""
        lately = {k: tuple(t for t in told if t[1] > now - TOLD_WITHIN) for k, told in self.told.items()}
        others = tuple(t for t in lately.get(kind, ()) if t[0] != item)
        if len(others) >= cap:
            return None
        if len(others) < len(lately.get(kind, ())):
            return self
        if sum(map(len, lately.values())) >= TOLD_OF:
            return None
        kept = {k: told for k, told in lately.items() if told}
        return replace(self, told={**kept, kind: (*others, (item, now))})

    def gathering(self, at: int) -> "Person":
        """With one more that waits, and a digest due at a moment (epoch ms), at the latest."""
        due = at if self.digest_due is None else min(at, self.digest_due)
        return replace(self, waiting=self.waiting + 1, digest_due=due, due=min(due, self.due or due))
