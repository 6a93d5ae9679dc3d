"""What vehicles reported over time, and what follows: the `history` container, one partition a vehicle and day."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from azure.cosmos.aio import ContainerProxy

from shared.adapters.cosmos.reactions import dropped, every, reactions
from shared.codec.derived import derived, derived_document
from shared.codec.documents import Document
from shared.codec.samples import unpack
from shared.codec.states import chunk_document
from shared.domain.charges import Charge
from shared.domain.history import Chunk, Table, day_of
from shared.domain.span import named_at
from shared.domain.telemetry import Sample
from shared.domain.trips import Trip
from shared.errors import Conflict, NotFound
from shared.ports import Clock


class CosmosHistories:
    """Chunks are only ever created, and cut when somebody is forgotten; trips and charges are written again."""

    def __init__(self, container: ContainerProxy, clock: Clock) -> None:
        self._container, self._clock = container, clock

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
            first, last = _reaches(doc)
            if first >= end or last < start:
                continue
            left = unpack(doc).where(lambda at: not start <= at < end) if doc["kind"] == "chunk" else Table()
            if left.rows:
                await self._cut(doc, left)
            else:
                await dropped(self._container, doc["id"], [vehicle_id, day], "history")

    async def _cut(self, doc: Document, left: Table) -> None:
        """Leave just these samples of a chunk, for as long as it would have been kept: a write begins that anew."""
        rest = int(doc["_ts"]) + int(doc["ttl"]) - self._clock() // 1000
        if rest <= 0:
            await dropped(self._container, doc["id"], [doc["vehicleId"], doc["day"]], "history")
            return
        chunk = Chunk(doc["id"], doc["vehicleId"], doc["day"], left, keep_days=0)
        with suppress(NotFound):
            async with reactions("chunk"):
                await self._container.replace_item(doc["id"], chunk_document(chunk) | {"ttl": rest})

    async def _all(self, query: str, values: dict[str, Any], vehicle_id: str, day: str) -> list[Document]:
        return await every(self._container, query, values, "history", [vehicle_id, day])


def _reaches(doc: Document) -> tuple[int, int]:
    """The first and the last moment that it tells of (epoch ms)."""
    first, last = (doc["first"], doc["last"]) if doc["kind"] == "chunk" else doc["span"]
    return int(first), int(last)
