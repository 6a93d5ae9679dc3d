"""How often a message is tried, and how long it rests in between."""

MOST_ATTEMPTS = 20
"""Tries of one message, over about two hours, before it is parked."""
LONGEST_REST = 600.0
"""Seconds between two tries, at most."""


def rest(attempt: int) -> float:
    """Seconds until the next try after this many."""
    return float(min(2**attempt, LONGEST_REST))
