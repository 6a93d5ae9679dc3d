"""From a committed fact to whom it is told, and how: the item in each recipient's inbox, with its deliveries."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from shared.domain.garage import Member
from shared.domain.history import day_of
from shared.domain.inbox import OPERATORS, Delivery, Item, Outcome, endpoint_recipient, item_id
from shared.domain.kinds import DAY, OURS, Channel, Urgency
from shared.domain.notification import Audience, Notification
from shared.domain.person import Person, PersonId
from shared.domain.preferences import NEVER, SHIPPED, Preferences, next_digest, told_from
from shared.domain.profile import Profile
from shared.domain.telemetry import Value
from shared.domain.webhooks import REPLAYABLE_DAYS, Endpoint
from shared.domain.wording import Key, values
from shared.errors import NotFound, Refused
from shared.ports import Brands, Catalogs, Deliveries, Endpoints, Inbox, People, Profiles
from shared.use_cases.everywhere import save_person
from shared.use_cases.limited import is_told
from shared.use_cases.wording import Words, worded

TEMPLATE_FAILED = "template_failed"


@dataclass(frozen=True, slots=True)
class Planning:
    """What telling somebody something reaches."""

    profiles: Profiles
    people: People
    brands: Brands
    endpoints: Endpoints
    inbox: Inbox
    deliveries: Deliveries
    words: Words
    catalogs: Catalogs


async def plan(told: Notification, now: int, o: Planning) -> int:
    """Write what everyone who is to be told finds in the inbox, hand their deliveries over, and return for how many.

    The same however often it is done: what was planned before stays as it was. A trouble code goes with what the brand
    says that it means."""
    profile = await profile_of(told, o.profiles)
    if profile and told.at < profile.privacy.floor and Audience.NAMED not in told.audience:
        return 0  # of before what was forgotten of the vehicle
    if "code" in told.facts:
        texts = await o.brands.trouble_codes(told.brand)
        if text := texts.get(str(told.facts["code"])):
            told = replace(told, facts={**told.facts, "text": text})
    defaults = (await o.brands.telling(told.brand)).over(SHIPPED)
    model, quiet = profile.model if profile else "", replace(told, named=())
    people = await _people(told, profile, now, o)
    for id in people:
        await tell_person(quiet, id, model, defaults, now, o)
    systems = [PersonId(told.brand, OPERATORS)] if Audience.OPERATORS in told.audience else []
    systems += await _endpoints(told, profile, o) if profile else []
    for id in systems:
        await tell_system(quiet, id, model, defaults, now, o)
    return len(people) + len(systems)


async def profile_of(told: Notification, profiles: Profiles) -> Profile | None:
    """That of the vehicle which it is about; None if it is about none, or that one is gone."""
    try:
        return (await profiles.load(told.vehicle_id)).value if told.vehicle_id else None
    except NotFound:
        return None


async def _people(told: Notification, profile: Profile | None, now: int, o: Planning) -> Sequence[PersonId]:
    found = set[str]()
    if profile and Audience.USERS in told.audience:
        having = {user: member for user, member in profile.members.items() if concerns(told, member, now)}
        found |= {user for user, m in having.items() if await is_told(user, m, profile, now, o.catalogs)}
    if profile and Audience.PRIMARY in told.audience and (primary := profile.primary):
        found |= {primary} if concerns(told, profile.members[primary], now) else set()
    ids = [PersonId(told.brand, user) for user in sorted(found)]
    named = [PersonId(told.brand, user) for user in sorted({*told.named} - found)]
    return ids + [id for id in named if await o.people.forgotten_at(id) < told.at]


def concerns(told: Notification, member: Member | None, now: int) -> bool:
    """Whether someone with that access is told: who has it now, and had it when it came about."""
    return member is not None and member.covers(now) and member.since <= told.at


async def _endpoints(told: Notification, profile: Profile, o: Planning) -> list[PersonId]:
    if Audience.PARTNERS not in told.audience:
        return []
    hearing = [e for e in await o.endpoints.of(told.brand) if await may_hear(e, told, profile, o.profiles)]
    return [endpoint_recipient(e.brand, e.id, told.at) for e in hearing]


async def may_hear(endpoint: Endpoint, told: Notification, profile: Profile, profiles: Profiles) -> bool:
    """Whether a partner's endpoint is told: what it asked for, of a vehicle whose owner agrees to the partner now, and
    owned it and agreed when it came about."""
    if not endpoint.hears(told) or profile.brand != endpoint.brand or not profile.agreed(endpoint.purpose):
        return False
    consent = profile.consents[endpoint.purpose]
    earlier = () if consent.at <= told.at else await profiles.consents(profile.vehicle_id, endpoint.purpose)
    return profile.agreed_at(endpoint.purpose, told.at, (*earlier, consent))


async def tell_person(
    told: Notification, id: PersonId, model: str, defaults: Preferences, now: int, o: Planning
) -> None:
    """Tell somebody as they want to be told."""
    person = (await o.people.load(id)).value
    own = person.preferences.over(defaults)
    item = Item(item_id(told.id, id), id, told, now, shown=own.wants(told.kind, Channel.INBOX, *told.names))
    if told.expired(now):
        await _hand_over(_expired(item, own), o)
        return
    said = await say(told, Channel.INBOX, own, values(told, model), now, o)
    item = replace(item, title=said["title"], body=said["body"])
    if not (own.wants(told.kind, Channel.EMAIL, *told.names) and person.contact and person.contact.reachable):
        await _hand_over(_with_inbox(item, now), o)
        return
    waits = await _waits_for_digest(told, item.id, person, own, now, o)
    gathered = Delivery(Outcome.GATHERED, waits or 0)
    from_when = now if told.urgency is Urgency.SAFETY else told_from(now, own.quiet or NEVER, own.zone or "UTC")
    mail = gathered if waits is not None else Delivery(not_before=from_when)
    stored = await _hand_over(_with_inbox(replace(item, digest=waits), now).with_delivery(Channel.EMAIL, mail), o)
    if stored.digest is not None:
        due = stored.digest
        await save_person(id, lambda p: p.gathering(due) if p.contact else p, o.people)


async def _waits_for_digest(
    told: Notification, item: str, person: Person, own: Preferences, now: int, o: Planning
) -> int | None:
    """The digest that takes it in: of what is told in digests, and of what there was too much of within the hour."""
    if told.urgency is Urgency.SAFETY or told.kind in OURS:
        return None
    digest = next_digest(now, own.digest_at or 0, own.zone or "UTC")
    if told.urgency is Urgency.DIGEST:
        return digest
    counted = True

    def step(person: Person) -> Person:
        nonlocal counted
        if person.contact is None:
            return person  # forgotten meanwhile: nothing of them comes back
        after = person.telling(told.kind, item, now, own.cap or 0)
        counted = after is not None
        return after or person

    await save_person(person.id, step, o.people)
    return None if counted else digest


async def tell_system(
    told: Notification, id: PersonId, model: str, defaults: Preferences, now: int, o: Planning
) -> Item:
    """Tell operators, who read their inbox, or an endpoint, which is called: a system wants to know also late."""
    item = Item(item_id(told.id, id), id, told, now)
    if id.user != OPERATORS:
        item = replace(item, notification=replace(told, expires_at=now + REPLAYABLE_DAYS * DAY))
        return await _hand_over(item.with_delivery(Channel.WEBHOOK, Delivery(not_before=now)), o)
    said = await say(told, Channel.INBOX, defaults, values(told, model), now, o)
    return await _hand_over(_with_inbox(replace(item, title=said["title"], body=said["body"]), now), o)


async def say(
    told: Notification, channel: Channel, own: Preferences, shows: Mapping[str, Value | None], now: int, o: Planning
) -> Mapping[str, str]:
    """Each part of what is said to somebody. The brand's operators are told of a template that can't be rendered, once
    a day. Raises Refused if there are no words at all: then it is parked."""
    failed = list[Key]()
    try:
        return await worded(told.brand, told.kind, channel, own, shows, o.words, failed.append)
    finally:
        for key in failed if told.kind != TEMPLATE_FAILED else ():
            await _tell_of_template(told.brand, key, now, o)


async def _tell_of_template(brand: str, key: Key, now: int, o: Planning) -> None:
    kind, channel, locale = key
    facts: dict[str, Value] = {"template": kind, "channel": channel.value, "language": locale}
    fact = f"templates/{brand}/{kind}/{channel.value}/{locale}/failed/{day_of(now)}"
    told = Notification.of_fact(
        fact, TEMPLATE_FAILED, "", brand, now, facts, None, audience=frozenset({Audience.OPERATORS})
    )
    with suppress(Refused):  # there are no words for this either
        await tell_system(told, PersonId(brand, OPERATORS), "", SHIPPED, now, o)


def _with_inbox(item: Item, now: int) -> Item:
    """With the delivery into the inbox, which is done by storing it."""
    outcome = Outcome.SENT if item.shown else Outcome.SUPPRESSED
    reason = "" if item.shown else "preference"
    return item.with_delivery(Channel.INBOX, Delivery(outcome, now, reason=reason))


def _expired(item: Item, own: Preferences) -> Item:
    """On record, and not shown."""
    told = item.notification
    wanted = [c for c in (Channel.INBOX, Channel.EMAIL) if own.wants(told.kind, c, *told.names)]
    late: Mapping[Channel, Delivery] = {c: Delivery(Outcome.EXPIRED, reason="too late to plan") for c in wanted}
    return replace(item, shown=False, deliveries=late)


async def _hand_over(item: Item, o: Planning) -> Item:
    """Store it once, and hand over what is still to be done of what is stored."""
    now = item.planned_at
    if not await o.inbox.put(item):
        try:
            item = (await o.inbox.load(item.recipient, item.id)).value
        except NotFound:
            return item  # forgotten meanwhile, with its recipient
    await send_turns(item, now, o.deliveries)
    return item


async def send_turns(item: Item, now: int, deliveries: Deliveries) -> None:
    """Put what is open of it on the queue, each for its time."""
    for turn in item.turns():
        delay = max(0, item.deliveries[turn.channel].not_before - now) / 1000
        await deliveries.send([turn], 0, delay)
