"""Who a vehicle is, whom it belongs to, and what was sold for it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from shared.domain.catalog import Plan
from shared.domain.period import end_of
from shared.domain.vehicle import Policy
from shared.errors import Code, Contradiction, Reused

REMEMBERED = 32
"""How many idempotency keys a profile remembers."""
SUBSCRIPTIONS = 100
"""How many subscriptions a profile holds; one more is refused."""


class Status(StrEnum):
    ACTIVE = "active"
    SUSPENDED = "suspended"


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
class Profile:
    """The only authority on a vehicle's identity, people and sales."""

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

    def policy(self) -> Policy:
        """What ingest must know of it."""
        return Policy(self.brand, self.status.value)

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
    requests = (*profile.requests, request)[-REMEMBERED:] if request else profile.requests
    return replace(profile, subscriptions=(*profile.subscriptions, sold), requests=requests)
