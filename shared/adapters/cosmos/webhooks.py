"""Partners' endpoints: the `webhooks` container, one partition a brand."""

from collections.abc import Sequence

from azure.cosmos.aio import ContainerProxy

from shared.adapters.cosmos.reactions import Fresh, dropped, every, reactions, replaced
from shared.codec.inbox import endpoint, endpoint_document
from shared.domain.webhooks import Endpoint
from shared.ports import MonotonicClock, Versioned


class CosmosEndpoints:
    def __init__(self, container: ContainerProxy, monotonic: MonotonicClock) -> None:
        self._container = container
        self._fresh: Fresh[Sequence[Endpoint]] = Fresh(monotonic)

    async def of(self, brand: str) -> Sequence[Endpoint]:
        known = self._fresh.get(brand)
        return known if known is not None else await self.all(brand)

    async def all(self, brand: str) -> Sequence[Endpoint]:
        found = await every(self._container, "SELECT * FROM c", {}, "endpoints", brand)
        return self._fresh.put(brand, sorted(map(endpoint, found), key=lambda e: (e.created_at, e.id)))

    async def load(self, brand: str, id: str) -> Versioned[Endpoint]:
        async with reactions("endpoint"):
            doc = await self._container.read_item(id, brand)
        return Versioned(endpoint(doc), doc["_etag"])

    async def commit(self, endpoint: Endpoint, version: str | None) -> None:
        await replaced(self._container, endpoint_document(endpoint), version, "endpoint")
        self._fresh.drop(endpoint.brand)

    async def drop(self, brand: str, id: str) -> None:
        await dropped(self._container, id, brand, "endpoint")
        self._fresh.drop(brand)
