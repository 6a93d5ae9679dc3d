"""Keeping the ledger, and reading it."""

from collections.abc import Sequence
from dataclasses import replace

from shared.domain.ledger import Counted, Ledger, count
from shared.domain.principal import Principal, require_operator
from shared.errors import Conflict, Unavailable
from shared.ports import Ledgers, Versioned

ATTEMPTS = 5
"""How often a document is read anew after losing a race for it."""


class Books:
    """The ledger of every partition of a hub, as far as this instance wrote it."""

    def __init__(self, hub: str, ledgers: Ledgers) -> None:
        self._hub, self._ledgers = hub, ledgers
        self._held: dict[str, Versioned[Ledger]] = {}

    def forget(self, partition: str) -> None:
        self._held.pop(partition, None)

    async def count(self, partition: str, entries: Sequence[Counted], at: int) -> None:
        """Count each position once, at a moment (epoch ms), or raise Unavailable."""
        for _ in range(ATTEMPTS):
            book = self._held.pop(partition, None) or await self._ledgers.load(f"{self._hub}-{partition}")
            after = count(book.value, entries)
            try:
                if after is not book.value:
                    after = replace(after, counted_at=at)
                    book = Versioned(after, await self._ledgers.commit(after, book.version))
            except (Conflict, Unavailable):
                continue
            self._held[partition] = book
            return
        raise Unavailable(f"the ledger of {partition} could not be written in {ATTEMPTS} attempts")


async def read_ledger(caller: Principal, ledgers: Ledgers) -> Sequence[Ledger]:
    """The books of every hub partition, for an operator."""
    require_operator(caller)
    return await ledgers.all()
