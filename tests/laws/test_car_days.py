"""A car's day comes out as it was, in whatever disorder it is reported."""

import os
from collections import Counter
from concurrent.futures import ProcessPoolExecutor

import pytest

from tests.laws.car_days.bugs import BUGS, planted
from tests.laws.car_days.oracle import judged, story, violations

DAYS = 10_000 if os.environ.get("PROVE") else 200
MOST = 0.8
"""Share of the drives that their reports show well enough to be held to the truth: an oracle that excuses all of them
would find nothing."""
EACH_HUNDRED = {
    "geofence_entered": 80,
    "geofence_left": 100,
    "charging_complete": 50,
    "trouble_code_opened": 10,
    "battery_low": 2,
    "left_open": 5,
}
"""Notifications that have to come in a hundred days, at the least."""
FINDS_WITHIN = 8
"""Days in which a planted bug has to show."""


def test_trips_charges_alerts_and_places_are_those_of_the_day() -> None:
    with ProcessPoolExecutor() as pool:
        days = list(pool.map(judged, range(DAYS), chunksize=10))
    assert [story(seed, broken) for seed, (broken, _) in enumerate(days) if broken] == []
    held = sum((held for _, held in days), Counter[str]())
    assert held["drives_held"] >= MOST * held["drives"]
    assert {kind: held[kind] for kind, least in EACH_HUNDRED.items() if held[kind] < least * DAYS / 100} == {}


@pytest.mark.parametrize("name", BUGS)
def test_a_planted_bug_shows_and_nothing_does_without_it(name: str) -> None:
    assert [violations(seed, BUGS[name].profile) for seed in (1, 2)] == [[], []]
    with planted(name):
        assert any(violations(seed, BUGS[name].profile) for seed in range(1, FINDS_WITHIN))
