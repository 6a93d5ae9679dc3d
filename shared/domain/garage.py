"""Whom a vehicle belongs to, who else may use it, and what gives access to it."""

import hashlib
from dataclasses import dataclass
from enum import StrEnum

CODE_LIVES = 10 * 60_000
"""Milliseconds for which a claim code can be used."""
TRIES = 5
"""Wrong codes after which a claim code is locked."""
INVITATION_LIVES = 7 * 86_400_000
"""Milliseconds for which an invitation can be accepted."""
SHOWN_FOR = 10 * 60_000
"""Milliseconds after it was made for which a secret is shown again to who repeats the request that made it."""
MEMBERS = 20
"""People with access to one vehicle, and invitations that are open, at most."""


SKEW = 60_000
"""Milliseconds by which clocks may differ: what has ended is taken off the books no sooner."""


class Role(StrEnum):
    PRIMARY = "primary"
    SECONDARY = "secondary"
    GUEST = "guest"


@dataclass(frozen=True, slots=True)
class Member:
    """A person's access: the role, since when (epoch ms), over [starts_at, ends_at), and of a guest to which features;
    None is to all."""

    role: Role
    since: int = 0
    starts_at: int = 0
    ends_at: int | None = None
    features: frozenset[str] | None = None

    def covers(self, at: int) -> bool:
        return self.starts_at <= at and (self.ends_at is None or at < self.ends_at)


@dataclass(frozen=True, slots=True)
class Code:
    """What proves that someone was let near the vehicle: a digest of it, until when it can be used (epoch ms), whether
    it takes the vehicle from its owner, and how often something else was tried."""

    digest: str
    expires_at: int
    transfers: bool
    tries: int = 0

    def locked(self) -> bool:
        return self.tries >= TRIES

    def holds(self, at: int) -> bool:
        """Whether it can be used at a moment (epoch ms)."""
        return at < self.expires_at and not self.locked()


@dataclass(frozen=True, slots=True)
class Invitation:
    """Access for whoever accepts it first: as which member, a digest of its secret, until when (epoch ms)."""

    id: str
    member: Member
    digest: str
    expires_at: int


@dataclass(frozen=True, slots=True)
class Membership:
    """What became of a person's access to a vehicle, for the index by person; without a role it ended. The later
    revision of the vehicle's profile counts. `owned` is the period of ownership that ended with it (epoch ms)."""

    vehicle_id: str
    user_id: str
    role: Role | None
    revision: int
    owned: tuple[int, int] | None = None

    @property
    def id(self) -> str:
        return f"{self.user_id}/{self.revision}"


def digest_of(vehicle_id: str, secret: str) -> str:
    """What is stored of a code. It has 60 random bits and lives for minutes: no slow hash makes it safer."""
    return hashlib.sha256(f"{vehicle_id}/{secret}".encode()).hexdigest()
