"""HTTP: how people want to be told, and in which words a brand tells them."""

import azure.functions as func

from functions.http import answer, asked, body, caller, endpoint, no_content
from functions.reading import path_id
from shared.bootstrap import world
from shared.codec import told
from shared.codec.telling import (
    PreviewTemplate,
    PutBrandPreferences,
    PutContact,
    PutPreferences,
    PutTemplate,
    channel_of,
)
from shared.codec.trails import (
    brand_preferences_answer,
    contact_answer,
    preferences_answer,
    template_answer,
    templates_answer,
)
from shared.domain.preferences import ANY
from shared.domain.principal import require_operator
from shared.domain.wording import Key
from shared.errors import Malformed
from shared.use_cases import telling, wording

bp = func.Blueprint()

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Unsubscribe</title></head>
<body style="font-family:sans-serif;max-width:36em;margin:2em auto">{}</body></html>
"""


@endpoint(bp, "GET", "v1/me/preferences", told.PreferencesAnswer)
async def read_preferences(req: func.HttpRequest) -> func.HttpResponse:
    """What the caller said of how to be told, and what holds."""
    return answer(preferences_answer(*await telling.read_preferences(await caller(req), world().planning)))


@endpoint(bp, "PUT", "v1/me/preferences", told.PreferencesAnswer, asks=PutPreferences)
async def put_preferences(req: func.HttpRequest) -> func.HttpResponse:
    """Replace what the caller said. What concerns safety stays in the inbox; `keptOn` names it."""
    who, wanted = await caller(req), body(PutPreferences, req).preferences()
    return answer(preferences_answer(*await telling.put_preferences(who, wanted, world().planning)))


@endpoint(bp, "GET", "v1/me/contact", told.ContactAnswer)
async def read_contact(req: func.HttpRequest) -> func.HttpResponse:
    """Where mail goes."""
    return answer(contact_answer(await telling.read_contact(await caller(req), world().planning)))


@endpoint(bp, "PUT", "v1/me/contact", told.ContactAnswer, asks=PutContact)
async def put_contact(req: func.HttpRequest) -> func.HttpResponse:
    """Say where mail goes: a code is mailed there. The same again with the code verifies it."""
    who, wanted = await caller(req), body(PutContact, req)
    if wanted.code is None:
        return answer(contact_answer(await telling.put_contact(who, wanted.email, world().planning, world().quotas)))
    if wanted.email is None:
        raise Malformed("email: whose code it is")
    found = await telling.verify_contact(who, wanted.email, wanted.code, world().planning, world().codes)
    return answer(contact_answer(found))


@endpoint(bp, "POST", "v1/me/notifications/test", told.Sent, status=202, keyed=True)
async def send_test(req: func.HttpRequest) -> func.HttpResponse:
    """Have the caller told, over every channel that reaches them, that this is a test."""
    who = await caller(req)
    id = asked(req, who, "me/notifications/test", makes="test").made
    return answer({"notificationId": await telling.send_test(who, id, world().planning, world().quotas)}, 202)


@endpoint(bp, "GET", "v1/unsubscribe/{sealed}", str, public=True)
async def ask_unsubscribe(req: func.HttpRequest) -> func.HttpResponse:
    """A page with a button: whoever only looks at links ends nothing."""
    kind = telling.subscribed_kind(req.route_params.get("sealed", ""), world().codes)
    return _page(f'<form method="post"><p>No more mail about: {_named(kind)}</p><button>Unsubscribe</button></form>')


@endpoint(bp, "POST", "v1/unsubscribe/{sealed}", str, public=True)
async def unsubscribe(req: func.HttpRequest) -> func.HttpResponse:
    """End one kind of mail for whom the link was mailed to (RFC 8058); once or often."""
    kind = await telling.unsubscribe(req.route_params.get("sealed", ""), world().planning, world().codes)
    return _page(f"<p>You get no more mail about: {_named(kind)}</p>")


def _named(kind: str) -> str:
    return "anything" if kind == ANY else kind.replace("_", " ")


def _page(content: str) -> func.HttpResponse:
    return func.HttpResponse(PAGE.format(content), status_code=200, mimetype="text/html")


# ---- brands


@endpoint(bp, "GET", "v1/notification-defaults", told.PreferencesSaid)
async def read_notification_defaults(req: func.HttpRequest) -> func.HttpResponse:
    """How the brand's people are told who don't say."""
    who = await caller(req)
    require_operator(who)
    return answer(brand_preferences_answer(await telling.brand_preferences(who.brand, world().brands)))


@endpoint(bp, "PUT", "v1/notification-defaults", told.PreferencesSaid, asks=PutBrandPreferences)
async def put_notification_defaults(req: func.HttpRequest) -> func.HttpResponse:
    """An operator replaces how the brand's people are told who don't say."""
    who, wanted = await caller(req), body(PutBrandPreferences, req).preferences()
    return answer(brand_preferences_answer(await telling.put_brand_preferences(who, wanted, world().planning)))


@endpoint(bp, "GET", "v1/templates", told.TemplatesAnswer)
async def read_templates(req: func.HttpRequest) -> func.HttpResponse:
    """The brand's own templates, and what those of each kind may show."""
    return answer(templates_answer(await wording.published(await caller(req), world().words)))


@endpoint(bp, "POST", "v1/templates/preview", told.TemplateParts, asks=PreviewTemplate, reads=True)
async def preview_template(req: func.HttpRequest) -> func.HttpResponse:
    """What a template looks like with facts that are like real ones; without parts, what is shipped."""
    who, wanted = await caller(req), body(PreviewTemplate, req)
    require_operator(who)
    key = wanted.kind, channel_of(wanted.channel), wanted.locale
    return answer(template_answer(key, wording.preview(who, key, wanted.parts, world().words)))


@endpoint(bp, "PUT", "v1/templates/{kind}/{channel}/{locale}", told.TemplateParts, asks=PutTemplate)
async def put_template(req: func.HttpRequest) -> func.HttpResponse:
    """An operator says it in other words from now on; the answer shows what that looks like."""
    who, wanted = await caller(req), body(PutTemplate, req)
    require_operator(who)
    key = _key(req)
    return answer(template_answer(key, await wording.publish(who, key, wanted.parts, world().words)))


@endpoint(bp, "DELETE", "v1/templates/{kind}/{channel}/{locale}")
async def drop_template(req: func.HttpRequest) -> func.HttpResponse:
    """An operator goes back to the shipped words."""
    who = await caller(req)
    require_operator(who)
    await wording.withdraw(who, _key(req), world().words)
    return no_content()


def _key(req: func.HttpRequest) -> Key:
    return path_id(req, "kind"), channel_of(path_id(req, "channel")), path_id(req, "locale")
