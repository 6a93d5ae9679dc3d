"""The clocks of this machine. Nothing else in the product reads them: whoever needs the time is handed a clock."""

import time


def epoch_ms() -> int:
    """Milliseconds since 1970-01-01T00:00:00Z. It may be set back."""
    return time.time_ns() // 1_000_000


def monotonic_seconds() -> float:
    """Seconds since an arbitrary moment. It is never set back, and only differences mean anything."""
    return time.monotonic()
