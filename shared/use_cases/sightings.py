"""Following where vehicles are, without a scan for each who looks.

An operator follows the whole brand: an instance looks at the store once a second while anybody follows, however many
they are. A person follows the own vehicles."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import NamedTuple

from shared.domain.limited import limited_sighting
from shared.domain.principal import Kind, Principal, visible_since
from shared.domain.sighting import Sighting, sighting
from shared.domain.tail import KEPT, OVERLAP, Mark, Tail
from shared.errors import Code, Contradiction
from shared.ports import Catalogs, Clock, Page, Sightings
from shared.use_cases.amend import Reach
from shared.use_cases.garage import read_own
from shared.use_cases.limited import shown

EVERY = 1_000
"""Milliseconds between two looks at the store."""
MOST = 10_000
"""Vehicles of a brand that one look reads."""


class News(NamedTuple):
    """What changed, vehicles that are the reader's no more, and whether that is all of it."""

    items: Sequence[Sighting]
    mark: Mark
    gone: Sequence[str] = ()
    complete: bool = True


@dataclass(slots=True)
class _Followed:
    """A brand that somebody follows; looked at last at a moment (epoch ms), and whether all was read."""

    tail: Tail
    looked_at: int
    complete: bool = True
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Watch:
    """What an instance knows of where vehicles are, as long as somebody follows them."""

    def __init__(self, instance: str, sightings: Sightings, catalogs: Catalogs, reach: Reach) -> None:
        self._sightings, self._catalogs, self._reach = sightings, catalogs, reach
        self._followed: dict[str, _Followed] = {}
        self._names = (f"{instance}-{number}" for number in count())

    async def begin(
        self, caller: Principal, limit: int, cursor: str | None, clock: Clock
    ) -> tuple[Page[Sighting], Mark]:
        """Where everything is, a page at a time, and from where to follow: the mark of the first page.

        Raises Forbidden for vehicles and partners."""
        if caller.kind is not Kind.OPERATOR:
            own = await self._own(caller)
            return Page(own), _known(own)
        mark = (await self._looked(caller.brand, clock)).tail.mark
        return await self._sightings.list(caller.brand, limit, cursor), mark

    async def follow(
        self, caller: Principal, mark: Mark, until: int, clock: Clock, rest: Callable[[float], Awaitable[None]]
    ) -> News:
        """What changed since a mark, as soon as there is something, or nothing at a moment (epoch ms).

        Raises Forbidden for vehicles and partners, Contradiction(mark_expired) for one from too long ago."""
        while True:
            news, looked_at = await self._news(caller, mark, clock)
            now = clock()
            if news.items or news.gone or now >= until:
                return news
            await rest(min(max(looked_at + EVERY - now, 10), until - now) / 1000)

    async def _news(self, caller: Principal, mark: Mark, clock: Clock) -> tuple[News, int]:
        """And when that was looked at."""
        if caller.kind is not Kind.OPERATOR:
            own, now = await self._own(caller), clock()
            changed = [s for s in own if mark.known.get(s.vehicle_id) != s.revision]
            return News(changed, _known(own), sorted(mark.known.keys() - {s.vehicle_id for s in own})), now
        found = await self._looked(caller.brand, clock)
        items = found.tail.after(mark)
        if items is None:
            raise Contradiction("the mark is from too long ago: begin anew", Code.MARK_EXPIRED)
        return News(items, found.tail.mark, (), found.complete), found.looked_at

    async def _looked(self, brand: str, clock: Clock) -> _Followed:
        """The brand's changes, as of a second ago at most: whoever comes first looks for all."""
        now, found = clock(), self._followed.get(brand)
        if found is None or now - found.looked_at > KEPT * 1000:
            self._followed = {b: f for b, f in self._followed.items() if now - f.looked_at <= KEPT * 1000}
            start = now // 1000 - KEPT - 2 * OVERLAP
            found = self._followed[brand] = _Followed(Tail(next(self._names), start, start), now - EVERY)
        async with found.lock:
            now = clock()
            if now - found.looked_at >= EVERY:
                seen = await self._sightings.since(brand, found.tail.newest - OVERLAP, MOST)
                found.complete, found.looked_at = len(seen) < MOST, now
                found.tail.take(seen, now // 1000)
        return found

    async def _own(self, caller: Principal) -> list[Sighting]:
        own = await read_own(caller, self._reach)
        states = await asyncio.gather(*(self._reach.states.load(profile.vehicle_id) for profile, _ in own))
        seen = list[Sighting | None]()
        for (profile, _), found in zip(own, states, strict=True):
            whole = sighting(found.value, visible_since(caller, profile))
            seen.append(limited_sighting(whole, await shown(caller, profile, self._catalogs)))
        return [one for one in seen if one is not None]


def _known(own: Sequence[Sighting]) -> Mark:
    return Mark(known={s.vehicle_id: s.revision for s in own})
