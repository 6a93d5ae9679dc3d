"""Where a partner's system is told what happens."""

from dataclasses import dataclass, replace

from shared.domain.notification import Notification
from shared.domain.profile import Profile, Request

ENDPOINTS = 50
"""Of one brand, at most."""
OVERLAP = 24 * 3_600_000
"""Milliseconds for which the secret of before still signs, after another was made."""
GIVES_UP_AFTER = 5 * 86_400_000
"""Milliseconds of nothing but failures after which an endpoint is switched off."""
REPLAYABLE_DAYS = 30
"""For how long what was sent can be sent again."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`kinds` are the kinds of notifications that it wants; none is all. The secrets themselves are stored nowhere:
    `secret` says which one signs, `rotated_at` since when (epoch ms). `failing_since` is when the failures began that
    nothing has interrupted; `reason` why it is off."""

    id: str
    brand: str
    partner: str
    url: str
    kinds: frozenset[str]
    created_at: int
    enabled: bool = True
    reason: str = ""
    secret: int = 1
    rotated_at: int | None = None
    failing_since: int | None = None
    requests: tuple[Request, ...] = ()

    def wants(self, told: Notification, profile: Profile) -> bool:
        """Whether it is told: what it asked for, of a vehicle whose owner agreed to the partner."""
        return self.hears(told) and profile.brand == self.brand and profile.agreed(f"partner.{self.partner}")

    def hears(self, told: Notification) -> bool:
        return self.enabled and (not self.kinds or not self.kinds.isdisjoint(told.names))

    def secrets(self, now: int) -> list[str]:
        """The names of the secrets that sign now, the newest first."""
        both = self.rotated_at is not None and now < self.rotated_at + OVERLAP
        versions = [self.secret, self.secret - 1] if both else [self.secret]
        return [f"webhook/{self.brand}/{self.id}/{version}" for version in versions]

    def rotated(self, now: int) -> "Endpoint":
        return replace(self, secret=self.secret + 1, rotated_at=now)

    def answered(self, well: bool, gone: bool, now: int) -> "Endpoint":
        """After an attempt: switched off once it is gone, or has failed for days."""
        if well:
            return replace(self, failing_since=None) if self.failing_since is not None else self
        since = self.failing_since if self.failing_since is not None else now
        if gone:
            return replace(self, failing_since=since, enabled=False, reason="gone")
        if now >= since + GIVES_UP_AFTER:
            return replace(self, failing_since=since, enabled=False, reason="failing")
        return replace(self, failing_since=since) if self.failing_since is None else self
