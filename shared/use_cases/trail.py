"""Putting on record who saw or changed whose data."""

from collections import OrderedDict
from dataclasses import dataclass
from uuid import NAMESPACE_URL, uuid4, uuid5

from shared.domain.audit import BLOCK, LONGEST, ONE_RECORD, RECORDED, UNRESERVED, Access, Tally
from shared.domain.history import day_of
from shared.domain.principal import Principal
from shared.errors import Conflict, Unavailable
from shared.ports import Audit
from shared.use_cases.writers import TRIES, Writers

HELD = 10_000
"""Records that an instance knows to be written, and tallies that it takes from."""


@dataclass(slots=True)
class _Block:
    """How many requests are left of a block, and whether they are recorded or only counted."""

    left: int = UNRESERVED
    recorded: bool = True


class Trail:
    """Remembers what it wrote lately, so that who polls is not put on record at each request; and keeps each caller to
    the records of a day."""

    def __init__(self, audit: Audit, writers: Writers[Tally] | None = None) -> None:
        self._audit, self._writers = audit, writers or Writers()
        self._written: OrderedDict[str, None] = OrderedDict()
        self._blocks: OrderedDict[Tally, _Block] = OrderedDict()

    async def record(
        self, caller: Principal, what: str, whose: str = "", detail: str = "", *, each: bool = False
    ) -> None:
        """Of operators and partners, before it is done: once a minute, or `each` time. Beyond the day's limit it is
        only counted. Raises Unavailable, and then it is not done."""
        if caller.kind not in RECORDED:
            return
        about = f"{caller.brand}/{caller.kind.value}/{caller.subject}/{what}/{whose}/{detail}"
        id = str(uuid4() if each else uuid5(NAMESPACE_URL, f"{about}/{caller.at // ONE_RECORD}"))
        if id in self._written:
            return
        if await self._is_recorded(Tally(caller.brand, day_of(caller.at), caller.kind, caller.subject, what)):
            told = whose[:LONGEST], detail[:LONGEST]
            await self._audit.record(Access(id, caller.brand, caller.at, caller.subject, what, *told))
        if not each:
            _remember(self._written, id, None)

    async def _is_recorded(self, tally: Tally) -> bool:
        """Whether one more request is recorded or only counted, which it is with this."""
        block = self._blocks.get(tally)
        if block is None:
            block = _remember(self._blocks, tally, _Block())
        if block.left <= 0:
            async with self._writers.turn(f"{tally.brand}/{tally.day}/{tally.id}"):
                if block.left <= 0:
                    after = await self._reserve(tally)
                    block.recorded, block.left = after.counted == 0, block.left + BLOCK
        block.left -= 1
        return block.recorded

    async def _reserve(self, tally: Tally) -> Tally:
        for lost in range(TRIES):
            found = await self._audit.tally(tally)
            try:
                after = found.value.more()
                await self._audit.commit_tally(after, found.version)
            except Conflict:
                await self._writers.rest(lost)
                continue
            return after
        raise Unavailable("the audit is being written by others")


def _remember[K, T](held: OrderedDict[K, T], key: K, value: T) -> T:
    held[key] = value
    if len(held) > HELD:
        held.popitem(last=False)
    return value
