"""Whether input that was set aside tells of a period of ownership, as far as that can be read of it."""

import re
from datetime import UTC, datetime

from shared.domain.parked import Parked
from shared.domain.person import Owned
from shared.domain.telemetry import OLDEST

_TIMES = re.compile(
    rb'"at":(?P<ms>[0-9]{12,14})\b|(?P<text>[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9:.]{5,18}[0-9Zz](?:[+-][0-9:]{4,5})?)'
)
"""Epoch milliseconds as our own queues have them, and RFC 3339 texts as vehicles do."""


def concerns(parked: Parked, period: Owned) -> bool | None:
    """True if all that it tells is of the period, False if nothing is; None if that can't be told, or it holds both.

    Cars buffer: what can't be read may be of a period for as long after its end as a car's oldest sample may have."""
    times = times_in(parked.body)
    if times:
        within = [period.holds(at) for at in times]
        return True if all(within) else None if any(within) else False
    if period.holds(parked.at):
        return True
    return None if period.ends_at <= parked.at < period.ends_at + OLDEST else False


def names(parked: Parked, *words: str) -> bool:
    """Whether all the words stand in its body, as they are or as JSON writes them."""
    return all(any(form in parked.body for form in _forms(word)) for word in words)


def times_in(body: bytes) -> list[int]:
    """Every moment that a body names (epoch ms)."""
    found = list[int]()
    for match in _TIMES.finditer(body):
        if match["ms"]:
            found.append(int(match["ms"]))
        elif (at := _moment(match["text"].decode())) is not None:
            found.append(at)
    return found


def _moment(text: str) -> int | None:
    try:
        moment = datetime.fromisoformat(text.upper())
        return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
    except (ValueError, OverflowError):
        return None


def _forms(word: str) -> set[bytes]:
    escaped = "".join(c if c.isascii() else _escaped(c) for c in word)
    return {word.encode(), escaped.replace('"', '\\"').encode()}


def _escaped(character: str) -> str:
    units = character.encode("utf-16-be").hex()
    return "".join(f"\\u{units[n : n + 4]}" for n in range(0, len(units), 4))
