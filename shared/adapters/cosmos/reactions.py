"""Cosmos DB for NoSQL: what every container has in common."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from azure.core import MatchConditions
from azure.core.exceptions import AzureError
from azure.cosmos.aio import ContainerProxy
from azure.cosmos.exceptions import CosmosBatchOperationError, CosmosHttpResponseError

from shared.adapters.cursors import cursor_of, token_of
from shared.codec.documents import Document
from shared.errors import CloudError, Code, Conflict, Malformed, NotFound, Refused, Unavailable, brief
from shared.ports import MonotonicClock, Page

LOST_RACE = {409, 412}
REFUSED = {400, 413}
PAGE = 100
FRESH = 60.0
"""Seconds for which what a brand says is not read again."""


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
async def reactions(what: str) -> AsyncIterator[None]:
    try:
        yield
    except (CosmosHttpResponseError, CosmosBatchOperationError) as error:
        raise _by_reaction(error.status_code, what) from error
    except (AzureError, OSError, TimeoutError) as error:
        raise Unavailable(f"{what}: {brief(error)}") from error


async def replaced(container: ContainerProxy, doc: Document, version: str | None, what: str) -> str:
    """Write over the version that was read, or create what was not there; the new version comes back."""
    async with reactions(what):
        if version is None:
            stored = await container.create_item(doc)
        else:
            unchanged = MatchConditions.IfNotModified
            stored = await container.replace_item(doc["id"], doc, etag=version, match_condition=unchanged)
    return str(stored.get_response_headers()["etag"])


async def dropped(container: ContainerProxy, id: str, partition: Any, what: str) -> None:
    """Forget a document; it may be gone already."""
    with suppress(NotFound):
        async with reactions(what):
            await container.delete_item(id, partition)


async def page[T](
    container: ContainerProxy,
    query: str,
    values: dict[str, Any],
    limit: int,
    cursor: str | None,
    read: Callable[[Document], T],
    what: str,
    partition: Any = None,
) -> Page[T]:
    """One page of a query, over one partition or all. Raises Malformed(invalid_cursor) for a cursor that is none."""
    parameters = [{"name": f"@{name}", "value": value} for name, value in values.items()]
    asked: dict[str, Any] = {"query": query, "parameters": parameters, "max_item_count": limit}
    if partition is not None:
        asked["partition_key"] = partition
    try:
        async with reactions(what):
            pages = container.query_items(**asked).by_page(token_of(cursor))
            async for found in pages:
                items = [read(doc) async for doc in found]
                return Page(items, cursor_of(_continuation(pages)))
    except Refused:
        if cursor is None:
            raise
        raise Malformed("no such cursor", Code.INVALID_CURSOR) from None
    return Page([])


async def every(
    container: ContainerProxy, query: str, values: dict[str, Any], what: str, partition: Any = None
) -> list[Document]:
    """All that a query finds."""
    found, cursor = list[Document](), None
    while True:
        some = await page(container, query, values, PAGE, cursor, lambda doc: doc, what, partition)
        found += some.items
        cursor = some.cursor
        if cursor is None:
            return found


class Fresh[T]:
    """What is read once a minute at most."""

    def __init__(self, monotonic: MonotonicClock) -> None:
        self._monotonic = monotonic
        self._held: dict[str, tuple[float, T]] = {}

    def get(self, key: str) -> T | None:
        at, value = self._held.get(key, (0.0, None))
        return value if value is not None and self._monotonic() - at <= FRESH else None

    def put(self, key: str, value: T) -> T:
        self._held[key] = (self._monotonic(), value)
        return value

    def drop(self, key: str) -> None:
        self._held.pop(key, None)


def _continuation(pages: object) -> str | None:
    """Where the rest begins: an attribute of the SDK's page iterator that its type does not tell of."""
    token: str | None = getattr(pages, "continuation_token", None)
    return token
