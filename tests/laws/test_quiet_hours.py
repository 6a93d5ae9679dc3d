"""Quiet hours hold by the clock on every wall: nothing comes inside them, nothing later than the minute they end, and
nothing is lost."""

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.kinds import Channel
from shared.domain.notification import Audience, Notification
from shared.domain.person import Contact, Person, PersonId
from shared.domain.preferences import MINUTE, Preferences, Quiet, next_digest, told_from
from shared.use_cases.delivering import deliver
from shared.use_cases.planning import plan
from tests.examples import BRAND, PROFILE
from tests.memory import MemoryWorld

PROVE = bool(os.environ.get("PROVE"))
ZONES = sorted(available_timezones())
YEARS = range(2000, 2038) if PROVE else range(2025, 2028)
HOURS = (Quiet(22 * 60, 7 * 60), Quiet(2 * 60, 3 * 60), Quiet(2 * 60 + 30, 2 * 60 + 45), Quiet(60, 2 * 60 + 15))


def minute(at: int, zone: str) -> int:
    """By the clock on the wall, in minutes of its day."""
    local = datetime.fromtimestamp(at / 1000, UTC).astimezone(ZoneInfo(zone))
    return local.hour * 60 + local.minute


def inside(at: int, quiet: Quiet, zone: str) -> bool:
    """Written another way than the product's: whether going back from now the start is met before the end."""
    now = minute(at, zone)
    return quiet.start != quiet.end and (now - quiet.start) % 1440 < (quiet.end - quiet.start) % 1440


def first_outside(at: int, quiet: Quiet, zone: str) -> int:
    """Minute by minute."""
    if not inside(at, quiet, zone):
        return at
    at -= at % MINUTE
    while inside(at, quiet, zone):
        at += MINUTE
    return at


@cache
def changes(zone: str) -> list[int]:
    """When the clocks of a zone change, to the minute (epoch ms)."""
    place = ZoneInfo(zone)

    def offset(at: datetime) -> timedelta | None:
        return at.astimezone(place).utcoffset()

    days = [datetime(YEARS[0], 1, 1, tzinfo=UTC) + timedelta(days=n) for n in range(len(YEARS) * 366)]
    found = list[int]()
    for early, late in pairwise(days):
        before, after = early, late
        while offset(before) != offset(after) and after - before > timedelta(minutes=1):
            middle = before + (after - before) // 2
            before, after = (middle, after) if offset(middle) == offset(before) else (before, middle)
        if offset(early) != offset(late):
            found.append(round(after.timestamp() / 60) * MINUTE)
    return found


def moments() -> Iterator[tuple[str, int]]:
    """Around every change of every zone."""
    for zone in ZONES:
        for change in changes(zone):
            for hours in (-26, -9, -4, -1.5, -0.5, 0, 0.25, 1, 2):
                yield zone, change + int(hours * 60) * MINUTE + 12_345


def test_around_every_change_of_every_zone_nothing_comes_inside_or_late() -> None:
    seen = 0
    for zone, at in moments():
        for quiet in HOURS if PROVE else HOURS[seen % 4 : seen % 4 + 1]:
            found = told_from(at, quiet, zone)
            assert found == first_outside(at, quiet, zone), (zone, at, quiet)
        seen += 1
    assert seen > 1_000


@settings(max_examples=5_000 if PROVE else 500, deadline=None)
@given(
    st.sampled_from(ZONES), st.integers(946_684_800_000, 2_145_916_800_000), st.integers(0, 1439), st.integers(0, 1439)
)
def test_at_any_time_in_any_zone_nothing_comes_inside_or_late(zone: str, at: int, start: int, end: int) -> None:
    quiet = Quiet(start, end)
    found = told_from(at, quiet, zone)
    assert found == first_outside(at, quiet, zone)
    assert found >= at - at % MINUTE


@settings(max_examples=2_000 if PROVE else 200, deadline=None)
@given(st.sampled_from(ZONES), st.integers(946_684_800_000, 2_145_916_800_000), st.integers(0, 1439))
def test_a_digest_comes_once_a_day_at_its_minute(zone: str, at: int, wanted: int) -> None:
    first = next_digest(at, wanted, zone)
    second = next_digest(first, wanted, zone)
    assert at < first < second
    assert second - first <= 50 * 3_600_000
    shift = (minute(first, zone) - wanted) % 1440
    assert shift == 0 or any(abs(first - change) <= 26 * 3_600_000 for change in _near(zone, first)), shift


def _near(zone: str, at: int) -> list[int]:
    """Changes of the clock within a day or so."""
    place, hours = ZoneInfo(zone), range(-26, 27)
    times = [datetime.fromtimestamp(at / 1000, UTC) + timedelta(hours=h) for h in hours]
    offsets = [(t, t.astimezone(place).utcoffset()) for t in times]
    return [int(b.timestamp() * 1000) for (_, x), (b, y) in pairwise(offsets) if x != y]


@pytest.mark.parametrize("zone", ["Europe/Vienna", "Australia/Lord_Howe", "America/New_York", "Asia/Kathmandu"])
async def test_mail_of_a_night_is_sent_once_in_the_minute_the_night_is_over(zone: str) -> None:
    changed = [at for at in changes(zone) if at > 1_735_689_600_000] or [1_740_000_000_000]
    for change in changed[:4]:
        for hours in range(-12, 14, 2):
            at, quiet = change + hours * 3_600_000 + 1_234, Quiet(22 * 60, 7 * 60)
            sent = await _sent_at(at, quiet, zone)
            assert sent == [first_outside(at, quiet, zone)], (change, hours)


async def _sent_at(at: int, quiet: Quiet, zone: str) -> list[int]:
    """When mail leaves of something that happened at a moment, by a queue that wakes it as it was told to."""
    world, id, sent, now = MemoryWorld(), PersonId(BRAND, "user-ada"), list[int](), at
    world.profiles.shelf.commit(PROFILE.vehicle_id, PROFILE, None)
    wants = Preferences(zone=zone, quiet=quiet)
    contact = Contact("ada@aurora.example", 0, 0)
    world.people.shelf.commit(str(id), Person(id, preferences=wants, contact=contact), None)
    told = Notification("n", "vehicle_claimed", PROFILE.vehicle_id, BRAND, at, {})
    told = replace(told, audience=frozenset({Audience.NAMED}), named=(id.user,), expires_at=at + 10**9)
    await plan(told, at, world.planning)
    while world.deliveries.sent:
        turn, _, delay = world.deliveries.sent.pop()
        now += round(delay * 1000)
        await deliver(turn, lambda now=now: now, world.delivering)  # type: ignore[misc]
        if len(world.mailer.sent) > len(sent):
            sent.append(now)
    assert world.inbox.items[0].deliveries[Channel.EMAIL].outcome == "sent"
    return sent
