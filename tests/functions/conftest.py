"""The real handlers over a world in memory."""

import importlib
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import azure.functions as func
import pytest

from shared.domain.principal import Kind, Principal
from tests.clock_guard import no_real_clock
from tests.examples import AT_ONCE, BRAND, CATALOG, PROFILE, STATE, VEHICLE
from tests.memory import MemoryWorld

__all__ = ["no_real_clock"]

MODULES = (
    "http",
    "vehicles",
    "console",
    "states",
    "sightings",
    "privacy",
    "rules",
    "brands",
    "parked",
    "entitlements",
    "catalog",
    "inbox",
    "ledger",
    "garage",
    "sales",
    "people",
    "telling",
    "webhooks",
)
EVENT_MODULES = ("telemetry", "lifecycle", "queues", "notifications", "deliveries", "wake")


def placed(monkeypatch: pytest.MonkeyPatch) -> MemoryWorld:
    """An empty world in the place of the real one."""
    world = MemoryWorld()
    for name in (*MODULES, *EVENT_MODULES):
        monkeypatch.setattr(importlib.import_module(f"functions.{name}"), "world", lambda: world)
    return world


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> MemoryWorld:
    """One registered vehicle, a catalogue, and callers of each kind."""
    world = placed(monkeypatch)
    world.profiles.vins[PROFILE.vin] = VEHICLE
    world.profiles.shelf.commit(VEHICLE, PROFILE, None)
    world.states.shelf.commit(VEHICLE, STATE, None)
    world.catalogs.shelf.commit(BRAND, CATALOG, None)
    world.rules.held[BRAND] = AT_ONCE
    world.tokens.held = {
        "operator": Principal("operator-1", BRAND, Kind.OPERATOR),
        "ada": Principal("user-ada", BRAND, Kind.USER, verified=True, terms=True),
        "ben": Principal("user-ben", BRAND, Kind.USER, verified=True, terms=True),
        "car": Principal(VEHICLE, BRAND, Kind.VEHICLE),
        "rival": Principal("operator-2", "borealis", Kind.OPERATOR),
    }
    return world


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    media_type: str
    headers: dict[str, str]
    body: Any

    @property
    def code(self) -> str:
        """The problem's code; only a problem has one."""
        assert self.media_type == "application/problem+json"
        assert self.body["status"] == self.status
        return str(self.body["code"])


async def ask(
    handler: Callable[..., object],
    token: str | None = "operator",
    body: object = None,
    headers: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
    route: Mapping[str, str] | None = None,
    **more: str,
) -> Answer:
    """Call an HTTP handler as the host would. A body of bytes goes as it is."""
    raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    sent = {"content-type": "application/json"} if body is not None else {}
    if token:
        sent["authorization"] = f"Bearer {token}"
    routed, sent = dict(route or {}) | more, sent | dict(headers or {})
    request = func.HttpRequest("GET", "/", headers=sent, params=dict(query or {}), route_params=routed, body=raw)
    answer = await cast(Awaitable[func.HttpResponse], handler(request))
    raw_answer = answer.get_body()
    parsed = json.loads(raw_answer) if raw_answer and "json" in answer.mimetype else raw_answer.decode() or None
    return Answer(answer.status_code, answer.mimetype, dict(answer.headers), parsed)
