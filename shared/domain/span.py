"""Stretches of time, and the ids of what is found in them."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple


class Span(NamedTuple):
    """From the first to the last moment that counts (epoch ms)."""

    start: int
    end: int

    def overlaps(self, other: "Span") -> bool:
        return self.start <= other.end and other.start <= self.end


class Known(NamedTuple):
    """An earlier trip or charge that may be one of those found anew."""

    id: str
    span: Span


def stretches(shown: Iterable[tuple[int, bool | None]], gap: int) -> list[Span]:
    """From the first moment that says yes to the last one before `gap` milliseconds without another."""
    found = list[Span]()
    for at, yes in shown:
        if not yes:
            continue
        if found and at - found[-1].end <= gap:
            found[-1] = Span(found[-1].start, at)
        else:
            found.append(Span(at, at))
    return found


def id_of(kind: str, span: Span, known: Sequence[Known], taken: Sequence[str]) -> str:
    """That of the earliest known one that it overlaps and that no other took, or a new one after its start."""
    for other in sorted(known, key=lambda k: k.span):
        if other.id.startswith(f"{kind}-") and other.id not in taken and other.span.overlaps(span):
            return other.id
    return f"{kind}-{span.start}"


def named_at(id: str) -> int:
    """The moment (epoch ms) that a trip or charge is named after: when it began, as it was known first."""
    return int(id.partition("-")[2])
