"""A car's day comes out as it was, in whatever disorder it is reported."""

import os
from concurrent.futures import ProcessPoolExecutor

import pytest

from tests.laws.car_days.bugs import BUGS, planted
from tests.laws.car_days.oracle import story, violations

DAYS = 10_000 if os.environ.get("PROVE") else 200
FINDS_WITHIN = 8
"""Days in which a planted bug has to show."""


def test_trips_charges_alerts_and_places_are_those_of_the_day() -> None:
    with ProcessPoolExecutor() as pool:
        found = zip(range(DAYS), pool.map(violations, range(DAYS), chunksize=10), strict=True)
        assert [story(seed, broken) for seed, broken in found if broken] == []


@pytest.mark.parametrize("name", BUGS)
def test_a_planted_bug_shows_and_nothing_does_without_it(name: str) -> None:
    assert [violations(seed, BUGS[name].profile) for seed in (1, 2)] == [[], []]
    with planted(name):
        assert any(violations(seed, BUGS[name].profile) for seed in range(1, FINDS_WITHIN))
