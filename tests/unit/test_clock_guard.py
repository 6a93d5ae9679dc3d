"""The guard sees who reads the real clock: in a use case, in a test, and under any name."""

from collections.abc import Callable

import pytest

from tests import clock_guard

pytest_plugins = ["pytester"]

READINGS = [
    ("import time", "time.time()"),
    ("from time import time as now", "now()"),
    ("from time import monotonic", "[clock := monotonic, clock()]"),
    ("from datetime import UTC, datetime", "datetime.now(UTC)"),
    ("import datetime", "datetime.datetime.now(**{'tz': None})"),
    ("from datetime import date", "date.today()"),
]


def defined(file: str, imports: str, expression: str) -> Callable[[], object]:
    """A function that stands in the file and does nothing but this."""
    names: dict[str, Callable[[], object]] = {}
    source = f"{imports}\ndef read():\n    return {expression}"
    exec(compile(source, str(clock_guard.ROOT / file), "exec"), names)
    return names["read"]


@pytest.mark.parametrize(("imports", "expression"), READINGS)
@pytest.mark.parametrize("file", ["shared/use_cases/wake.py", "functions/http.py", "tests/unit/test_vehicle.py"])
def test_a_reading_of_the_real_clock_is_seen_where_it_happens(file: str, imports: str, expression: str) -> None:
    with clock_guard.record_readings() as found:
        defined(file, imports, expression)()
    (reading,) = found
    assert f" at {file}:3 < tests/unit/test_clock_guard.py:" in reading


@pytest.mark.parametrize("file", ["local/broker/store.py", ".venv/lib/python3.13/site-packages/jwt/api_jwt.py"])
def test_libraries_and_the_local_cloud_may_read_it(file: str) -> None:
    with clock_guard.record_readings() as found:
        defined(file, "import time", "time.time()")()
    assert found == []


def test_a_test_that_reads_it_fails_unless_it_is_marked(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(clock_guard.ROOT))
    pytester.makeconftest("""
        from pathlib import Path
        from tests import clock_guard
        from tests.clock_guard import no_real_clock
        clock_guard.ROOT = Path(__file__).parent
        clock_guard.OURS = (str(clock_guard.ROOT),)
    """)
    pytester.makepyfile("""
        import time
        import pytest

        def test_reads_it():
            time.time()

        def test_reads_nothing():
            pass

        @pytest.mark.real_clock(reason="it is about the real clock")
        def test_may_read_it():
            time.time()

        @pytest.mark.real_clock(reason="")
        def test_says_not_why():
            time.time()
    """)
    pytester.makeini("""
        [pytest]
        markers = real_clock
        asyncio_default_fixture_loop_scope = function
    """)
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(passed=4, errors=2)
    result.stdout.fnmatch_lines(["time at test_a_test_that_reads_it_fails_unless_it_is_marked.py:5"])
    result.stdout.fnmatch_lines(["ERROR *::test_reads_it*", "ERROR *::test_says_not_why*"])
