"""HTTP: what could not be taken in, and the record of who looked at it."""

import azure.functions as func

from functions.http import answer, body, caller, endpoint
from functions.queues import resend
from functions.reading import day, limit, path_id, word
from shared.bootstrap import world
from shared.codec import schemas
from shared.codec.answers import access_answer, parked_answer, parked_whole, tally_answer
from shared.codec.requests import Replay
from shared.domain.parked import Filter
from shared.use_cases import parking
from shared.use_cases.parking import Outside

bp = func.Blueprint()

PAGE = 1_000
"""Records on a page of the audit, at most."""


@endpoint(bp, "GET", "v1/parked", schemas.ParkedAnswers, query=("reason", "day", "device", "limit", "cursor"))
async def list_parked(req: func.HttpRequest) -> func.HttpResponse:
    """An operator lists what was parked, by reason, day and device, without bodies. A page may be empty."""
    who, sought = await caller(req), Filter(word(req, "reason"), day(req, None), word(req, "device"))
    page = await parking.list_parked(who, sought, limit(req), req.params.get("cursor"), _outside())
    return answer({"items": [parked_answer(name, p) for name, p in page.items], "cursor": page.cursor})


@endpoint(bp, "GET", "v1/parked/{name}", schemas.ParkedAnswer)
async def read_parked(req: func.HttpRequest) -> func.HttpResponse:
    """An operator reads one with its body, and that is put on record."""
    who, name = await caller(req), path_id(req, "name")
    return answer(parked_whole(name, await parking.read_parked(who, name, _outside())))


@endpoint(bp, "POST", "v1/parked/{name}/replay", schemas.ReplayedAnswer)
async def replay_parked(req: func.HttpRequest) -> func.HttpResponse:
    """An operator has one taken in again; a second time changes nothing."""
    who, name = await caller(req), path_id(req, "name")
    outcome = await parking.replay(who, name, world().clock, _outside())
    return answer({"name": name, "outcome": outcome.value})


@endpoint(bp, "POST", "v1/parked/replay", schemas.ReplayedAnswers, asks=Replay)
async def replay_all_parked(req: func.HttpRequest) -> func.HttpResponse:
    """An operator has all that fits taken in again, some hundred at once; `more` says that there are others."""
    who, wanted = await caller(req), body(Replay, req)
    sought = Filter(wanted.reason, wanted.day, wanted.device)
    done = await parking.replay_all(who, sought, world().clock, _outside())
    return answer({"outcomes": dict(done.outcomes), "more": done.more})


@endpoint(bp, "GET", "v1/audit", schemas.AuditAnswer, query=("day", "limit", "cursor"))
async def read_audit(req: func.HttpRequest) -> func.HttpResponse:
    """What operators and partners asked for on a UTC day, the oldest first, a page at a time; the first page says what
    was only counted."""
    who, on = await caller(req), str(day(req, world().clock()))
    page, counted = await parking.read_audit(who, on, limit(req, PAGE, PAGE), req.params.get("cursor"), world().audit)
    items = [access_answer(access) for access in page.items]
    return answer({"items": items, "counted": [tally_answer(tally) for tally in counted], "cursor": page.cursor})


def _outside() -> Outside:
    w = world()
    return Outside(w.parking, w.profiles, w.trail, w.ingest, resend)
