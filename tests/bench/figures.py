"""What is measured: a name, a value, a goal. Ratios are against a floor measured in the same run, in CPU time, as the
median of many rounds."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

ROUNDS = 60


@dataclass(frozen=True, slots=True)
class Figure:
    """`goal` is a bound in the direction of `better`; None for a figure that is only told."""

    name: str
    value: float
    unit: str
    goal: float | None = None
    better: str = "lower"

    @property
    def holds(self) -> bool:
        if self.goal is None:
            return True
        return self.value <= self.goal if self.better == "lower" else self.value >= self.goal


def ratio(step: Callable[[], object], floor: Callable[[], object]) -> float:
    """CPU time of the step over that of the floor."""
    ratios = []
    for _ in range(ROUNDS):
        taken = []
        for run in (floor, step):
            start = time.process_time_ns()
            run()
            taken.append(time.process_time_ns() - start)
        ratios.append(taken[1] / taken[0])
    return statistics.median(ratios)
