"""Vehicles, catalogues, ledgers and inboxes in Cosmos DB for NoSQL."""

import base64
import binascii
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from time import monotonic
from typing import Any

from azure.core import MatchConditions
from azure.core.exceptions import AzureError
from azure.cosmos.aio import ContainerProxy
from azure.cosmos.exceptions import CosmosBatchOperationError, CosmosHttpResponseError

from shared.codec import documents
from shared.codec.documents import CATALOG, PROFILE, STATE, Document
from shared.domain.catalog import Catalog
from shared.domain.ledger import Ledger
from shared.domain.notification import InboxItem
from shared.domain.profile import Profile
from shared.domain.vehicle import VehicleState
from shared.errors import CloudError, Code, Conflict, Malformed, NotFound, Refused, Unavailable
from shared.ports import Page, Versioned

LOST_RACE = {409, 412}
REFUSED = {400, 413}
PAGE = 100
CATALOG_FRESH = 60.0
"""Seconds for which a catalogue is not read again."""


def _by_reaction(status: int | None, what: str) -> CloudError:
    """The error by what the caller should do about it; what is not known to be final is an outage."""
    if status == 404:
        return NotFound(f"no such {what}")
    if status in LOST_RACE:
        return Conflict(f"{what} was written by another")
    if status in REFUSED:
        return Refused(f"{what}: the store answers {status}")
    return Unavailable(f"{what}: the store answers {status}")


@asynccontextmanager
async def _reactions(what: str) -> AsyncIterator[None]:
    try:
        yield
    except (CosmosHttpResponseError, CosmosBatchOperationError) as error:
        raise _by_reaction(error.status_code, what) from error
    except (AzureError, OSError, TimeoutError) as error:
        raise Unavailable(f"{what}: {error!r}"[:300]) from error


async def _replace(container: ContainerProxy, doc: Document, version: str | None, what: str) -> str:
    """Write over the version that was read, or create what was not there; the new version comes back."""
    async with _reactions(what):
        if version is None:
            stored = await container.create_item(doc)
        else:
            unchanged = MatchConditions.IfNotModified
            stored = await container.replace_item(doc["id"], doc, etag=version, match_condition=unchanged)
    return str(stored.get_response_headers()["etag"])


class CosmosStates:
    """The `vehicles` container, as ingest sees it."""

    def __init__(self, container: ContainerProxy) -> None:
        self._container = container

    async def load(self, vehicle_id: str) -> Versioned[VehicleState]:
        async with _reactions("vehicle"):
            doc = await self._container.read_item(STATE, vehicle_id)
        return Versioned(documents.state(doc), doc["_etag"])

    async def commit(self, state: VehicleState, version: str | None) -> str:
        return await _replace(self._container, documents.state_document(state), version, "vehicle state")

    async def due(self, now: int, cursor: str | None = None) -> Page[tuple[str, int]]:
        query = "SELECT c.vehicleId, c.due FROM c WHERE c.due <= @now"
        async with _reactions("due vehicles"):
            pages = self._container.query_items(
                query, parameters=[{"name": "@now", "value": now}], max_item_count=PAGE
            ).by_page(cursor)
            async for page in pages:
                found = [(doc["vehicleId"], doc["due"]) async for doc in page]
                return Page(found, _continuation(pages))
        return Page([])


class CosmosProfiles:
    """The `vehicles` container as owners see it, and `vins`, which makes a VIN unique."""

    def __init__(self, vehicles: ContainerProxy, vins: ContainerProxy) -> None:
        self._vehicles, self._vins = vehicles, vins

    async def claim_vin(self, vin: str, vehicle_id: str) -> str:
        try:
            async with _reactions("VIN"):
                await self._vins.create_item({"id": vin, "vehicleId": vehicle_id})
        except Conflict:
            async with _reactions("VIN"):
                return str((await self._vins.read_item(vin, vin))["vehicleId"])
        return vehicle_id

    async def load(self, vehicle_id: str) -> Versioned[Profile]:
        async with _reactions("vehicle"):
            doc = await self._vehicles.read_item(PROFILE, vehicle_id)
        return Versioned(documents.profile(doc), doc["_etag"])

    async def register(self, profile: Profile, state: VehicleState) -> None:
        both = [documents.profile_document(profile), documents.state_document(state)]
        async with _reactions("vehicle"):
            await self._vehicles.execute_item_batch([("create", (doc,)) for doc in both], profile.vehicle_id)

    async def commit(self, profile: Profile, version: str | None) -> str:
        return await _replace(self._vehicles, documents.profile_document(profile), version, "vehicle")

    async def change(self, profile: Versioned[Profile], state: Versioned[VehicleState]) -> None:
        both = [
            ("replace", (PROFILE, documents.profile_document(profile.value)), {"if_match_etag": profile.version}),
            ("replace", (STATE, documents.state_document(state.value)), {"if_match_etag": state.version}),
        ]
        async with _reactions("vehicle"):
            await self._vehicles.execute_item_batch(both, profile.value.vehicle_id)


class CosmosCatalogs:
    """The `catalog` container: one document a brand, read again after a minute."""

    def __init__(self, container: ContainerProxy) -> None:
        self._container = container
        self._fresh: dict[str, tuple[float, Catalog]] = {}

    async def load(self, brand: str) -> Catalog:
        at, catalog = self._fresh.get(brand, (0.0, None))
        if catalog is None or monotonic() - at > CATALOG_FRESH:
            catalog = await self._read(brand)
            self._fresh[brand] = (monotonic(), catalog)
        return catalog

    async def _read(self, brand: str) -> Catalog:
        try:
            async with _reactions("catalogue"):
                return documents.catalog(await self._container.read_item(CATALOG, brand))
        except NotFound:
            return Catalog(brand)

    async def put(self, catalog: Catalog) -> None:
        async with _reactions("catalogue"):
            await self._container.upsert_item(documents.catalog_document(catalog))
        self._fresh[catalog.brand] = (monotonic(), catalog)


class CosmosLedgers:
    """The `ledger` container: one document a hub partition."""

    def __init__(self, container: ContainerProxy) -> None:
        self._container = container

    async def load(self, id: str) -> Versioned[Ledger]:
        try:
            async with _reactions("ledger"):
                doc = await self._container.read_item(id, id)
        except NotFound:
            return Versioned(Ledger(id), None)
        return Versioned(documents.ledger(doc), doc["_etag"])

    async def commit(self, ledger: Ledger, version: str | None) -> str:
        return await _replace(self._container, documents.ledger_document(ledger), version, "ledger")

    async def all(self) -> Sequence[Ledger]:
        async with _reactions("ledger"):
            found = [doc async for doc in self._container.query_items("SELECT * FROM c", max_item_count=PAGE)]
        return sorted((documents.ledger(doc) for doc in found), key=lambda ledger: ledger.id)


class CosmosInbox:
    """The `inbox` container: one partition a person."""

    def __init__(self, container: ContainerProxy) -> None:
        self._container = container

    async def put(self, item: InboxItem) -> bool:
        try:
            async with _reactions("inbox item"):
                await self._container.create_item(documents.inbox_document(item))
        except Conflict:
            return False
        return True

    async def list(self, user_id: str, limit: int, cursor: str | None = None) -> Page[InboxItem]:
        query: dict[str, Any] = {"query": "SELECT * FROM c ORDER BY c.at DESC", "partition_key": user_id}
        try:
            async with _reactions("inbox"):
                pages = self._container.query_items(**query, max_item_count=limit).by_page(_token(cursor))
                async for page in pages:
                    items = [documents.inbox_item(doc) async for doc in page]
                    return Page(items, _cursor(_continuation(pages)))
        except Refused:
            raise Malformed("no such cursor", Code.INVALID_CURSOR) from None
        return Page([])


def _continuation(pages: object) -> str | None:
    """Where the rest begins: an attribute of the SDK's page iterator that its type does not tell of."""
    token: str | None = getattr(pages, "continuation_token", None)
    return token


def _cursor(token: str | None) -> str | None:
    return base64.urlsafe_b64encode(token.encode()).decode() if token else None


def _token(cursor: str | None) -> str | None:
    try:
        return base64.b64decode(cursor, altchars=b"-_", validate=True).decode() if cursor else None
    except (binascii.Error, ValueError):
        raise Malformed("no such cursor", Code.INVALID_CURSOR) from None
