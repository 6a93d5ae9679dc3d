"""The world in memory, as strict as the real one: what is stored must be JSON that Cosmos DB takes and that is read
back, and every cursor goes through the codec of cursors."""

import importlib
import json
import logging
from collections.abc import Callable
from dataclasses import replace
from inspect import signature
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote

import pytest

from functions import inbox as inbox_routes
from functions import sightings as sightings_routes
from shared.adapters import blob
from shared.adapters.cosmos.brands import _leaves, _release
from shared.adapters.cosmos.checked import _id, _key
from shared.adapters.cursors import cursor_of, token_of
from shared.codec import derived, documents, inbox, offers, people, states
from shared.codec.held import held_document
from shared.codec.rules import rules, stored_rule
from shared.domain.parked import Parked
from shared.errors import Code, Malformed, Refused
from shared.ports import Page
from tests import memory
from tests.functions.conftest import EVENT_MODULES, MODULES
from tests.functions.test_authorisation import populated
from tests.memory import MemoryWorld

LARGEST = 2 * 1024 * 1024
"""Bytes of a document."""


def checked(document: Any, read: Callable[[Any], Any] | None = None) -> None:
    """Raise Refused for a document that the store would not take; anything else raised is a defect."""
    if isinstance(document, dict) and "id" in document:
        _id(document["id"])
    try:
        stored = json.dumps(document, allow_nan=False, ensure_ascii=False).encode()
    except ValueError as error:
        raise Refused("the store answers 400") from error
    if len(stored) > LARGEST:
        raise Refused("the store answers 413")
    if read is not None:
        read(json.loads(stored))


def _strict(shelf: Any, document: Callable[[Any], Any], read: Callable[[Any], Any]) -> None:
    commit = shelf.commit

    def checking(key: str, value: Any, version: str | None) -> str:
        checked(document(value), read)
        return str(commit(key, value, version))

    shelf.commit = checking


def _wrapped(port: Any, method: str, check: Callable[..., object]) -> None:
    call, read = getattr(port, method), len(signature(check).parameters)

    async def checking(*arguments: Any, **named: Any) -> Any:
        check(*arguments[:read])  # versions and the like are no part of what is stored
        return await call(*arguments, **named)

    setattr(port, method, checking)


def _parked(parked: Parked) -> None:
    """As blob storage takes it: headers of ASCII, of 8 KB together."""
    metadata = blob._metadata(parked)
    for name, said in metadata.items():
        f"{name}{said}".encode("ascii")
        if "\n" in said or "\r" in said:
            raise ValueError("a header of two lines")
    if sum(map(len, metadata.values())) > 8_000:
        raise ValueError("too much metadata")
    blob._tag(parked.device)
    blob._path(f"2026-11-22_{parked.source}-{parked.key}")


def _sent(told: Any, *_: Any) -> None:
    checked(documents.notification_document(told), documents.notification)


def _page(found: Any, limit: int, cursor: str | None) -> Page[Any]:
    start = token_of(cursor) or "0"
    if not (start.isascii() and start.isdigit() and len(start) < 10):
        raise Malformed("no such cursor", Code.INVALID_CURSOR)
    end = int(start) + limit
    return Page(found[int(start) : end], cursor_of(str(end)) if len(found) > end else None)


def strict(world: MemoryWorld) -> MemoryWorld:
    _strict(world.states.shelf, states.state_document, states.state)
    _strict(world.profiles.shelf, documents.profile_document, documents.profile)
    _strict(world.people.shelf, people.person_document, people.person)
    _strict(world.inbox.shelf, inbox.item_document, inbox.item)
    _strict(world.endpoints.shelf, inbox.endpoint_document, inbox.endpoint)
    _strict(world.catalogs.shelf, offers.catalog_document, offers.catalog)
    _strict(world.wordings.shelf, inbox.templates_document, inbox.templates)
    _strict(world.ledgers.shelf, documents.ledger_document, documents.ledger)
    _wrapped(world.histories, "put", lambda chunk: checked(states.chunk_document(chunk)))
    _wrapped(
        world.histories, "put_derived", lambda d, days: checked(derived.derived_document(d, days), derived.derived)
    )
    _wrapped(world.audit, "record", lambda access: checked(documents.access_document(access), documents.access))
    _wrapped(world.parking, "park", _parked)
    park = world.parking.park

    async def as_stored(parked: Parked) -> None:
        await park(replace(parked, device=unquote(blob._quoted(parked.device))))

    world.parking.park = as_stored  # type: ignore[method-assign]
    _wrapped(world.exports, "put", lambda name, held: checked(held_document(held)))
    _wrapped(world.notifications, "send", _sent)
    _wrapped(world.profiles, "claim_vin", lambda vin, vehicle: _id(vin))
    _wrapped(world.profiles, "find", _id)
    _wrapped(world.inbox, "load", lambda whose, name: _key([str(whose), _id(name)]))
    _wrapped(world.endpoints, "load", lambda brand, name: _id(name))
    for port in (world.states, world.profiles):
        _wrapped(port, "load", _key)
    _brand_stores(world)
    return world


def _brand_stores(world: MemoryWorld) -> None:
    def released(brand: str, release: Any) -> None:
        leaves = None if release.leaves is None else _leaves(release.leaves)
        checked({"leaves": leaves, "overlay": _leaves(release.overlay)}, _release)

    def ruled(brand: str, found: Any) -> None:
        checked([stored_rule(rule) for rule in found], rules)

    _wrapped(world.vocabularies, "put", released)
    _wrapped(world.rules, "put_defaults", ruled)
    _wrapped(world.brands, "put_thresholds", lambda brand, t: checked(t._asdict()))
    _wrapped(world.brands, "put_trip_settings", lambda brand, s: checked(s._asdict()))
    _wrapped(world.brands, "put_trouble_codes", lambda brand, texts: checked(dict(texts)))
    _wrapped(world.brands, "put_telling", lambda brand, p: checked(people.preferences_document(p), people.preferences))


class Defects(logging.Handler):
    """What the handlers log of defects: an answer does not say it."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.last = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.last = record.getMessage()


def placed() -> tuple[MemoryWorld, Callable[[], None]]:
    """A populated, strict world in the place of the real one, and how to take it away again."""
    patch = pytest.MonkeyPatch()
    world = populated(patch)
    for name in (*MODULES, *EVENT_MODULES):
        patch.setattr(importlib.import_module(f"functions.{name}"), "world", lambda: world)
    patch.setattr(memory, "_page", _page)

    async def rest(seconds: float) -> None:
        world.clock.at += max(1, int(seconds * 1000))

    for module in (inbox_routes, sightings_routes):
        patch.setattr(module, "asyncio", SimpleNamespace(sleep=rest))
    return strict(world), patch.undo
