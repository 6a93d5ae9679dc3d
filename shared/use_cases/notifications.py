"""From a committed fact to a person's inbox."""

from collections.abc import Sequence
from dataclasses import replace

from shared.domain.notification import Audience, Delivery, InboxItem, Notification, plan
from shared.domain.person import PersonId
from shared.domain.principal import Principal, require_user
from shared.domain.profile import Profile
from shared.errors import NotFound
from shared.ports import Brands, Deliveries, Inbox, Page, People, Profiles


async def plan_deliveries(
    notification: Notification, now: int, profiles: Profiles, brands: Brands, deliveries: Deliveries
) -> int:
    """Enqueue a delivery for everyone who is to be told, and return how many. A trouble code goes with what the brand
    says that it means."""
    try:
        profile = (await profiles.load(notification.vehicle_id)).value
    except NotFound:
        return 0
    if "code" in notification.facts:
        texts = await brands.trouble_codes(profile.brand)
        if text := texts.get(str(notification.facts["code"])):
            notification = replace(notification, facts={**notification.facts, "text": text})
    planned = plan(notification, _audience(notification, profile, now))
    if planned:
        await deliveries.send(planned)
    return len(planned)


def _audience(notification: Notification, profile: Profile, now: int) -> Sequence[str]:
    match notification.audience:
        case Audience.USERS:
            return [user for user, member in profile.members.items() if member.covers(now)]
        case Audience.PRIMARY:
            return [profile.primary] if profile.primary else []
        case Audience.NAMED:
            return notification.named


async def deliver(delivery: Delivery, now: int, profiles: Profiles, people: People, inbox: Inbox) -> bool:
    """Put it into the inbox once; False if it is there already, or does not concern the person any more: no access to
    the vehicle, or only since then; or forgotten meanwhile."""
    told, user = delivery.notification, delivery.user_id
    if told.audience is Audience.NAMED:
        concerned = await people.forgotten_at(PersonId(told.brand, user)) < told.at
    else:
        try:
            member = (await profiles.load(told.vehicle_id)).value.member(user, now)
        except NotFound:
            return False
        concerned = member is not None and member.since <= told.at
    return concerned and await inbox.put(InboxItem(delivery, now))


async def read_inbox(caller: Principal, limit: int, cursor: str | None, inbox: Inbox) -> Page[InboxItem]:
    """The caller's own inbox, the newest first."""
    require_user(caller)
    return await inbox.list(caller.person, limit, cursor)
