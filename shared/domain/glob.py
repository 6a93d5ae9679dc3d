"""Patterns of paths in which * stands for any characters, matched without ever going back."""

from collections.abc import Callable, Sequence

PATTERNS = 20
"""Patterns of one query."""
LONGEST = 256
"""Characters of one pattern."""
STARS = 16
"""Runs of * in one pattern: one more than a path has dots."""


class Glob:
    """One pattern. Each piece between stars is looked for once, from where the one before ended: the leftmost place for
    a piece leaves the most for those after it, so that no other place has to be tried."""

    def __init__(self, pattern: str) -> None:
        """Raises ValueError for one that is too long or has too many stars; many stars in a row are one."""
        first, *rest = pattern.split("*")
        self._first, self._last = first, rest[-1] if rest else None
        self._middle = [piece for piece in rest[:-1] if piece]
        if len(pattern) > LONGEST or len(self._middle) >= STARS:
            raise ValueError(f"a pattern has at most {LONGEST} characters and {STARS} stars")

    def matches(self, text: str) -> bool:
        """Whether all of the text fits. Its time is at most the length of the text times that of the pattern."""
        if self._last is None:
            return text == self._first
        start, end = len(self._first), len(text) - len(self._last)
        if start > end or not (text.startswith(self._first) and text.endswith(self._last)):
            return False
        for piece in self._middle:
            found = text.find(piece, start, end)
            if found < 0:
                return False
            start = found + len(piece)
        return True


def any_of(patterns: Sequence[str]) -> Callable[[str], bool]:
    """Whether a text fits one of them. Raises ValueError for too many patterns, and as Glob does."""
    if len(patterns) > PATTERNS:
        raise ValueError(f"at most {PATTERNS} patterns")
    globs = [Glob(pattern) for pattern in dict.fromkeys(patterns)]
    return lambda text: any(glob.matches(text) for glob in globs)
