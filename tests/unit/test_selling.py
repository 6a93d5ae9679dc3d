from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.entitlement import CACHE_FOR, Entitlement, Reason, check
from shared.domain.period import end_of, is_period
from shared.domain.policy import Status
from shared.domain.profile import REMEMBERED, SUBSCRIPTIONS, Profile, Request, subscribe
from shared.domain.vin import is_vin
from shared.errors import Contradiction, Reused
from tests.examples import CATALOG, NOON_AT, PROFILE

SOLD = subscribe(PROFILE, CATALOG.plans["comfort"], "sub-1", NOON_AT, None)
END = NOON_AT.replace(year=2027)


def reasons(profile: Profile, feature: str = "remote-climate", at: datetime = NOON_AT) -> list[Reason]:
    return list(check(profile, CATALOG, feature, at).reasons)


def test_what_was_sold_is_allowed_from_its_start_up_to_its_end() -> None:
    assert reasons(SOLD) == []
    assert reasons(SOLD, at=END - timedelta(microseconds=1)) == []
    assert reasons(SOLD, at=END) == [Reason.EXPIRED]
    assert reasons(SOLD, at=NOON_AT - timedelta(microseconds=1)) == [Reason.NOT_SUBSCRIBED]


def test_every_reason_is_named_in_a_fixed_order() -> None:
    bare = replace(PROFILE, capabilities=frozenset(), status=Status.SUSPENDED)
    assert reasons(bare) == [Reason.HARDWARE, Reason.VEHICLE_STATUS, Reason.NOT_SUBSCRIBED]


def test_a_feature_that_is_not_in_the_catalogue_is_unknown_and_nothing_else() -> None:
    assert reasons(SOLD, "teleport") == [Reason.UNKNOWN_FEATURE]


def test_an_answer_says_until_when_it_holds() -> None:
    assert check(SOLD, CATALOG, "remote-climate", NOON_AT).valid_until == END


def test_sales_that_touch_hold_until_the_last_one_ends() -> None:
    both = subscribe(SOLD, CATALOG.plans["comfort"], "sub-2", END, None)
    assert check(both, CATALOG, "remote-climate", NOON_AT).valid_until == END.replace(year=2028)


def test_an_answer_is_not_cached_beyond_the_moment_it_changes() -> None:
    def cached(at: datetime) -> Entitlement:
        return check(SOLD, CATALOG, "remote-climate", at)

    assert cached(NOON_AT).cache_for == CACHE_FOR
    assert cached(END - timedelta(seconds=7)).cache_for == timedelta(seconds=7)
    assert cached(NOON_AT - timedelta(seconds=3)).cache_for == timedelta(seconds=3)


def test_a_sale_keeps_the_features_it_was_made_with() -> None:
    assert SOLD.subscriptions[0].features == ("remote-climate", "live-traffic")


def test_an_idempotency_key_remembers_what_it_made_and_refuses_another_body() -> None:
    profile = subscribe(PROFILE, CATALOG.plans["comfort"], "sub-1", NOON_AT, Request("key", "digest", "sub-1"))
    assert profile.asked_before("key", "digest") == "sub-1"
    assert profile.asked_before("other", "digest") is None
    with pytest.raises(Reused):
        profile.asked_before("key", "another")


def test_the_last_thirty_two_keys_are_remembered() -> None:
    profile = PROFILE
    for number in range(REMEMBERED + 1):
        request = Request(f"key-{number}", "digest", f"sub-{number}")
        profile = subscribe(profile, CATALOG.plans["comfort"], f"sub-{number}", NOON_AT, request)
    assert profile.asked_before("key-0", "digest") is None
    assert profile.asked_before("key-1", "digest") == "sub-1"


def test_a_vehicle_holds_a_hundred_subscriptions_and_not_one_more() -> None:
    profile = PROFILE
    for number in range(SUBSCRIPTIONS):
        profile = subscribe(profile, CATALOG.plans["comfort"], f"sub-{number}", NOON_AT, None)
    with pytest.raises(Contradiction):
        subscribe(profile, CATALOG.plans["comfort"], "one-more", NOON_AT, None)


@pytest.mark.parametrize(
    ("start", "period", "end"),
    [
        ("2026-01-31", "P1M", "2026-02-28"),
        ("2028-01-31", "P1M", "2028-02-29"),
        ("2028-02-29", "P1Y", "2029-02-28"),
        ("2026-12-15", "P1M", "2027-01-15"),
        ("2026-11-22", "P3Y", "2029-11-22"),
    ],
)
def test_a_period_ends_on_the_same_day_or_a_shorter_months_last(start: str, period: str, end: str) -> None:
    moment = datetime.fromisoformat(start).replace(tzinfo=UTC)
    assert end_of(moment, period) == datetime.fromisoformat(end).replace(tzinfo=UTC)


def test_a_lifetime_never_ends() -> None:
    assert end_of(NOON_AT, "lifetime") is None


@pytest.mark.parametrize("text", ["", "P", "P0M", "1M", "P1D", "P1M\n", "P١M", "P100Y"])
def test_what_is_no_period_is_refused(text: str) -> None:
    assert not is_period(text)
    with pytest.raises(ValueError, match="not a period"):
        end_of(NOON_AT, text)


@given(st.datetimes(datetime(2020, 1, 1), datetime(2090, 1, 1)), st.integers(1, 99))
def test_a_period_always_ends_later(start: datetime, months: int) -> None:
    end = end_of(start, f"P{months}M")
    assert end is not None
    assert end > start


@pytest.mark.parametrize("vin", ["1M8GDM9AXKP042788", "WVWZZZ3CZEE140287", "ZZZAURRA0DEM00001"])
def test_a_vin_is_accepted(vin: str) -> None:
    assert is_vin(vin)


@pytest.mark.parametrize(
    "vin", ["5YJ3E1EA1KF000001", "WVWZZZ3CZEE14028", "WVWZZZ3CZEE140287\n", "WVWZZZ3CZEI140287", "wvwzzz3czee140287"]
)
def test_what_is_no_vin_is_not(vin: str) -> None:
    assert not is_vin(vin)
