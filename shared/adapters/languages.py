"""How languages and countries write numbers, distances and times: the filters of templates. None of them can fail."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_datetime, format_time
from babel.numbers import format_decimal, format_percent
from babel.units import format_unit
from jinja2 import pass_context
from jinja2.runtime import Context as JinjaContext

from shared.domain.wording import FALLBACK, Context

ROOM = 20_000
"""Characters that a part of a template shows of facts, at most; what is beyond is left out."""
LEFT_OUT = "…"
"""Stands for it."""
IN = "_in"
"""Under which no template can see it, there is how its language writes things."""
_UNSENDABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
_MILES, _FAHRENHEIT = ("US", "GB", "LR", "MM"), ("US", "LR", "BS", "BZ", "KY", "PW")


@lru_cache(1_000)
def locale_of(text: str) -> Locale | None:
    try:
        return Locale.parse(text, sep="-")
    except (UnknownLocaleError, ValueError, TypeError):
        return None


def sendable(text: str) -> str:
    """Without control characters and halves of characters, which no store, mail or page takes."""
    return _UNSENDABLE.sub("", text)


def text_of(value: object, most: int) -> str:
    """A value as text, of so many characters at most; what is not known is nothing."""
    try:
        text = "" if value is None else str(value)
    except (ValueError, RecursionError):
        text = LEFT_OUT  # an integer of thousands of digits
    cut = text if len(text) <= most else text[: max(0, most - len(LEFT_OUT))] + LEFT_OUT[:most]
    return sendable(cut)


@pass_context
def finalized(context: JinjaContext, value: object) -> str:
    """As it is shown: of all that a part shows there is only so much room."""
    how = _languages(context)
    text = text_of(value, how.room)
    how.room -= len(text)
    return text


class Languages:
    """How a language writes things, in a zone."""

    def __init__(self, context: Context) -> None:
        self.locale = locale_of(context.locale) or Locale.parse(FALLBACK)
        try:
            self.zone = ZoneInfo(context.zone)
        except (LookupError, ValueError, OSError):
            self.zone = ZoneInfo("UTC")
        self.room = ROOM

    def percent(self, number: float) -> str:
        return format_percent(round(number / 100, 3), locale=self.locale, decimal_quantization=False)

    def distance(self, metres: float) -> str:
        miles = self.locale.territory in _MILES
        number, unit = (metres / 1609.344, "length-mile") if miles else (metres / 1000, "length-kilometer")
        return format_unit(round(number, 1), unit, "short", locale=self.locale)

    def temperature(self, celsius: float) -> str:
        fahrenheit = self.locale.territory in _FAHRENHEIT
        number, unit = (celsius * 1.8 + 32, "fahrenheit") if fahrenheit else (celsius, "celsius")
        return format_unit(round(number, 1), f"temperature-{unit}", "short", locale=self.locale)

    def at(self, epoch_ms: float) -> datetime:
        return datetime.fromtimestamp(epoch_ms / 1000, UTC).astimezone(self.zone)


def _languages(context: JinjaContext) -> Languages:
    found: Languages = context.parent[IN]
    return found


def _of_number(write: Callable[[Languages, float], str]) -> Callable[..., Any]:
    """A filter; a value that is no number, or none that can be written so, is shown as it is."""

    @pass_context
    def written(context: JinjaContext, value: Any) -> Any:
        if not isinstance(value, int | float) or isinstance(value, bool):
            return value
        try:
            return write(_languages(context), value)
        except (ArithmeticError, AttributeError, LookupError, OSError, TypeError, ValueError):
            return value

    return written


def _count(value: Any) -> int:
    return len(value) if isinstance(value, list | tuple | str) else 0


def _upper(value: Any) -> str:
    return text_of(value, ROOM).upper()


def _lines(values: Any) -> Any:
    """Each on a line of its own."""
    return "\n".join(text_of(v, ROOM) for v in values) if isinstance(values, list | tuple) else values


FILTERS: Mapping[str, Callable[..., Any]] = {
    "number": _of_number(lambda how, n: format_decimal(round(n, 2), locale=how.locale)),
    "percent": _of_number(Languages.percent),
    "distance": _of_number(Languages.distance),
    "temperature": _of_number(Languages.temperature),
    "date": _of_number(lambda how, n: format_date(how.at(n), locale=how.locale)),
    "time": _of_number(lambda how, n: format_time(how.at(n), "short", how.zone, how.locale)),
    "datetime": _of_number(lambda how, n: format_datetime(how.at(n), "short", None, how.locale)),
    "count": _count,
    "upper": _upper,
    "lines": _lines,
}
