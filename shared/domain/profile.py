"""Who a vehicle is, whom it belongs to, and what was sold for it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from shared.domain.catalog import Plan
from shared.domain.period import end_of
from shared.domain.policy import Policy, Privacy, Status
from shared.errors import Code, Contradiction, Reused

REMEMBERED = 32
"""How many idempotency keys a profile remembers."""
SUBSCRIPTIONS = 100
"""How many subscriptions a profile holds; one more is refused."""
HISTORY = "history"
"""The purpose of the consent that says for how long samples are kept."""
HISTORY_DAYS = 30
"""For how long while nobody has said."""
PURPOSES = 20
"""How many purposes a profile holds consents for."""


class Role(StrEnum):
    PRIMARY = "primary"
    SECONDARY = "secondary"
    GUEST = "guest"


@dataclass(frozen=True, slots=True)
class Subscription:
    """One sale: the plan's features as they were then, over the half-open interval [starts_at, ends_at)."""

    id: str
    plan: str
    features: tuple[str, ...]
    starts_at: datetime
    ends_at: datetime | None = None

    def covers(self, at: datetime) -> bool:
        return self.starts_at <= at and (self.ends_at is None or at < self.ends_at)


@dataclass(frozen=True, slots=True)
class Request:
    """An idempotency key that was used, a digest of what it asked for, and what it made."""

    key: str
    digest: str
    made: str


@dataclass(frozen=True, slots=True)
class Consent:
    """What a person agreed to or refused, for a purpose: the version of it that counts from 1, the text that was shown,
    for how many days samples may be kept (of `history`), who said so and when (epoch ms)."""

    purpose: str
    version: int
    granted: bool
    text: str
    days: int
    by: str
    at: int


@dataclass(frozen=True, slots=True)
class Profile:
    """The only authority on a vehicle's identity, people, sales, consents and privacy.

    `rules` is the version of its own rules, `owned_since` when its period of ownership began (epoch ms)."""

    vehicle_id: str
    vin: str
    brand: str
    region: str
    model: str
    model_year: int
    status: Status
    capabilities: frozenset[str]
    roles: Mapping[str, Role] = field(default_factory=dict)
    subscriptions: tuple[Subscription, ...] = ()
    requests: tuple[Request, ...] = ()
    privacy: Privacy = Privacy()
    consents: Mapping[str, Consent] = field(default_factory=dict)
    rules: int = 0
    owned_since: int = 0

    def policy(self) -> Policy:
        """What ingest must know of it."""
        consent = self.consents.get(HISTORY)
        days = HISTORY_DAYS if consent is None else consent.days if consent.granted else 0
        return Policy(self.brand, self.status, self.privacy, self.rules, days)

    def asked_before(self, key: str | None, digest: str) -> str | None:
        """What this very request made when it came first; raises Reused if the key asked for something else."""
        for request in self.requests:
            if request.key == key:
                if request.digest != digest:
                    raise Reused("this idempotency key was used with another body")
                return request.made
        return None


def subscribe(profile: Profile, plan: Plan, id: str, starts_at: datetime, request: Request | None) -> Profile:
    """The profile with the plan sold to it, and the request remembered; raises Contradiction when it is full."""
    if len(profile.subscriptions) >= SUBSCRIPTIONS:
        raise Contradiction(f"a vehicle holds {SUBSCRIPTIONS} subscriptions", Code.TOO_MANY_SUBSCRIPTIONS)
    sold = Subscription(id, plan.id, plan.features, starts_at, end_of(starts_at, plan.period))
    return remembering(replace(profile, subscriptions=(*profile.subscriptions, sold)), request)


def remembering(profile: Profile, request: Request | None) -> Profile:
    """With the request remembered, in the place of the oldest once there are too many."""
    return replace(profile, requests=(*profile.requests, request)[-REMEMBERED:]) if request else profile


def moved_to(profile: Profile, status: Status) -> Profile:
    """The profile in another status. What is out of service stays so; quarantine ends by a release alone."""
    if profile.status is Status.DECOMMISSIONED and status is not Status.DECOMMISSIONED:
        raise Contradiction("the vehicle is out of service for good", Code.DECOMMISSIONED)
    if profile.status is Status.QUARANTINED and status in (Status.ACTIVE, Status.SUSPENDED):
        raise Contradiction("the vehicle is quarantined: release it", Code.QUARANTINED)
    return replace(profile, status=status)


def consented(profile: Profile, consent: Consent) -> tuple[Profile, Consent]:
    """The profile with the next version of a consent, and that version."""
    known = profile.consents.get(consent.purpose)
    if known is None and len(profile.consents) >= PURPOSES:
        raise Contradiction(f"a vehicle holds consents for {PURPOSES} purposes", Code.TOO_MANY_CONSENTS)
    said = replace(consent, version=known.version + 1 if known else 1)
    return replace(profile, consents={**profile.consents, consent.purpose: said}), said
