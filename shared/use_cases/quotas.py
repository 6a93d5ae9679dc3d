"""Holding people and partners to how often they may cause something that reaches others."""

from shared.domain.quota import Limits, taken
from shared.errors import Code, Conflict, TooMany, Unavailable
from shared.ports import Codes, QuotaStore
from shared.use_cases.writers import TRIES, Writers


class Quotas:
    """Counts in the store, so over all instances, under names from which nobody can tell whose they are."""

    def __init__(self, store: QuotaStore, codes: Codes, writers: Writers[None] | None = None) -> None:
        self._store, self._codes, self._writers = store, codes, writers or Writers()

    async def take(self, what: str, whose: str, limits: Limits, now: int, code: Code = Code.TOO_MANY_REQUESTS) -> None:
        """Count once more, now (epoch ms), or raise TooMany with `code` and in how many seconds to come again."""
        key = "quota-" + self._codes.secret(f"quota/{what}/{whose}").hex()[:40]
        async with self._writers.turn(key):
            for lost in range(TRIES):
                found = await self._store.load(key)
                after = taken(found.value, now, limits)
                if isinstance(after, int):
                    raise TooMany(
                        f"no more {what} for now: `Retry-After` says when the next one is allowed", after / 1000, code
                    )
                try:
                    await self._store.commit(key, after, found.version)
                except Conflict:
                    await self._writers.rest(lost)
                    continue
                return
        raise Unavailable("the count is being written by others")
