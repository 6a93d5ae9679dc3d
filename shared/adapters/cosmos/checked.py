"""A container that is asked only for what Cosmos DB could hold: every id and partition key goes through here."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

from azure.cosmos.aio import ContainerProxy

from shared.errors import NotFound

LONGEST_KEY = 1_024
"""Characters of a partition key's value, and of a text that is looked for; the store takes 2,048 bytes."""
_ID = re.compile(r"(?!\.{1,2}\Z)[A-Za-z0-9._:@|$!~*'()+,;=&^-]{1,255}", re.ASCII)
"""The SDK puts ids into a URL: what ends a segment of one, is quoted in it, or goes up in it, is none of ours."""


class CheckedContainer:
    """The calls that the adapters make. An id or a partition key that no document has raises NotFound, before anything
    is sent."""

    def __init__(self, container: ContainerProxy, paths: Sequence[str]) -> None:
        """`paths` are those of the partition key, `/vehicleId`."""
        self._container, self._names = container, [path.strip("/") for path in paths]

    @classmethod
    def over(cls, container: ContainerProxy, paths: Sequence[str]) -> ContainerProxy:
        """In the place of the SDK's own."""
        return cast(ContainerProxy, cls(container, paths))

    async def read_item(self, item: str, partition_key: Any, **options: Any) -> Any:
        return await self._container.read_item(_id(item), _key(partition_key), **options)

    async def create_item(self, body: dict[str, Any], **options: Any) -> Any:
        return await self._container.create_item(self._document(body), **options)

    async def upsert_item(self, body: dict[str, Any], **options: Any) -> Any:
        return await self._container.upsert_item(self._document(body), **options)

    async def replace_item(self, item: str, body: dict[str, Any], **options: Any) -> Any:
        return await self._container.replace_item(_id(item), self._document(body), **options)

    async def delete_item(self, item: str, partition_key: Any, **options: Any) -> None:
        await self._container.delete_item(_id(item), _key(partition_key), **options)

    def query_items(self, query: str, **options: Any) -> Any:
        if "partition_key" in options:
            _key(options["partition_key"])
        for parameter in options.get("parameters") or ():
            if parameter["value"] and isinstance(parameter["value"], str):
                _key(parameter["value"])
        return self._container.query_items(query, **options)

    async def execute_item_batch(self, operations: Sequence[Any], partition_key: Any, **options: Any) -> Any:
        for name, arguments, *_ in operations:
            if name in ("replace", "read", "delete"):
                _id(arguments[0])
            if isinstance(arguments[-1], Mapping):
                self._document(arguments[-1])
        return await self._container.execute_item_batch(operations, _key(partition_key), **options)

    def _document[D: Mapping[str, Any]](self, document: D) -> D:
        _id(document["id"])
        _key([document[name] for name in self._names if name != "id"])
        return document


def _id(id: object) -> str:
    if not isinstance(id, str) or _ID.fullmatch(id) is None:
        raise NotFound("no document has such an id")
    return id


def _key(key: Any) -> Any:
    for value in key if isinstance(key, list) else [key]:
        if not isinstance(value, str) or not 0 < len(value) <= LONGEST_KEY or not value.isprintable():
            raise NotFound("no document has such a partition key")
    return key
