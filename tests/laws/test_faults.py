"""Under any faults: every event counted once, no sample lost, doubled or shown against its owner's will, every episode
told exactly once."""

import os
from concurrent.futures import ProcessPoolExecutor

import pytest

from tests.laws.faults import BUGS, violations

SEEDS = 10_000 if os.environ.get("PROVE") else 100
FINDS_WITHIN = 150
"""Seeds in which a planted bug has to show."""


def test_nothing_is_violated_by_any_faults() -> None:
    with ProcessPoolExecutor() as pool:
        found = zip(range(SEEDS), pool.map(violations, range(SEEDS), chunksize=25), strict=True)
        assert {seed: broken for seed, broken in found if broken} == {}


@pytest.mark.parametrize("bug", BUGS)
def test_every_planted_bug_is_found(bug: str) -> None:
    assert any(violations(seed, bug) for seed in range(FINDS_WITHIN))
