"""How long a plan runs, in calendar time."""

import re
from calendar import monthrange
from datetime import datetime

LIFETIME = "lifetime"

_PERIOD = re.compile(r"P([1-9][0-9]?)([MY])", re.ASCII)


def is_period(text: str) -> bool:
    """`P1M`, `P3Y` ... or `lifetime`."""
    return text == LIFETIME or _PERIOD.fullmatch(text) is not None


def end_of(start: datetime, period: str) -> datetime | None:
    """When a period that begins at `start` ends; None for a lifetime. The 31st becomes a shorter month's last day."""
    if period == LIFETIME:
        return None
    found = _PERIOD.fullmatch(period)
    if found is None:
        raise ValueError(f"not a period: {period}")
    months = int(found[1]) * (12 if found[2] == "Y" else 1)
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    day = min(start.day, monthrange(year, month + 1)[1])
    return start.replace(year=year, month=month + 1, day=day)
