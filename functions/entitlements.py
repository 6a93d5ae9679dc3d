"""HTTP: may it be used, and why not; and the same for a car without a network."""

import azure.functions as func

from functions.http import answer, answer_if_changed, body, caller, endpoint
from functions.reading import choice, path_id, word
from shared.bootstrap import world
from shared.codec import schemas
from shared.codec.answers import moment
from shared.codec.replies import decision_answer, decisions_answer
from shared.codec.requests import Check
from shared.domain.person import PersonId
from shared.domain.principal import Principal
from shared.metering import decided
from shared.use_cases.entitlements import Answered, Question

bp = func.Blueprint()
HOW = ("explain", "use", "userId")


@endpoint(bp, "POST", "v1/entitlements/check", schemas.DecisionsAnswer, asks=Check, query=("explain",), reads=True)
async def check_entitlements(req: func.HttpRequest) -> func.HttpResponse:
    """Decisions on up to a hundred features of a vehicle, in one round trip."""
    who, wanted = await caller(req), body(Check, req)
    question = Question(wanted.vehicle_id, wanted.features, wanted.user_id, wanted.use == "command")
    explain = _explain(req)
    await world().trail.record(who, "check_entitlements", wanted.vehicle_id)
    found = await _ask(who, question, explain)
    return answer(decisions_answer(wanted.vehicle_id, found.decisions, found.stale, explain))


@endpoint(bp, "GET", "v1/vehicles/{vehicle_id}/entitlements", schemas.DecisionsAnswer, query=HOW)
async def list_entitlements(req: func.HttpRequest) -> func.HttpResponse:
    """Decisions on every feature that the brand has."""
    who, vehicle, explain = await caller(req), path_id(req, "vehicle_id"), _explain(req)
    found = await _ask(who, Question(vehicle, None, word(req, "userId"), _is_command(req)), explain)
    return answer(decisions_answer(vehicle, found.decisions, found.stale, explain))


@endpoint(bp, "GET", "v1/vehicles/{vehicle_id}/entitlements/{feature}", schemas.DecisionAnswer, query=HOW)
async def check_entitlement(req: func.HttpRequest) -> func.HttpResponse:
    """A decision with all its reasons, for whoever has access to the vehicle."""
    who, vehicle, feature = await caller(req), path_id(req, "vehicle_id"), path_id(req, "feature")
    explain = _explain(req)
    found = await _ask(who, Question(vehicle, [feature], word(req, "userId"), _is_command(req)), explain)
    return answer(decision_answer(vehicle, found.decisions[0], found.stale, explain))


@endpoint(bp, "GET", "v1/vehicles/{vehicle_id}/passport", schemas.PassportAnswer)
async def issue_passport(req: func.HttpRequest) -> func.HttpResponse:
    """What the vehicle may use in the next week, signed, so that it can decide without a network.

    `offlineValidUntil` is for how long at most a car that hears nothing may honour it, whoever owns it by then;
    `leftOut` names features that may be used and did not fit into it."""
    who, vehicle = await caller(req), path_id(req, "vehicle_id")
    issued = await world().checks.passport(who, vehicle, world().signer)
    until = moment(issued.expires_at * 1000)
    bound = {"expiresAt": until, "offlineValidUntil": until, "minIssuedAt": issued.min_issued_at}
    bound |= {"leftOut": list(issued.left_out)}
    return answer({"passport": issued.passport, **bound})


@endpoint(bp, "GET", "v1/vehicles/{vehicle_id}/passport-status", schemas.PassportStatusAnswer)
async def read_passport_status(req: func.HttpRequest) -> func.HttpResponse:
    """From when on the vehicle's passports hold: those issued before it changed hands do not any more."""
    who, vehicle = await caller(req), path_id(req, "vehicle_id")
    return answer_if_changed(req, {"minIssuedAt": await world().checks.min_issued_at(who, vehicle)})


@endpoint(bp, "GET", ".well-known/jwks.json", schemas.Jwks, public=True)
async def read_passport_keys(req: func.HttpRequest) -> func.HttpResponse:
    """The public keys that passports are verified with."""
    found = answer({"keys": list(world().signer.published())})
    found.headers["Cache-Control"] = "public, max-age=3600"
    return found


async def _ask(who: Principal, question: Question, explain: bool) -> Answered:
    """What is explained, or asked for another, tells about a person: that goes on record."""
    if explain or question.user_id is not None:
        asked_for = PersonId(who.brand, question.user_id).pseudonym if question.user_id is not None else ""
        await world().trail.record(who, "explain_entitlement", question.vehicle_id, asked_for)
    found = await world().checks.check(who, question)
    decided(found.decisions)
    return found


def _explain(req: func.HttpRequest) -> bool:
    return choice(req, "explain", "false", "true") == "true"


def _is_command(req: func.HttpRequest) -> bool:
    return choice(req, "use", "read", "command") == "command"
