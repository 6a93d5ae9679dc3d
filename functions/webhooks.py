"""HTTP: where partners' systems are told what happens, and what could not be delivered."""

import azure.functions as func

from functions.http import answer, asked, body, caller, endpoint, no_content
from functions.reading import day, limit, path_id
from shared.bootstrap import world
from shared.codec import told
from shared.codec.telling import MakeEndpoint, PutEndpoint
from shared.codec.trails import dead_letter_answer, dead_letter_of, endpoint_answer, event_answer
from shared.domain.garage import SHOWN_FOR
from shared.domain.principal import Principal
from shared.domain.webhooks import Endpoint
from shared.errors import NotFound
from shared.use_cases import dead_letters, webhooks

bp = func.Blueprint()


@endpoint(bp, "POST", "v1/webhooks", told.EndpointAnswer, asks=MakeEndpoint, status=201, keyed=True)
async def make_webhook(req: func.HttpRequest) -> func.HttpResponse:
    """A partner makes an endpoint of its own, an operator any partner's; the answer has its secret."""
    who, wanted = await caller(req), body(MakeEndpoint, req)
    what = wanted.partner, wanted.url, frozenset(wanted.kinds)
    made = await webhooks.create(who, *what, asked(req, who, "webhooks", makes="whe"), world().outgoing)
    shown = who.at < made.created_at + SHOWN_FOR and made.rotated_at is None
    return answer(endpoint_answer(made, _secret(made, who.at) if shown else None), 201)


@endpoint(bp, "GET", "v1/webhooks", told.EndpointsAnswer)
async def list_webhooks(req: func.HttpRequest) -> func.HttpResponse:
    """A partner's own endpoints; all to an operator."""
    found = await webhooks.list_own(await caller(req), world().outgoing)
    return answer({"items": [endpoint_answer(e) for e in found]})


@endpoint(bp, "GET", "v1/webhooks/{endpoint_id}", told.EndpointAnswer)
async def read_webhook(req: func.HttpRequest) -> func.HttpResponse:
    """One, and how it is doing."""
    return answer(endpoint_answer((await webhooks.read(*await _asked(req), world().outgoing)).value))


@endpoint(bp, "PUT", "v1/webhooks/{endpoint_id}", told.EndpointAnswer, asks=PutEndpoint)
async def put_webhook(req: func.HttpRequest) -> func.HttpResponse:
    """Change where it listens, which is asked with a challenge, and what it hears; switch it off, or on again."""
    (who, id), wanted = await _asked(req), body(PutEndpoint, req)
    step = webhooks.changed(wanted.url, frozenset(wanted.kinds), wanted.enabled, who.at)
    return answer(endpoint_answer(await webhooks.change(who, id, step, world().outgoing)))


@endpoint(bp, "DELETE", "v1/webhooks/{endpoint_id}")
async def drop_webhook(req: func.HttpRequest) -> func.HttpResponse:
    """It hears nothing any more."""
    await webhooks.drop(*await _asked(req), world().outgoing)
    return no_content()


@endpoint(bp, "POST", "v1/webhooks/{endpoint_id}/secret", told.EndpointAnswer)
async def rotate_webhook_secret(req: func.HttpRequest) -> func.HttpResponse:
    """Another secret signs from now on, and for a day the one before too; the answer has it."""
    who, id = await _asked(req)
    made = await webhooks.rotate(who, id, world().outgoing)
    return answer(endpoint_answer(made, _secret(made, who.at)))


@endpoint(bp, "POST", "v1/webhooks/{endpoint_id}/verification", told.EventAnswer, status=202, keyed=True)
async def verify_webhook(req: func.HttpRequest) -> func.HttpResponse:
    """It is asked at once with a challenge; who echoes that is verified."""
    who, id = await _asked(req)
    made = asked(req, who, f"webhooks/{id}/verification", makes="ver").made
    return answer(event_answer(await webhooks.send_challenge(who, id, made, world().outgoing)), 202)


@endpoint(bp, "POST", "v1/webhooks/{endpoint_id}/test", told.EventAnswer, status=202, keyed=True)
async def try_webhook(req: func.HttpRequest) -> func.HttpResponse:
    """It is called with a test event, whatever kinds it hears."""
    who, id = await _asked(req)
    made = asked(req, who, f"webhooks/{id}/test", makes="test").made
    return answer(event_answer(await webhooks.send_test(who, id, made, world().outgoing)), 202)


@endpoint(bp, "GET", "v1/webhooks/{endpoint_id}/events", told.EventsAnswer, query=("day", "limit", "cursor"))
async def list_webhook_events(req: func.HttpRequest) -> func.HttpResponse:
    """What it was sent of a UTC day, and what became of it, the newest first."""
    who, id = await _asked(req)
    on = str(day(req, who.at))
    page = await webhooks.events(who, id, on, limit(req), req.params.get("cursor"), world().outgoing)
    return answer({"items": [event_answer(item) for item in page.items], "cursor": page.cursor})


@endpoint(bp, "POST", "v1/webhooks/{endpoint_id}/events/{event_id}/replay", told.EventAnswer, status=202)
async def replay_webhook_event(req: func.HttpRequest) -> func.HttpResponse:
    """An event of the last 30 days is sent again, under the id that it had."""
    who, id = await _asked(req)
    on, _, item = path_id(req, "event_id").partition(".")
    if not item:
        raise NotFound("no such event")
    return answer(event_answer(await webhooks.replay(who, id, on, item, world().outgoing)), 202)


async def _asked(req: func.HttpRequest) -> tuple[Principal, str]:
    return await caller(req), path_id(req, "endpoint_id")


def _secret(made: Endpoint, now: int) -> bytes:
    return world().codes.secret(made.secrets(now)[0])


# ---- what could not be delivered


@endpoint(bp, "GET", "v1/dead-letters", told.DeadLettersAnswer, query=("limit", "cursor"))
async def list_dead_letters(req: func.HttpRequest) -> func.HttpResponse:
    """An operator lists what could not be delivered of the own brand."""
    page = await dead_letters.list_failed(await caller(req), limit(req), req.params.get("cursor"), world().outgoing)
    return answer({"items": [dead_letter_answer(item) for item in page.items], "cursor": page.cursor})


@endpoint(bp, "GET", "v1/dead-letters/{letter_id}", told.DeadLetterAnswer)
async def read_dead_letter(req: func.HttpRequest) -> func.HttpResponse:
    """An operator looks at one with every attempt; that is put on record."""
    who, (user, item) = await caller(req), _letter(req)
    found = await dead_letters.read_failed(who, user, item, world().outgoing)
    await world().trail.record(who, "read_dead_letter", found.notification.vehicle_id, item)
    return answer(dead_letter_answer(found))


@endpoint(bp, "POST", "v1/dead-letters/{letter_id}/replay", told.DeadLetterAnswer, status=202)
async def replay_dead_letter(req: func.HttpRequest) -> func.HttpResponse:
    """An operator has one tried anew, under the key that its provider knows."""
    who, (user, item) = await caller(req), _letter(req)
    return answer(dead_letter_answer(await dead_letters.replay(who, user, item, world().outgoing)), 202)


@endpoint(bp, "DELETE", "v1/dead-letters/{letter_id}")
async def discard_dead_letter(req: func.HttpRequest) -> func.HttpResponse:
    """An operator lets one go; its trail stays."""
    who, (user, item) = await caller(req), _letter(req)
    await dead_letters.discard(who, user, item, world().outgoing)
    return no_content()


def _letter(req: func.HttpRequest) -> tuple[str, str]:
    return dead_letter_of(req.route_params.get("letter_id", ""))
