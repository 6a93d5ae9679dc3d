"""Whether a feature may be used, why not, and until when: a pure function of what is stored and who asks."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from shared.domain.catalog import Catalog, Config, Feature
from shared.domain.garage import Member, Role
from shared.domain.policy import Mode
from shared.domain.profile import Profile
from shared.domain.sales import holdings
from shared.domain.subscription import KEPT, OVER, Grant, Interval, State, Subscription

CACHE_FOR = 300_000
"""Milliseconds for which a caller may go on with an answer, unless time alone changes it before."""
_STRICTNESS = (Mode.FULL, Mode.NO_POSITION, Mode.OFFLINE)


class Reason(StrEnum):
    """Why a feature is not allowed, in their fixed precedence."""

    UNKNOWN_FEATURE = "unknown_feature"
    ROLE = "role"
    UNVERIFIED = "unverified"
    TERMS = "terms"
    CONSENT = "consent"
    REGION = "region"
    HARDWARE = "hardware"
    VEHICLE_STATUS = "vehicle_status"
    PRIVACY_MODE = "privacy_mode"
    NOT_SUBSCRIBED = "not_subscribed"
    EXPIRED = "expired"
    PAST_DUE = "past_due"
    DISABLED_BY_USER = "disabled_by_user"


@dataclass(frozen=True, slots=True)
class Person:
    """For whom it is asked. What only the person's own token tells is None when another asks."""

    user_id: str
    verified: bool | None = None
    terms: bool | None = None


class Finding(NamedTuple):
    """One need: what is wanted, what was found, and whether that is enough."""

    need: Reason
    wanted: object
    found: object
    met: bool


@dataclass(frozen=True, slots=True)
class Entitlement:
    """The answer to a check. Having no access is an answer, not an error, and it names every reason.

    `valid_until` is when access ends if nothing else happens, `grace_until` the same while it goes on only in grace
    (epoch ms), `cache_for` for how long the answer holds (ms). `findings` are all needs that were looked at."""

    feature: str
    reasons: tuple[Reason, ...]
    kind: str | None = None
    config: Config | None = None
    grace_until: int | None = None
    valid_until: int | None = None
    cache_for: int = CACHE_FOR
    findings: tuple[Finding, ...] = ()

    @property
    def allowed(self) -> bool:
        return not self.reasons


def check(profile: Profile, catalog: Catalog, feature: str, person: Person | None, at: int) -> Entitlement:
    """Decide from what is stored at one moment (epoch ms), for a person or for the vehicle itself.

    The same input always gives the same answer."""
    known = catalog.features.get(feature)
    if known is None:
        unknown = Finding(Reason.UNKNOWN_FEATURE, feature, None, False)
        return Entitlement(feature, (Reason.UNKNOWN_FEATURE,), findings=(unknown,))
    member = profile.members.get(person.user_id) if person else None
    held = [_Held.of(h, config, at) for h, config in holdings(profile, feature)]
    giving = [h for h in held if h.gives]
    switch = "off" if feature in profile.off else "on"
    findings = (
        *_personal(known, person, member, at),
        *_technical(known, profile, at),
        _commercial(held),
        Finding(Reason.DISABLED_BY_USER, "on", switch, switch == "on"),
    )
    longest = max(giving, key=lambda h: (h.ends is None, h.ends or 0, h.id), default=None)
    ends = _access_end(profile, feature, at) if giving else None
    return Entitlement(
        feature,
        tuple(f.need for f in findings if not f.met),
        known.kind.value,
        longest.config if longest else None,
        ends if giving and all(h.state is State.GRACE for h in giving) else None,
        _earlier(ends, member.ends_at if member else None) if giving else None,
        min([CACHE_FOR, *(edge - at for edge in _edges(profile, feature, member, at) if edge > at)]),
        findings,
    )


class _Held(NamedTuple):
    """A sale or grant at a moment. A grant is active in its interval."""

    id: str
    state: State
    gives: bool
    ended: bool
    ends: int | None
    config: Config | None

    @classmethod
    def of(cls, holding: Subscription | Grant, config: Config | None, at: int) -> "_Held":
        access = holding.access
        gives = access is not None and access.covers(at)
        ends = access.ends_at if access else None
        if isinstance(holding, Subscription):
            state, since, _ = holding.phase(at)
            ended = state in OVER and since > holding.starts_at and at < since + KEPT
            return cls(holding.id, state, gives, ended, ends, config)
        ended = ends is not None and ends <= at < ends + KEPT
        state = State.ACTIVE if gives else State.EXPIRED if ended else State.SCHEDULED
        return cls(holding.id, state, gives, ended, ends, config)


def _personal(feature: Feature, person: Person | None, member: Member | None, at: int) -> Iterator[Finding]:
    """What is asked of a person. Of a vehicle it is not, nor what nobody knows of a person whom another asks for."""
    if person is None:
        return
    needs = feature.needs
    role = member.role if member and member.covers(at) else None
    wanted = sorted(needs.roles or set(Role))
    chosen = member is None or member.features is None or feature.id in member.features
    yield Finding(Reason.ROLE, wanted, role if chosen else "guest without it", role in wanted and chosen)
    for need, asked, known in (
        (Reason.UNVERIFIED, needs.verified, person.verified),
        (Reason.TERMS, needs.terms, person.terms),
    ):
        if asked and known is not None:
            yield Finding(need, True, known, known)


def _technical(feature: Feature, profile: Profile, at: int) -> Iterator[Finding]:
    needs, mode = feature.needs, profile.privacy.mode(at)
    agreed = sorted(p for p in needs.consents if profile.agreed(p))
    built = sorted(needs.capabilities & profile.capabilities)
    if needs.consents:
        yield Finding(Reason.CONSENT, sorted(needs.consents), agreed, len(agreed) == len(needs.consents))
    if needs.regions:
        yield Finding(Reason.REGION, sorted(needs.regions), profile.region, profile.region in needs.regions)
    if needs.capabilities:
        yield Finding(Reason.HARDWARE, sorted(needs.capabilities), built, len(built) == len(needs.capabilities))
    status = profile.status
    yield Finding(Reason.VEHICLE_STATUS, sorted(needs.statuses), status, status in needs.statuses)
    if needs.mode is not None:
        met = _STRICTNESS.index(mode) <= _STRICTNESS.index(needs.mode)
        yield Finding(Reason.PRIVACY_MODE, needs.mode, mode, met)


def _commercial(held: Iterable[_Held]) -> Finding:
    """One reason: what is outstanding outweighs what ended, and that outweighs nothing at all."""
    known = [h for h in held if h.gives or h.ended or h.state in (State.PAST_DUE, State.SCHEDULED)]
    found = [{"id": h.id, "state": h.state.value} for h in known]
    reason = Reason.NOT_SUBSCRIBED
    if any(h.state is State.PAST_DUE for h in known):
        reason = Reason.PAST_DUE
    elif any(h.ended for h in known):
        reason = Reason.EXPIRED
    return Finding(reason, "a subscription or grant", found, any(h.gives for h in known))


def _access_end(profile: Profile, feature: str, at: int) -> int | None:
    """When access ends if nothing else happens; None if never. Sales that touch count as one."""
    intervals = [a for h, _ in holdings(profile, feature) if (a := h.access) is not None]
    moment = at
    while covering := [i for i in intervals if i.covers(moment)]:
        if any(i.ends_at is None for i in covering):
            return None
        moment = max(i.ends_at for i in covering if i.ends_at is not None)
    return moment


def _edges(profile: Profile, feature: str, member: Member | None, at: int) -> Iterator[int]:
    """The moments at which time alone may change the answer."""
    for holding, _ in holdings(profile, feature):
        if isinstance(holding, Subscription):
            phase = holding.phase(at)
            yield phase.starts_at + KEPT if phase.ends_at is None else phase.ends_at
        elif holding.access:
            starts, ends = holding.access
            yield from (starts,) if ends is None else (starts, ends, ends + KEPT)
    intervals = [Interval(e.starts_at, e.ends_at) for e in profile.privacy.exclusions]
    intervals += [Interval(member.starts_at, member.ends_at)] if member else []
    for interval in intervals:
        yield from (edge for edge in interval if edge is not None)


def _earlier(*ends: int | None) -> int | None:
    return min((end for end in ends if end is not None), default=None)
