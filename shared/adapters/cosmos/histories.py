"""What vehicles reported over time, and what follows: the `history` container, one partition a vehicle and day."""

from collections.abc import Sequence
from typing import Any

from azure.cosmos.aio import ContainerProxy

from shared.adapters.cosmos.reactions import dropped, every, reactions
from shared.codec.derived import derived, derived_document
from shared.codec.documents import Document
from shared.codec.samples import unpack
from shared.codec.states import chunk_document
from shared.domain.charges import Charge
from shared.domain.history import Chunk, day_of
from shared.domain.span import named_at
from shared.domain.telemetry import Sample
from shared.domain.trips import Trip
from shared.errors import Conflict


class CosmosHistories:
    """Chunks are only ever created; trips and charges are written again."""

    def __init__(self, container: ContainerProxy) -> None:
        self._container = container

    async def put(self, chunk: Chunk) -> None:
        try:
            async with reactions("chunk"):
                await self._container.create_item(chunk_document(chunk))
        except Conflict:
            return

    async def samples(self, vehicle_id: str, day: str, start: int, end: int) -> Sequence[Sequence[Sample]]:
        query = "SELECT * FROM c WHERE c.kind = @kind AND c.first <= @end AND c.last >= @start"
        values = {"kind": "chunk", "start": start, "end": end}
        return [unpack(doc).samples for doc in await self._all(query, values, vehicle_id, day)]

    async def derived(self, vehicle_id: str, day: str) -> Sequence[Trip | Charge]:
        query = "SELECT * FROM c WHERE c.kind != @kind"
        return [derived(doc) for doc in await self._all(query, {"kind": "chunk"}, vehicle_id, day)]

    async def put_derived(self, derived: Trip | Charge, keep_days: int) -> None:
        async with reactions(derived.id):
            await self._container.upsert_item(derived_document(derived, keep_days))

    async def drop_derived(self, derived: Trip | Charge) -> None:
        await dropped(self._container, derived.id, [derived.vehicle_id, day_of(named_at(derived.id))], "history")

    async def forget(self, vehicle_id: str, day: str, start: int, end: int) -> None:
        for doc in await self._all("SELECT * FROM c", {}, vehicle_id, day):
            if start <= _begins_at(doc) < end:
                await dropped(self._container, doc["id"], [vehicle_id, day], "history")

    async def _all(self, query: str, values: dict[str, Any], vehicle_id: str, day: str) -> list[Document]:
        return await every(self._container, query, values, "history", [vehicle_id, day])


def _begins_at(doc: Document) -> int:
    return int(doc["first"]) if doc["kind"] == "chunk" else derived(doc).span.start
