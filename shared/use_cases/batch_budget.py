"""How much of one vehicle is taken in with a batch, so that it never holds up its neighbours for long."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from shared.domain.ledger import Counted
from shared.errors import Code, Refused

SLICE = 128 * 1024
"""Bytes of one vehicle's messages that go into one write of its state: what follows from more would not fit there."""
HEAVY = 16 * 1024
"""Bytes of one vehicle's messages in a batch from which on it comes after all that sent less."""
MOST_BYTES, MOST_SAMPLES, MOST_ENTRIES = 16 * 1024 * 1024, 40_000, 2_000
"""Of one vehicle in one batch: bytes of messages, samples, and chunks and notifications that are handed on. What begins
within them is taken in whole; what comes after them is parked."""


class Sized(Protocol):
    @property
    def body(self) -> bytes: ...


@dataclass(slots=True)
class Spent:
    """What was taken in of a vehicle so far."""

    bytes: int = 0
    samples: int = 0
    entries: int = 0

    @property
    def all(self) -> bool:
        return self.bytes >= MOST_BYTES or self.samples >= MOST_SAMPLES or self.entries >= MOST_ENTRIES

    def add(self, messages: Sequence[Sized], counted: Sequence[Counted], entries: int) -> None:
        """Once more messages were taken in, with what was handed on because of them."""
        self.bytes += size_of(messages)
        self.samples += sum(one.census.samples for one in counted)
        self.entries += entries


def size_of(messages: Sequence[Sized]) -> int:
    return sum(len(message.body) for message in messages)


def by_weight[T: Sized](vehicles: Iterable[Sequence[T]]) -> tuple[list[Sequence[T]], list[Sequence[T]]]:
    """Vehicles that sent little, and those that sent much, the least first: while one of these is folded, all wait."""
    by_size = sorted(((size_of(own), n, own) for n, own in enumerate(vehicles)), key=lambda one: one[:2])
    return [own for size, _, own in by_size if size < HEAVY], [own for size, _, own in by_size if size >= HEAVY]


def slices[T: Sized](messages: Sequence[T]) -> Iterator[list[T]]:
    """The messages in order, in parts of at most SLICE bytes, or one message that is larger."""
    part, size = list[T](), 0
    for message in messages:
        if part and size + len(message.body) > SLICE:
            yield part
            part, size = [], 0
        part.append(message)
        size += len(message.body)
    if part:
        yield part


def too_much() -> Refused:
    """Why the rest is parked."""
    return Refused(
        f"more of one vehicle at once than {MOST_BYTES} bytes, {MOST_SAMPLES} samples or {MOST_ENTRIES} chunks and "
        "notifications",
        Code.TOO_MUCH_AT_ONCE,
    )
