"""How long a plan runs, in calendar time of UTC: no clock change, leap day or short month makes it drift."""

import re
from calendar import monthrange
from datetime import UTC, datetime, timedelta

LIFETIME = "lifetime"
DAY = 86_400_000
"""Milliseconds."""

_PERIOD = re.compile(r"P([1-9][0-9]?)([MY])", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def is_period(text: str) -> bool:
    """`P1M`, `P3Y` ... or `lifetime`."""
    return text == LIFETIME or _PERIOD.fullmatch(text) is not None


def end_of(start: int, period: str, terms: int = 1) -> int | None:
    """When so many terms that begin at `start` end (epoch ms); None for a lifetime.

    Each is counted from the start, so that the 31st, having been a shorter month's last day, is the 31st again."""
    months = _months(period)
    if months is None:
        return None
    moment = _EPOCH + timedelta(milliseconds=start)
    year, month = divmod(moment.year * 12 + moment.month - 1 + months * terms, 12)
    day = min(moment.day, monthrange(year, month + 1)[1])
    return (moment.replace(year=year, month=month + 1, day=day) - _EPOCH) // timedelta(milliseconds=1)


def term_at(start: int, period: str, at: int) -> int:
    """Which of the terms that begin at `start` holds a moment, counted from 0; 0 for a lifetime or before the start."""
    months = _months(period)
    if months is None or at < start:
        return 0
    first, moment = _EPOCH + timedelta(milliseconds=start), _EPOCH + timedelta(milliseconds=at)
    term = ((moment.year - first.year) * 12 + moment.month - first.month) // months
    ends = end_of(start, period, term)
    return term if ends is not None and ends <= at else max(0, term - 1)


def _months(period: str) -> int | None:
    if period == LIFETIME:
        return None
    found = _PERIOD.fullmatch(period)
    if found is None:
        raise ValueError(f"not a period: {period}")
    return int(found[1]) * (12 if found[2] == "Y" else 1)
