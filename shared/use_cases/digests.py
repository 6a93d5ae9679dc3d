"""Telling together what waited for it."""

from dataclasses import replace
from uuid import NAMESPACE_URL, uuid5

from shared.domain.inbox import Delivery, Item, Outcome, item_id
from shared.domain.kinds import KINDS, Channel
from shared.domain.notification import Audience, Notification
from shared.domain.person import Person
from shared.domain.preferences import SHIPPED, next_digest
from shared.errors import Conflict, NotFound
from shared.use_cases.books import ATTEMPTS
from shared.use_cases.planning import Planning, send_turns

ALL = 2**53
"""Later than any digest (epoch ms)."""
MOST = 100
"""Items that one digest tells of; the rest waits for the next."""


async def gather(person: Person, now: int, o: Planning) -> None:
    """Mail a digest of all that waits, if its time has come. The same one however often it is begun."""
    if person.digest_due is None or now < person.digest_due:
        return
    waiting = await o.inbox.gathered(person.id, now)
    if waiting:
        digest = await _digest(person, person.digest_due, [item.id for item in waiting][:MOST], o)
        for id in digest.notification.facts["items"]:  # type: ignore[union-attr]
            await _taken_in(str(id), digest, o)
    await _look_ahead(person, now, o)


async def _look_ahead(person: Person, now: int, o: Planning) -> None:
    """Due again for what still waits, or not at all. What comes to wait while we look makes it a conflict, and we look
    again."""
    own = person.preferences.over((await o.brands.telling(person.id.brand)).over(SHIPPED))
    for _ in range(ATTEMPTS):
        found = await o.people.load(person.id)
        if found.value.digest_due is None:
            return  # forgotten meanwhile: nothing of them comes back
        left = await o.inbox.gathered(person.id, ALL)
        due = next_digest(now, own.digest_at or 0, own.zone or "UTC") if left else None
        try:
            await o.people.commit(replace(found.value, digest_due=due).scheduled(now), found.version)
        except Conflict:
            continue
        return


async def _digest(person: Person, due: int, ids: list[str], o: Planning) -> Item:
    id = str(uuid5(NAMESPACE_URL, f"{person.id}/digest/{due}"))
    named = frozenset({Audience.NAMED})
    told = Notification(id, "digest", "", person.id.brand, due, {"items": ids, "count": len(ids)}, None, named)
    told = replace(told, expires_at=due + KINDS["digest"].lives)
    item = Item(item_id(id, person.id), person.id, told, due, shown=False, deliveries={Channel.EMAIL: Delivery()})
    if not await o.inbox.put(item):
        item = (await o.inbox.load(item.recipient, item.id)).value
    await send_turns(item, due, o.deliveries)
    return item


async def _taken_in(id: str, digest: Item, o: Planning) -> None:
    """It waits no more: what becomes of it is what becomes of the digest."""
    while True:
        try:
            found = await o.inbox.load(digest.recipient, id)
        except NotFound:
            return
        item = replace(found.value, digest=None)
        mail = item.deliveries.get(Channel.EMAIL)
        if mail is not None and mail.outcome is Outcome.GATHERED:
            told = f"in the digest {digest.notification.id}"
            item = item.with_delivery(Channel.EMAIL, mail.closed(Outcome.GATHERED, told))
        try:
            await o.inbox.commit(item, found.version)
        except Conflict:
            continue
        return
