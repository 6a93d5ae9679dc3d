"""The books of ingest, and what operators did: the containers `ledger` and `audit`."""

from collections.abc import Sequence

from azure.cosmos.aio import ContainerProxy

from shared.adapters.cosmos.reactions import PAGE, every, page, reactions, replaced
from shared.codec import documents
from shared.domain.audit import Access, Tally
from shared.domain.ledger import Ledger
from shared.errors import Conflict, NotFound
from shared.ports import Page, Versioned


class CosmosLedgers:
    """The `ledger` container: one document a hub partition."""

    def __init__(self, container: ContainerProxy) -> None:
        self._container = container

    async def load(self, id: str) -> Versioned[Ledger]:
        try:
            async with reactions("ledger"):
                doc = await self._container.read_item(id, id)
        except NotFound:
            return Versioned(Ledger(id), None)
        return Versioned(documents.ledger(doc), doc["_etag"])

    async def commit(self, ledger: Ledger, version: str | None) -> str:
        return await replaced(self._container, documents.ledger_document(ledger), version, "ledger")

    async def all(self) -> Sequence[Ledger]:
        async with reactions("ledger"):
            found = [doc async for doc in self._container.query_items("SELECT * FROM c", max_item_count=PAGE)]
        return sorted((documents.ledger(doc) for doc in found), key=lambda ledger: ledger.id)


class CosmosAudit:
    """One partition a brand and day. Records are never changed, tallies only ever grow."""

    def __init__(self, container: ContainerProxy) -> None:
        self._container = container

    async def record(self, access: Access) -> None:
        try:
            async with reactions("audit"):
                await self._container.create_item(documents.access_document(access))
        except Conflict:
            return

    async def list(self, brand: str, day: str, limit: int, cursor: str | None = None) -> Page[Access]:
        query = "SELECT * FROM c WHERE c.at >= 0 ORDER BY c.at ASC"
        return await page(self._container, query, {}, limit, cursor, documents.access, "audit", [brand, day])

    async def tally(self, tally: Tally) -> Versioned[Tally]:
        try:
            async with reactions("tally"):
                doc = await self._container.read_item(tally.id, [tally.brand, tally.day])
        except NotFound:
            return Versioned(tally, None)
        return Versioned(documents.tally(doc), doc["_etag"])

    async def commit_tally(self, tally: Tally, version: str | None) -> None:
        await replaced(self._container, documents.tally_document(tally), version, "tally")

    async def counted(self, brand: str, day: str) -> Sequence[Tally]:
        query = "SELECT * FROM c WHERE c.counted > 0"
        return [documents.tally(doc) for doc in await every(self._container, query, {}, "tallies", [brand, day])]

    async def of(self, whose: str) -> Sequence[Access]:
        query = "SELECT * FROM c WHERE c.whose = @whose"
        found = await every(self._container, query, {"whose": whose}, "audit")
        return sorted(map(documents.access, found), key=lambda access: access.at)
