"""HTTP in and out: who asks, what for, and every error as RFC 9457 problem details."""

import hashlib
import inspect
import logging
import re
import traceback
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import wraps
from math import ceil
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid4, uuid5

import azure.functions as func
from opentelemetry.trace import SpanKind
from pydantic import BaseModel

from functions.reading import path_id
from functions.recording import UNRECORDED, detail
from shared.bootstrap import world
from shared.codec.answers import to_json
from shared.codec.bodies import parse
from shared.domain.principal import Principal
from shared.errors import CloudError, Code, Malformed, TooLarge, TooMany, Unauthenticated, Unsupported, brief
from shared.tracing import describe, fail, span
from shared.use_cases.amend import Asked

type Handler = Callable[[func.HttpRequest], Awaitable[func.HttpResponse]]

LARGEST_BODY = 256 * 1024
"""Bytes of a request's body."""


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one template, and what the served OpenAPI says of it."""

    method: str
    template: str
    name: str
    promise: str
    asks: type[BaseModel] | None
    answers: Any
    status: int
    query: tuple[str, ...]
    keyed: bool
    public: bool
    reads: bool

    @property
    def recorded(self) -> bool:
        """Whether it is put on record that an operator or partner asks for it."""
        return not self.public and self.name not in UNRECORDED


SAFE = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "frame-ancestors 'none'",
}
"""Headers of every answer, unless the route says otherwise: nothing keeps, guesses at, names or frames it."""

ROUTES: list[Route] = []
"""Everything that is served."""

_KEY = re.compile(r"[\x21-\x7e]{1,128}")
_route: ContextVar[Route] = ContextVar("route")
log = logging.getLogger(__name__)


def endpoint(
    bp: func.Blueprint,
    method: str,
    template: str,
    answers: Any = None,
    *,
    asks: type[BaseModel] | None = None,
    status: int = 200,
    query: tuple[str, ...] = (),
    keyed: bool = False,
    public: bool = False,
    reads: bool | None = None,
) -> Callable[[Handler], Any]:
    """Register a handler for one method and route; what it raises is answered as a problem.

    `asks` and `answers` are the shapes of the bodies (none is 204), `query` names what it reads of the query, `keyed`
    whether it honours Idempotency-Key, `public` that it needs no token, `reads` that it changes nothing (of a GET
    without saying). What operators and partners ask for is put on record before it is done: reading once a minute,
    anything else each time."""

    def register(handler: Handler) -> Any:
        done = status if answers is not None else 204
        promise = inspect.cleandoc(handler.__doc__ or "")
        only_reads = method == "GET" if reads is None else reads
        about = handler.__name__, promise, asks, answers, done, query, keyed, public, only_reads
        route = Route(method, template, *about)
        ROUTES.append(route)
        routed = bp.route(f"api/{template}", methods=[method], auth_level=func.AuthLevel.ANONYMOUS)
        return routed(problems(handler, route))

    return register


def problems(handler: Handler, route: Route | None = None) -> Handler:
    @wraps(handler)
    async def answered(req: func.HttpRequest) -> func.HttpResponse:
        if route is not None:
            _route.set(route)
        with _request_span(req, route):
            found = await _answered(handler, req)
            for name, value in SAFE.items():
                found.headers.setdefault(name, value)
            describe({"http.response.status_code": found.status_code})
            if found.status_code >= 500:
                fail(str(found.status_code))
        return found

    return answered


async def _answered(handler: Handler, req: func.HttpRequest) -> func.HttpResponse:
    try:
        return await handler(req)
    except CloudError as error:
        if error.status >= 500:
            log.warning("answered %s: %s", error.code.value, error.detail)
        return problem(error)
    except Exception as error:
        log.error("a defect in %s: %s", handler.__name__, where(error))
        return problem(CloudError("a defect on our side; it is logged"))


def _request_span(req: func.HttpRequest, route: Route | None) -> AbstractContextManager[object]:
    """Internal, as the host tells of the request itself; named by the route, as a path may hold what people sent."""
    template = f"/api/{route.template}" if route else ""
    about = {"http.request.method": req.method} | ({"http.route": template} if template else {})
    return span(f"{req.method} {template}".strip(), SpanKind.INTERNAL, req.headers.get("traceparent"), about)


def where(error: BaseException) -> str:
    """What kind of defect it is and where it happened, without its words: they may hold what people said."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{brief(error)} at " + " < ".join(f"{Path(f.filename).name}:{f.lineno}" for f in reversed(frames[-8:]))


def problem(error: CloudError, headers: dict[str, str] | None = None) -> func.HttpResponse:
    body = {
        "type": f"urn:automotive-cloud:problem:{error.code.value}",
        "title": error.code.value.replace("_", " "),
        "status": error.status,
        "code": error.code.value,
        "detail": error.detail,
    }
    headers = dict(headers or {})
    if error.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if error.status == 503:
        headers["Retry-After"] = "5"
    if isinstance(error, TooMany):
        headers["Retry-After"] = str(ceil(error.retry_after))
    return func.HttpResponse(
        to_json(body), status_code=error.status, headers=headers, mimetype="application/problem+json"
    )


def answer(body: Any, status: int = 200) -> func.HttpResponse:
    return func.HttpResponse(to_json(body), status_code=status, mimetype="application/json")


def answer_if_changed(req: func.HttpRequest, body: Any) -> func.HttpResponse:
    """With an ETag of what is answered; 304 if the caller has just that (RFC 9110, section 13.1.2)."""
    text = to_json(body)
    etag = f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'
    known = [tag.strip().removeprefix("W/") for tag in req.headers.get("if-none-match", "").split(",")]
    headers = {"ETag": etag, "Cache-Control": "private, no-cache"}
    if etag in known or "*" in known:
        return func.HttpResponse(status_code=304, headers=headers)
    return func.HttpResponse(text, status_code=200, headers=headers, mimetype="application/json")


def no_content() -> func.HttpResponse:
    return func.HttpResponse(status_code=204)


async def caller(req: func.HttpRequest) -> Principal:
    """Who bears the token, or raise Unauthenticated; TooMany for one who asks too much, NotFound for what is asked of a
    vehicle that cannot be."""
    scheme, _, token = req.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated("a bearer token is needed")
    who = await world().tokens.verify(token.strip())
    if wait := world().limits.take(f"{who.brand}/{who.kind}/{who.subject}", world().monotonic()):
        raise TooMany("more requests than a caller may make", wait)
    route = _route.get(None)
    if route is not None and route.recorded:
        whose = path_id(req, "vehicle_id") if "vehicle_id" in req.route_params else ""
        await world().trail.record(who, route.name, whose, detail(req, who), each=not route.reads)
    return who


def body[B: BaseModel](model: type[B], req: func.HttpRequest, largest: int = LARGEST_BODY) -> B:
    """The request's body as the model. Raises Unsupported, TooLarge or Malformed."""
    return parse(model, raw_body(req, largest))


def raw_body(req: func.HttpRequest, largest: int) -> bytes:
    """The request's body, which is JSON of so many bytes at most. Raises Unsupported or TooLarge."""
    media_type = req.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise Unsupported("the body has to be application/json")
    raw: bytes = req.get_body()
    if len(raw) > largest:
        raise TooLarge(f"{len(raw)} bytes, more than {largest}")
    return raw


def idempotency_key(req: func.HttpRequest, who: Principal, scope: str) -> str | None:
    """The request's key, told apart from other callers' and from the same one's for something else. It is digested:
    what is stored of it names nobody."""
    key: str | None = req.headers.get("idempotency-key")
    if key is None:
        return None
    if not _KEY.fullmatch(key):
        raise Malformed("an idempotency key has 1 to 128 visible ASCII characters", Code.INVALID_HEADER)
    return hashlib.sha256(f"{who.brand}/{who.kind}/{who.subject}/{scope}/{key}".encode()).hexdigest()


def asked(req: func.HttpRequest, who: Principal, scope: str, *, makes: str = "", of: str | None = None) -> Asked:
    """Under which key it is asked for. It makes something whose id begins with `makes`, or is `of` what is there."""
    key = idempotency_key(req, who, scope)
    return Asked(key, digest(req.get_body()), new_id(makes, key) if of is None else of)


def new_id(prefix: str, key: str | None) -> str:
    """An opaque id; the same idempotency key always gives the same."""
    return f"{prefix}-{(uuid5(NAMESPACE_URL, key) if key else uuid4()).hex}"


def digest(body: bytes) -> str:
    """What tells one body from another under the same idempotency key."""
    return hashlib.sha256(body).hexdigest()[:32]
