"""HTTP: what is served, as OpenAPI 3.1, made of the very models that requests are read with."""

import re
from functools import cache
from typing import Any

import azure.functions as func

from functions.http import ROUTES, Route, answer, endpoint
from shared.codec import schemas
from shared.codec.requests import Check
from shared.codec.telling import PreviewTemplate

bp = func.Blueprint()

QUERY: dict[str, dict[str, Any]] = {
    "limit": {"type": "integer", "minimum": 1, "maximum": 100},
    "resolution": {"type": "integer", "minimum": 1},
    "from": {"type": "string", "format": "date-time"},
    "to": {"type": "string", "format": "date-time"},
    "day": {"type": "string", "format": "date"},
    "explain": {"type": "string", "enum": ["false", "true"]},
    "use": {"type": "string", "enum": ["read", "command"]},
}
"""Of what is more than a text."""
MEANS = {
    200: "done",
    201: "made",
    202: "taken on",
    204: "done",
    304: "what the caller has is still right",
    400: "the request breaks its contract",
    401: "no token, or none that holds",
    403: "known, but not allowed",
    404: "absent, or not yours",
    409: "at odds with what is stored",
    413: "too large",
    415: "not JSON",
    422: "an idempotency key with another body",
    429: "more requests than a caller may make",
    500: "a defect on our side",
    503: "wait",
}


@endpoint(bp, "GET", "openapi.json", dict[str, Any], public=True)
async def read_openapi(req: func.HttpRequest) -> func.HttpResponse:
    """This document."""
    return answer(document())


@cache
def document() -> dict[str, Any]:
    """Everything that is served, with every answer that it can give."""
    from pydantic.json_schema import models_json_schema

    asked = {route.asks for route in ROUTES if route.asks is not None}
    named, requests = models_json_schema(
        sorted(((model, "validation") for model in asked), key=lambda pair: pair[0].__name__),
        ref_template="#/components/schemas/{model}",
    )
    components: dict[str, Any] = dict(requests.get("$defs", {}))
    paths = dict[str, dict[str, Any]]()
    for route in ROUTES:
        body = named[route.asks, "validation"] if route.asks else None
        paths.setdefault(f"/api/{route.template}", {})[route.method.lower()] = _operation(route, body, components)
    components["Problem"] = _schema(schemas.Problem, components)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Automotive Cloud", "version": "1", "license": {"name": "Apache-2.0"}},
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
        "security": [{"token": []}],
    }


def _operation(route: Route, body: Any, components: dict[str, Any]) -> dict[str, Any]:
    summary, _, more = route.promise.partition("\n")
    operation: dict[str, Any] = {"operationId": route.name, "summary": summary}
    operation |= {"description": more.strip()} if more.strip() else {}
    operation["parameters"] = [*_path(route.template), *_query(route.query), *_headers(route)]
    if body is not None:
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
    operation["responses"] = _responses(route, components)
    return operation | ({"security": []} if route.public else {})


def _path(template: str) -> list[dict[str, Any]]:
    names = re.findall(r"\{(\w+)\}", template)
    return [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]


def _query(names: tuple[str, ...]) -> list[dict[str, Any]]:
    return [{"name": name, "in": "query", "schema": QUERY.get(name, {"type": "string"})} for name in names]


def _headers(route: Route) -> list[dict[str, Any]]:
    schema = {"type": "string", "minLength": 1, "maxLength": 128, "pattern": "^[!-~]+$"}
    return [{"name": "Idempotency-Key", "in": "header", "schema": schema}] if route.keyed else []


def _responses(route: Route, components: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {str(route.status): {"description": MEANS[route.status]}}
    if route.answers is not None:
        media_type = "text/html" if route.answers is str else "application/json"
        content = {media_type: {"schema": _schema(route.answers, components)}}
        found[str(route.status)]["content"] = content
        if route.name == "register_vehicle":
            found["200"] = {"description": MEANS[200], "content": content}
        if route.name == "read_vehicle_state":
            found["304"] = {"description": MEANS[304]}
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return found | {str(s): {"description": MEANS[s], "content": problem} for s in _problems(route)}


def _problems(route: Route) -> list[int]:
    """Which can come of a request like this."""
    if route.public:
        return [404, 500, 503] if "{" in route.template else [500, 503]
    found = {401, 403, 429, 500, 503}
    found |= {404} if "{" in route.template or route.asks in (Check, PreviewTemplate) else set()
    found |= {400} if route.query or route.keyed or route.asks else set()
    found |= {413, 415} if route.asks else set()
    found |= {409} if route.method != "GET" else set()
    return sorted(found | ({422} if route.keyed else set()))


def _schema(answers: Any, components: dict[str, Any]) -> dict[str, Any]:
    from pydantic import TypeAdapter

    schema = TypeAdapter(answers).json_schema(ref_template="#/components/schemas/{model}", mode="serialization")
    components.update(schema.pop("$defs", {}))
    return schema
