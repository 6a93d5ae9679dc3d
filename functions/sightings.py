"""HTTP: where vehicles are, and following them; and who is asking."""

import asyncio

import azure.functions as func

from functions.http import answer, caller, endpoint, now_ms
from functions.reading import limit
from functions.waiting import WAITS, waiting
from shared.bootstrap import world
from shared.codec import schemas
from shared.codec.sightings import mark_of, mark_text, sighting_answer

bp = func.Blueprint()

PAGE = 1_000
"""Vehicles on a page at most."""


@endpoint(bp, "GET", "v1/sightings", schemas.SightingsAnswer, query=("limit", "cursor", "after"), recorded=True)
async def read_sightings(req: func.HttpRequest) -> func.HttpResponse:
    """Where an operator's brand's or a person's own vehicles were seen last, a page at a time; with `after` (a `mark`)
    those that were seen again since, for which it waits half a minute."""
    who, after = await caller(req), req.params.get("after")
    if after is None:
        page, mark = await world().watch.begin(who, limit(req, PAGE, PAGE), req.params.get("cursor"), now_ms)
        items, cursor, gone, complete = page.items, page.cursor, list[str](), True
    else:
        with waiting(who):
            news = await world().watch.follow(who, mark_of(after), who.at + WAITS, now_ms, asyncio.sleep)
        items, mark, gone, complete, cursor = news.items, news.mark, list(news.gone), news.complete, None
    thresholds, now = await world().brands.thresholds(who.brand), now_ms()
    found = [sighting_answer(item, thresholds, now) for item in items]
    return answer({"items": found, "cursor": cursor, "mark": mark_text(mark), "gone": gone, "complete": complete})


@endpoint(bp, "GET", "v1/me", schemas.CallerAnswer)
async def read_me(req: func.HttpRequest) -> func.HttpResponse:
    """Who the caller is, as the token says."""
    who = await caller(req)
    said = {"subject": who.subject, "brand": who.brand, "kind": who.kind.value, "verified": who.verified}
    return answer(said | {"terms": who.terms, "scopes": sorted(who.scopes)})
