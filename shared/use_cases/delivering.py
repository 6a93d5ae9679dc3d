"""One attempt at a time: from an item to a mail server or a partner's system, with a record of what became of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from shared.domain.breaker import Breakers
from shared.domain.inbox import (
    EMAIL_RESTS,
    OPEN,
    TAKES,
    WEBHOOK_RESTS,
    Delivery,
    Item,
    Outcome,
    Reply,
    Turn,
    endpoint_of,
)
from shared.domain.kinds import Channel
from shared.errors import Conflict, NotFound, Unavailable
from shared.ports import Clock, Versioned
from shared.use_cases.books import ATTEMPTS
from shared.use_cases.outgoing import Outgoing, Post, Verdict, prepared

LOOKS = 4
"""Times that something is looked for which another instance wrote just now: a replica may not know of it yet."""
RESTS = {Channel.EMAIL: EMAIL_RESTS, Channel.WEBHOOK: WEBHOOK_RESTS}


@dataclass(frozen=True, slots=True)
class Delivering:
    """What an attempt reaches. `ticks` are seconds of a clock that never goes back, `chance` is from 0 to 1."""

    outgoing: Outgoing
    breakers: Breakers
    ticks: Callable[[], float]
    chance: Callable[[], float]


async def deliver(turn: Turn, clock: Clock, o: Delivering) -> Outcome | None:
    """Attempt a delivery whose time has come, or see to it that it is looked after again; what became of it, or None if
    there is nothing (any more) to deliver.

    An attempt is on record before it is made, and again once it was; whoever finds one on record that has no end waits
    until it must have one. Raises Unavailable: then it comes again."""
    inbox = o.outgoing.inbox
    if wait := o.breakers.wait(provider_of(turn), o.ticks(), turn.number):
        return await _later(turn, int(wait * (1 + o.chance()) * 1000), o)
    for _ in range(ATTEMPTS):
        try:
            found = await inbox.load(turn.recipient, turn.item)
        except NotFound:
            return await _not_yet(turn, o)
        delivery = found.value.deliveries.get(turn.channel)
        if delivery is None or delivery.generation < turn.generation:
            return await _not_yet(turn, o)
        if not delivery.open or delivery.generation > turn.generation:
            return delivery.outcome
        try:
            return await _look_after(turn, found, delivery, clock, o)
        except Conflict:
            continue
    raise Unavailable("the item is being written by others")


async def _look_after(
    turn: Turn, found: Versioned[Item], delivery: Delivery, clock: Clock, o: Delivering
) -> Outcome | None:
    now = clock()
    if now < delivery.not_before:
        return await _later(turn, delivery.not_before - now, o)
    if delivery.under_way(now):
        return await _later(turn, delivery.attempts[-1].at + TAKES - now, o)
    ready = await prepared(found.value, turn.channel, now, o.outgoing)
    if isinstance(ready, Verdict):
        return await _decided(turn, found, delivery, ready, now, o)
    provider = provider_of(turn)
    if wait := o.breakers.enter(provider, o.ticks(), turn.number):
        return await _later(turn, int(wait * (1 + o.chance()) * 1000), o)
    well: bool | None = None
    try:
        started = found.value.with_delivery(turn.channel, delivery.started(now))
        begun = Versioned(started, await o.outgoing.inbox.commit(started, found.version))
        reply = await ready.send()
        well = reply.outcome is not Outcome.RETRYING
    finally:
        o.breakers.leave(provider, well, o.ticks())
    return await _concluded(turn, begun, ready, reply, clock, o)


async def _not_yet(turn: Turn, o: Delivering) -> Outcome | None:
    """What is not there was forgotten, or is not to be seen yet: it is looked for some seconds."""
    return await _later(turn, 1000 * 2**turn.number, o) if turn.number < LOOKS else None


def provider_of(turn: Turn) -> str:
    """Who is left alone if it fails: a partner's endpoint, or the mail server."""
    return endpoint_of(turn.recipient) or turn.channel.value


async def _concluded(
    turn: Turn, found: Versioned[Item], ready: Post, reply: Reply, clock: Clock, o: Delivering
) -> Outcome:
    """Put on record what came of the attempt, whoever wrote the item meanwhile, and have it attempted again if it is
    to be."""
    for _ in range(ATTEMPTS):
        delivery = found.value.deliveries[turn.channel]
        if not delivery.open or delivery.generation != turn.generation:
            return delivery.outcome
        now = clock()
        after = delivery.concluded(reply, now, RESTS[turn.channel], o.chance())
        try:
            await o.outgoing.inbox.commit(found.value.with_delivery(turn.channel, after), found.version)
        except Conflict:
            try:
                found = await o.outgoing.inbox.load(turn.recipient, turn.item)
            except NotFound:
                return reply.outcome
            continue
        await ready.noted(reply, now)
        if after.open:
            await _later(turn, after.not_before - now, o)
        return after.outcome
    raise Unavailable("the item is being written by others")


async def _decided(
    turn: Turn, found: Versioned[Item], delivery: Delivery, verdict: Verdict, now: int, o: Delivering
) -> Outcome | None:
    if verdict.outcome in OPEN:
        waiting = replace(delivery, not_before=verdict.not_before, reason=verdict.reason)
        await o.outgoing.inbox.commit(found.value.with_delivery(turn.channel, waiting), found.version)
        return await _later(turn, verdict.not_before - now, o)
    closed = delivery.closed(verdict.outcome, verdict.reason)
    await o.outgoing.inbox.commit(found.value.with_delivery(turn.channel, closed), found.version)
    return closed.outcome


async def _later(turn: Turn, wait: int, o: Delivering) -> Outcome:
    """Have it looked after again, after so many milliseconds."""
    await o.outgoing.deliveries.send([turn.next()], 0, max(0, wait) / 1000)
    return Outcome.RETRYING


async def send_again(item: Item, channels: Sequence[Channel], now: int, o: Outgoing, version: str | None) -> Item:
    """Have deliveries attempted anew, under the key that their provider knows. Raises Conflict."""
    again = {c: item.deliveries[c].again(now) for c in channels}
    after = replace(item, deliveries={**item.deliveries, **again})
    await o.inbox.commit(after, version)
    await o.deliveries.send([t for t in after.turns() if t.channel in again])
    return after
