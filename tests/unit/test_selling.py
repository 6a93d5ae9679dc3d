from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain import sales
from shared.domain.catalog import Catalog, Plan
from shared.domain.entitlement import CACHE_FOR, Entitlement, Person, Reason, check
from shared.domain.garage import Member, Role
from shared.domain.period import DAY, end_of, is_period, term_at
from shared.domain.policy import Exclusion, Mode, Privacy, Status
from shared.domain.profile import REMEMBERED, Profile, Request, remembering
from shared.domain.sales import (
    AT_ONCE,
    SUBSCRIPTIONS,
    bought,
    cancelled,
    changed,
    elapsed,
    failed,
    granted,
    paid,
    resumed,
)
from shared.domain.subscription import HOLD, KEPT, Grant, State
from shared.errors import CloudError, Code, Contradiction, Reused
from tests.examples import CATALOG, NOON, PROFILE

ADA, COMFORT, TRIED = Person("user-ada", True, True), CATALOG.plans["comfort"], CATALOG.sold(CATALOG.plans["tried"])
SOLD = bought(PROFILE, COMFORT, "sub-1", NOON, NOON, "operator")
END = end_of(NOON, "P1Y") or 0
GRACE, HELD = END + 14 * DAY, END + 14 * DAY + HOLD


def reasons(profile: Profile, feature: str = "remote-climate", at: int = NOON) -> list[Reason]:
    return list(check(profile, CATALOG, feature, ADA, at).reasons)


def states(profile: Profile, *times: int) -> list[State]:
    return [profile.subscriptions[-1].phase(at).state for at in times]


def refused(step: Callable[[], object], code: Code) -> None:
    with pytest.raises(CloudError) as raised:
        step()
    assert raised.value.code is code


# ---- one sale over time


def test_a_paid_term_is_followed_by_grace_by_a_pause_and_by_the_end() -> None:
    assert states(SOLD, NOON - 1, NOON, END - 1, END) == ["scheduled", "active", "active", "grace"]
    assert states(SOLD, GRACE - 1, GRACE, HELD - 1, HELD) == ["grace", "past_due", "past_due", "expired"]


def test_what_was_sold_is_allowed_until_grace_is_over_and_then_says_why_not() -> None:
    assert reasons(SOLD) == reasons(SOLD, at=GRACE - 1) == []
    assert reasons(SOLD, at=NOON - 1) == [Reason.NOT_SUBSCRIBED]
    assert reasons(SOLD, at=GRACE) == reasons(SOLD, at=HELD - 1) == [Reason.PAST_DUE]
    assert reasons(SOLD, at=HELD) == reasons(SOLD, at=HELD + KEPT - 1) == [Reason.EXPIRED]
    assert reasons(SOLD, at=HELD + KEPT) == [Reason.NOT_SUBSCRIBED]


def test_what_a_person_buys_can_be_used_once_it_is_paid_for() -> None:
    ordered = bought(PROFILE, COMFORT, "sub-1", NOON, NOON, "user")
    assert (states(ordered, NOON), reasons(ordered)) == (["past_due"], [Reason.PAST_DUE])
    assert states(ordered, NOON + HOLD) == ["expired"]
    settled = paid(ordered, "sub-1", 1, NOON + DAY, "operator")
    assert (states(settled, NOON + DAY, END), reasons(settled, at=NOON + DAY)) == (["active", "grace"], [])


def test_a_payment_in_time_or_late_goes_on_where_the_last_term_ended() -> None:
    for at in (NOON, END - 1, END, GRACE, HELD - 1):
        renewed = paid(SOLD, "sub-1", 2, at, "operator")
        assert renewed.subscriptions[0].paid_until == end_of(NOON, "P1Y", 2)
    refused(lambda: paid(SOLD, "sub-1", 2, HELD, "operator"), Code.SUBSCRIPTION_ENDED)


def test_a_term_is_paid_for_once_and_not_two_ahead() -> None:
    assert paid(SOLD, "sub-1", 1, NOON, "operator").subscriptions == SOLD.subscriptions
    twice = paid(SOLD, "sub-1", 2, NOON, "operator")
    refused(lambda: paid(twice, "sub-1", 3, NOON, "operator"), Code.NOT_PAYABLE)
    refused(lambda: paid(SOLD, "sub-1", 3, NOON, "operator"), Code.NOT_PAYABLE)


def test_a_trial_is_given_once_a_vehicle_and_has_grace_after_it() -> None:
    trial = bought(PROFILE, TRIED, "sub-1", NOON, NOON, "user")
    ends = NOON + 30 * DAY
    assert states(trial, NOON, ends - 1, ends, ends + 3 * DAY) == ["trialing", "trialing", "grace", "past_due"]
    over = cancelled(trial, "sub-1", True, NOON + DAY, "user")
    assert states(bought(over, TRIED, "sub-2", NOON + DAY, NOON + DAY, "user"), NOON + DAY) == ["past_due"]


def test_a_failed_payment_is_booked_and_told_and_changes_nothing_else() -> None:
    told = failed(SOLD, "sub-1", 2, END + 1, "operator")
    assert told.subscriptions[0].phase(END + 1).state is State.GRACE
    assert [entry.what for entry in told.fresh][-1] == "payment_failed"
    assert told.outbox[-1].kind == "payment_failed"  # type: ignore[union-attr]


def test_cancelling_takes_nothing_that_was_paid_for_and_can_be_taken_back() -> None:
    ending = cancelled(SOLD, "sub-1", False, NOON + DAY, "user")
    assert states(ending, END - 1, END) == ["active", "cancelled"]
    assert (reasons(ending, at=END - 1), reasons(ending, at=END)) == ([], [Reason.EXPIRED])
    assert resumed(ending, "sub-1", END - 1, "user").subscriptions[0].cancels_at is None
    refused(lambda: resumed(ending, "sub-1", END, "user"), Code.SUBSCRIPTION_ENDED)
    now = cancelled(SOLD, "sub-1", True, NOON + DAY, "user")
    assert states(now, NOON + DAY) == ["cancelled"]


def test_another_plan_takes_the_place_at_the_end_and_both_can_be_undone() -> None:
    both = changed(SOLD, "sub-1", CATALOG.plans["tried"], "sub-2", NOON + DAY, "user")
    assert [s.phase(END - 1).state for s in both.subscriptions] == ["active", "scheduled"]
    assert [s.phase(END).state for s in both.subscriptions] == ["cancelled", "grace"]
    assert reasons(both, "sharing", END) == []
    undone = resumed(both, "sub-1", NOON + 2 * DAY, "user")
    assert [s.phase(END).state for s in undone.subscriptions] == ["grace", "cancelled"]


def test_what_never_ends_is_cancelled_now_or_not_at_all() -> None:
    lasting = bought(PROFILE, CATALOG.plans["open"], "sub-1", NOON, NOON, "user")
    assert states(lasting, NOON, NOON + 10_000 * DAY) == ["active", "active"]
    refused(lambda: cancelled(lasting, "sub-1", False, NOON, "user"), Code.NO_PERIOD_END)
    refused(lambda: changed(lasting, "sub-1", COMFORT, "sub-2", NOON, "user"), Code.NO_PERIOD_END)
    assert states(cancelled(lasting, "sub-1", True, NOON, "user"), NOON) == ["cancelled"]


def test_a_plan_that_goes_on_is_not_sold_twice() -> None:
    refused(lambda: bought(SOLD, COMFORT, "sub-2", NOON, NOON, "user"), Code.ALREADY_SUBSCRIBED)
    ending = cancelled(SOLD, "sub-1", False, NOON, "user")
    assert len(bought(ending, COMFORT, "sub-2", END, NOON, "operator").subscriptions) == 2


def test_reminders_come_thirty_seven_and_one_days_before_an_end() -> None:
    over = elapsed(replace(SOLD, fresh=(), outbox=()), HELD + 1)
    told = [(entry.what, (entry.at - END) // DAY) for entry in over.fresh]
    assert told == [("ending", -30), ("ending", -7), ("ending", -1), ("grace", 0), ("past_due", 14), ("expired", 44)]
    month = bought(PROFILE, Plan("m", {"sharing": None}, "P1M", price=1), "sub-1", NOON, NOON, "operator")
    reminders = [entry for entry in elapsed(month, NOON + 40 * DAY).fresh if entry.what == "ending"]
    assert [entry.facts["days"] for entry in reminders] == [7, 1]


@given(st.lists(st.integers(0, 500), max_size=12))
def test_however_often_time_is_looked_at_the_books_are_the_same(days: list[int]) -> None:
    step = replace(SOLD, fresh=(), outbox=())
    for day in sorted(days):
        step = elapsed(step, NOON + day * DAY)
    often, once = elapsed(step, NOON + 500 * DAY), elapsed(replace(SOLD, fresh=(), outbox=()), NOON + 500 * DAY)
    assert [(e.what, e.at) for e in often.fresh] == [(e.what, e.at) for e in once.fresh]
    assert often.outbox == once.outbox


def test_one_write_tells_of_some_forty_events_and_the_next_goes_on() -> None:
    profile = PROFILE
    for number in range(SUBSCRIPTIONS):
        profile = bought(profile, replace(COMFORT, id=f"plan-{number}"), f"sub-{number}", NOON, NOON, "operator")
    steps = [replace(profile, fresh=(), outbox=())]
    while len(steps) == 1 or steps[-1].fresh:
        steps.append(elapsed(replace(steps[-1], fresh=()), HELD))
    assert all(len(step.fresh) < AT_ONCE + 5 for step in steps)
    assert sum(len(step.fresh) for step in steps) == 6 * SUBSCRIPTIONS


def test_a_vehicle_holds_a_hundred_subscriptions_and_not_one_more() -> None:
    profile = PROFILE
    for number in range(SUBSCRIPTIONS):
        profile = bought(profile, replace(COMFORT, id=f"plan-{number}"), f"sub-{number}", NOON, NOON, "operator")
    with pytest.raises(Contradiction):
        bought(profile, COMFORT, "one-more", NOON, NOON, "operator")


def test_a_vehicle_holds_a_hundred_grants_and_not_one_more() -> None:
    profile = PROFILE
    for number in range(SUBSCRIPTIONS):
        profile = granted(profile, Grant(f"g-{number}", "sharing", None, NOON, None), NOON, "operator")
    refused(
        lambda: granted(profile, Grant("one", "sharing", None, NOON, None), NOON, "operator"),
        Code.TOO_MANY_SUBSCRIPTIONS,
    )


def test_a_grant_holds_over_its_interval_and_ends_when_it_is_revoked() -> None:
    given_ = granted(PROFILE, Grant("g", "sharing", {"guests": 9}, NOON, NOON + DAY), NOON, "operator")
    assert check(given_, CATALOG, "sharing", ADA, NOON).config == {"guests": 9}
    assert (reasons(given_, "sharing", NOON + DAY - 1), reasons(given_, "sharing", NOON + DAY)) == ([], ["expired"])
    revoked = sales.revoked(given_, "g", NOON + 5, "operator")
    assert (reasons(revoked, "sharing", NOON + 4), reasons(revoked, "sharing", NOON + 5)) == ([], ["expired"])


# ---- a decision


def test_every_reason_is_named_in_a_fixed_order() -> None:
    catalog = Catalog(
        "aurora",
        {
            "all": replace(
                CATALOG.features["remote-climate"],
                id="all",
                needs=replace(
                    CATALOG.features["remote-climate"].needs,
                    roles=frozenset({Role.PRIMARY}),
                    verified=True,
                    consents=frozenset({"asked"}),
                    regions=frozenset({"us"}),
                    mode=Mode.FULL,
                ),
            )
        },
    )
    exclusion = Privacy((Exclusion(Mode.OFFLINE, 0),))
    bare = replace(
        PROFILE, capabilities=frozenset(), status=Status.SUSPENDED, privacy=exclusion, off=frozenset({"all"})
    )
    found = check(bare, catalog, "all", Person("user-nobody", False, False), NOON)
    expected = [r for r in Reason if r not in (Reason.UNKNOWN_FEATURE, Reason.EXPIRED, Reason.PAST_DUE)]
    assert list(found.reasons) == expected
    assert [finding.need for finding in found.findings] == expected
    assert not any(finding.met for finding in found.findings)


def test_a_feature_that_is_not_in_the_catalogue_is_unknown_and_nothing_else() -> None:
    assert reasons(SOLD, "teleport") == [Reason.UNKNOWN_FEATURE]


def test_of_a_vehicle_nothing_personal_is_asked_nor_of_a_person_what_nobody_knows() -> None:
    strict = replace(CATALOG.features["live-traffic"].needs, verified=True)
    catalog = CATALOG.with_feature(replace(CATALOG.features["live-traffic"], needs=strict))
    assert check(SOLD, catalog, "live-traffic", None, NOON).allowed
    assert check(SOLD, catalog, "live-traffic", Person("user-ada"), NOON).allowed
    assert check(SOLD, catalog, "live-traffic", Person("user-ben"), NOON).reasons == (Reason.ROLE,)
    unverified = check(SOLD, catalog, "live-traffic", Person("user-ada", False, False), NOON)
    assert unverified.reasons == (Reason.UNVERIFIED, Reason.TERMS)


def test_a_guest_may_use_the_chosen_features_while_the_invitation_lasts() -> None:
    guest = Member(Role.GUEST, NOON, NOON, NOON + DAY, frozenset({"live-traffic"}))
    lent = replace(SOLD, members={**SOLD.members, "user-ben": guest})

    def ben(feature: str, at: int) -> Entitlement:
        return check(lent, CATALOG, feature, Person("user-ben", True, True), at)

    assert ben("live-traffic", NOON).allowed
    assert (ben("live-traffic", NOON).valid_until, ben("live-traffic", NOON + DAY - 7).cache_for) == (NOON + DAY, 7)
    assert ben("remote-climate", NOON).reasons == ben("live-traffic", NOON + DAY).reasons == (Reason.ROLE,)


def test_an_answer_says_until_when_it_holds_and_when_only_grace_is_left() -> None:
    running, grace = (check(SOLD, CATALOG, "remote-climate", ADA, at) for at in (NOON, END))
    assert (running.valid_until, running.grace_until) == (GRACE, None)
    assert (grace.valid_until, grace.grace_until) == (GRACE, GRACE)


def test_sales_that_touch_hold_until_the_last_one_ends() -> None:
    ending = cancelled(SOLD, "sub-1", False, NOON, "user")
    both = bought(ending, COMFORT, "sub-2", END, NOON, "operator")
    until = (end_of(END, "P1Y") or 0) + 14 * DAY
    assert check(both, CATALOG, "remote-climate", ADA, NOON).valid_until == until


def test_an_answer_is_not_cached_beyond_the_moment_it_changes() -> None:
    def cached(at: int) -> int:
        return check(SOLD, CATALOG, "remote-climate", ADA, at).cache_for

    assert [cached(at) for at in (NOON, END - 7, GRACE - 5, NOON - 3)] == [CACHE_FOR, 7, 5, 3]


# ---- catalogues


def test_a_plan_that_says_something_new_is_the_next_version_and_what_was_sold_keeps_its_own() -> None:
    dearer = CATALOG.with_plan(replace(COMFORT, price=1)).over(CATALOG)
    assert (dearer.plans["comfort"].version, dearer.plans["tried"].version) == (2, 1)
    assert dearer.over(dearer) == dearer
    assert SOLD.subscriptions[0].plan == COMFORT


def test_a_feature_in_a_plan_cannot_be_taken_away() -> None:
    refused(lambda: CATALOG.without_feature("sharing").over(CATALOG), Code.UNKNOWN_FEATURE)
    assert "tried" not in CATALOG.without_plan("tried").without_feature("sharing").over(CATALOG).plans


def test_a_sale_keeps_the_config_that_the_plan_or_else_the_feature_had() -> None:
    assert TRIED.features == {"sharing": {"guests": 2}}
    own = CATALOG.sold(replace(CATALOG.plans["tried"], features={"sharing": {"guests": 8}}))
    assert own.features == {"sharing": {"guests": 8}}


# ---- keys, periods, VINs


def test_an_idempotency_key_remembers_what_it_made_and_refuses_another_body() -> None:
    profile = remembering(PROFILE, Request("key", "digest", "sub-1"))
    assert profile.asked_before("key", "digest") == "sub-1"
    assert profile.asked_before("other", "digest") is None
    with pytest.raises(Reused):
        profile.asked_before("key", "another")


def test_the_last_thirty_two_keys_are_remembered() -> None:
    profile = PROFILE
    for number in range(REMEMBERED + 1):
        profile = remembering(profile, Request(f"key-{number}", "digest", f"sub-{number}"))
    assert profile.asked_before("key-0", "digest") is None
    assert profile.asked_before("key-1", "digest") == "sub-1"


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


@pytest.mark.parametrize(
    ("start", "period", "terms", "end"),
    [
        ("2026-01-31", "P1M", 1, "2026-02-28"),
        ("2026-01-31", "P1M", 2, "2026-03-31"),
        ("2028-01-31", "P1M", 1, "2028-02-29"),
        ("2028-02-29", "P1Y", 1, "2029-02-28"),
        ("2028-02-29", "P1Y", 4, "2032-02-29"),
        ("2026-12-15", "P1M", 1, "2027-01-15"),
        ("2026-11-22", "P3Y", 1, "2029-11-22"),
    ],
)
def test_a_term_ends_on_the_same_day_or_a_shorter_months_last(start: str, period: str, terms: int, end: str) -> None:
    assert end_of(ms(start), period, terms) == ms(end)


def test_a_lifetime_never_ends() -> None:
    assert end_of(NOON, "lifetime") is None


@pytest.mark.parametrize("text", ["", "P", "P0M", "1M", "P1D", "P1M\n", "P١M", "P100Y"])
def test_what_is_no_period_is_refused(text: str) -> None:
    assert not is_period(text)
    with pytest.raises(ValueError, match="not a period"):
        end_of(NOON, text)


MOMENTS = st.integers(ms("2020-01-01"), ms("2090-01-01"))


@given(MOMENTS, st.integers(1, 99), st.integers(0, 10_000))
def test_terms_follow_each_other_without_a_gap_and_each_moment_is_in_one(start: int, months: int, days: int) -> None:
    at, period = start + days * DAY, f"P{months}M"
    term = term_at(start, period, at)
    begins, ends = end_of(start, period, term) if term else start, end_of(start, period, term + 1)
    assert begins is not None
    assert ends is not None
    assert begins <= at < ends
