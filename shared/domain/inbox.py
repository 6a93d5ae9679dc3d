"""What a recipient is told of one notification, and what became of telling it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import NamedTuple
from uuid import NAMESPACE_URL, uuid5

from shared.domain.history import day_of
from shared.domain.kinds import Channel
from shared.domain.notification import Notification
from shared.domain.person import PersonId

OPERATORS = "@operators"
"""Stands for all operators of a brand, who share an inbox. No person's id begins so."""
TAKES = 30_000
"""Milliseconds that one attempt may take, with its record: one without an outcome then is taken for interrupted."""
EMAIL_RESTS = (60, 300, 1_800, 7_200, 18_000, 43_200)
WEBHOOK_RESTS = (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
"""Seconds after each attempt that failed; then it is given up."""
LONGEST_REST = 86_400
"""Seconds that a provider may ask us to wait."""
ATTEMPTS_KEPT = 30
"""Attempts of one delivery that its trail shows, the latest."""


class Outcome(StrEnum):
    """What became of a delivery. The first three are not final; `gathered` waits for, or went into, a digest."""

    PLANNED = "planned"
    RETRYING = "retrying"
    GATHERED = "gathered"
    SENT = "sent"
    FAILED = "failed"
    SUPPRESSED = "suppressed"
    EXPIRED = "expired"


OPEN = frozenset({Outcome.PLANNED, Outcome.RETRYING})


class Attempt(NamedTuple):
    """When it began and ended (epoch ms; None if that was never recorded), and what the provider said."""

    at: int
    ended: int | None = None
    outcome: str = "started"
    reason: str = ""


class Reply(NamedTuple):
    """What a provider made of one attempt: `outcome` is sent, retrying or failed; `retry_after` the seconds it asks us
    to wait; `gone` that it never wants to hear from us again."""

    outcome: Outcome
    reason: str = ""
    retry_after: float | None = None
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Delivery:
    """One chain of attempts over one channel. Nothing is attempted before `not_before` (epoch ms); each replay is
    another `generation`."""

    outcome: Outcome = Outcome.PLANNED
    not_before: int = 0
    generation: int = 0
    failures: int = 0
    attempts: tuple[Attempt, ...] = ()
    reason: str = ""

    @property
    def open(self) -> bool:
        return self.outcome in OPEN

    def started(self, now: int) -> "Delivery":
        return replace(self, attempts=(*self.attempts, Attempt(now))[-ATTEMPTS_KEPT:])

    def under_way(self, now: int) -> bool:
        """Whether another attempt may still be going on."""
        return bool(self.attempts) and self.attempts[-1].ended is None and now < self.attempts[-1].at + TAKES

    def concluded(self, reply: Reply, now: int, rests: tuple[int, ...], jitter: float) -> "Delivery":
        """With what the last attempt came to; `jitter` from 0 to 1 makes a rest up to a tenth longer."""
        last = Attempt(self.attempts[-1].at, now, reply.outcome, reply.reason)
        after = replace(self, attempts=(*self.attempts[:-1], last), reason=reply.reason, outcome=reply.outcome)
        if reply.outcome is not Outcome.RETRYING:
            return after
        if self.failures >= len(rests):
            return replace(after, outcome=Outcome.FAILED)
        rest = max(rests[self.failures], min(reply.retry_after or 0, LONGEST_REST)) * (1 + jitter / 10)
        return replace(after, failures=self.failures + 1, not_before=now + int(rest * 1000))

    def closed(self, outcome: Outcome, reason: str) -> "Delivery":
        return replace(self, outcome=outcome, reason=reason)

    def again(self, now: int) -> "Delivery":
        """To be attempted anew, as an operator or partner asks."""
        return replace(self, outcome=Outcome.PLANNED, not_before=now, generation=self.generation + 1, failures=0)


class Turn(NamedTuple):
    """What is on the `deliveries` queue: that it is time to look after a delivery, for the how manieth time."""

    recipient: PersonId
    item: str
    channel: Channel
    generation: int = 0
    number: int = 0
    traceparent: str | None = None

    @property
    def id(self) -> str:
        """Every turn has its own, and a repeated one the same."""
        return f"{delivery_id(self.item, self.channel)}:{self.generation}.{self.number}"

    def next(self) -> "Turn":
        return self._replace(number=self.number + 1)


@dataclass(frozen=True, slots=True)
class Item:
    """What one recipient is told of one notification, in words of their language (`title`, `body`), and its deliveries.

    `shown` if it stands in the inbox; `read_at`, `deleted_at` when it was read and deleted (epoch ms); `digest` from
    when on a digest takes it in (epoch ms)."""

    id: str
    recipient: PersonId
    notification: Notification
    planned_at: int
    title: str = ""
    body: str = ""
    shown: bool = True
    read_at: int | None = None
    deleted_at: int | None = None
    digest: int | None = None
    deliveries: Mapping[Channel, Delivery] = field(default_factory=dict)

    @property
    def failed(self) -> bool:
        """Whether anything of it waits for someone to replay or discard it."""
        return any(d.outcome is Outcome.FAILED for d in self.deliveries.values())

    def with_delivery(self, channel: Channel, delivery: Delivery) -> "Item":
        return replace(self, deliveries={**self.deliveries, channel: delivery})

    def turns(self) -> list[Turn]:
        """What has to be on the queue for it."""
        trace = self.notification.traceparent
        return [
            Turn(self.recipient, self.id, channel, d.generation, 0, trace)
            for channel, d in self.deliveries.items()
            if d.open
        ]

    def tombstone(self, now: int) -> "Item":
        """Without anything that it said. It stays, so that it is not told again."""
        told = replace(self.notification, facts={})
        return replace(self, notification=told, title="", body="", shown=False, deleted_at=now, digest=None)


OVERLAP = 10_000
"""Milliseconds by which instances' clocks, and commits under way, may disorder what arrives."""


@dataclass(frozen=True, slots=True)
class Mark:
    """How far somebody has read: until when (epoch ms), and how the ids begin of what is known of the time before."""

    at: int
    known: frozenset[str] = frozenset()

    def after(self, seen: Sequence[Item]) -> "Mark":
        at = max([self.at, *(item.planned_at for item in seen)])
        return Mark(at, frozenset(i.id[:8] for i in seen if i.planned_at > at - OVERLAP))


def item_id(notification: str, recipient: PersonId) -> str:
    """The same for the same notification and recipient, always."""
    return str(uuid5(NAMESPACE_URL, f"{notification}/{recipient.user}/inbox"))


def delivery_id(item: str, channel: Channel) -> str:
    """What a provider knows a delivery by, however often it is attempted."""
    return str(uuid5(NAMESPACE_URL, f"{item}/{channel.value}"))


def endpoint_recipient(brand: str, endpoint: str, at: int) -> PersonId:
    """A partner's endpoint as a recipient: another one each UTC day, so that none grows for ever."""
    return PersonId(brand, f"@{endpoint}/{day_of(at)}")


def endpoint_of(recipient: PersonId) -> str | None:
    """The endpoint that a recipient is; None for people."""
    name, _, day = recipient.user.removeprefix("@").partition("/")
    return name if recipient.user.startswith("@") and day else None


def is_system(recipient: PersonId) -> bool:
    """Operators, or a partner's endpoint: no person."""
    return recipient.user.startswith("@")
