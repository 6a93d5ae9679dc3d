"""Buying, and what becomes of it. What a person buys is paid for elsewhere: we are told of payments, and take none."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from shared.domain import sales
from shared.domain.catalog import Config, Plan, require_config_size, require_plan_size
from shared.domain.principal import Kind, Principal, Scope, require_access, require_operator, require_owner
from shared.domain.profile import Profile
from shared.domain.subscription import Entry, Grant, Subscription
from shared.errors import Code, Forbidden, Malformed, NotFound
from shared.ports import Catalogs
from shared.use_cases.amend import Asked, Change, Reach, amend_once

LONGEST_AHEAD = 366 * 86_400_000
"""Milliseconds by which a sale may lie ahead."""


@dataclass(frozen=True, slots=True)
class Order:
    """A plan to be sold for a vehicle, from a moment on (epoch ms); now without."""

    plan: str
    starts_at: int | None = None


@dataclass(frozen=True, slots=True)
class Gift:
    """A feature that an operator gives, over [starts_at, ends_at) (epoch ms)."""

    feature: str
    starts_at: int
    ends_at: int | None


async def buy(
    caller: Principal, vehicle_id: str, order: Order, asked: Asked, catalogs: Catalogs, o: Reach
) -> Subscription:
    """Sell a plan of the vehicle's brand: to its owner, or by an operator, from another moment too.

    Raises Forbidden, NotFound, Malformed(unknown_plan), Contradiction(already_subscribed, too_many_subscriptions)."""
    plan, starts_at = await _plan(caller, order.plan, catalogs), order.starts_at
    operator = caller.kind is Kind.OPERATOR
    if starts_at is not None and not (operator and abs(starts_at - caller.at) <= LONGEST_AHEAD):
        raise Malformed("startsAt: only an operator may name it, within a year")
    begins = caller.at if starts_at is None else starts_at

    def decide(profile: Profile) -> Profile:
        return sales.bought(profile, _known(plan, order.plan), asked.made, begins, caller.at, caller.kind.value)

    return await _sold(caller, vehicle_id, asked, decide, o)


async def cancel(caller: Principal, vehicle_id: str, id: str, at_once: bool, asked: Asked, o: Reach) -> Subscription:
    """End it now, or where it was paid for. Raises Forbidden, NotFound, Contradiction, Reused."""
    by = caller.kind.value
    return await _sold(caller, vehicle_id, asked, lambda p: sales.cancelled(p, id, at_once, caller.at, by), o)


async def resume(caller: Principal, vehicle_id: str, id: str, asked: Asked, o: Reach) -> Subscription:
    """Don't let it end after all. Raises Forbidden, NotFound, Contradiction(subscription_ended), Reused."""
    return await _sold(caller, vehicle_id, asked, lambda p: sales.resumed(p, id, caller.at, caller.kind.value), o)


async def change(
    caller: Principal, vehicle_id: str, id: str, plan: str, asked: Asked, catalogs: Catalogs, o: Reach
) -> Subscription:
    """Let another plan take its place where it was paid for; that one's subscription comes back.

    Raises Forbidden, NotFound, Malformed(unknown_plan), Contradiction, Reused."""
    found = await _plan(caller, plan, catalogs)

    def decide(profile: Profile) -> Profile:
        return sales.changed(profile, id, _known(found, plan), asked.made, caller.at, caller.kind.value)

    return await _sold(caller, vehicle_id, asked, decide, o)


async def pay(
    caller: Principal, vehicle_id: str, id: str, term: int, succeeded: bool, asked: Asked, o: Reach
) -> Subscription:
    """Remember what came of a payment: for an operator, or a partner with the scope `payments`.

    Raises Forbidden, NotFound, Contradiction(not_payable, subscription_ended), Reused."""

    def admit(profile: Profile) -> None:
        require_access(caller, profile, Scope.PAYMENTS)
        if caller.kind not in (Kind.OPERATOR, Kind.PARTNER):
            raise Forbidden("only an operator or a partner that takes payments may do this")

    def decide(profile: Profile) -> Change:
        step = sales.paid if succeeded else sales.failed
        return Change(step(profile, id, term, caller.at, caller.kind.value))

    profile, made = await amend_once(vehicle_id, asked, decide, o, admit)
    return profile.subscription(made)


async def grant(caller: Principal, vehicle_id: str, gift: Gift, asked: Asked, catalogs: Catalogs, o: Reach) -> Grant:
    """An operator gives a feature. Raises Forbidden, NotFound, Malformed(unknown_feature), Contradiction, Reused."""
    require_operator(caller)
    feature = (await catalogs.load(caller.brand)).features.get(gift.feature)

    def decide(profile: Profile) -> Change:
        if feature is None:
            raise Malformed(f"{caller.brand} has no feature {gift.feature}", Code.UNKNOWN_FEATURE)
        require_config_size(feature)
        config: Config | None = feature.config
        given = Grant(asked.made, gift.feature, config, gift.starts_at, gift.ends_at)
        return Change(sales.granted(profile, given, caller.at, caller.kind.value))

    profile, made = await amend_once(vehicle_id, asked, decide, o, lambda profile: require_access(caller, profile))
    return _grant(profile, made)


async def revoke(caller: Principal, vehicle_id: str, id: str, asked: Asked, o: Reach) -> Grant:
    """An operator takes a grant back from now on. Raises Forbidden, NotFound, Reused."""
    require_operator(caller)

    def decide(profile: Profile) -> Change:
        return Change(sales.revoked(profile, id, caller.at, caller.kind.value))

    profile, made = await amend_once(vehicle_id, asked, decide, o, lambda profile: require_access(caller, profile))
    return _grant(profile, made)


async def read(caller: Principal, vehicle_id: str, o: Reach) -> Profile:
    """What was sold and granted, for its owner and operators; to an owner nothing that was over before the vehicle was
    theirs. Raises Forbidden, NotFound."""
    profile = (await o.profiles.load(vehicle_id)).value
    require_owner(caller, profile)
    return profile if caller.kind is Kind.OPERATOR else sales.without_earlier(profile, caller.at)


async def read_books(caller: Principal, vehicle_id: str, subject: str, o: Reach) -> Sequence[Entry]:
    """All that was done with one sale or grant in the present ownership, the oldest first; to an operator in all.

    Raises Forbidden, NotFound."""
    profile = await read(caller, vehicle_id, o)
    since = 0 if caller.kind is Kind.OPERATOR else profile.owned_since
    found = [entry for entry in await o.profiles.books(vehicle_id, subject) if entry.at >= since]
    if not found:
        raise NotFound("no such subscription or grant")
    return found


async def _sold(
    caller: Principal, vehicle_id: str, asked: Asked, decide: Callable[[Profile], Profile], o: Reach
) -> Subscription:
    profile, made = await amend_once(
        vehicle_id, asked, lambda p: Change(decide(p)), o, lambda profile: require_owner(caller, profile)
    )
    return profile.subscription(made)


async def _plan(caller: Principal, id: str, catalogs: Catalogs) -> Plan | None:
    catalog = await catalogs.load(caller.brand)
    plan = catalog.plans.get(id)
    if plan is None:
        return None
    sold = catalog.sold(plan)
    require_plan_size(sold)
    return sold


def _known(plan: Plan | None, id: str) -> Plan:
    if plan is None:
        raise Malformed(f"no plan {id} is sold", Code.UNKNOWN_PLAN)
    return plan


def _grant(profile: Profile, id: str) -> Grant:
    found = next((g for g in profile.grants if g.id == id), None)
    if found is None:
        raise NotFound("no such grant")
    return found
