"""Requests that are nearly right, for every route: each part of each may be something else."""

import base64
import hashlib
import json
from random import Random
from typing import Any, NamedTuple

from functions import console, fallback
from functions.http import ROUTES, Route
from tests.attacks.fuzz.schema import made
from tests.attacks.fuzz.values import TEXTS, changed, encoded, spoilt, text, value, written
from tests.functions.conftest import ask
from tests.functions.test_authorisation import handler, right_request
from tests.memory import MemoryWorld

CALLERS = ("operator", "operator", "primary", "primary", "secondary", "partner", "itself", "rival operator", "nobody")
COLUMNS = ("own", "own", "own", "own", "others", "foreign", "absent")
HEADERS = ("idempotency-key", "if-none-match", "content-type", "authorization", "traceparent", "accept-encoding")
MARKS: list[Any] = [
    ["t", 1, 2, {"veh-own": 1}],
    [1_795_348_800_000, ["abcdefgh"]],
    ["user-ada", "item"],
    ["@whe-own/2026-11-22", "event-own"],
    ["", 0, 0, {}],
]
OTHERS = {"no_such_route": fallback.no_such_route, "read_console": console.read_console}
OTHERS |= {"read_console_file": console.read_console_file}


class Request(NamedTuple):
    """What `ask` is told; to print it is to tell the story."""

    route: str
    told: dict[str, Any]


def drawn(world: MemoryWorld, random: Random) -> Request:
    if random.random() < 0.02:
        return _of_no_route(random)
    route = random.choice(ROUTES)
    caller, column = random.choice(CALLERS), random.choice(COLUMNS)
    if random.random() < 0.4:
        caller, column = random.choice(("operator", "primary", "partner")), "own"
    told = right_request(world, route, caller, column)
    told["headers"] = {}
    least = 1
    if route.asks is not None and random.random() < 0.6:
        told["body"], least = made(route.asks, random), 0
        _agree(route, told)
    parts = _parts(route, told)
    for _ in range(random.choice((least, 1, 1, 2, 3))):
        _change(random.choice(parts), told, random)
    if not isinstance(told["body"], bytes | None):
        told["body"] = written(told["body"])
    if isinstance(told["body"], bytes) and random.random() < 0.06:
        told["body"] = spoilt(told["body"], random)
    return Request(route.name, told)


def _agree(route: Route, told: dict[str, Any]) -> None:
    """What stands in the path and in the body is the same, where it has to be."""
    for name in ("feature", "plan", "rule_id"):
        if f"{{{name}}}" in route.template and isinstance(told["body"], dict) and "id" in told["body"]:
            told["route"][name] = str(told["body"]["id"])


def _of_no_route(random: Random) -> Request:
    name = random.choice(list(OTHERS))
    routed = {"path": text(random), "file": random.choice((text(random), f"{console.site().digest}/{text(random)}"))}
    headers = {random.choice(HEADERS): text(random)}
    return Request(name, {"token": None, "body": None, "query": {}, "route": routed, "headers": headers})


def _parts(route: Route, told: dict[str, Any]) -> list[tuple[str, str]]:
    """Each that may be changed, bodies more often: they have the most in them."""
    paths = [("path", part[1:-1]) for part in route.template.split("/") if part.startswith("{")]
    queries = [("query", name) for name in route.query]
    bodies = [("body", "")] * (4 if told["body"] is not None else 0)
    headers = [("header", name) for name in (HEADERS[:3] if route.keyed else HEADERS[1:])]
    return [*paths, *queries, *queries, *bodies, *bodies, headers[0], headers[1], ("query", "x"), ("header", "")]


def _change(part: tuple[str, str], told: dict[str, Any], random: Random) -> None:
    kind, name = part
    if kind == "path":
        told["route"][name] = _id(told["route"].get(name, ""), random)
    elif kind == "query":
        told["query"] = {**told["query"], name: _query(name, random)}
    elif kind == "header":
        told["headers"] = {**told["headers"], name or random.choice(HEADERS): text(random)}
    elif not isinstance(told["body"], bytes):
        told["body"] = changed(told["body"], random)


def _id(right: str, random: Random) -> str:
    """Another, or the right one with something in it, or something encoded."""
    how = random.random()
    if how < 0.5:
        return text(random)
    if how < 0.75:
        cut = random.randrange(len(right) + 1)
        return right[:cut] + str(random.choice(TEXTS[:40])) + right[cut:]
    return encoded(changed(random.choice(MARKS), random))


def _query(name: str, random: Random) -> str:
    if name in ("after", "cursor") and random.random() < 0.8:
        return encoded(changed(random.choice(MARKS), random)) if name == "after" else _cursor(random)
    if name == "paths" and random.random() < 0.7:
        pieces = ("*", "Vehicle", ".", "Speed", "a", "Z", "**", ",")
        return "".join(random.choice(pieces) for _ in range(random.randrange(1, 120)))
    return str(value(random)) if random.random() < 0.2 else text(random)


def _cursor(random: Random) -> str:
    """One whose check is right, over a token that no store ever gave out."""
    token = text(random).encode(errors="surrogatepass")
    return f"{base64.urlsafe_b64encode(token).decode()}.{hashlib.sha256(token).hexdigest()[:12]}"


async def answered(request: Request) -> int:
    """The status; what is answered must be text and JSON to anybody."""
    by_name: dict[str, Any] = OTHERS | {route.name: handler(route) for route in ROUTES}
    answer = await ask(by_name[request.route], **request.told)
    require_json(answer.body)
    return answer.status


def require_json(body: Any) -> None:
    """Python reads more than JSON is: NaN, Infinity and half of a surrogate pair."""
    json.dumps(body, allow_nan=False, ensure_ascii=False).encode()
