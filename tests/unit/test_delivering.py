"""Deliveries, endpoints, preferences and breakers as pure values."""

from dataclasses import replace

import pytest

from shared.domain.breaker import AT_ONCE, BUSIEST, BUSY, FAILURES, FIRST_PAUSE, LONGEST_PAUSE, UNKNOWN, Breakers
from shared.domain.inbox import (
    ATTEMPTS_KEPT,
    EMAIL_RESTS,
    LONGEST_REST,
    TAKES,
    WEBHOOK_RESTS,
    Delivery,
    Outcome,
    Reply,
    Turn,
)
from shared.domain.kinds import KINDS, OURS, Channel, Urgency, kind_of, shown
from shared.domain.notification import Notification
from shared.domain.person import TOLD_WITHIN, Person, PersonId
from shared.domain.preferences import ANY, NEVER, SHIPPED, Preferences, Quiet
from shared.domain.profile import Consent
from shared.domain.webhooks import GIVES_UP_AFTER, OVERLAP, Endpoint
from shared.domain.wording import languages
from shared.use_cases.planning import may_hear
from tests.examples import BRAND, NOON, PROFILE, VEHICLE
from tests.memory import MemoryWorld

DAY = 86_400_000
RETRY = Reply(Outcome.RETRYING, "500")


def attempted(delivery: Delivery, reply: Reply, now: int = NOON, jitter: float = 0.0) -> Delivery:
    return delivery.started(now).concluded(reply, now, WEBHOOK_RESTS, jitter)


# ---- deliveries


def test_a_webhook_is_tried_again_after_the_rests_of_the_schedule_and_then_given_up() -> None:
    assert WEBHOOK_RESTS == (5, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 10 * 3600, 14 * 3600, 20 * 3600, 24 * 3600)
    delivery, rests, now = Delivery(), list[int](), NOON
    while delivery.open:
        delivery = attempted(delivery, RETRY, now)
        rests += [delivery.not_before - now] if delivery.open else []
        now = delivery.not_before
    assert rests == [rest * 1000 for rest in WEBHOOK_RESTS]
    assert (delivery.outcome, delivery.reason, len(delivery.attempts)) == (Outcome.FAILED, "500", 10)


def test_mail_is_tried_for_the_better_part_of_a_day() -> None:
    assert 12 * 3600 < sum(EMAIL_RESTS) < 24 * 3600
    assert list(EMAIL_RESTS) == sorted(EMAIL_RESTS)


@pytest.mark.parametrize(("jitter", "rest"), [(0.0, 5_000), (0.5, 5_250), (1.0, 5_500)])
def test_jitter_makes_a_rest_longer_by_a_tenth_at_most_and_never_shorter(jitter: float, rest: int) -> None:
    assert attempted(Delivery(), RETRY, NOON, jitter).not_before - NOON == rest


@pytest.mark.parametrize(("asked", "rest"), [(1, 5), (60, 60), (1e12, LONGEST_REST)])
def test_a_provider_may_ask_for_a_longer_rest_but_not_for_ever(asked: float, rest: float) -> None:
    assert attempted(Delivery(), RETRY._replace(retry_after=asked)).not_before - NOON == rest * 1000


def test_an_attempt_is_under_way_until_it_has_an_end_or_must_have_one() -> None:
    started = Delivery().started(NOON)
    assert started.under_way(NOON + TAKES - 1)
    assert not started.under_way(NOON + TAKES)
    assert not attempted(Delivery(), RETRY).under_way(NOON)
    assert not Delivery().under_way(NOON)


def test_the_trail_keeps_the_latest_attempts() -> None:
    delivery = Delivery()
    for number in range(ATTEMPTS_KEPT + 5):
        delivery = delivery.started(NOON + number)
    assert [attempt.at - NOON for attempt in delivery.attempts] == list(range(5, ATTEMPTS_KEPT + 5))


def test_a_replay_is_another_generation_with_its_own_messages_and_the_old_key() -> None:
    turn = Turn(PersonId(BRAND, "user-ada"), "item", Channel.EMAIL)
    again = attempted(Delivery(), Reply(Outcome.FAILED)).again(NOON + 9)
    assert (again.open, again.generation, again.failures, again.not_before) == (True, 1, 0, NOON + 9)
    assert len(again.attempts) == 1
    ids = {turn.id, turn.next().id, turn._replace(generation=1).id}
    assert len(ids) == 3
    assert len({id.partition(":")[0] for id in ids}) == 1


# ---- endpoints


def endpoint(**changes: object) -> Endpoint:
    made = Endpoint("whe-1", BRAND, "partner-1", "https://partner.example/", frozenset(), NOON)
    return replace(made, **changes)  # type: ignore[arg-type]


def test_two_secrets_sign_for_a_day_after_another_was_made() -> None:
    rotated = endpoint().rotated(NOON)
    assert endpoint().secrets(NOON) == [f"webhook/{BRAND}/whe-1/1"]
    assert rotated.secrets(NOON + OVERLAP - 1) == [f"webhook/{BRAND}/whe-1/2", f"webhook/{BRAND}/whe-1/1"]
    assert rotated.secrets(NOON + OVERLAP) == [f"webhook/{BRAND}/whe-1/2"]
    assert OVERLAP == 24 * 3_600_000


def test_an_endpoint_is_switched_off_after_five_days_of_nothing_but_failures() -> None:
    assert GIVES_UP_AFTER == 5 * DAY
    failing = endpoint().answered(False, False, NOON)
    assert (failing.failing_since, failing.enabled) == (NOON, True)
    assert failing.answered(False, False, NOON + 5 * DAY - 1).enabled
    off = failing.answered(False, False, NOON + 5 * DAY)
    assert (off.enabled, off.reason) == (False, "failing")
    well = failing.answered(True, False, NOON + DAY)
    assert well.answered(False, False, NOON + 6 * DAY).enabled, "an answer in between begins anew"


def test_an_endpoint_that_is_gone_is_switched_off_at_once() -> None:
    off = endpoint().answered(False, True, NOON)
    assert (off.enabled, off.reason) == (False, "gone")


@pytest.mark.parametrize(
    ("changes", "granted", "hears"),
    [
        ({}, True, True),
        ({}, False, False),
        ({"kinds": frozenset({"battery_low"})}, True, True),
        ({"kinds": frozenset({"silent"})}, True, False),
        ({"enabled": False}, True, False),
        ({"brand": "borealis"}, True, False),
        ({"partner": "partner-2"}, True, False),
    ],
)
async def test_a_partner_hears_what_it_asked_for_of_vehicles_whose_owner_agreed(
    changes: dict[str, object], granted: bool, hears: bool
) -> None:
    consent = Consent("partner.partner-1", 1, granted, "terms", 30, "user-ada", NOON)
    profile = replace(PROFILE, consents={consent.purpose: consent})
    told = Notification("n", "battery_low", VEHICLE, BRAND, NOON, {})
    assert await may_hear(endpoint(**changes), told, profile, MemoryWorld().profiles) == hears


# ---- breakers


def test_a_provider_that_fails_is_left_alone_for_longer_each_time_and_then_asked_once() -> None:
    breakers, now, pauses = Breakers(), 0.0, list[float]()
    for _ in range(FAILURES - 1):
        assert breakers.enter("p", now) == 0
        breakers.leave("p", False, now)
    for _ in range(8):
        assert breakers.enter("p", now) == 0
        assert breakers.enter("p", now) > 0, "one at once while it fails"
        breakers.leave("p", False, now)
        pauses.append(breakers.enter("p", now))
        now += pauses[-1]
    assert pauses[:4] == [FIRST_PAUSE, FIRST_PAUSE * 2, FIRST_PAUSE * 4, FIRST_PAUSE * 8]
    assert max(pauses) == LONGEST_PAUSE
    assert breakers.enter("p", now) == 0
    breakers.leave("p", True, now)
    assert [breakers.enter("p", now) for _ in range(AT_ONCE)] == [0] * AT_ONCE


@pytest.mark.parametrize(("went", "room"), [(None, UNKNOWN), (True, AT_ONCE), (False, 1)])
def test_a_provider_takes_the_share_that_it_is_good_for_and_holds_up_no_other(went: bool | None, room: int) -> None:
    breakers = Breakers()
    if went is not None:
        breakers.enter("p", 0.0)
        breakers.leave("p", went, 0.0)
    assert [breakers.enter("p", 0.0) > 0 for _ in range(room + 1)] == [False] * room + [True]
    assert breakers.enter("other", 0.0) == 0
    assert (UNKNOWN, AT_ONCE) == (2, 8)


def test_who_finds_no_room_again_and_again_asks_less_and_less_often() -> None:
    breakers = Breakers()
    for _ in range(UNKNOWN):
        breakers.enter("p", 0.0)
    assert [breakers.wait("p", 0.0, asked) for asked in range(7)] == [BUSY, 0.5, 1.0, 2.0, 4.0, BUSIEST, BUSIEST]


def test_an_attempt_that_was_not_made_says_nothing_of_the_provider() -> None:
    breakers = Breakers()
    for _ in range(FAILURES - 1):
        breakers.enter("p", 0.0)
        breakers.leave("p", False, 0.0)
    breakers.enter("p", 0.0)
    breakers.leave("p", None, 0.0)
    breakers.enter("p", 0.0)
    breakers.leave("p", False, 0.0)
    assert breakers.enter("p", 0.0) == FIRST_PAUSE, "five failures, whatever else was asked for"


def test_an_instance_remembers_so_many_providers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.domain.breaker.HELD", 10)
    breakers = Breakers()
    for number in range(100):
        breakers.enter(f"p{number}", 0.0)
        breakers.leave(f"p{number}", True, 0.0)
    assert len(breakers._known) == 10


# ---- preferences


def test_what_a_person_says_goes_before_the_brand_and_the_brand_before_what_is_shipped() -> None:
    brand = Preferences("de", channels={"battery_low": {Channel.EMAIL: True}, ANY: {Channel.PUSH: False}})
    own = Preferences(zone="Europe/Vienna", channels={"silent": {Channel.INBOX: False}})
    holds = own.over(brand.over(SHIPPED))
    assert (holds.locale, holds.zone, holds.quiet, holds.digest_at, holds.cap) == ("de", "Europe/Vienna", NEVER, 480, 6)
    assert holds.wants("battery_low", Channel.EMAIL)
    assert not holds.wants("battery_low", Channel.PUSH)
    assert not holds.wants("silent", Channel.INBOX)
    assert holds.wants("access_granted", Channel.EMAIL), "as it is shipped"


def test_what_a_person_says_of_everything_goes_before_what_the_brand_says_of_one() -> None:
    brand = Preferences(channels={"battery_low": {Channel.EMAIL: True}})
    own = Preferences(channels={ANY: {Channel.EMAIL: False}, "battery_low": {Channel.PUSH: False}})
    assert not own.over(brand).wants("battery_low", Channel.EMAIL)


def test_what_concerns_safety_stays_in_the_inbox_and_that_is_said() -> None:
    own = Preferences(channels={ANY: {Channel.INBOX: False, Channel.EMAIL: False}})
    assert own.wants("moving_while_off", Channel.INBOX)
    assert not own.wants("moving_while_off", Channel.EMAIL)
    assert own.kept_on() == ["moving_while_off"]
    assert Preferences().kept_on() == []


def test_hours_from_one_time_to_the_same_are_never() -> None:
    assert not any(Quiet(600, 600).covers(minute) for minute in range(1440))


def test_a_person_is_told_of_a_kind_only_so_often_an_hour_and_a_repeat_is_not_counted() -> None:
    person: Person | None = Person(PersonId(BRAND, "user-ada"))
    for number in range(3):
        for _ in range(2):
            assert person is not None
            person = person.telling("battery_low", f"i-{number}", NOON + number, cap=3)
    assert person is not None
    assert person.telling("battery_low", "i-9", NOON + 3, cap=3) is None
    assert person.telling("silent", "i-9", NOON + 3, cap=3) is not None
    later = person.telling("battery_low", "i-9", NOON + TOLD_WITHIN, cap=3)
    assert later is not None
    assert [item for item, _ in later.told["battery_low"]] == ["i-1", "i-2", "i-9"]


# ---- kinds and words


def test_every_kind_says_how_long_it_is_worth_telling_and_only_safety_passes_the_night() -> None:
    assert all(kind.lives > 0 for kind in KINDS.values())
    assert [k for k, v in KINDS.items() if v.urgency is Urgency.SAFETY and k not in OURS] == ["moving_while_off"]
    told = Notification.of_fact("f", "battery_low", VEHICLE, BRAND, NOON, {}, None)
    assert (told.urgency, told.expires_at, told.collapse) == (Urgency.NORMAL, NOON + DAY, f"{VEHICLE}/battery_low")
    assert (told.expired(NOON + DAY - 1), told.expired(NOON + DAY)) == (False, True)


def test_what_is_no_kind_is_shown_as_a_rule_and_a_fact_that_is_not_known_as_nothing() -> None:
    assert kind_of("tyre_low") is KINDS["rule_triggered"]
    assert shown("silent", {}) == {"since": None}


@pytest.mark.parametrize(
    ("locale", "expected"),
    [
        ("de-AT", ["de-AT", "de", "en"]),
        ("en-GB", ["en-GB", "en"]),
        ("", ["", "en"]),
        ("zh-Hans-CN", ["zh-Hans-CN", "zh-Hans", "zh", "en"]),
    ],
)
def test_words_are_looked_for_from_the_closest_language_on(locale: str, expected: list[str]) -> None:
    assert languages(locale) == expected
