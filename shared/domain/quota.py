"""How often something may be done over minutes, hours and days, counted over all instances."""

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000

type Limits = tuple[tuple[int, int], ...]
"""Within so many milliseconds, so often: each of them holds."""

CODES_OF_PERSON: Limits = ((MINUTE, 1), (HOUR, 5), (DAY, 10))
"""Mails with a code that one person may ask for, to whatever addresses."""
CODES_TO_ADDRESS: Limits = ((MINUTE, 1), (HOUR, 3), (DAY, 5))
"""Mails with a code to one address of a brand, whoever asks for them."""
TESTS_OF_PERSON: Limits = ((MINUTE, 3), (HOUR, 10), (DAY, 30))
"""Test notifications that one person may ask for."""
CHALLENGES: Limits = ((MINUTE, 60), (HOUR, 120), (DAY, 300))
"""Challenges that one partner may have sent, and that one host is sent for a brand."""


def taken(times: tuple[int, ...], now: int, limits: Limits) -> tuple[int, ...] | int:
    """The times (epoch ms, the oldest first) at which it was done, with now; or in how many milliseconds it may be done
    next. What is too old for any limit is left out."""
    recent = tuple(at for at in times if at > now - max(span for span, _ in limits))
    waits = [
        recent[-most] + span - now for span, most in limits if len([at for at in recent if at > now - span]) >= most
    ]
    return max(waits) if waits else (*recent, max([now, *recent[-1:]]))


DOTLESS = {"gmail.com": "gmail.com", "googlemail.com": "gmail.com"}
"""Hosts that overlook dots in the part before the @, each with the name that stands for it."""


def mailbox(email: str) -> str:
    """What stands for all spellings of an address that end in one mailbox: no capitals, nothing after a plus, and no
    dots where the host overlooks them."""
    local, _, host = email.lower().rpartition("@")
    local = local.partition("+")[0] or local
    return f"{local.replace('.', '')}@{DOTLESS[host]}" if host in DOTLESS else f"{local}@{host}"
