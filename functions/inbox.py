"""HTTP: a person's own inbox."""

import azure.functions as func

from functions.http import answer, caller, endpoint
from functions.reading import limit
from shared.bootstrap import world
from shared.codec import schemas
from shared.codec.answers import inbox_answer
from shared.use_cases import notifications

bp = func.Blueprint()


@endpoint(bp, "GET", "v1/me/inbox", schemas.InboxAnswer, query=("limit", "cursor"))
async def read_inbox(req: func.HttpRequest) -> func.HttpResponse:
    """The newest first, a page at a time."""
    who = await caller(req)
    page = await notifications.read_inbox(who, limit(req), req.params.get("cursor"), world().inbox)
    return answer({"items": [inbox_answer(item) for item in page.items], "cursor": page.cursor})
