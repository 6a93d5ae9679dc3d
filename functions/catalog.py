"""HTTP: what a brand sells."""

import azure.functions as func

from functions.http import answer, body, caller, endpoint
from shared.bootstrap import world
from shared.codec.answers import catalog_answer
from shared.codec.requests import PublishCatalog
from shared.use_cases import entitlements

bp = func.Blueprint()


@endpoint(bp, "PUT", "v1/catalog")
async def publish_catalog(req: func.HttpRequest) -> func.HttpResponse:
    """An operator replaces what the own brand sells."""
    who = await caller(req)
    catalog = body(PublishCatalog, req).catalog(who.brand)
    await entitlements.publish(who, catalog, world().catalogs)
    return answer(catalog_answer(catalog))


@endpoint(bp, "GET", "v1/catalog")
async def read_catalog(req: func.HttpRequest) -> func.HttpResponse:
    """What the caller's brand sells."""
    return answer(catalog_answer(await entitlements.read_catalog(await caller(req), world().catalogs)))
