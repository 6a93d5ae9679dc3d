"""HTTP: what a brand sells."""

import azure.functions as func

from functions.http import answer, body, caller, endpoint, no_content
from functions.reading import path_id
from shared.bootstrap import world
from shared.codec import schemas
from shared.codec.orders import FeatureBody, PlanBody, PublishCatalog
from shared.codec.replies import catalog_answer, feature_answer, plan_answer
from shared.errors import Malformed
from shared.use_cases import catalogs

bp = func.Blueprint()


@endpoint(bp, "PUT", "v1/catalog", schemas.CatalogAnswer, asks=PublishCatalog)
async def publish_catalog(req: func.HttpRequest) -> func.HttpResponse:
    """An operator replaces what the own brand sells. Plans that say something new are their next version."""
    who = await caller(req)
    wanted = body(PublishCatalog, req).catalog(who.brand)
    return answer(catalog_answer(await catalogs.publish(who, wanted, world().catalogs)))


@endpoint(bp, "GET", "v1/catalog", schemas.CatalogAnswer)
async def read_catalog(req: func.HttpRequest) -> func.HttpResponse:
    """What the caller's brand sells."""
    return answer(catalog_answer(await catalogs.read(await caller(req), world().catalogs)))


@endpoint(bp, "PUT", "v1/catalog/features/{feature}", schemas.FeatureAnswer, asks=FeatureBody)
async def put_feature(req: func.HttpRequest) -> func.HttpResponse:
    """An operator adds or replaces a feature."""
    who, id, wanted = await caller(req), path_id(req, "feature"), body(FeatureBody, req).feature()
    _require_same(wanted.id, id)
    return answer(feature_answer(await catalogs.put_feature(who, wanted, world().catalogs)))


@endpoint(bp, "DELETE", "v1/catalog/features/{feature}")
async def drop_feature(req: func.HttpRequest) -> func.HttpResponse:
    """An operator takes a feature away that is in no plan any more."""
    await catalogs.drop_feature(await caller(req), path_id(req, "feature"), world().catalogs)
    return no_content()


@endpoint(bp, "PUT", "v1/catalog/plans/{plan}", schemas.PlanAnswer, asks=PlanBody)
async def put_plan(req: func.HttpRequest) -> func.HttpResponse:
    """An operator adds a plan, or its next version; what was sold keeps the version it was sold in."""
    who, id, wanted = await caller(req), path_id(req, "plan"), body(PlanBody, req).plan()
    _require_same(wanted.id, id)
    return answer(plan_answer(await catalogs.put_plan(who, wanted, world().catalogs)))


@endpoint(bp, "DELETE", "v1/catalog/plans/{plan}")
async def drop_plan(req: func.HttpRequest) -> func.HttpResponse:
    """An operator sells a plan no more; what was sold of it goes on."""
    await catalogs.drop_plan(await caller(req), path_id(req, "plan"), world().catalogs)
    return no_content()


def _require_same(given: str, wanted: str) -> None:
    if given != wanted:
        raise Malformed("id: not the one in the path")
