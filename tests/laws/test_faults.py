"""Under any faults: every event counted once, no reading lost, every episode told exactly once."""

import os

import pytest

from tests.laws.faults import BUGS, violations

SEEDS = 2_000 if os.environ.get("PROVE") else 40
FINDS_WITHIN = 40
"""Seeds in which a planted bug has to show."""


@pytest.mark.parametrize("start", range(0, SEEDS, 20))
def test_nothing_is_violated_by_any_faults(start: int) -> None:
    found = {seed: broken for seed in range(start, start + 20) if (broken := violations(seed))}
    assert found == {}


@pytest.mark.parametrize("bug", BUGS)
def test_every_planted_bug_is_found(bug: str) -> None:
    assert any(violations(seed, bug) for seed in range(FINDS_WITHIN))
