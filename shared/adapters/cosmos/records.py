"""The books of ingest, and what operators did: the containers `ledger` and `audit`."""

from collections.abc import Sequence

from azure.cosmos.aio import ContainerProxy

from shared.adapters.cosmos.reactions import PAGE, every, reactions, replaced
from shared.codec import documents
from shared.domain.audit import Access
from shared.domain.ledger import Ledger
from shared.errors import Conflict, NotFound
from shared.ports import Versioned


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
    """One partition a brand and day. Nothing is ever changed in it."""

    def __init__(self, container: ContainerProxy) -> None:
        self._container = container

    async def record(self, access: Access) -> None:
        try:
            async with reactions("audit"):
                await self._container.create_item(documents.access_document(access))
        except Conflict:
            return

    async def list(self, brand: str, day: str) -> Sequence[Access]:
        query = "SELECT * FROM c ORDER BY c.at ASC"
        return [documents.access(doc) for doc in await every(self._container, query, {}, "audit", [brand, day])]

    async def of(self, whose: str) -> Sequence[Access]:
        query = "SELECT * FROM c WHERE c.whose = @whose"
        found = await every(self._container, query, {"whose": whose}, "audit")
        return sorted(map(documents.access, found), key=lambda access: access.at)
