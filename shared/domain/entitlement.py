"""Whether a vehicle may use a feature, and why not."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from shared.domain.catalog import Catalog
from shared.domain.policy import Status
from shared.domain.profile import Profile

CACHE_FOR = timedelta(minutes=5)
"""How long a caller may go on with an answer, unless the feature ends before."""


class Reason(StrEnum):
    """Why a feature is not allowed, in their fixed precedence."""

    UNKNOWN_FEATURE = "unknown_feature"
    HARDWARE = "hardware"
    VEHICLE_STATUS = "vehicle_status"
    NOT_SUBSCRIBED = "not_subscribed"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Entitlement:
    """The answer to a check. Having no access is an answer, not an error, and it names every reason."""

    feature: str
    reasons: tuple[Reason, ...]
    valid_until: datetime | None
    cache_for: timedelta

    @property
    def allowed(self) -> bool:
        return not self.reasons


def check(profile: Profile, catalog: Catalog, feature: str, at: datetime) -> Entitlement:
    """Decide from what is stored at one moment: the same input always gives the same answer."""
    known = catalog.features.get(feature)
    if known is None:
        return Entitlement(feature, (Reason.UNKNOWN_FEATURE,), None, CACHE_FOR)
    reasons: list[Reason] = []
    if not known.needs_capabilities <= profile.capabilities:
        reasons.append(Reason.HARDWARE)
    if profile.status is not Status.ACTIVE:
        reasons.append(Reason.VEHICLE_STATUS)
    sold = [s for s in profile.subscriptions if feature in s.features]
    current = [s for s in sold if s.covers(at)]
    if not current:
        ended = any(s.ends_at is not None and s.ends_at <= at for s in sold)
        reasons.append(Reason.EXPIRED if ended else Reason.NOT_SUBSCRIBED)
    return Entitlement(feature, tuple(reasons), _until(profile, feature, at), _cache_for(profile, feature, at))


def _until(profile: Profile, feature: str, at: datetime) -> datetime | None:
    """When the feature ends if nothing else happens; None if never or not held. Sales that touch count as one."""
    end: datetime | None = None
    moment = at
    while True:
        covering = [s for s in profile.subscriptions if feature in s.features and s.covers(moment)]
        if not covering:
            return end
        if any(s.ends_at is None for s in covering):
            return None
        end = moment = max(s.ends_at for s in covering if s.ends_at)


def _cache_for(profile: Profile, feature: str, at: datetime) -> timedelta:
    """Until the next moment at which time alone changes the answer, and never longer than CACHE_FOR."""
    edges = [
        edge
        for s in profile.subscriptions
        if feature in s.features
        for edge in (s.starts_at, s.ends_at)
        if edge is not None and edge > at
    ]
    return min([CACHE_FOR, *(edge - at for edge in edges)])
