"""How much room what a vehicle sent takes where it is stored, roughly, in bytes of JSON."""

from collections.abc import Iterable, Mapping
from itertools import accumulate

from shared.domain.telemetry import Value

SIGNALS = 384 * 1024
"""Bytes that the readings of one vehicle's state take at most: five thousand numbers, or fewer and some texts."""
TEXTS = 32 * 1024
"""Bytes that the texts and lists of one message take at most."""
NUMBER, READING = 20, 24
"""Bytes of a number, and of a reading besides its path and its value."""
TEXTUAL = frozenset({str, list, tuple})
"""Types of values that have no size of their own."""


def size_of(value: Value) -> int:
    """Characters beyond ASCII are stored as escapes of six bytes for each two of UTF-16."""
    if isinstance(value, str):
        if value.isascii():
            return len(value) + value.count('"') + value.count("\\") + 3
        return 3 * len(value.encode("utf-16-le", "surrogatepass")) + 3
    if isinstance(value, list | tuple):
        return sum(map(size_of, value)) + 3
    return NUMBER


def textual_size(readings: Mapping[str, Value]) -> int:
    return sum(size_of(value) for value in readings.values() if type(value) in TEXTUAL)


def beyond_texts(samples: Iterable[Mapping[str, Value]]) -> list[frozenset[str]]:
    """The paths, sample by sample, of those texts and lists of a message that are beyond what one may hold."""
    found, used = list[frozenset[str]](), 0
    for readings in samples:
        sizes = {path: size_of(value) for path, value in readings.items() if type(value) in TEXTUAL}
        totals = accumulate(sizes.values(), initial=used)
        next(totals)
        over = frozenset(path for path, total in zip(sizes, totals, strict=True) if total > TEXTS)
        used += sum(sizes.values())
        found.append(over)
    return found


class Room:
    """What is left for a state's readings. The state is looked through when a reading first needs more."""

    def __init__(self, signals: Mapping[str, tuple[Value, int]]) -> None:
        self._signals, self._left = signals, -1
        self._counted = False

    def takes(self, path: str, value: Value) -> bool:
        """Whether the reading still has room in the place of what is known of its signal; then it has taken it."""
        if not self._counted:
            taken = sum(len(known) + READING + size_of(reading[0]) for known, reading in self._signals.items())
            self._left, self._counted = SIGNALS - taken, True
        known = self._signals.get(path)
        more = size_of(value) - size_of(known[0]) if known else len(path) + READING + size_of(value)
        if more > 0 and more > self._left:
            return False
        self._left -= more
        return True
