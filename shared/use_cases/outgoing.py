"""What is about to leave: whether it still may, and what it looks like."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

from shared.domain.inbox import Item, Outcome, Reply, delivery_id, endpoint_of
from shared.domain.kinds import OURS, Channel, Urgency
from shared.domain.notification import Audience, Notification
from shared.domain.person import Person, PersonId
from shared.domain.preferences import ANY, NEVER, SHIPPED, Preferences, told_from
from shared.domain.profile import Profile
from shared.domain.telemetry import Value
from shared.domain.webhooks import VERIFICATION, Endpoint
from shared.domain.wording import Call, Mail, values
from shared.errors import Conflict, NotFound
from shared.ports import Caller, Codes, Mailer, Notifications
from shared.use_cases.books import ATTEMPTS
from shared.use_cases.limited import is_told
from shared.use_cases.planning import Planning, concerns, may_hear, profile_of, say
from shared.use_cases.quotas import Quotas

WAITS = (5_000, 3_600_000)
"""Milliseconds after which what waits for its endpoint to be verified is looked at again, at first and at most."""


@dataclass(frozen=True, slots=True)
class Outgoing(Planning):
    """What deciding about a delivery, and sending it, reaches besides. `url` is where the API is served to people."""

    notifications: Notifications
    codes: Codes
    mailer: Mailer | None
    caller: Caller
    url: str
    quotas: Quotas


class Verdict(NamedTuple):
    """Why it is not sent: for good, or (`planned`) not before a moment (epoch ms)."""

    outcome: Outcome
    reason: str
    not_before: int = 0


async def _nothing(reply: Reply, now: int) -> None:
    """Nobody else has to know."""


@dataclass(frozen=True, slots=True)
class Post:
    """Ready to be sent, and who has to know what was answered and when (epoch ms)."""

    send: Callable[[], Awaitable[Reply]]
    noted: Callable[[Reply, int], Awaitable[None]] = _nothing


async def prepared(item: Item, channel: Channel, now: int, o: Outgoing) -> Post | Verdict:
    """It as it is to be sent, if it still may be: by access, consent, expiry, preference and hours as they are now."""
    if item.notification.expired(now):
        return Verdict(Outcome.EXPIRED, "too late to deliver")
    if item.deleted_at is not None:
        return Verdict(Outcome.SUPPRESSED, "deleted")
    if channel is Channel.WEBHOOK:
        return await _call(item, now, o)
    if channel is Channel.EMAIL:
        return await _mail(item, now, o)
    return Verdict(Outcome.SUPPRESSED, "no device")


# ---- e-mail


async def _mail(item: Item, now: int, o: Outgoing) -> Post | Verdict:
    told, id = item.notification, item.recipient
    person = (await o.people.load(id)).value
    own = person.preferences.over((await o.brands.telling(told.brand)).over(SHIPPED))
    to = address(told, person, now)
    if to is None or o.mailer is None:
        return Verdict(Outcome.SUPPRESSED, "no address" if to is None else "no mail server")
    if not own.wants(told.kind, Channel.EMAIL, *told.names):
        return Verdict(Outcome.SUPPRESSED, "preference")
    profile = None if told.kind in OURS else await profile_of(told, o.profiles)
    if told.kind not in OURS and not await _still_concerns(told, id, profile, now, o):
        return Verdict(Outcome.SUPPRESSED, "no access")
    if await o.inbox.superseded(item):
        return Verdict(Outcome.SUPPRESSED, "superseded")
    from_when = now if told.urgency is Urgency.SAFETY else told_from(now, own.quiet or NEVER, own.zone or "UTC")
    if from_when > now:
        return Verdict(Outcome.PLANNED, "quiet hours", from_when)
    mailer, mail = o.mailer, await _written(item, person, own, profile, to, now, o)
    return Post(lambda: mailer.send(mail))


def address(told: Notification, person: Person, now: int) -> str | None:
    """Where mail goes: only what verifies an address goes to one that is not verified."""
    contact = person.contact
    if contact is None or told.kind != "contact_verification":
        return contact.reachable if contact else None
    return contact.email if contact.open(now) and told.at == contact.asked_at else None


async def _still_concerns(told: Notification, id: PersonId, profile: Profile | None, now: int, o: Outgoing) -> bool:
    if Audience.NAMED in told.audience:
        return True  # whose data was forgotten has no address any more
    member = profile.members.get(id.user) if profile else None
    if profile is None or member is None or not concerns(told, member, now):
        return False
    return await is_told(id.user, member, profile, now, o.catalogs)


async def _written(
    item: Item, person: Person, own: Preferences, profile: Profile | None, to: str, now: int, o: Outgoing
) -> Mail:
    told, unsubscribe = item.notification, None
    if ends := ANY if told.kind == "digest" else None if told.kind in OURS else told.kind:
        unsubscribe = f"{o.url}/unsubscribe/{o.codes.seal(f'{item.recipient}/{ends}')}"
    shows: dict[str, Value | None] = values(told, profile.model if profile else "")
    shows |= {"unsubscribe": unsubscribe}
    if told.kind == "contact_verification":
        shows["code"] = verification_code(person, o.codes)
    if told.kind == "digest":
        shows["items"] = await _gathered(item, o)
    said = await say(told, Channel.EMAIL, own, shows, now, o)
    key = delivery_id(item.id, Channel.EMAIL)
    return Mail(key, to, said["subject"], said["text"], said["html"], unsubscribe)


async def _gathered(digest: Item, o: Outgoing) -> list[str]:
    """What the digest says of each item that it took in and that is still there."""
    found, ids = list[str](), digest.notification.facts.get("items", ())
    for id in ids if isinstance(ids, list | tuple) else ():
        try:
            item = (await o.inbox.load(digest.recipient, str(id))).value
        except NotFound:
            continue
        found += [f"{item.title}: {item.body}"] if item.deleted_at is None else []
    return found


def verification_code(person: Person, codes: Codes) -> str:
    """What proves that mail to the address is read. It follows from what is stored, and is not."""
    contact = person.contact
    return codes.make(f"{person.id}/{contact.email}/{contact.asked_at}") if contact else ""


# ---- webhooks


async def _call(item: Item, now: int, o: Outgoing) -> Post | Verdict:
    told, id = item.notification, endpoint_of(item.recipient) or ""
    try:
        endpoint = (await o.endpoints.load(told.brand, id)).value
    except NotFound:
        return Verdict(Outcome.SUPPRESSED, "no such endpoint")
    if not endpoint.enabled:
        return Verdict(Outcome.SUPPRESSED, "endpoint is off")
    key, secrets = delivery_id(item.id, Channel.WEBHOOK), [o.codes.secret(name) for name in endpoint.secrets(now)]
    call = Call(key, endpoint.url, secrets, told, now)
    if told.kind == VERIFICATION:
        if endpoint.unverified_since != told.at:
            return Verdict(Outcome.SUPPRESSED, "nothing to verify")
        asking = replace(call, challenge=challenge_of(endpoint, o.codes))
        return Post(lambda: _asked(endpoint, asking, o))
    if endpoint.unverified_since is not None:
        return Verdict(Outcome.PLANNED, "endpoint is not verified", now + _patience(now - item.planned_at))
    if told.vehicle_id or told.kind not in OURS:
        profile = await profile_of(told, o.profiles)
        if profile is None or not await may_hear(endpoint, told, profile, o.profiles):
            return Verdict(Outcome.SUPPRESSED, "no consent" if endpoint.hears(told) else "not asked for")
    return Post(lambda: o.caller.call(call), lambda reply, at: _health(endpoint, reply, at, o))


def challenge_of(endpoint: Endpoint, codes: Codes) -> str:
    """What has to be echoed from where it listens. It follows from what is stored, and is not."""
    return codes.secret(f"challenge/{endpoint.brand}/{endpoint.id}/{endpoint.unverified_since}/{endpoint.url}").hex()


def _patience(age: int) -> int:
    """Milliseconds until what waits for its endpoint to be verified is looked at again: longer the longer it waits."""
    return min(max(WAITS[0], age // 2), WAITS[1])


async def _asked(endpoint: Endpoint, call: Call, o: Outgoing) -> Reply:
    """It is verified before the answer is on record: were it lost in between, it is asked once more."""
    reply = await o.caller.call(call)
    await _health(endpoint, reply, call.at, o, call.told.at)
    return reply


async def _health(seen: Endpoint, reply: Reply, now: int, o: Outgoing, challenged: int | None = None) -> None:
    """Remember since when it fails, and switch it off once that is too long; its brand's operators are told. Who echoed
    a `challenge` of some moment is verified.

    A reply that is not remembered is made up for by the next one."""
    well = reply.outcome is Outcome.SENT

    def step(before: Endpoint) -> Endpoint:
        verified = before.verified(challenged) if well and challenged is not None else before
        return verified.answered(well, reply.gone, now) if verified.enabled else verified

    if step(seen) == seen:
        return
    for _ in range(ATTEMPTS):
        try:
            found = await o.endpoints.load(seen.brand, seen.id)
            after = step(found.value)
            if after == found.value:
                return
            if found.value.enabled and not after.enabled:
                await o.notifications.send(_switched_off(after, now))
            await o.endpoints.commit(after, found.version)
        except Conflict:
            continue
        except NotFound:
            return
        return


def _switched_off(e: Endpoint, now: int) -> Notification:
    facts: dict[str, Value] = {"endpoint": e.id, "partner": e.partner, "reason": e.reason}
    fact = f"webhooks/{e.id}/off/{e.failing_since or e.unverified_since}"
    operators = frozenset({Audience.OPERATORS})
    return Notification.of_fact(fact, "webhook_disabled", "", e.brand, now, facts, None, operators)
