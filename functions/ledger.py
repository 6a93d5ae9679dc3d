"""HTTP: the books, and a sign of life."""

import azure.functions as func

from functions.http import answer, caller, endpoint
from shared.bootstrap import world
from shared.codec import schemas
from shared.codec.answers import ledger_answer
from shared.use_cases.books import read_ledger

bp = func.Blueprint()


@endpoint(bp, "GET", "v1/ledger", schemas.LedgerAnswer)
async def read_books(req: func.HttpRequest) -> func.HttpResponse:
    """How many events of each hub partition ended how, for an operator."""
    books = await read_ledger(await caller(req), world().ledgers)
    return answer({"partitions": [ledger_answer(entry) for entry in books]})


@endpoint(bp, "GET", "v1/health", schemas.HealthAnswer, public=True)
async def health(req: func.HttpRequest) -> func.HttpResponse:
    """The app is loaded and answers."""
    return answer({"status": "ok"})
