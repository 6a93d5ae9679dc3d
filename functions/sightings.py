"""HTTP: where vehicles are, and following them; and who is asking."""

import asyncio
from collections import OrderedDict

import azure.functions as func

from functions.http import answer, caller, endpoint
from functions.reading import limit
from functions.waiting import WAITS, waiting
from shared.bootstrap import world
from shared.codec import schemas
from shared.codec.answers import to_json
from shared.codec.sightings import mark_of, mark_text, sighting_answer
from shared.domain.principal import Kind, Principal
from shared.use_cases.sightings import News

bp = func.Blueprint()

PAGE = 1_000
"""Vehicles on a page at most."""
HELD = 8
"""Answers that are held, as who follows a brand is mostly told the same as the one before."""
_told: OrderedDict[tuple[str, str, str], str] = OrderedDict()


@endpoint(bp, "GET", "v1/sightings", schemas.SightingsAnswer, query=("limit", "cursor", "after"))
async def read_sightings(req: func.HttpRequest) -> func.HttpResponse:
    """Where an operator's brand's or a person's own vehicles were seen last, a page at a time; with `after` (a `mark`)
    those that were seen again since, for which it waits half a minute."""
    who, after = await caller(req), req.params.get("after")
    if after is None:
        page, mark = await world().watch.begin(who, limit(req, PAGE, PAGE), req.params.get("cursor"), world().clock)
        return answer(await _body(who, News(page.items, mark), page.cursor))
    with waiting(who):
        news = await world().watch.follow(who, mark_of(after), who.at + WAITS, world().clock, asyncio.sleep)
    if who.kind is not Kind.OPERATOR:
        return answer(await _body(who, news))
    same = who.brand, after, mark_text(news.mark)
    if same not in _told:
        _told[same] = to_json(await _body(who, news))
        if len(_told) > HELD:
            _told.popitem(last=False)
    return func.HttpResponse(_told[same], status_code=200, mimetype="application/json")


async def _body(who: Principal, news: News, cursor: str | None = None) -> schemas.SightingsAnswer:
    thresholds, now = await world().brands.thresholds(who.brand), world().clock()
    found = [sighting_answer(item, thresholds, now) for item in news.items]
    rest = {"mark": mark_text(news.mark), "gone": list(news.gone), "complete": news.complete}
    return {"items": found, "cursor": cursor, **rest}  # type: ignore[typeddict-item]


@endpoint(bp, "GET", "v1/me", schemas.CallerAnswer)
async def read_me(req: func.HttpRequest) -> func.HttpResponse:
    """Who the caller is, as the token says."""
    who = await caller(req)
    said = {"subject": who.subject, "brand": who.brand, "kind": who.kind.value, "verified": who.verified}
    return answer(said | {"terms": who.terms, "scopes": sorted(who.scopes)})
