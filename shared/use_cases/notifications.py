"""From a committed fact to a person's inbox."""

from dataclasses import replace

from shared.domain.notification import Delivery, InboxItem, Notification, plan
from shared.domain.principal import Principal, require_user
from shared.errors import NotFound
from shared.ports import Brands, Deliveries, Inbox, Page, Profiles


async def plan_deliveries(
    notification: Notification, profiles: Profiles, brands: Brands, deliveries: Deliveries
) -> int:
    """Enqueue a delivery for everyone with a role on the vehicle now, and return how many. A trouble code goes with
    what the brand says that it means."""
    try:
        profile = (await profiles.load(notification.vehicle_id)).value
    except NotFound:
        return 0
    if "code" in notification.facts:
        texts = await brands.trouble_codes(profile.brand)
        if text := texts.get(str(notification.facts["code"])):
            notification = replace(notification, facts={**notification.facts, "text": text})
    planned = plan(notification, profile.roles)
    if planned:
        await deliveries.send(planned)
    return len(planned)


async def deliver(delivery: Delivery, now: int, profiles: Profiles, inbox: Inbox) -> bool:
    """Put it into the inbox once; False if it is there already, or the person has no role on the vehicle any more."""
    try:
        profile = (await profiles.load(delivery.notification.vehicle_id)).value
    except NotFound:
        return False
    if delivery.user_id not in profile.roles:
        return False
    return await inbox.put(InboxItem(delivery, now))


async def read_inbox(caller: Principal, limit: int, cursor: str | None, inbox: Inbox) -> Page[InboxItem]:
    """The caller's own inbox, the newest first."""
    require_user(caller)
    return await inbox.list(caller.subject, limit, cursor)
