"""Blob storage: what could not be taken in, set aside with its reason; what people asked to be given; and the list of
those who were erased."""

import json
import re
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, unquote

from azure.core.exceptions import AzureError, HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.storage.blob import BlobProperties
from azure.storage.blob.aio import BlobServiceClient, ContainerClient
from opentelemetry.trace import SpanKind

from shared.adapters.cursors import cursor_of, token_of
from shared.codec.held import held_document
from shared.codec.people import erased, erased_document
from shared.domain.held import Held
from shared.domain.parked import Filter, Parked
from shared.domain.person import Erased, PersonId
from shared.errors import Code, Malformed, NotFound, Unavailable, brief
from shared.ports import Page
from shared.tracing import fail, span

BODIES = 100
"""Bodies of one device and day that an instance keeps; what comes beyond is only counted, in the ledger."""
LOOKED_AT = 1_000
"""Blobs that one page of a list looks at before it hands back what it found."""
_NAME = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})_([A-Za-z0-9][A-Za-z0-9-]{0,199})", re.ASCII)
_EXPORT = re.compile(r"(?:person-[0-9a-f]{32}/)?[A-Za-z0-9][A-Za-z0-9-]{0,199}", re.ASCII)


class BlobParking:
    """`{yyyy}/{mm}/{dd}/{source}-{key}`, created once, with what there is to say of it as metadata, and the reason and
    the device as index tags. It is read by `{yyyy}-{mm}-{dd}_{source}-{key}`."""

    def __init__(self, container: ContainerClient) -> None:
        self._container = container
        self._kept: Counter[tuple[str, str]] = Counter()
        self._day = ""

    async def park(self, parked: Parked) -> None:
        day = f"{datetime.fromtimestamp(parked.at / 1000, UTC):%Y/%m/%d}"
        if not self._has_room(day, parked.device):
            return
        tags = {"reason": parked.reason, "device": _tag(parked.device), "source": parked.source}
        name = _path(f"{day.replace('/', '-')}_{parked.source}-{parked.key}")
        with span("park", SpanKind.INTERNAL, None, {"automotive_cloud.source": parked.source}):
            fail(parked.reason)
            try:
                async with _reactions():
                    await self._container.upload_blob(name, parked.body, metadata=_metadata(parked), tags=tags)
            except _ExistsError:
                return
        self._kept[day, parked.device] += 1

    async def list(self, sought: Filter, limit: int, cursor: str | None = None) -> Page[tuple[str, Parked]]:
        """In the order of their names: by day, then by where they come from."""
        prefix = f"{sought.day.replace('-', '/')}/" if sought.day else None
        found: list[tuple[str, Parked]] = []
        looked = 0
        async with _reactions(cursor):
            listed = self._container.list_blobs(name_starts_with=prefix, include=["metadata"], results_per_page=limit)
            pages = listed.by_page(token_of(cursor))
            async for page in pages:
                async for blob in page:
                    looked += 1
                    if _fits(parked := _parked(blob, b""), sought):
                        found.append((blob.name.replace("/", "-", 2).replace("/", "_"), parked))
                token: str | None = getattr(pages, "continuation_token", None)
                if not token or found or looked >= LOOKED_AT:
                    return Page(found, cursor_of(token))
        return Page(found)

    async def read(self, name: str) -> Parked:
        async with _reactions():
            stream = await self._container.download_blob(_path(name))
            body = await stream.readall()
        return _parked(stream.properties, body)

    async def mark_replayed(self, name: str, at: int) -> None:
        blob = self._container.get_blob_client(_path(name))
        async with _reactions():
            metadata = (await blob.get_blob_properties()).metadata
            await blob.set_blob_metadata({**metadata, "replayed": str(at)})

    async def of_device(self, device: str) -> Sequence[str]:
        """By index tag, which may lag behind by seconds and knows only some characters: what it names is looked at."""
        found = list[str]()
        async with _reactions():
            async for tagged in self._container.find_blobs_by_tags(f"\"device\"='{_tag(device)}'"):
                name = tagged.name.replace("/", "-", 2).replace("/", "_")
                with suppress(ResourceNotFoundError):
                    blob = await self._container.get_blob_client(tagged.name).get_blob_properties()
                    found += [name] if _parked(blob, b"").device == device else []
        return found

    async def drop(self, name: str) -> None:
        with suppress(NotFound):
            async with _reactions():
                await self._container.delete_blob(_path(name))

    def _has_room(self, day: str, device: str) -> bool:
        if day > self._day:
            self._day, self._kept = day, Counter({k: n for k, n in self._kept.items() if k[0] >= self._day})
        return self._kept[day, device] < BODIES


class BlobExports:
    """What is held about people: `{pseudonym}/{id}`. Until they were named so, the id alone was the name."""

    def __init__(self, service: BlobServiceClient, container: str) -> None:
        self._container = service.get_container_client(container)

    async def put(self, name: str, held: Held) -> None:
        content = json.dumps(held_document(held), indent=1).encode()
        async with _reactions():
            await self._container.upload_blob(_export(name), content, overwrite=True)

    async def read(self, name: str) -> bytes:
        try:
            return await self._read(_export(name))
        except NotFound:
            return await self._read(_export(name.rpartition("/")[2]))

    async def forget(self, owner: PersonId) -> None:
        async with _reactions():
            own = [blob.name async for blob in self._container.list_blobs(name_starts_with=f"{owner.pseudonym}/")]
            early = [blob.name async for blob in self._container.walk_blobs(delimiter="/") if "/" not in blob.name]
        own += [name for name in early if await self._is_of(name, owner)]
        for name in own:
            with suppress(NotFound):
                async with _reactions():
                    await self._container.delete_blob(name)

    async def _is_of(self, name: str, owner: PersonId) -> bool:
        """Whether one that is named by its id alone is a person's; it says which, but not of which brand."""
        try:
            return bool(json.loads(await self._read(name))["userId"] == owner.user)
        except NotFound:
            return False

    async def _read(self, name: str) -> bytes:
        async with _reactions():
            stream = await self._container.download_blob(name)
            return await stream.readall()


class BlobErasedList:
    """`{brand}/{pseudonym}/{when it was asked for}`: kept longer than backups, and not backed up with the database."""

    def __init__(self, container: ContainerClient) -> None:
        self._container = container

    async def put(self, entry: Erased) -> None:
        name, content = f"{entry.brand}/{entry.pseudonym}/{entry.asked_at}", json.dumps(erased_document(entry)).encode()
        async with _reactions():
            await self._container.upload_blob(name, content, overwrite=True)

    async def all(self, brand: str) -> Sequence[Erased]:
        found = list[Erased]()
        async with _reactions():
            async for blob in self._container.list_blobs(name_starts_with=f"{brand}/"):
                stream = await self._container.download_blob(blob.name)
                found.append(erased(json.loads(await stream.readall())))
        return found


class _ExistsError(Exception):
    pass


@asynccontextmanager
async def _reactions(cursor: str | None = None) -> AsyncIterator[None]:
    try:
        yield
    except ResourceExistsError as error:
        raise _ExistsError from error
    except ResourceNotFoundError:
        raise NotFound("nothing of that name is there") from None
    except HttpResponseError as error:
        if cursor and error.status_code == 400:
            raise Malformed("no such cursor", Code.INVALID_CURSOR) from None
        raise Unavailable(f"blob: {brief(error)}") from error
    except (AzureError, OSError, TimeoutError) as error:
        raise Unavailable(f"blob: {brief(error)}") from error


def _path(name: str) -> str:
    found = _NAME.fullmatch(name)
    if found is None:
        raise NotFound("nothing of that name is parked")
    return "/".join(found.groups())


def _export(name: str) -> str:
    if _EXPORT.fullmatch(name) is None:
        raise NotFound("no such export")
    return name


def _metadata(parked: Parked) -> dict[str, str]:
    detail = "".join(c if c.isascii() and c.isprintable() else "?" for c in parked.detail)[:500]
    found = {"source": parked.source, "key": parked.key, "at": str(parked.at), "device": _quoted(parked.device)}
    found |= {"reason": parked.reason, "detail": detail}
    return found | ({"generation": _quoted(parked.generation)} if parked.generation else {})


def _quoted(text: str) -> str:
    """As metadata can hold it: 160 characters at most, which is more than a device's id has, and what is no character
    replaced."""
    return quote(text[:160], errors="replace")


def _parked(blob: BlobProperties, body: bytes) -> Parked:
    said: dict[str, Any] = blob.metadata or {}
    generation, replayed = said.get("generation"), said.get("replayed")
    return Parked(
        said["source"],
        said["key"],
        int(said["at"]),
        unquote(said["device"] or ""),
        said["reason"],
        said["detail"] or "",  # what is empty is listed as none
        body,
        unquote(generation) if generation else None,
        int(replayed) if replayed else None,
    )


def _fits(parked: Parked, sought: Filter) -> bool:
    return sought.reason in (None, parked.reason) and sought.device in (None, parked.device)


def _tag(text: str) -> str:
    """What an index tag can hold of it: at most 256 of its characters."""
    return "".join(c if c.isascii() and (c.isalnum() or c in " +-./:=_") else "_" for c in text)[:256]
