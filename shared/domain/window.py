"""Which messages of a vehicle were seen: the anti-replay window of RFC 4303, section 3.4.3."""

from typing import NamedTuple

SIZE = 64
_MASK = (1 << SIZE) - 1


class Window(NamedTuple):
    """The highest sequence number seen, and a bit for each of the 64 numbers up to it."""

    highest: int = -1
    seen: int = 0

    def holds(self, sequence: int) -> bool:
        """Seen within the window."""
        age = self.highest - sequence
        return 0 <= age < SIZE and bool(self.seen >> age & 1)

    def passed(self, sequence: int) -> bool:
        """Too old to tell whether it was seen: a late message."""
        return self.highest - sequence >= SIZE

    def add(self, sequence: int) -> "Window":
        """The window after this number; a late one leaves it as it is."""
        age = self.highest - sequence
        if age >= SIZE:
            return self
        if age >= 0:
            return Window(self.highest, self.seen | 1 << age)
        return Window(sequence, (self.seen << min(-age, SIZE) | 1) & _MASK)
