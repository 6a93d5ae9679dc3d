"""What recipients were told: the `inbox` container, one partition a recipient."""

from collections.abc import Sequence

from azure.cosmos.aio import ContainerProxy

from shared.adapters.cosmos.reactions import PAGE, dropped, every, page, reactions, replaced
from shared.codec import inbox as codec
from shared.domain.inbox import Item
from shared.domain.person import PersonId
from shared.errors import Conflict
from shared.ports import Page, Versioned


class CosmosInbox:
    def __init__(self, container: ContainerProxy) -> None:
        self._container = container

    async def put(self, item: Item) -> bool:
        try:
            async with reactions("inbox item"):
                await self._container.create_item(codec.item_document(item))
        except Conflict:
            return False
        return True

    async def load(self, recipient: PersonId, id: str) -> Versioned[Item]:
        async with reactions("item"):
            doc = await self._container.read_item(id, str(recipient))
        return Versioned(codec.item(doc), doc["_etag"])

    async def commit(self, item: Item, version: str | None) -> str:
        return await replaced(self._container, codec.item_document(item), version, "item")

    async def list(self, recipient: PersonId, limit: int, cursor: str | None = None) -> Page[Item]:
        query = "SELECT * FROM c WHERE c.shown = true ORDER BY c.at DESC"
        return await page(self._container, query, {}, limit, cursor, codec.item, "inbox", str(recipient))

    async def since(self, recipient: PersonId, after: int, cursor: str | None = None) -> Page[Item]:
        query = "SELECT * FROM c WHERE c.shown = true AND c.plannedAt > @after ORDER BY c.plannedAt ASC"
        return await page(self._container, query, {"after": after}, PAGE, cursor, codec.item, "inbox", str(recipient))

    async def unread(self, recipient: PersonId, most: int) -> Sequence[str]:
        query, found, cursor = "SELECT c.id FROM c WHERE c.unread = true", list[str](), None
        while True:
            some = await page(self._container, query, {}, most, cursor, lambda d: str(d["id"]), "inbox", str(recipient))
            found, cursor = [*found, *some.items], some.cursor
            if cursor is None or len(found) >= most:
                return found[:most]

    async def gathered(self, recipient: PersonId, now: int) -> Sequence[Item]:
        query = "SELECT * FROM c WHERE c.digest <= @now"
        found = await every(self._container, query, {"now": now}, "inbox", str(recipient))
        return sorted(map(codec.item, found), key=lambda item: (item.notification.at, item.id))

    async def superseded(self, item: Item) -> bool:
        if item.notification.collapse is None:
            return False
        query = "SELECT c.id FROM c WHERE c.collapse = @key AND c.at > @at"
        values = {"key": item.notification.collapse, "at": item.notification.at}
        found = await page(self._container, query, values, 1, None, lambda doc: doc, "inbox", str(item.recipient))
        return bool(found.items)

    async def of_notification(self, id: str) -> Sequence[Item]:
        query = "SELECT * FROM c WHERE c.notification.id = @id"
        found = await every(self._container, query, {"id": id}, "inbox")
        return sorted(map(codec.item, found), key=lambda item: item.recipient)

    async def of_vehicle(self, vehicle_id: str) -> Sequence[Item]:
        query = "SELECT * FROM c WHERE c.notification.vehicleId = @vehicle"
        return [codec.item(doc) for doc in await every(self._container, query, {"vehicle": vehicle_id}, "inbox")]

    async def failed(self, brand: str, limit: int, cursor: str | None = None) -> Page[Item]:
        query = "SELECT * FROM c WHERE c.failed = @brand"
        return await page(self._container, query, {"brand": brand}, limit, cursor, codec.item, "dead letters")

    async def drop(self, recipient: PersonId, id: str) -> None:
        await dropped(self._container, id, str(recipient), "inbox item")

    async def all_of(self, recipient: PersonId) -> Sequence[Item]:
        found = await every(self._container, "SELECT * FROM c", {}, "inbox", str(recipient))
        return sorted(map(codec.item, found), key=lambda item: -item.notification.at)

    async def forget(self, recipient: PersonId) -> None:
        for item in await self.all_of(recipient):
            await self.drop(recipient, item.id)
