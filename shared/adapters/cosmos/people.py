"""The `people` container: one partition a person, pseudonyms of those who were forgotten, and counts of what people
caused."""

from collections.abc import Sequence
from typing import Any

from azure.cosmos.aio import ContainerProxy

from shared.adapters.cosmos.reactions import PAGE, dropped, every, page, reactions, replaced
from shared.codec.documents import Document
from shared.codec.people import OWNED, PERSON, owned_document, person, person_document
from shared.domain.person import Owned, Person, PersonId
from shared.errors import Conflict, NotFound
from shared.ports import Page, Versioned

FORGOTTEN, QUOTA = "forgotten", "quota"
REMEMBERED = 45 * 86_400
"""Seconds for which it is known when somebody was forgotten: longer than anything is on its way to an inbox, and than
the list of those who were erased is kept."""
COUNTED = 2 * 86_400
"""Seconds for which a count is kept after it was last written: longer than any limit looks back."""


class CosmosPeople:
    def __init__(self, container: ContainerProxy) -> None:
        self._container = container

    async def load(self, id: PersonId) -> Versioned[Person]:
        try:
            async with reactions("person"):
                doc = await self._container.read_item(PERSON, str(id))
        except NotFound:
            return Versioned(Person(id), None)
        return Versioned(person(doc), doc["_etag"])

    async def commit(self, person: Person, version: str | None) -> None:
        document = person_document(person)
        if not person.archived:
            await replaced(self._container, document, version, "person")
            return
        first: Any = ("create", (document,))
        if version is not None:
            first = ("replace", (PERSON, document), {"if_match_etag": version})
        others = [("upsert", (owned_document(person.id, owned),)) for owned in person.archived]
        async with reactions("person"):
            await self._container.execute_item_batch([first, *others], str(person.id))

    async def due(self, now: int, cursor: str | None = None) -> Page[tuple[str, int]]:
        query = "SELECT c.userId, c.due FROM c WHERE c.due <= @now"
        return await page(
            self._container, query, {"now": now}, PAGE, cursor, lambda d: (d["userId"], d["due"]), "due people"
        )

    async def archived(self, id: PersonId) -> Sequence[Owned]:
        return sorted((Owned(*doc["period"]) for doc in await self._archived(id)), key=lambda owned: owned.ends_at)

    async def everyone(self, limit: int, cursor: str | None = None) -> Page[PersonId]:
        query = f"SELECT c.userId FROM c WHERE c.id = '{PERSON}'"  # noqa: S608
        return await page(self._container, query, {}, limit, cursor, lambda d: PersonId.parse(d["userId"]), "everyone")

    async def forget(self, id: PersonId, at: int | None) -> None:
        if at is not None:
            tombstone = {"id": FORGOTTEN, "userId": id.pseudonym, "at": at, "ttl": REMEMBERED}
            async with reactions("person"):
                await self._container.upsert_item(tombstone)
        for doc in await self._archived(id):
            await dropped(self._container, doc["id"], str(id), "person")
        await dropped(self._container, PERSON, str(id), "person")

    async def forgotten_at(self, id: PersonId) -> int:
        try:
            async with reactions("person"):
                return int((await self._container.read_item(FORGOTTEN, id.pseudonym))["at"])
        except NotFound:
            return -1

    async def _archived(self, id: PersonId) -> Sequence[Document]:
        query, values = (
            "SELECT * FROM c WHERE c.id >= @first AND c.id < @beyond",
            {"first": OWNED, "beyond": OWNED + "~"},
        )
        return await every(self._container, query, values, "people", str(id))


class CosmosQuotas:
    """One small document under each key, which expires by itself."""

    def __init__(self, container: ContainerProxy) -> None:
        self._container = container

    async def load(self, key: str) -> Versioned[tuple[int, ...]]:
        try:
            async with reactions("count"):
                doc = await self._container.read_item(QUOTA, key)
        except NotFound:
            return Versioned((), None)
        return Versioned(tuple(doc["times"]), doc["_etag"])

    async def commit(self, key: str, times: tuple[int, ...], version: str | None) -> None:
        document = {"id": QUOTA, "userId": key, "times": times, "ttl": COUNTED}
        try:
            await replaced(self._container, document, version, "count")
        except NotFound:
            raise Conflict("the count has expired meanwhile") from None
