"""The decision always equals the oracle's, whatever is bought, cancelled, paid, lent, handed over, and killed."""

import os

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.laws.selling import PLANTED, Selling, planted, quiet

EXAMPLES, STEPS = (3_000, 60) if os.environ.get("PROVE") else (60, 40)
QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


class UntilQuiet(Selling):
    def teardown(self) -> None:
        if self.world.profiles.shelf.held:
            quiet(self)
        super().teardown()


def ways(examples: int) -> settings:
    return settings(max_examples=examples, stateful_step_count=STEPS, deadline=None, suppress_health_check=QUIET)


def test_every_decision_is_the_oracles() -> None:
    run_state_machine_as_test(UntilQuiet, settings=ways(EXAMPLES))


@pytest.mark.parametrize("bug", PLANTED)
def test_a_planted_bug_shows(bug: str) -> None:
    found = settings(ways(3_000), phases=[Phase.generate], report_multiple_bugs=False)
    with planted(bug), pytest.raises((AssertionError, StopIteration)):
        run_state_machine_as_test(UntilQuiet, settings=found)
