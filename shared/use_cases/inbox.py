"""Reading what one was told, and what became of telling it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from shared.domain.inbox import OPERATORS, OVERLAP, Item, Mark, endpoint_of, item_id
from shared.domain.person import PersonId
from shared.domain.principal import Kind, Principal, Scope, require_access, require_operator, require_user
from shared.errors import Conflict, Forbidden, NotFound, Unavailable
from shared.ports import Clock, Endpoints, Inbox, Page, Profiles
from shared.use_cases.books import ATTEMPTS
from shared.use_cases.everywhere import all_pages

LOOKS = (0.25, 0.5, 1.0)
"""Seconds between two looks while somebody waits; the last for as long as it takes."""
COUNTED = 1_000
"""Items that are counted as not read, at most."""
READ_AT_ONCE = 500
"""Items that are marked as read by one request."""


def owner(caller: Principal) -> PersonId:
    """Whose inbox the caller reads: the own one; operators share one."""
    if caller.kind is Kind.OPERATOR:
        return PersonId(caller.brand, OPERATORS)
    require_user(caller)
    return caller.person


async def read_inbox(caller: Principal, limit: int, cursor: str | None, inbox: Inbox) -> Page[Item]:
    """The caller's own inbox, the newest first."""
    return await inbox.list(owner(caller), limit, cursor)


async def mark_of(caller: Principal, inbox: Inbox) -> Mark:
    """From which to wait for what comes after now."""
    lately = await all_pages(lambda cursor: inbox.since(owner(caller), caller.at - OVERLAP, cursor))
    return Mark(caller.at).after(lately)


async def arrived(
    caller: Principal, mark: Mark, until: int, clock: Clock, rest: Callable[[float], Awaitable[None]], inbox: Inbox
) -> tuple[Sequence[Item], Mark]:
    """What came after a mark, as soon as there is something, or nothing at a moment (epoch ms); and the next mark."""
    look = 0
    while True:
        seen, fresh = await _news(owner(caller), mark, inbox)
        if fresh or clock() >= until:
            return fresh, mark.after(seen)
        await rest(min(LOOKS[min(look, len(LOOKS) - 1)], max(0.0, (until - clock()) / 1000)))
        look += 1


async def _news(whose: PersonId, mark: Mark, inbox: Inbox) -> tuple[Sequence[Item], Sequence[Item]]:
    """What was looked at, page by page, and what of it is new: of one page at most."""
    seen, cursor = list[Item](), None
    while True:
        page = await inbox.since(whose, mark.at - OVERLAP, cursor)
        seen += page.items
        fresh = [item for item in page.items if item.id[:8] not in mark.known]
        cursor = page.cursor
        if fresh or cursor is None:
            return seen, fresh


async def count_unread(caller: Principal, inbox: Inbox) -> int:
    """A thousand at most."""
    return len(await inbox.unread(owner(caller), COUNTED))


async def mark_read(caller: Principal, id: str, inbox: Inbox) -> None:
    """Once; raises NotFound for what is not shown."""

    def read(item: Item) -> Item:
        return item if item.read_at is not None else replace(item, read_at=caller.at)

    await _edit(owner(caller), id, read, inbox)


async def mark_all_read(caller: Principal, inbox: Inbox) -> int:
    """Everything that is there now, up to a number at once; how much is left of it."""
    whose = owner(caller)
    unread = await inbox.unread(whose, COUNTED)
    ids = unread[:READ_AT_ONCE]

    async def one(id: str) -> None:
        try:
            await mark_read(caller, id, inbox)
        except NotFound:
            return  # deleted meanwhile

    for start in range(0, len(ids), 20):
        await asyncio.gather(*(one(id) for id in ids[start : start + 20]))
    return len(unread) - len(ids)


async def delete(caller: Principal, id: str, inbox: Inbox) -> None:
    """For good: it says nothing any more and is not told again. Raises NotFound."""
    await _edit(owner(caller), id, lambda item: item.tombstone(caller.at), inbox)


async def _edit(whose: PersonId, id: str, step: Callable[[Item], Item], inbox: Inbox) -> None:
    for _ in range(ATTEMPTS):
        found = await inbox.load(whose, id)
        if not found.value.shown:
            raise NotFound("no such item")
        after = step(found.value)
        if after == found.value:
            return
        try:
            await inbox.commit(after, found.version)
        except Conflict:
            continue
        return
    raise Unavailable("the item is being written by others")


async def told_of(
    caller: Principal, vehicle_id: str, limit: int, profiles: Profiles, inbox: Inbox
) -> Sequence[Sequence[Item]]:
    """To an operator the newest notifications about a vehicle, each with what everyone was told of it."""
    require_operator(caller)
    require_access(caller, (await profiles.load(vehicle_id)).value)
    found: dict[str, list[Item]] = {}
    for item in await inbox.of_vehicle(vehicle_id):
        found.setdefault(item.notification.id, []).append(item)
    return sorted(found.values(), key=lambda items: items[0].notification.at, reverse=True)[:limit]


async def trail(caller: Principal, notification: str, inbox: Inbox, endpoints: Endpoints) -> Sequence[Item]:
    """What became of a notification: to an operator for everyone of the own brand, to a person the own part, to a
    partner that of its endpoints. Raises NotFound if there is nothing that the caller may see."""
    scoped = caller.kind is not Kind.PARTNER or Scope.NOTIFICATIONS in caller.scopes
    if caller.kind is Kind.VEHICLE or not scoped:
        raise Forbidden("only people, operators and partners with the scope notifications may see this")
    if caller.kind is Kind.USER:
        return [(await inbox.load(caller.person, item_id(notification, caller.person))).value]
    items = [i for i in await inbox.of_notification(notification) if i.recipient.brand == caller.brand]
    if caller.kind is Kind.PARTNER:
        own = {e.id for e in await endpoints.all(caller.brand) if e.partner == caller.subject}
        items = [i for i in items if endpoint_of(i.recipient) in own]
    if not items:
        raise NotFound("no such notification")
    return items
