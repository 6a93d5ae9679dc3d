"""Texts that callers hand back as they were given: JSON in base64 that fits into a URL."""

import base64
import binascii
import json
from typing import Any

LONGEST = 16_384
"""Characters of one: more than a URL may have."""
SAFE = 2**53
"""The largest whole number that every reader of JSON holds exactly."""


def encoded(found: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(found, separators=(",", ":")).encode()).decode().rstrip("=")


def decoded(text: str) -> Any:
    """What was encoded; None for any other text, too deep, too long, or with what JSON and UTF-8 don't know."""
    if len(text) > LONGEST:
        return None
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        found = json.loads(raw, parse_constant=_refused, parse_float=_refused)
        json.dumps(found, ensure_ascii=False).encode()
    except (binascii.Error, ValueError, RecursionError):
        return None
    return found


def are_whole(*numbers: object) -> bool:
    """Whether they are whole numbers that a time or a count may be; -1 stands for none."""
    return all(isinstance(n, int) and not isinstance(n, bool) and -1 <= n <= SAFE for n in numbers)


def _refused(number: str) -> Any:
    raise ValueError("no whole number")
