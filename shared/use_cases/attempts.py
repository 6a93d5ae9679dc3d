"""How often a message is tried, how long it rests in between, and when it is given up."""

from collections.abc import Awaitable, Callable

from shared.errors import CloudError, Conflict, Refused, Rejected, Unavailable

MOST_ATTEMPTS = 20
"""Tries of one message, over about two hours, before it is parked."""
LONGEST_REST = 600.0
"""Seconds between two tries, at most."""


def rest(attempt: int) -> float:
    """Seconds until the next try after this many."""
    return float(min(2**attempt, LONGEST_REST))


async def attempted[T](
    content: T, attempt: int, act: Callable[[T], Awaitable[object]], again: Callable[[T, int, float], Awaitable[None]]
) -> CloudError | None:
    """Act on it; after an outage hand it over again, rested. The error that it is given up for, or None.

    A message that were abandoned instead would come back at once and burn its delivery count. Raises only if it can't
    be handed over again."""
    try:
        await act(content)
    except (Refused, Rejected) as error:
        return error
    except (Unavailable, Conflict) as error:
        if attempt + 1 >= MOST_ATTEMPTS:
            return error
        await again(content, attempt + 1, rest(attempt))
    return None
