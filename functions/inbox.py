"""HTTP: an inbox, and what became of what is in it."""

import asyncio

import azure.functions as func

from functions.http import answer, caller, endpoint, no_content
from functions.reading import limit, path_id
from functions.waiting import WAITS, waiting
from shared.bootstrap import world
from shared.codec import told
from shared.codec.trails import inbox_answer, mark_of, mark_text, notification_answer, trail_answer
from shared.use_cases import inbox

bp = func.Blueprint()


@endpoint(bp, "GET", "v1/me/inbox", told.InboxAnswer, query=("limit", "cursor", "after"))
async def read_inbox(req: func.HttpRequest) -> func.HttpResponse:
    """The newest first, a page at a time; with `after` (a `mark`) what comes next, for which it waits half a minute."""
    who, after = await caller(req), req.params.get("after")
    if after is not None:
        with waiting(who):
            until = who.at + WAITS
            items, mark = await inbox.arrived(who, mark_of(after), until, world().clock, asyncio.sleep, world().inbox)
        return answer({"items": [inbox_answer(i) for i in items], "cursor": None, "mark": mark_text(mark)})
    mark = await inbox.mark_of(who, world().inbox)
    page = await inbox.read_inbox(who, limit(req), req.params.get("cursor"), world().inbox)
    items = page.items
    return answer({"items": [inbox_answer(i) for i in items], "cursor": page.cursor, "mark": mark_text(mark)})


@endpoint(bp, "GET", "v1/me/inbox/unread", told.UnreadAnswer)
async def count_unread(req: func.HttpRequest) -> func.HttpResponse:
    """How much was not read."""
    return answer({"unread": await inbox.count_unread(await caller(req), world().inbox)})


@endpoint(bp, "POST", "v1/me/inbox/read", told.UnreadAnswer)
async def read_all(req: func.HttpRequest) -> func.HttpResponse:
    """All that is there now was read, up to 500 at once; `unread` says how much is left."""
    return answer({"unread": await inbox.mark_all_read(await caller(req), world().inbox)})


@endpoint(bp, "POST", "v1/me/inbox/{item_id}/read")
async def read_one(req: func.HttpRequest) -> func.HttpResponse:
    """One was read."""
    await inbox.mark_read(await caller(req), path_id(req, "item_id"), world().inbox)
    return no_content()


@endpoint(bp, "DELETE", "v1/me/inbox/{item_id}")
async def delete_one(req: func.HttpRequest) -> func.HttpResponse:
    """One is deleted for good, and not told again."""
    await inbox.delete(await caller(req), path_id(req, "item_id"), world().inbox)
    return no_content()


@endpoint(bp, "GET", "v1/vehicles/{vehicle_id}/notifications", told.NotificationsAnswer, query=("limit",))
async def list_notifications(req: func.HttpRequest) -> func.HttpResponse:
    """To an operator the newest notifications about a vehicle, whoever was told."""
    who, vehicle = await caller(req), path_id(req, "vehicle_id")
    found = await inbox.told_of(who, vehicle, limit(req), world().profiles, world().inbox)
    return answer({"items": [notification_answer(items) for items in found]})


@endpoint(bp, "GET", "v1/notifications/{notification_id}/trail", told.TrailAnswer)
async def read_trail(req: func.HttpRequest) -> func.HttpResponse:
    """Every attempt to tell of it: to an operator everyone's, to a person the own, to a partner its endpoints'."""
    who, id = await caller(req), path_id(req, "notification_id")
    found = list(await inbox.trail(who, id, world().inbox, world().endpoints))
    await world().trail.record(who, "read_trail", found[0].notification.vehicle_id, id)
    return answer(trail_answer(found))
