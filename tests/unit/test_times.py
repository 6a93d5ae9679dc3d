from datetime import UTC, datetime

import pytest
from azure.functions import meta
from hypothesis import given
from hypothesis import strategies as st

from functions import times


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-22T12:00:00.120Z",
        "2026-11-22T12:00:00.1234567Z",
        "2026-11-22T12:00:00Z",
        "2026-11-22T12:00:00",
        "2026-11-22T12:00:00.12",
        "2026-11-22T12:00:00.123456",
        "",
        None,
    ],
)
def test_the_short_way_comes_to_the_same_as_the_long_one(text: str | None) -> None:
    assert times.parse(text) == times.long_way(text)


@given(st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)), st.booleans())  # noqa: DTZ001 (it adds the zone)
def test_any_time_that_a_host_sends_is_read_alike(moment: datetime, zulu: bool) -> None:
    text = moment.isoformat() + ("Z" if zulu else "")
    assert times.parse(text) == times.long_way(text) == (moment.replace(tzinfo=UTC) if zulu else moment)


def test_what_the_long_way_refuses_is_still_refused() -> None:
    with pytest.raises(ValueError, match="does not match"):
        times.parse("noon")


def test_the_app_goes_the_short_way() -> None:
    import function_app

    assert function_app.app
    assert meta._BaseConverter._parse_datetime is times.parse
