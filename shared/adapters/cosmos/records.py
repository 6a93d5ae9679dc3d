"""The books of ingest, people's inboxes, and what operators did: the containers `ledger`, `inbox` and `audit`."""

from collections.abc import Sequence

from azure.cosmos.aio import ContainerProxy

from shared.adapters.cosmos.reactions import PAGE, dropped, every, page, reactions, replaced
from shared.codec import documents
from shared.domain.audit import Access
from shared.domain.ledger import Ledger
from shared.domain.notification import InboxItem
from shared.domain.person import PersonId
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


class CosmosInbox:
    """The `inbox` container: one partition a person."""

    def __init__(self, container: ContainerProxy) -> None:
        self._container = container

    async def put(self, item: InboxItem) -> bool:
        try:
            async with reactions("inbox item"):
                await self._container.create_item(documents.inbox_document(item))
        except Conflict:
            return False
        return True

    async def list(self, person: PersonId, limit: int, cursor: str | None = None) -> Page[InboxItem]:
        query = "SELECT * FROM c ORDER BY c.at DESC"
        return await page(self._container, query, {}, limit, cursor, documents.inbox_item, "inbox", str(person))

    async def forget(self, person: PersonId) -> None:
        for doc in await every(self._container, "SELECT * FROM c", {}, "inbox", str(person)):
            await dropped(self._container, doc["id"], str(person), "inbox item")


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
