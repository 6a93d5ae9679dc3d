"""HTTP: what a vehicle may tell, and what was consented to."""

import azure.functions as func

from functions.http import answer, body, caller, digest, endpoint, idempotency_key
from functions.reading import path_id
from shared.bootstrap import world
from shared.codec import schemas
from shared.codec.answers import consent_answer, privacy_answer, privacy_changed
from shared.codec.requests import ChangePrivacy, GiveConsent
from shared.domain.profile import Consent
from shared.use_cases import privacy
from shared.use_cases.privacy import Wish

bp = func.Blueprint()


@endpoint(bp, "PUT", "v1/vehicles/{vehicle_id}/privacy", schemas.PrivacyChanged, asks=ChangePrivacy, keyed=True)
async def change_privacy(req: func.HttpRequest) -> func.HttpResponse:
    """The primary user or an operator sets the mode; the answer says from when on it holds everywhere."""
    who, vehicle = await caller(req), path_id(req, "vehicle_id")
    wanted, key = body(ChangePrivacy, req), idempotency_key(req, who, f"vehicles/{vehicle}/privacy")
    until = int(wanted.until.timestamp() * 1000) if wanted.until else None
    wish = Wish(wanted.mode, until, key, digest(req.get_body()))
    profile, begins = await privacy.change_mode(who, vehicle, wish, world().clock, world().reach)
    return answer(privacy_changed(profile, wanted.mode, begins, until))


@endpoint(bp, "GET", "v1/vehicles/{vehicle_id}/privacy", schemas.PrivacyAnswer)
async def read_privacy(req: func.HttpRequest) -> func.HttpResponse:
    """The mode that holds now, and what lies ahead, for whoever has access."""
    who, vehicle = await caller(req), path_id(req, "vehicle_id")
    return answer(privacy_answer(await privacy.read_mode(who, vehicle, world().profiles), world().clock()))


@endpoint(bp, "PUT", "v1/vehicles/{vehicle_id}/consents/{purpose}", schemas.ConsentAnswer, asks=GiveConsent)
async def give_consent(req: func.HttpRequest) -> func.HttpResponse:
    """The primary user or an operator agrees or refuses; every version of what was said stays."""
    who, vehicle, purpose = await caller(req), path_id(req, "vehicle_id"), path_id(req, "purpose")
    wanted = body(GiveConsent, req)
    said = Consent(purpose, 0, wanted.granted, wanted.text, wanted.days, who.subject, world().clock())
    return answer(consent_answer(await privacy.give_consent(who, vehicle, said, world().reach)))


@endpoint(bp, "GET", "v1/vehicles/{vehicle_id}/consents/{purpose}", schemas.ConsentsAnswer)
async def read_consents(req: func.HttpRequest) -> func.HttpResponse:
    """Every version, the oldest first, for whoever has access."""
    who, vehicle, purpose = await caller(req), path_id(req, "vehicle_id"), path_id(req, "purpose")
    found = await privacy.read_consents(who, vehicle, purpose, world().profiles)
    return answer({"versions": [consent_answer(consent) for consent in found]})
