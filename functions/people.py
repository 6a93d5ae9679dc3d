"""HTTP: what is held about a person."""

from typing import Any

import azure.functions as func

from functions.http import answer, asked, caller, endpoint
from functions.reading import path_id
from shared.bootstrap import world
from shared.codec import schemas
from shared.codec.replies import erasure_answer, erasure_progress, export_answer
from shared.use_cases import people
from shared.use_cases.restoring import replay_erasures as replay

bp = func.Blueprint()


@endpoint(bp, "POST", "v1/me/export", schemas.ExportAnswer, status=202, keyed=True)
async def export_person(req: func.HttpRequest) -> func.HttpResponse:
    """Everything that is held about the person is written down; where it is, `GET …/export/{id}` says."""
    who = await caller(req)
    made = await people.ask_export(who, asked(req, who, "me/export", makes="exp"), world().everywhere)
    return answer(export_answer(made, None, 0), 202)


@endpoint(bp, "GET", "v1/me/export/{export_id}", schemas.ExportAnswer)
async def read_export(req: func.HttpRequest) -> func.HttpResponse:
    """How far it is; and once it is done, a link that holds for a quarter of an hour."""
    who, id = await caller(req), path_id(req, "export_id")
    found, sealed, until = await people.read_export(who, id, world().everywhere, world().codes)
    url = f"{world().public_url}/exports/{sealed}" if sealed else None
    return answer(export_answer(found, url, until))


@endpoint(bp, "GET", "v1/exports/{sealed}", dict[str, Any], public=True)
async def fetch_export(req: func.HttpRequest) -> func.HttpResponse:
    """What is held, as a file, for whoever has the link that `me/export` gave."""
    sealed = req.route_params.get("sealed", "")
    found = await people.fetch_export(sealed, world().clock(), world().everywhere, world().codes)
    headers = {"Content-Disposition": 'attachment; filename="export.json"'}
    return func.HttpResponse(found, headers=headers, mimetype="application/json")


@endpoint(bp, "DELETE", "v1/me", schemas.ErasureAnswer, status=202)
async def erase_person(req: func.HttpRequest) -> func.HttpResponse:
    """Everything that is held about the person is forgotten. It can't be taken back."""
    return answer(erasure_answer(await people.ask_erasure(await caller(req), world().everywhere)), 202)


@endpoint(bp, "GET", "v1/me/erasure", schemas.ErasureProgress)
async def read_erasure(req: func.HttpRequest) -> func.HttpResponse:
    """How far the erasure is that the person asked for, or when the last one was done."""
    who = await caller(req)
    erasure, done_at = await people.read_erasure(who, world().everywhere)
    return answer(erasure_progress(erasure, done_at))


@endpoint(bp, "POST", "v1/erasures/replay", schemas.ErasuresReplayed, query=("cursor",))
async def replay_erasures(req: func.HttpRequest) -> func.HttpResponse:
    """After a backup was restored, an operator has those erased again who were erased since then, some thousand people
    a request; whoever asks goes on with the cursor until there is none."""
    who = await caller(req)
    done = await replay(who, req.params.get("cursor"), world().everywhere)
    return answer({"begun": done.begun, "cursor": done.cursor})
