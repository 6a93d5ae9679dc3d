"""Where a partner's system is told what happens."""

from dataclasses import dataclass, replace

from shared.domain.notification import Notification
from shared.domain.profile import Request

VERIFICATION = "webhook_verification"
"""The kind of notification that asks what listens somewhere whether it wants to be told."""
ENDPOINTS = 50
"""Of one brand, at most."""
OVERLAP = 24 * 3_600_000
"""Milliseconds for which the secret of before still signs, after another was made."""
GIVES_UP_AFTER = 5 * 86_400_000
"""Milliseconds of nothing but failures after which an endpoint is switched off."""
VERIFIED_WITHIN = 3 * 86_400_000
"""Milliseconds of nothing but failures after which one is switched off that never echoed its challenge."""
REPLAYABLE_DAYS = 30
"""For how long what was sent can be sent again."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`kinds` are the kinds of notifications that it wants; none is all. The secrets themselves are stored nowhere:
    `secret` says which one signs, `rotated_at` since when (epoch ms). `failing_since` is when the failures began that
    nothing has interrupted; `reason` why it is off. `unverified_since` is when the URL was said (epoch ms), until what
    listens there echoes a challenge: nothing else is sent there before, and what waits is kept."""

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
    unverified_since: int | None = None

    @property
    def purpose(self) -> str:
        """Of the consent under which an owner lets its partner hear of a vehicle."""
        return f"partner.{self.partner}"

    def hears(self, told: Notification) -> bool:
        return self.enabled and (not self.kinds or not self.kinds.isdisjoint(told.names))

    def at_url(self, url: str, now: int) -> "Endpoint":
        """With where it listens; another URL has to be verified again (`now` in epoch ms)."""
        return self if url == self.url else replace(self, url=url).asked_again(now)

    def asked_again(self, now: int) -> "Endpoint":
        """With a challenge of its own for where it listens now."""
        known = -1 if self.unverified_since is None else self.unverified_since
        return replace(self, unverified_since=max(now, known + 1), failing_since=None)

    def verified(self, since: int) -> "Endpoint":
        """After the challenge for the URL that was said then was echoed."""
        return replace(self, unverified_since=None) if self.unverified_since == since else self

    def secrets(self, now: int) -> list[str]:
        """The names of the secrets that sign now, the newest first."""
        both = self.rotated_at is not None and now < self.rotated_at + OVERLAP
        versions = [self.secret, self.secret - 1] if both else [self.secret]
        return [f"webhook/{self.brand}/{self.id}/{version}" for version in versions]

    def rotated(self, now: int) -> "Endpoint":
        return replace(self, secret=self.secret + 1, rotated_at=now)

    def answered(self, well: bool, gone: bool, now: int) -> "Endpoint":
        """After an attempt: switched off once it is gone, has failed for days, or has not echoed its challenge in
        days."""
        if well:
            return replace(self, failing_since=None) if self.failing_since is not None else self
        if self.unverified_since is not None and not gone:
            late = now >= self.unverified_since + VERIFIED_WITHIN
            return replace(self, enabled=False, reason="not verified") if late else self
        since = self.failing_since if self.failing_since is not None else now
        if gone:
            return replace(self, failing_since=since, enabled=False, reason="gone")
        if now >= since + GIVES_UP_AFTER:
            return replace(self, failing_since=since, enabled=False, reason="failing")
        return replace(self, failing_since=since) if self.failing_since is None else self
