"""HTTP: what is held about a person."""

import azure.functions as func

from functions.http import answer, asked, caller, endpoint
from functions.reading import path_id
from shared.bootstrap import world
from shared.codec import schemas
from shared.codec.replies import erasure_answer, export_answer
from shared.use_cases import people

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
    found, url, until = await people.read_export(who, id, world().everywhere)
    return answer(export_answer(found, url, until))


@endpoint(bp, "DELETE", "v1/me", schemas.ErasureAnswer, status=202)
async def erase_person(req: func.HttpRequest) -> func.HttpResponse:
    """Everything that is held about the person is forgotten. It can't be taken back."""
    return answer(erasure_answer(await people.ask_erasure(await caller(req), world().everywhere)), 202)
