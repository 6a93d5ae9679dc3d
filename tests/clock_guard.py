"""A guard against the real clock: a test during which our own code reads it fails.

`sys.monitoring` reports the calls that Python code makes, so the guard sees a clock under any name. Libraries and the
local cloud may read the time. What C code calls, as in `map(time.time, ...)`, goes unseen; ruff's `banned-api` finds
the name."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from types import BuiltinFunctionType, CodeType, FrameType

import pytest

ROOT = Path(__file__).parents[1]
OURS = tuple(str(ROOT / part) for part in ("function_app.py", "functions", "shared", "tests"))
CLOCKS = frozenset(
    {
        *(time.time, time.time_ns, time.monotonic, time.monotonic_ns, time.perf_counter, time.perf_counter_ns),
        *(time.localtime, time.gmtime, time.ctime, time.strftime),
        *(datetime.now, datetime.utcnow, datetime.today, date.today),
    }
)
TOOL = 4
"""The id under which `sys.monitoring` knows the guard; those that Python names are 0, 1, 2 and 5."""

_watchers: list[list[str]] = []


def _called(code: CodeType, offset: int, function: object, first: object) -> object:
    """A place that calls what is written in Python, or that is not ours, is not reported again in this test: millions
    of calls would make the tests slow."""
    if type(function) is not BuiltinFunctionType or not code.co_filename.startswith(OURS):
        return sys.monitoring.DISABLE
    if function in CLOCKS and _watchers:
        _watchers[-1].append(f"{function.__qualname__} at {_trace(sys._getframe(1))}")
    return None


def _trace(frame: FrameType | None) -> str:
    """The calls that led to a frame through our code, the innermost first."""
    places = list[str]()
    while frame is not None:
        file = frame.f_code.co_filename
        if file.startswith(OURS):
            places.append(f"{Path(file).relative_to(ROOT)}:{frame.f_lineno}")
        frame = frame.f_back
    return " < ".join(places[:5])


@contextmanager
def record_readings() -> Iterator[list[str]]:
    """The readings of the real clock by our code from here on, each with where it happened."""
    monitoring = sys.monitoring
    if monitoring.get_tool(TOOL) is None:
        monitoring.use_tool_id(TOOL, "clock guard")
        monitoring.register_callback(TOOL, monitoring.events.CALL, _called)
        monitoring.set_events(TOOL, monitoring.events.CALL)
    monitoring.restart_events()
    found = list[str]()
    _watchers.append(found)
    try:
        yield found
    finally:
        _watchers.pop()


@pytest.fixture(autouse=True)
def no_real_clock(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fails a test that has the real clock read, unless it is marked `real_clock(reason="...")`."""
    with record_readings() as found:
        yield
    marker = request.node.get_closest_marker("real_clock")
    if marker is None:
        if found:
            pytest.fail("reads the real clock:\n" + "\n".join(dict.fromkeys(found)), pytrace=False)
    elif not marker.kwargs["reason"]:
        pytest.fail("real_clock needs a reason")
