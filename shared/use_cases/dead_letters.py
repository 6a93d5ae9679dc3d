"""Deliveries that failed for good: looked at, tried anew, or let go."""

from dataclasses import replace

from shared.domain.inbox import Delivery, Item, Outcome
from shared.domain.kinds import Channel
from shared.domain.person import PersonId
from shared.domain.principal import Principal, require_operator
from shared.errors import Conflict, NotFound, Unavailable
from shared.ports import Page
from shared.use_cases.books import ATTEMPTS
from shared.use_cases.delivering import send_again
from shared.use_cases.outgoing import Outgoing


def failed(item: Item) -> list[Channel]:
    return [c for c, d in item.deliveries.items() if d.outcome is Outcome.FAILED]


async def list_failed(caller: Principal, limit: int, cursor: str | None, o: Outgoing) -> Page[Item]:
    """Those of the operator's brand, in no order. Raises Malformed(invalid_cursor)."""
    require_operator(caller)
    return await o.inbox.failed(caller.brand, limit, cursor)


async def read_failed(caller: Principal, user: str, id: str, o: Outgoing) -> Item:
    """One with its trail. Raises NotFound."""
    require_operator(caller)
    item = (await o.inbox.load(PersonId(caller.brand, user), id)).value
    if not item.failed:
        raise NotFound("no such dead letter")
    return item


async def replay(caller: Principal, user: str, id: str, o: Outgoing) -> Item:
    """Have what failed of it tried anew, under the key that its provider knows. Raises NotFound."""
    require_operator(caller)
    for _ in range(ATTEMPTS):
        found = await o.inbox.load(PersonId(caller.brand, user), id)
        channels = failed(found.value) or _replayed(found.value)
        if not channels:
            raise NotFound("no such dead letter")
        try:
            return await send_again(found.value, channels, caller.at, o, found.version)
        except Conflict:
            continue
    raise Unavailable("the item is being written by others")


async def discard(caller: Principal, user: str, id: str, o: Outgoing) -> None:
    """Let it go; its trail stays. Raises NotFound."""
    require_operator(caller)
    for _ in range(ATTEMPTS):
        found = await o.inbox.load(PersonId(caller.brand, user), id)
        if not found.value.failed:
            raise NotFound("no such dead letter")
        let_go = {c: _discarded(found.value.deliveries[c]) for c in failed(found.value)}
        try:
            await o.inbox.commit(replace(found.value, deliveries={**found.value.deliveries, **let_go}), found.version)
        except Conflict:
            continue
        return
    raise Unavailable("the item is being written by others")


def _replayed(item: Item) -> list[Channel]:
    """What was to be tried anew already, and may not have been handed over: asked for again, it is."""
    return [c for c, d in item.deliveries.items() if d.open and d.generation]


def _discarded(d: Delivery) -> Delivery:
    return d.closed(Outcome.SUPPRESSED, f"discarded: {d.reason}")
