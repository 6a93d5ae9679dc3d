"""Selling: a profile and what is asked for, or the time, give the next profile and the lines for the books.

Whatever is done first brings in what time has brought, so that the books are the same however often anyone looked."""

from dataclasses import replace

from shared.domain.catalog import Config, Plan
from shared.domain.period import DAY
from shared.domain.profile import Profile
from shared.domain.subscription import KEPT, OVER, Event, Grant, State, Subscription
from shared.domain.telemetry import Value
from shared.errors import Code, Contradiction, NotFound

SUBSCRIPTIONS = 100
"""How many subscriptions a profile holds, and how many grants; one more is refused."""
TRIALS = 500
"""Plans whose trial a profile remembers to have given; there is no other then."""
AT_ONCE = 40
"""Events that one write tells: each is a document of its own in the same batch."""
TOLD = {
    "ending": "subscription_ending",
    State.GRACE.value: "subscription_unpaid",
    State.PAST_DUE.value: "subscription_paused",
    State.EXPIRED.value: "subscription_ended",
    State.CANCELLED.value: "subscription_ended",
}
"""What time brings that the primary user is told of, and as what."""


def elapsed(profile: Profile, at: int) -> Profile:
    """With all that time brought up to a moment told and booked, each at its own time; and without what ended long ago.

    It is the same however often, or in how many steps, it was called on the way."""
    already = len(profile.fresh)
    while len(profile.fresh) - already < AT_ONCE:
        ahead = [(events[0].at, s.id, events) for s in profile.subscriptions if (events := s.upcoming(s.told_until))]
        due, id, events = min(ahead, default=(at + 1, "", []))
        if due > at:
            break
        for event in events:
            profile = _told(profile, profile.subscription(id), event)
    kept = tuple(s for s in profile.subscriptions if not _long_over(s, at))
    grants = tuple(g for g in profile.grants if g.ends_at is None or at < g.ends_at + KEPT)
    return replace(profile, subscriptions=kept, grants=grants)


def _told(profile: Profile, s: Subscription, event: Event) -> Profile:
    facts: dict[str, Value] = {"subscription": s.id, "plan": s.plan.id}
    profile = profile.with_subscription(replace(s, told_until=event.at))
    more: dict[str, Value] = {"days": event.days} if event.days else {}
    profile = profile.booked(s.id, event.what, event.at, "time", **more)
    kind = TOLD.get(event.what)
    quiet = kind is None or (event.what == State.CANCELLED.value and s.successor is not None)
    fact = f"{s.id}/{event.what}/{event.at}"
    return profile if quiet or kind is None else profile.telling(fact, kind, event.at, {**facts, **more})


def _long_over(s: Subscription, at: int) -> bool:
    phase = s.phase(at)
    return phase.state in OVER and phase.starts_at + KEPT <= at


def without_earlier(profile: Profile, at: int) -> Profile:
    """Without what was over before the present ownership began, as seen at a moment (epoch ms)."""
    since = profile.owned_since

    def concerns(s: Subscription) -> bool:
        phase = s.phase(at)
        return phase.state not in OVER or phase.starts_at > since

    kept = tuple(s for s in profile.subscriptions if concerns(s))
    grants = tuple(g for g in profile.grants if g.ends_at is None or g.ends_at > since)
    return replace(profile, subscriptions=kept, grants=grants)


def bought(profile: Profile, plan: Plan, id: str, starts_at: int, at: int, by: str) -> Profile:
    """With the plan sold. What an operator sells is paid for; a person begins with the trial, once a vehicle.

    Raises Contradiction(already_subscribed, too_many_subscriptions)."""
    profile = elapsed(profile, at)
    if len(profile.subscriptions) >= SUBSCRIPTIONS:
        raise Contradiction(f"a vehicle holds {SUBSCRIPTIONS} subscriptions", Code.TOO_MANY_SUBSCRIPTIONS)
    if any(s.plan.id == plan.id and s.cancels_at is None and _goes_on(s, at) for s in profile.subscriptions):
        raise Contradiction(f"{plan.id} is subscribed to already", Code.ALREADY_SUBSCRIBED)
    paid, trial = by == "operator" and not plan.free, 0
    if by != "operator" and plan.id not in profile.tried and len(profile.tried) < TRIALS:
        trial = plan.trial_days
        profile = replace(profile, tried=profile.tried | {plan.id}) if trial else profile
    sold = _sold(plan, id, starts_at, trial, at)
    profile = replace(profile, subscriptions=(*profile.subscriptions, replace(sold, paid=int(paid))))
    return profile.booked(id, "bought", at, by, plan=plan.id, version=plan.version, paid=paid, trial=trial)


def _sold(plan: Plan, id: str, starts_at: int, trial_days: int, at: int) -> Subscription:
    return Subscription(id, plan, starts_at, starts_at + trial_days * DAY, min(at, starts_at))


def _goes_on(s: Subscription, at: int) -> bool:
    return s.phase(at).state not in OVER


def cancelled(profile: Profile, id: str, at_once: bool, at: int, by: str) -> Profile:
    """Ending now, or where the terms end that were paid for: what is outstanding or not begun ends now either way.

    Raises NotFound, Contradiction(subscription_ended, no_period_end)."""
    profile = elapsed(profile, at)
    s = _going_on(profile, id, at)
    if not at_once and s.cancels_at is not None:
        return profile
    ends = at if at_once else _period_end(s, at)
    if ends is None:
        raise Contradiction("it has no end to cancel it at: cancel it now", Code.NO_PERIOD_END)
    profile = _without_successor(profile, s, at, by) if at_once else profile
    s = profile.subscription(id)
    told = at if ends == at else s.told_until
    profile = profile.with_subscription(replace(s, cancels_at=ends, told_until=told))
    profile = profile.booked(id, "cancelled" if ends == at else "cancelling", at, by, ends=ends)
    facts = {"subscription": id, "plan": s.plan.id}
    ended = ends == at
    return profile.telling(f"{id}/cancelled/{at}", "subscription_ended", at, facts) if ended else profile


def _period_end(s: Subscription, at: int) -> int | None:
    """Where it may end without taking away what was paid for; None if it never ends."""
    state = s.phase(at).state
    if state not in (State.TRIALING, State.ACTIVE) and not (state is State.SCHEDULED and s.paid):
        return at
    return s.term(at).ends_at if s.plan.free else s.paid_until


def _going_on(profile: Profile, id: str, at: int) -> Subscription:
    s = profile.subscription(id)
    if not _goes_on(s, at):
        raise Contradiction("the subscription has ended", Code.SUBSCRIPTION_ENDED)
    return s


def _without_successor(profile: Profile, s: Subscription, at: int, by: str) -> Profile:
    if s.successor is None:
        return profile
    after = profile.with_subscription(replace(s, successor=None))
    other = next((o for o in after.subscriptions if o.id == s.successor and _goes_on(o, at)), None)
    if other is None:
        return after
    after = after.with_subscription(replace(other, cancels_at=at, told_until=max(at, other.told_until)))
    return after.booked(other.id, "cancelled", at, by, ends=at)


def resumed(profile: Profile, id: str, at: int, by: str) -> Profile:
    """Not ending after all, nor giving way to another plan. Raises NotFound, Contradiction(subscription_ended)."""
    profile = elapsed(profile, at)
    s = _going_on(profile, id, at)
    if s.cancels_at is None:
        return profile
    profile = _without_successor(profile, s, at, by)
    profile = profile.with_subscription(replace(profile.subscription(id), cancels_at=None))
    return profile.booked(id, "resumed", at, by)


def changed(profile: Profile, id: str, plan: Plan, successor: str, at: int, by: str) -> Profile:
    """Giving way to another plan where the terms end that were paid for; the last such wish counts.

    Raises NotFound, Contradiction(subscription_ended, no_period_end, payment_outstanding, too_many_subscriptions)."""
    profile = elapsed(profile, at)
    s = _going_on(profile, id, at)
    if s.phase(at).state not in (State.TRIALING, State.ACTIVE):
        raise Contradiction("it is not paid for: a change waits for that", Code.PAYMENT_OUTSTANDING)
    ends = s.cancels_at or _period_end(s, at)
    if ends is None:
        raise Contradiction("it has no end to change it at", Code.NO_PERIOD_END)
    profile = _without_successor(profile, s, at, by)
    if len(profile.subscriptions) >= SUBSCRIPTIONS:
        raise Contradiction(f"a vehicle holds {SUBSCRIPTIONS} subscriptions", Code.TOO_MANY_SUBSCRIPTIONS)
    profile = profile.with_subscription(replace(profile.subscription(id), cancels_at=ends, successor=successor))
    after = replace(_sold(plan, successor, ends, 0, at), follows=id)
    profile = replace(profile, subscriptions=(*profile.subscriptions, after))
    profile = profile.booked(id, "changing", at, by, ends=ends, successor=successor)
    return profile.booked(successor, "bought", at, by, plan=plan.id, version=plan.version, paid=False, trial=0)


def paid(profile: Profile, id: str, term: int, at: int, by: str) -> Profile:
    """With a term paid for, counted from 1: the first that is not, once the one before has begun. Twice is once.

    Raises NotFound, Contradiction(subscription_ended, not_payable)."""
    profile = elapsed(profile, at)
    s = profile.subscription(id)
    if term <= s.paid:
        return profile
    s = _going_on(profile, id, at)
    begun = s.paid == 0 or (s.paid_until is not None and s.term(s.paid_until - 1).starts_at <= at)
    if s.plan.free or s.cancels_at is not None or term != s.paid + 1 or not begun:
        raise Contradiction("that term is not to be paid for now", Code.NOT_PAYABLE)
    return profile.with_subscription(replace(s, paid=term)).booked(id, "paid", at, by, term=term)


def failed(profile: Profile, id: str, term: int, at: int, by: str) -> Profile:
    """With a payment that failed in the books; the primary user is told. What it means follows from the time alone.

    Raises NotFound, Contradiction(subscription_ended, not_payable)."""
    profile = elapsed(profile, at)
    s = _going_on(profile, id, at)
    if s.plan.free or term != s.paid + 1:
        raise Contradiction("that term is not to be paid for now", Code.NOT_PAYABLE)
    profile = profile.booked(id, "payment_failed", at, by, term=term)
    facts: dict[str, Value] = {"subscription": id, "plan": s.plan.id, "term": term}
    return profile.telling(f"{id}/failed/{term}/{at}", "payment_failed", at, facts)


def not_renewing(profile: Profile, at: int) -> Profile:
    """With every sale that somebody would have to pay for ending where it was paid for."""
    profile = elapsed(profile, at)
    for s in profile.subscriptions:
        if s.plan.free or s.cancels_at is not None or not _goes_on(s, at) or _period_end(s, at) is None:
            continue
        profile = cancelled(profile, s.id, False, at, "time")
    for s in profile.subscriptions:
        if s.cancels_at is not None and s.cancels_at > at:
            profile = _without_successor(profile, profile.subscription(s.id), at, "time")
    return profile


def granted(profile: Profile, grant: Grant, at: int, by: str) -> Profile:
    """With a feature given for a time. Raises Contradiction(too_many_subscriptions)."""
    profile = elapsed(profile, at)
    if len(profile.grants) >= SUBSCRIPTIONS:
        raise Contradiction(f"a vehicle holds {SUBSCRIPTIONS} grants", Code.TOO_MANY_SUBSCRIPTIONS)
    profile = replace(profile, grants=(*profile.grants, grant))
    ends = {} if grant.ends_at is None else {"ends": grant.ends_at}
    return profile.booked(grant.id, "granted", at, by, feature=grant.feature, starts=grant.starts_at, **ends)


def revoked(profile: Profile, id: str, at: int, by: str) -> Profile:
    """With a grant ended now. Raises NotFound."""
    profile = elapsed(profile, at)
    found = next((g for g in profile.grants if g.id == id), None)
    if found is None:
        raise NotFound("no such grant")
    ends = max(at, found.starts_at)
    if found.ends_at is not None and found.ends_at <= ends:
        return profile
    grants = tuple(replace(g, ends_at=ends) if g.id == id else g for g in profile.grants)
    return replace(profile, grants=grants).booked(id, "revoked", at, by)


def holdings(profile: Profile, feature: str) -> list[tuple[Subscription | Grant, Config | None]]:
    """Every sale and grant of a feature, with its config."""
    found: list[tuple[Subscription | Grant, Config | None]] = [
        (s, s.plan.features[feature]) for s in profile.subscriptions if feature in s.plan.features
    ]
    return found + [(g, g.config) for g in profile.grants if g.feature == feature]
