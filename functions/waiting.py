"""Requests that wait for something to come: for how long, and how many at once."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from shared.domain.principal import Principal
from shared.errors import TooMany

WAITS = 30_000
"""Milliseconds that a request waits for something to come."""
AT_ONCE = 5
"""Requests of one caller that wait on an instance."""
_waiters: Counter[str] = Counter()


@contextmanager
def waiting(who: Principal) -> Iterator[None]:
    """Counted among those that wait. Raises TooMany."""
    name = f"{who.brand}/{who.kind}/{who.subject}"
    if _waiters[name] >= AT_ONCE:
        raise TooMany("as many requests wait as a caller may have", 1)
    _waiters[name] += 1
    try:
        yield
    finally:
        _waiters[name] -= 1
        if not _waiters[name]:
            del _waiters[name]
