"""What stands in a request's path and query, read and held to its form."""

import re
from collections.abc import Callable
from datetime import date, datetime

import azure.functions as func
from pydantic import TypeAdapter, ValidationError

from shared.codec.bodies import LATER, Id, Time, UserId, to_ms
from shared.domain.glob import PATTERNS, any_of
from shared.domain.history import day_of
from shared.errors import Code, Malformed, NotFound

_ID, _USER = TypeAdapter(Id, config=LATER), TypeAdapter(UserId, config=LATER)
_TIME: TypeAdapter[datetime] = TypeAdapter(Time, config=LATER)
_PATTERN = re.compile(r"[A-Za-z0-9.*]{1,256}")


def path_id(req: func.HttpRequest, name: str) -> str:
    """An id in the path; one that no document could have is absent like any other."""
    try:
        return _ID.validate_python(req.route_params.get(name, ""))
    except ValidationError:
        raise NotFound(f"no such {name.removesuffix('_id')}") from None


def path_user(req: func.HttpRequest) -> str:
    """A person's id in the path."""
    try:
        return _USER.validate_python(req.route_params.get("user_id", ""))
    except ValidationError:
        raise NotFound("no such member") from None


def limit(req: func.HttpRequest, default: int = 50, most: int = 100) -> int:
    """How many items a page may hold."""
    text = req.params.get("limit", str(default))
    if not (text.isascii() and text.isdigit() and len(text) < 5 and 1 <= int(text) <= most):
        raise Malformed(f"limit is a number from 1 to {most}", Code.INVALID_QUERY)
    return int(text)


def moment(req: func.HttpRequest, name: str, default: int) -> int:
    """A time in the query, RFC 3339 with a zone, as epoch milliseconds."""
    text = req.params.get(name)
    if text is None:
        return default
    try:
        return to_ms(_TIME.validate_python(text))
    except ValidationError:
        raise Malformed(f"{name} is a time with a zone, 2026-11-22T12:00:00Z", Code.INVALID_QUERY) from None


def day(req: func.HttpRequest, default: int | None) -> str | None:
    """A UTC day in the query, 2026-11-22; that of the default (epoch ms) without."""
    text = req.params.get("day")
    if text is None:
        return day_of(default) if default is not None else None
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise Malformed("day is a date, 2026-11-22", Code.INVALID_QUERY) from None


def word(req: func.HttpRequest, name: str) -> str | None:
    """A short text in the query that names something."""
    text: str | None = req.params.get(name)
    if text is not None and not (0 < len(text) <= 100 and text.isprintable()):
        raise Malformed(f"{name} is a text of 1 to 100 characters", Code.INVALID_QUERY)
    return text


def wanted(req: func.HttpRequest) -> Callable[[str], bool]:
    """Which signals `paths` asks for: some patterns parted by commas, in which * stands for anything. All without."""
    patterns = [p for p in req.params.get("paths", "*").split(",") if p]
    try:
        if all(_PATTERN.fullmatch(p) for p in patterns):
            return any_of(patterns)
    except ValueError:
        pass
    raise Malformed(f"paths are at most {PATTERNS} paths, in which * stands for anything", Code.INVALID_QUERY)


def choice(req: func.HttpRequest, name: str, *of: str) -> str:
    """One of the words in the query; the first without."""
    text: str = req.params.get(name, of[0])
    if text not in of:
        raise Malformed(f"{name} is one of: {', '.join(of)}", Code.INVALID_QUERY)
    return text
