"""HTTP: what is worth telling."""

from typing import Any

import azure.functions as func

from functions.http import answer, body, caller, endpoint, no_content
from functions.reading import path_id
from shared.bootstrap import world
from shared.codec import schemas
from shared.codec.answers import rules_answer
from shared.codec.requests import PutRule, PutRules
from shared.codec.rules import rule_document
from shared.errors import Malformed
from shared.use_cases import rules
from shared.use_cases.rules import Outside

bp = func.Blueprint()


@endpoint(bp, "GET", "v1/rules", schemas.RulesAnswer)
async def read_default_rules(req: func.HttpRequest) -> func.HttpResponse:
    """What the operator's brand tells of all its vehicles."""
    return answer(rules_answer(await rules.read_defaults(await caller(req), world().rules)))


@endpoint(bp, "PUT", "v1/rules", schemas.RulesAnswer, asks=PutRules)
async def publish_default_rules(req: func.HttpRequest) -> func.HttpResponse:
    """An operator replaces what the own brand tells."""
    who, wanted = await caller(req), [one.rule() for one in body(PutRules, req).rules]
    if len({rule.id for rule in wanted}) < len(wanted):
        raise Malformed("rules: an id is given twice")
    return answer(rules_answer(await rules.publish_defaults(who, wanted, world().clock(), world().rules)))


@endpoint(bp, "GET", "v1/vehicles/{vehicle_id}/rules", schemas.RulesAnswer)
async def read_vehicle_rules(req: func.HttpRequest) -> func.HttpResponse:
    """The vehicle's own rules, for whoever has access."""
    who, vehicle = await caller(req), path_id(req, "vehicle_id")
    return answer(rules_answer(await rules.read_own(who, vehicle, _outside())))


@endpoint(bp, "PUT", "v1/vehicles/{vehicle_id}/rules/{rule_id}", dict[str, Any], asks=PutRule)
async def put_vehicle_rule(req: func.HttpRequest) -> func.HttpResponse:
    """An operator or a user of the vehicle adds or replaces a rule; it takes the place of the brand's of its id."""
    who, vehicle, id = await caller(req), path_id(req, "vehicle_id"), path_id(req, "rule_id")
    rule = body(PutRule, req).root.rule()
    if rule.id != id:
        raise Malformed("id: not the one in the path")
    await rules.put_own(who, vehicle, rule, world().clock(), _outside())
    return answer(rule_document(rule))


@endpoint(bp, "DELETE", "v1/vehicles/{vehicle_id}/rules/{rule_id}")
async def drop_vehicle_rule(req: func.HttpRequest) -> func.HttpResponse:
    """An operator or a user of the vehicle takes a rule away."""
    who, vehicle = await caller(req), path_id(req, "vehicle_id")
    await rules.drop_own(who, vehicle, path_id(req, "rule_id"), _outside())
    return no_content()


def _outside() -> Outside:
    return Outside(world().reach, world().rules, world().catalogs)
