"""Under any faults: what happened stands in every inbox exactly once, whatever leaves the house does so under one key a
delivery, and the trail explains every attempt."""

import os
from concurrent.futures import ProcessPoolExecutor

import pytest

from tests.laws.delivering import BUGS, NOTIFICATIONS, violations

RUNS = (10_000 if os.environ.get("PROVE") else 1_000) // NOTIFICATIONS
FINDS_WITHIN = 10
"""Runs in which a planted bug has to show."""


def test_nothing_is_lost_doubled_or_unexplained_by_any_faults() -> None:
    with ProcessPoolExecutor() as pool:
        found = zip(range(RUNS), pool.map(violations, range(RUNS)), strict=True)
        assert {seed: broken for seed, broken in found if broken} == {}


@pytest.mark.parametrize("bug", BUGS)
def test_every_planted_bug_is_found(bug: str) -> None:
    assert any(violations(seed, bug) for seed in range(FINDS_WITHIN))
