"""Partners' endpoints: who may make them, what is sent to them, and what was."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from urllib.parse import urlsplit
from uuid import NAMESPACE_URL, uuid5

from shared.domain.history import DAY, day_of
from shared.domain.inbox import Delivery, Item, endpoint_recipient, item_id
from shared.domain.kinds import KINDS, Channel
from shared.domain.notification import Audience, Notification
from shared.domain.person import PersonId
from shared.domain.principal import Kind, Principal, Scope
from shared.domain.profile import Request, made_before
from shared.domain.quota import CHALLENGES
from shared.domain.webhooks import ENDPOINTS, REPLAYABLE_DAYS, VERIFICATION, Endpoint
from shared.errors import Code, Conflict, Contradiction, Forbidden, Malformed, NotFound, TooMany, Unavailable
from shared.ports import Page, Versioned
from shared.use_cases.amend import Asked
from shared.use_cases.books import ATTEMPTS
from shared.use_cases.delivering import send_again
from shared.use_cases.outgoing import Outgoing
from shared.use_cases.planning import send_turns, tell_system
from shared.use_cases.telling import brand_preferences


def require_partner(caller: Principal) -> None:
    """An operator of a brand, or a partner that may hear of what happens."""
    may = caller.kind is Kind.OPERATOR or (caller.kind is Kind.PARTNER and Scope.NOTIFICATIONS in caller.scopes)
    if not may:
        raise Forbidden("only an operator or a partner with the scope notifications may do this")


async def create(
    caller: Principal, partner: str | None, url: str, kinds: frozenset[str], asked: Asked, o: Outgoing
) -> Endpoint:
    """Make an endpoint: a partner its own, an operator anybody's. It is asked with a challenge whether it wants to be
    told. Raises Forbidden, Malformed(invalid_url), Contradiction(too_many_endpoints), Reused."""
    require_partner(caller)
    whose = _whose(caller, partner)
    o.caller.check(url)
    request = (Request(asked.key, asked.digest, asked.made),) if asked.key else ()
    try:
        known = (await o.endpoints.load(caller.brand, asked.made)).value
    except NotFound:
        if len(await o.endpoints.all(caller.brand)) >= ENDPOINTS:
            raise Contradiction(f"a brand has {ENDPOINTS} endpoints", Code.TOO_MANY_ENDPOINTS) from None
        made = Endpoint(asked.made, caller.brand, whose, url, kinds, caller.at, requests=request).asked_again(caller.at)
        try:
            await o.endpoints.commit(made, None)
        except Conflict:
            return await create(caller, partner, url, kinds, asked, o)
        await _challenge(made, caller.at, o)
        return made
    made_before(known.requests, asked.key, asked.digest)
    await _challenge(known, caller.at, o)
    return known


def _whose(caller: Principal, partner: str | None) -> str:
    if caller.kind is Kind.PARTNER:
        if partner not in (None, caller.subject):
            raise Forbidden("a partner has endpoints of its own only")
        return caller.subject
    if partner is None:
        raise Malformed("partner: whose it is")
    return partner


async def read(caller: Principal, id: str, o: Outgoing) -> Versioned[Endpoint]:
    """One that is the caller's to see, or raise NotFound."""
    require_partner(caller)
    found = await o.endpoints.load(caller.brand, id)
    if caller.kind is Kind.PARTNER and found.value.partner != caller.subject:
        raise NotFound("no such endpoint")
    return found


async def list_own(caller: Principal, o: Outgoing) -> Sequence[Endpoint]:
    """Of a partner its own, of an operator all."""
    require_partner(caller)
    found = await o.endpoints.all(caller.brand)
    return [e for e in found if caller.kind is Kind.OPERATOR or e.partner == caller.subject]


async def change(caller: Principal, id: str, step: Callable[[Endpoint], Endpoint], o: Outgoing) -> Endpoint:
    """Commit what the step makes of it; within a minute it holds everywhere. Where it listens from now on is asked with
    a challenge whether it wants to be told.

    Raises NotFound, Malformed(invalid_url)."""
    for _ in range(ATTEMPTS):
        found = await read(caller, id, o)
        after = step(found.value)
        o.caller.check(after.url)
        if after != found.value:
            try:
                await o.endpoints.commit(after, found.version)
            except Conflict:
                continue
        await _challenge(after, caller.at, o)
        return after
    raise Unavailable("the endpoint is being written by others")


def changed(url: str, kinds: frozenset[str], enabled: bool, now: int) -> Callable[[Endpoint], Endpoint]:
    """What an endpoint is to be from now on (epoch ms); switched on again it has a clean record."""

    def step(before: Endpoint) -> Endpoint:
        after = replace(before.at_url(url, now), kinds=kinds, enabled=enabled)
        if not enabled:
            return replace(after, reason=before.reason or "switched off")
        if before.enabled:
            return after
        on = replace(after, reason="", failing_since=None)
        return on if on.unverified_since is None else on.asked_again(now)

    return step


async def rotate(caller: Principal, id: str, o: Outgoing) -> Endpoint:
    """Sign with another secret from now on, and for a day with the one before too."""
    return await change(caller, id, lambda before: before.rotated(caller.at), o)


async def drop(caller: Principal, id: str, o: Outgoing) -> None:
    await read(caller, id, o)
    await o.endpoints.drop(caller.brand, id)


async def send_challenge(caller: Principal, id: str, notification: str, o: Outgoing) -> Item:
    """Ask once more, at once, whether it wants to be told; of one that said so it comes to nothing. Raises NotFound,
    TooMany(too_many_challenges)."""
    endpoint = (await read(caller, id, o)).value
    await _may_ask(endpoint, caller.at, o)
    return await _ask(endpoint, notification, caller.at, o)


async def _may_ask(endpoint: Endpoint, now: int, o: Outgoing) -> None:
    """Whoever says a URL has us call it, and it may be a stranger's."""
    for whose in (f"partner/{endpoint.partner}", f"host/{urlsplit(endpoint.url).hostname}"):
        whose = f"{endpoint.brand}/{whose}"
        await o.quotas.take("challenges", whose, CHALLENGES, now, Code.TOO_MANY_CHALLENGES)


async def _challenge(endpoint: Endpoint, now: int, o: Outgoing) -> None:
    """Once for each URL that was said; handed over again if that was asked again before it was verified. What is beyond
    the limits is not sent: it can be asked for later."""
    since = endpoint.unverified_since
    if not endpoint.enabled or since is None:
        return
    id = str(uuid5(NAMESPACE_URL, f"webhooks/{endpoint.brand}/{endpoint.id}/challenge/{since}/{endpoint.url}"))
    recipient = endpoint_recipient(endpoint.brand, endpoint.id, since)
    try:
        await send_turns((await o.inbox.load(recipient, item_id(id, recipient))).value, now, o.deliveries)
    except NotFound:
        with suppress(TooMany):
            await _may_ask(endpoint, now, o)
            await _ask(endpoint, id, now, o)


async def _ask(endpoint: Endpoint, id: str, now: int, o: Outgoing) -> Item:
    since, audience = endpoint.unverified_since or now, frozenset({Audience.PARTNERS})
    told = Notification(id, VERIFICATION, "", endpoint.brand, since, {}, None, audience)
    told = replace(told, expires_at=now + KINDS[VERIFICATION].lives)
    recipient = endpoint_recipient(endpoint.brand, endpoint.id, since)
    item = Item(item_id(id, recipient), recipient, told, now, shown=False)
    item = item.with_delivery(Channel.WEBHOOK, Delivery(not_before=now))
    if not await o.inbox.put(item):
        item = (await o.inbox.load(recipient, item.id)).value
    await send_turns(item, now, o.deliveries)
    return item


async def send_test(caller: Principal, id: str, notification: str, o: Outgoing) -> Item:
    """Call it with a test event of that id, whatever kinds it wants to hear of."""
    endpoint = (await read(caller, id, o)).value
    audience = frozenset({Audience.PARTNERS})
    told = Notification(notification, "test", "", caller.brand, caller.at, {}, None, audience)
    told = replace(told, expires_at=caller.at + KINDS["test"].lives)
    recipient = endpoint_recipient(caller.brand, endpoint.id, caller.at)
    defaults = await brand_preferences(caller.brand, o.brands)
    return await tell_system(told, recipient, "", defaults, caller.at, o)


async def events(caller: Principal, id: str, day: str, limit: int, cursor: str | None, o: Outgoing) -> Page[Item]:
    """What an endpoint was sent of a UTC day, and what became of it, the newest first."""
    endpoint = (await read(caller, id, o)).value
    return await o.inbox.list(PersonId(caller.brand, f"@{endpoint.id}/{day}"), limit, cursor)


async def replay(caller: Principal, id: str, day: str, item: str, o: Outgoing) -> Item:
    """Send an event of the last 30 days again, under its id. Raises NotFound."""
    endpoint = (await read(caller, id, o)).value
    if not day_of(caller.at - REPLAYABLE_DAYS * DAY) <= day <= day_of(caller.at + DAY):
        raise NotFound("no such event")
    for _ in range(ATTEMPTS):
        found = await o.inbox.load(PersonId(caller.brand, f"@{endpoint.id}/{day}"), item)
        try:
            return await send_again(found.value, [Channel.WEBHOOK], caller.at, o, found.version)
        except Conflict:
            continue
    raise Unavailable("the event is being written by others")
