"""People, sales, time and crashes at random, over the real use cases; and what has to come of it, reckoned another way.

The oracle keeps for each sale what was done with it and works out calendar dates with dateutil; it knows nothing of
phases, intervals or outboxes."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from unittest.mock import patch

from dateutil.relativedelta import relativedelta
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from shared.domain import entitlement, ownership, sales, subscription
from shared.domain.catalog import Catalog, Feature, Kind, Needs, Plan
from shared.domain.entitlement import Person
from shared.domain.garage import Member, Role
from shared.domain.period import end_of
from shared.domain.principal import Kind as Who
from shared.domain.principal import Principal
from shared.domain.profile import Profile
from shared.domain.subscription import Subscription
from shared.errors import Rejected, Unavailable
from shared.use_cases import amend as amending
from shared.use_cases import garage as garages
from shared.use_cases import sales as selling
from shared.use_cases import wake as waking
from shared.use_cases.amend import Asked, Reach
from tests.examples import BRAND, PROFILE, STATE, VEHICLE, VIN
from tests.memory import MemoryWorld

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MONTHS = {"P1M": 1, "P1Y": 12}
CATALOG = Catalog(
    BRAND,
    {
        "any": Feature("any"),
        "owners": Feature("owners", needs=Needs(roles=frozenset({Role.PRIMARY}))),
        "worth": Feature("worth", kind=Kind.STATIC, config={"n": 1}),
    },
    {
        "month": Plan("month", {"any": None, "worth": None}, "P1M", price=1, trial_days=10, grace_days=3),
        "year": Plan("year", {"any": None, "owners": None}, "P1Y", price=1, grace_days=14),
        "free": Plan("free", {"owners": None}, "P1M"),
        "ever": Plan("ever", {"worth": None}, "lifetime", price=1),
    },
)
PEOPLE = ("user-ada", "user-ben", "user-cleo")
STARTS = (
    "2028-01-31T00:00",
    "2027-03-31T12:00",
    "2026-08-31T23:59",
    "2027-12-31T23:30",
    "2028-02-29T12:00",
    "2026-03-29T00:59",
    "2026-10-25T01:30",
)
"""Ends of long months, a leap day, and nights in which Europe changes its clocks."""


def later(moment: datetime, months: int) -> datetime:
    found: datetime = moment + relativedelta(months=months)
    return found


@dataclass
class Sale:
    """What was done with one sale, and when."""

    plan: Plan
    starts: datetime
    trial: timedelta
    follows: bool = False
    paid: int = 0
    ended: datetime | None = None
    next: str | None = None

    @property
    def free(self) -> bool:
        return self.plan.price == 0

    def paid_up_to(self) -> datetime:
        begin = self.starts + self.trial
        if self.free or (self.paid and self.plan.period == "lifetime"):
            return datetime.max.replace(tzinfo=UTC)
        return later(begin, MONTHS.get(self.plan.period, 0) * self.paid)

    def grace_up_to(self) -> datetime:
        """Nobody gets grace who never had anything."""
        until = self.paid_up_to()
        had = self.paid or self.trial or self.follows
        return until + self.plan.grace_days * DAY if had and until.year < 9000 else until

    def state(self, now: datetime) -> str:
        if self.ended is not None and now >= self.ended:
            return "cancelled"
        if now < self.starts:
            return "scheduled"
        if now < self.starts + self.trial:
            return "trialing"
        if now < self.paid_up_to():
            return "active"
        if now < self.grace_up_to():
            return "grace"
        return "past_due" if now < self.grace_up_to() + 30 * DAY else "expired"

    def over_since(self, now: datetime) -> datetime | None:
        """Since when it is over, having begun."""
        state = self.state(now)
        if state == "cancelled":
            return self.ended if self.ended and self.ended > self.starts else None
        return self.grace_up_to() + 30 * DAY if state == "expired" else None

    def edges(self) -> list[datetime]:
        edges = [self.starts, self.starts + self.trial, self.paid_up_to(), self.grace_up_to()]
        edges += [self.ended] if self.ended else []
        return [
            edge
            for edge in (*edges, self.grace_up_to() + 30 * DAY if self.paid_up_to().year < 9000 else edges[0])
            if edge.year < 9000
        ]


@dataclass
class Oracle:
    """Who may use what, and why not."""

    sales: dict[str, Sale] = field(default_factory=dict)
    owner: str | None = "user-ada"
    guests: dict[str, tuple[datetime, datetime, frozenset[str] | None]] = field(default_factory=dict)
    tried: set[str] = field(default_factory=set)

    def role(self, user: str, feature: str, now: datetime) -> str | None:
        if user == self.owner:
            return "primary"
        starts, ends, chosen = self.guests.get(user, (now, now, None))
        return "guest" if starts <= now < ends and (chosen is None or feature in chosen) else None

    def reasons(self, user: str, feature: str, now: datetime) -> list[str]:
        role = self.role(user, feature, now)
        found = [] if role == "primary" or (role == "guest" and feature != "owners") else ["role"]
        held = [sale for sale in self.sales.values() if feature in sale.plan.features]
        states = [sale.state(now) for sale in held]
        if not {"trialing", "active", "grace"} & set(states):
            over = [since for sale in held if (since := sale.over_since(now)) is not None]
            recently = any(now < since + 90 * DAY for since in over)
            found.append("past_due" if "past_due" in states else "expired" if recently else "not_subscribed")
        return found


class KilledError(BaseException):
    """The process ended here."""


class Mortal:
    """A port whose process may die at a call: before it, or after it was done and before anybody knew."""

    def __init__(self, machine: "Selling", port: object) -> None:
        self._machine, self._port = machine, port

    def __getattr__(self, name: str) -> Callable[..., Coroutine[Any, Any, Any]]:
        method = getattr(self._port, name)

        async def call(*args: Any, **kwargs: Any) -> Any:
            fate = self._machine.fate()
            if fate == "before":
                raise KilledError
            if fate == "away":
                raise Unavailable("the store is away")
            result = await method(*args, **kwargs)
            if fate == "after":
                raise KilledError
            if fate == "lost":
                raise Unavailable("the reply was lost")
            return result

        return call


class Selling(RuleBasedStateMachine):
    """Every step is asked for under a key, and asked for again until it is answered."""

    def __init__(self) -> None:
        super().__init__()
        self.world, self.oracle, self.loop = MemoryWorld(), Oracle(), asyncio.new_event_loop()
        self.random, self.number, self.faults = Random(0), 0, 0
        self.now = datetime(2028, 1, 31, tzinfo=UTC)

    def teardown(self) -> None:
        self.loop.close()

    @initialize(
        start=st.sampled_from(STARTS), seed=st.integers(0, 2**16), first=st.sampled_from(["", "month", "month twice"])
    )
    def begin(self, start: str, seed: int, first: str) -> None:
        self.now, self.random = datetime.fromisoformat(start).replace(tzinfo=UTC), Random(seed)
        w = self.world
        w.catalogs.shelf.commit(BRAND, CATALOG, None)
        w.profiles.vins[VIN] = VEHICLE
        w.profiles.shelf.commit(
            VEHICLE, replace(PROFILE, members={}).admitting("user-ada", Member(Role.PRIMARY), 0), None
        )
        w.states.shelf.commit(VEHICLE, STATE, None)

        if first:
            self.buy(first.removesuffix(" twice"), True, 0)
        if first.endswith("twice"):
            self.renew()

    # ---- faults

    def fate(self) -> str | None:
        if not self.faults or self.random.random() > 0.3:
            return None
        self.faults -= 1
        return self.random.choice(["before", "after", "away", "lost"])

    @property
    def reach(self) -> Reach:
        w = self.world
        ports: Any = [Mortal(self, port) for port in (w.profiles, w.states, w.notifications, w.people)]
        return Reach(*ports)

    def ask(self, step: Callable[[Asked], Coroutine[Any, Any, Any]], of: str | None = None) -> Any:
        """As a client does: again under the same key, until there is an answer. None if it was refused."""
        self.number += 1
        self.faults = self.random.choice([0, 0, 1, 2])
        asked = Asked(f"key-{self.number}", "body", of or f"made-{self.number}")
        while True:
            try:
                return self.loop.run_until_complete(step(asked))
            except (KilledError, Unavailable):
                continue
            except Rejected:
                return None

    # ---- who asks

    @property
    def at(self) -> int:
        return int(self.now.timestamp() * 1000)

    def user(self, name: str) -> Principal:
        return Principal(name, BRAND, Who.USER, self.at, True, True)

    @property
    def operator(self) -> Principal:
        return Principal("operator-1", BRAND, Who.OPERATOR, self.at)

    def buyer(self, operator: bool) -> Principal:
        return self.operator if operator or self.oracle.owner is None else self.user(self.oracle.owner)

    def pick(self, index: int) -> str:
        known = list(self.oracle.sales)
        return known[index % len(known)] if known else "none"

    # ---- steps

    @rule(plan=st.sampled_from(sorted(CATALOG.plans)), operator=st.booleans(), ahead=st.sampled_from([0, 0, 0, 5]))
    def buy(self, plan: str, operator: bool, ahead: int) -> None:
        who, starts = self.buyer(operator), self.now + ahead * DAY
        named = int(starts.timestamp() * 1000) if ahead and who.kind is Who.OPERATOR else None
        starts = starts if named else self.now
        made = self.ask(
            lambda a: selling.buy(who, VEHICLE, selling.Order(plan, named), a, self.world.catalogs, self.reach)
        )
        running = [s for s in self.oracle.sales.values() if s.plan.id == plan and s.ended is None]
        allowed = not any(s.state(self.now) not in ("cancelled", "expired") for s in running)
        assert (made is not None) == allowed, (plan, made)
        if made is None:
            return
        found, vouched = CATALOG.sold(CATALOG.plans[plan]), who.kind is Who.OPERATOR
        tries = not vouched and found.trial_days > 0 and plan not in self.oracle.tried
        self.oracle.tried |= {plan} if tries else set()
        trial = found.trial_days * DAY if tries else timedelta()
        self.oracle.sales[made.id] = Sale(found, starts, trial, paid=int(vouched and found.price > 0))

    @rule(index=st.integers(0, 9), now=st.booleans())
    def cancel(self, index: int, now: bool) -> None:
        id, who = self.pick(index), self.buyer(False)
        done = self.ask(lambda a: selling.cancel(who, VEHICLE, id, now, a, self.reach), id)
        sale = self.oracle.sales.get(id)
        going = sale is not None and sale.state(self.now) not in ("cancelled", "expired")
        lasting = sale is not None and sale.plan.period == "lifetime" and (sale.paid > 0 or sale.free)
        repeated = sale is not None and sale.ended is not None
        assert (done is not None) == (going and (now or repeated or not lasting))
        if done is None or sale is None or (repeated and not now):
            return
        sale.ended = self.now if now else self._period_end(sale)
        if now:
            self._without_next(sale)

    def _period_end(self, sale: Sale) -> datetime:
        state = sale.state(self.now)
        if state == "active" and sale.free:
            months = next(n for n in range(1, 9999) if later(sale.starts, n) > self.now)
            return later(sale.starts, months)
        return (
            sale.paid_up_to() if state in ("active", "trialing") or (state == "scheduled" and sale.paid) else self.now
        )

    def _without_next(self, sale: Sale) -> None:
        after = self.oracle.sales.get(sale.next or "")
        sale.next = None
        if after is not None and after.state(self.now) not in ("cancelled", "expired"):
            after.ended = self.now

    @rule(index=st.integers(0, 9))
    def resume(self, index: int) -> None:
        id, who = self.pick(index), self.buyer(False)
        done = self.ask(lambda a: selling.resume(who, VEHICLE, id, a, self.reach), id)
        sale = self.oracle.sales.get(id)
        going = sale is not None and sale.state(self.now) not in ("cancelled", "expired")
        assert (done is not None) == going
        if sale is not None and going and sale.ended is not None:
            self._without_next(sale)
            sale.ended = None

    @rule(index=st.integers(0, 9), plan=st.sampled_from(sorted(CATALOG.plans)))
    def change(self, index: int, plan: str) -> None:
        id, who = self.pick(index), self.buyer(False)
        made = self.ask(lambda a: selling.change(who, VEHICLE, id, plan, a, self.world.catalogs, self.reach))
        sale = self.oracle.sales.get(id)
        ready = sale is not None and sale.state(self.now) in ("active", "trialing")
        lasting = sale is not None and sale.plan.period == "lifetime" and sale.ended is None
        assert (made is not None) == (ready and not lasting)
        if made is None or sale is None:
            return
        ends = sale.ended or self._period_end(sale)
        self._without_next(sale)
        sale.ended, sale.next = ends, made.id
        self.oracle.sales[made.id] = Sale(CATALOG.sold(CATALOG.plans[plan]), ends, timedelta(), follows=True)

    @rule(index=st.integers(0, 9), succeeded=st.sampled_from([True, True, False]), off=st.sampled_from([0, 0, 0, 1]))
    def pay(self, index: int, succeeded: bool, off: int) -> None:
        id = self.pick(index)
        sale = self.oracle.sales.get(id)
        term = (sale.paid if sale else 0) + 1 + off
        done = self.ask(lambda a: selling.pay(self.operator, VEHICLE, id, term, succeeded, a, self.reach), id)
        if sale is None or not succeeded:
            return
        months = MONTHS.get(sale.plan.period, 0) * (sale.paid - 1)
        begun = sale.paid == 0 or self.now >= later(sale.starts + sale.trial, months)
        forever = sale.plan.period == "lifetime" and sale.paid > 0
        open_ = sale.state(self.now) not in ("cancelled", "expired") and sale.ended is None
        expected = open_ and begun and off == 0 and not sale.free and not forever
        assert (done is not None) == expected, (sale, term)
        sale.paid += int(expected)

    @rule()
    def renew(self) -> None:
        self.pay(0, True, 0)

    @rule(to=st.sampled_from(PEOPLE), good=st.sampled_from([True, True, False]))
    def hand_over(self, to: str, good: bool) -> None:
        w, who = self.world, self.buyer(True)
        made = self.ask(lambda a: garages.make_transfer(who, VEHICLE, a, w.codes, self.reach))
        code = made.code if good else "WRONG"
        done = self.ask(lambda a: garages.claim(self.user(to), VIN, code, a, self.reach))
        assert (done is not None) == good
        if done is None or to == self.oracle.owner:
            return
        self._end_of_ownership()
        self.oracle.owner = to

    def _end_of_ownership(self) -> None:
        self.oracle.guests.clear()
        for sale in list(self.oracle.sales.values()):
            if sale.free or sale.state(self.now) in ("cancelled", "expired"):
                continue
            if sale.ended is None and not (sale.plan.period == "lifetime" and sale.paid):
                sale.ended = self._period_end(sale)
        for sale in list(self.oracle.sales.values()):
            if sale.ended is not None and sale.ended > self.now:
                self._without_next(sale)

    @rule(
        user=st.sampled_from(PEOPLE), hours=st.integers(1, 24 * 40), chosen=st.sampled_from([None, frozenset({"any"})])
    )
    def invite(self, user: str, hours: int, chosen: frozenset[str] | None) -> None:
        w, ends = self.world, self.now + hours * HOUR
        member = Member(Role.GUEST, self.at, 0, int(ends.timestamp() * 1000), chosen)
        made = self.ask(lambda a: garages.invite(self.operator, VEHICLE, member, a, w.codes, self.reach))
        assert made is not None
        done = self.ask(lambda a: garages.accept(self.user(user), made[1], a, self.reach))
        known = user == self.oracle.owner or self.now < self.oracle.guests.get(user, (self.now, self.now, None))[1]
        assert (done is not None) == (not known)
        if done is not None:
            self.oracle.guests[user] = (self.now, ends, chosen)
        else:
            self.ask(lambda a: garages.withdraw(self.operator, VEHICLE, made[0].id, self.reach))

    @rule(user=st.sampled_from(PEOPLE))
    def remove(self, user: str) -> None:
        if user == self.oracle.owner:
            return
        self.ask(lambda a: garages.remove(self.operator, VEHICLE, user, self.reach))
        self.oracle.guests.pop(user, None)

    @rule(skew=st.sampled_from([-3600, 0, 0, 0, 5]))
    def wake(self, skew: int) -> None:
        self.faults = self.random.choice([0, 0, 1])
        with contextlib.suppress(KilledError, Unavailable):
            self.woken(skew)

    def woken(self, skew: int) -> None:
        outside = waking.Outside(self.reach, self.world.histories, self.world.rules, self.world.brands)
        self.loop.run_until_complete(waking.wake(VEHICLE, lambda: self.at + skew * 1000, outside, 0))

    @rule(by=st.sampled_from([timedelta(milliseconds=1), HOUR, DAY, 9 * DAY, 27 * DAY, 31 * DAY, 100 * DAY]))
    def pass_time(self, by: timedelta) -> None:
        self.now += by

    @rule(index=st.sampled_from([0, 0, 0, 1, 2, 5]), before=st.booleans())
    def go_to_an_edge(self, index: int, before: bool) -> None:
        edges = sorted({edge for sale in self.oracle.sales.values() for edge in sale.edges()})
        edges += [ends for _, ends, _ in self.oracle.guests.values()]
        ahead = [edge for edge in edges if edge > self.now]
        if ahead:
            edge = ahead[index % len(ahead)]
            self.now = max(self.now, edge - timedelta(milliseconds=1) if before else edge)

    # ---- what has to hold

    @invariant()
    def every_decision_is_the_oracles(self) -> None:
        if VEHICLE not in self.world.profiles.shelf.held:
            return
        profile = self.world.profiles.shelf.held[VEHICLE].value
        for user in PEOPLE:
            for feature in CATALOG.features:
                found = entitlement.check(profile, CATALOG, feature, Person(user, True, True), self.at)
                expected = self.oracle.reasons(user, feature, self.now)
                assert [r.value for r in found.reasons] == expected, (user, feature, self.now, self.oracle)
                self._an_end_is_the_end(profile, feature, user, found)

    def _an_end_is_the_end(self, profile: Profile, feature: str, user: str, found: entitlement.Entitlement) -> None:
        if not found.allowed:
            return
        later = self.at + found.cache_for - 1
        assert entitlement.check(profile, CATALOG, feature, Person(user, True, True), later).allowed
        if found.valid_until is not None:
            for at, allowed in ((found.valid_until - 1, True), (found.valid_until, False)):
                assert entitlement.check(profile, CATALOG, feature, Person(user, True, True), at).allowed == allowed

    @invariant()
    def every_state_is_the_oracles(self) -> None:
        for s in self.world.profiles.shelf.held[VEHICLE].value.subscriptions if self.oracle.sales else ():
            assert s.phase(self.at).state.value == self.oracle.sales[s.id].state(self.now), (s, self.oracle.sales[s.id])


def quiet(machine: Selling) -> None:
    """Once nothing fails any more, the index by person is the profile's, and nothing is owed."""
    machine.faults = 0
    machine.woken(0)
    profile = machine.world.profiles.shelf.held[VEHICLE].value
    assert not profile.outbox
    for user in PEOPLE:
        held = machine.world.people.shelf.held.get(f"{BRAND}:{user}")
        known = held.value.memberships.get(VEHICLE) if held else None
        member = profile.members.get(user)
        assert (known.role if known else None) == (member.role if member else None), user


# ---- the known ways to get this wrong


def _drifting(start: int, period: str, terms: int = 1) -> int | None:
    """Each term counted from the end of the last."""
    found: int | None = start
    for _ in range(terms):
        found = end_of(found, period) if found is not None else None
    return found


def _grace_for_all(self: Subscription) -> int | None:
    return None if self.paid_until is None else self.paid_until + self.plan.grace_days * 86_400_000


def _always_tried(profile: Profile, plan: Plan, id: str, starts_at: int, at: int, by: str) -> Profile:
    return _bought(replace(profile, tried=frozenset()), plan, id, starts_at, at, by)


def _keeping_guests(profile: Profile, to: str | None, at: int) -> Profile:
    after = _handed_over(profile, to, at)
    guests = {u: m for u, m in profile.members.items() if m.role is Role.GUEST and u != to}
    return replace(after, members={**guests, **after.members})


def _renewing(profile: Profile, at: int) -> Profile:
    return sales.elapsed(profile, at)


def _now_anyway(s: Subscription, at: int) -> int | None:
    return at


async def _lost(news: object, brand: str, people: object) -> None:
    """Taken for done."""


_bought, _handed_over, _phase = sales.bought, ownership.handed_over, Subscription.phase
PLANTED: dict[str, Callable[[], Any]] = {
    "drifting_terms": lambda: patch.object(subscription, "end_of", _drifting),
    "grace_for_the_first_payment": lambda: patch.object(Subscription, "grace_until", property(_grace_for_all)),
    "a_trial_each_time": lambda: patch.object(sales, "bought", _always_tried),
    "guests_survive_a_transfer": lambda: patch.object(ownership, "handed_over", _keeping_guests),
    "renewed_for_the_old_owner": lambda: patch.object(ownership, "not_renewing", _renewing),
    "cancelled_at_once": lambda: patch.object(sales, "_period_end", _now_anyway),
    "keys_are_not_remembered": lambda: patch.object(amending, "remembering", lambda profile, request: profile),
    "guests_never_end": lambda: patch.object(Member, "covers", lambda self, at: self.starts_at <= at),
    "ends_a_moment_late": lambda: patch.object(Subscription, "phase", lambda self, at: _phase(self, at - 1)),
    "handed_on_to_nobody": lambda: patch.object(amending, "follow", _lost),
    "held_too_short": lambda: patch.object(subscription, "HOLD", 29 * 86_400_000),
}


@contextlib.contextmanager
def planted(bug: str | None) -> Iterator[None]:
    with PLANTED[bug]() if bug else contextlib.nullcontext():
        yield
