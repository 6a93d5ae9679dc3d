"""What our code relies on of Cosmos DB, through the unmodified azure-cosmos."""

import asyncio
from collections.abc import AsyncIterator
from time import time
from typing import Any
from uuid import uuid4

import aiohttp
import pytest
from azure.core import MatchConditions
from azure.cosmos.aio import ContainerProxy, CosmosClient
from azure.cosmos.exceptions import (
    CosmosBatchOperationError,
    CosmosHttpResponseError,
    CosmosResourceExistsError,
    CosmosResourceNotFoundError,
)

from shared.topology import topology
from tests.conformance.conftest import Endpoint
from tests.conformance.raw import DOCUMENTS, request


def doc(user: str = "ada", **fields: Any) -> dict[str, Any]:
    return {"id": uuid4().hex, "userId": user, "at": 1} | fields


async def every(container: ContainerProxy, query: str, user: str | None = "ada", **values: Any) -> list[Any]:
    parameters: list[dict[str, object]] = [{"name": f"@{name}", "value": value} for name, value in values.items()]
    scope: dict[str, Any] = {"partition_key": user} if user else {}
    return [found async for found in container.query_items(query, parameters=parameters, **scope)]


async def status(step: Any) -> int:
    """The status that a step fails with."""
    with pytest.raises((CosmosHttpResponseError, CosmosBatchOperationError)) as caught:
        await step
    return int(caught.value.status_code or 0)


async def test_a_document_is_read_as_it_was_created(inbox: ContainerProxy) -> None:
    stored = doc(nested={"a": [1, None, True, "ü"]}, big=2**53, real=1.5)
    created = await inbox.create_item(stored)
    read = await inbox.read_item(stored["id"], "ada")
    assert {name: read[name] for name in stored} == stored
    assert read["_etag"] == created["_etag"] == created.get_response_headers()["etag"]


async def test_creating_twice_conflicts_and_another_partition_does_not(inbox: ContainerProxy) -> None:
    stored = doc()
    await inbox.create_item(stored)
    with pytest.raises(CosmosResourceExistsError):
        await inbox.create_item(stored)
    await inbox.create_item(stored | {"userId": "ben"})


async def test_what_is_not_there_is_not_found(inbox: ContainerProxy) -> None:
    with pytest.raises(CosmosResourceNotFoundError):
        await inbox.read_item("absent", "ada")
    with pytest.raises(CosmosResourceNotFoundError):
        await inbox.replace_item("absent", doc(id="absent"))


async def test_a_replace_is_guarded_by_the_etag(inbox: ContainerProxy) -> None:
    first = await inbox.create_item(doc())
    guard: dict[str, Any] = {"etag": first["_etag"], "match_condition": MatchConditions.IfNotModified}
    second = await inbox.replace_item(first["id"], first | {"at": 2}, **guard)
    assert second["_etag"] != first["_etag"]
    assert await status(inbox.replace_item(first["id"], first | {"at": 3}, **guard)) == 412
    assert (await inbox.read_item(first["id"], "ada"))["at"] == 2


async def test_of_fifty_writers_over_one_etag_one_wins(inbox: ContainerProxy) -> None:
    first = await inbox.create_item(doc())
    guard: dict[str, Any] = {"etag": first["_etag"], "match_condition": MatchConditions.IfNotModified}
    writes = (inbox.replace_item(first["id"], first | {"at": n}, **guard) for n in range(50))
    results = await asyncio.gather(*writes, return_exceptions=True)
    assert sum(not isinstance(r, BaseException) for r in results) == 1


async def test_a_write_without_its_body_tells_the_etag(inbox: ContainerProxy) -> None:
    created = await inbox.create_item(doc(id="quiet"), no_response=True)
    assert dict(created) == {}
    assert created.get_response_headers()["etag"] == (await inbox.read_item("quiet", "ada"))["_etag"]


async def test_an_upsert_creates_and_replaces(inbox: ContainerProxy) -> None:
    await inbox.upsert_item(doc(id="u", at=1))
    await inbox.upsert_item(doc(id="u", at=2))
    assert (await inbox.read_item("u", "ada"))["at"] == 2


async def test_a_batch_is_all_or_nothing(inbox: ContainerProxy) -> None:
    one, two = doc(), doc()
    await inbox.execute_item_batch([("create", (one,)), ("create", (two,))], "ada")
    three = doc()
    with pytest.raises(CosmosBatchOperationError) as caught:
        await inbox.execute_item_batch([("create", (three,)), ("create", (one,))], "ada")
    assert (caught.value.status_code, caught.value.error_index) == (409, 1)
    with pytest.raises(CosmosResourceNotFoundError):
        await inbox.read_item(three["id"], "ada")


async def test_a_batch_is_guarded_by_etags(inbox: ContainerProxy) -> None:
    first = await inbox.create_item(doc())
    await inbox.replace_item(first["id"], first)
    stale = ("replace", (first["id"], first), {"if_match_etag": first["_etag"]})
    assert await status(inbox.execute_item_batch([stale], "ada")) == 412


async def test_a_partition_is_queried_alone_and_all_together(inbox: ContainerProxy) -> None:
    for user in ("ada", "ben"):
        for at in range(3):
            await inbox.create_item(doc(user, at=at))
    assert len(await every(inbox, "SELECT * FROM c")) == 3
    assert len(await every(inbox, "SELECT * FROM c", None)) == 6
    assert await every(inbox, "SELECT c.at FROM c WHERE c.at >= @low AND c.at < 2", low=1) == [{"at": 1}]


async def test_an_order_is_kept_over_pages_also_when_something_comes_in_between(inbox: ContainerProxy) -> None:
    for at in (3, 1, 2, 1, 5):
        await inbox.create_item(doc(at=at))
    query: dict[str, Any] = {"query": "SELECT * FROM c ORDER BY c.at DESC", "partition_key": "ada"}
    pages = inbox.query_items(**query, max_item_count=2).by_page()
    seen = [found["at"] async for found in await anext(pages)]
    token = getattr(pages, "continuation_token", None)
    await inbox.create_item(doc(at=9))
    async for page in inbox.query_items(**query, max_item_count=2).by_page(token):
        seen += [found["at"] async for found in page]
    assert seen == [5, 3, 2, 1, 1]


async def test_values_of_other_types_and_absent_ones_are_neither_less_nor_more(inbox: ContainerProxy) -> None:
    for value in (1, "1", None, True, [1]):
        await inbox.create_item(doc(v=value))
    await inbox.create_item(doc())
    assert [d["v"] for d in await every(inbox, "SELECT * FROM c WHERE c.v <= 1")] == [1]
    assert [d["v"] for d in await every(inbox, "SELECT * FROM c WHERE c.v = '1'")] == ["1"]
    assert [d["v"] for d in await every(inbox, "SELECT * FROM c WHERE c.v = @v", v=True)] == [True]
    assert await every(inbox, "SELECT c.nothing FROM c WHERE c.v = 1") == [{}]


async def test_a_value_under_an_odd_name_is_selected_under_another(inbox: ContainerProxy) -> None:
    before = int(time())
    await inbox.create_item(doc(told={"Vehicle.Speed": [50.5, 7], "b": {"c d": 1}}))
    query = 'SELECT c.told["Vehicle.Speed"] AS speed, c.told.b["c d"] AS odd, c.told["none"] AS none, c._ts FROM c'
    (found,) = await every(inbox, query + " WHERE c._ts >= @before", before=before)
    assert before <= found.pop("_ts") <= time()
    assert found == {"speed": [50.5, 7], "odd": 1}


async def test_a_document_expires(inbox: ContainerProxy) -> None:
    await inbox.create_item(doc(id="brief", ttl=1))
    await inbox.create_item(doc(id="long", ttl=-1))

    async def gone() -> bool:
        return [d["id"] for d in await every(inbox, "SELECT * FROM c")] == ["long"]

    for _ in range(100):
        if await gone():
            break
        await asyncio.sleep(0.05)
    assert await gone()
    with pytest.raises(CosmosResourceNotFoundError):
        await inbox.read_item("brief", "ada")
    await inbox.create_item(doc(id="brief"))


@pytest.mark.parametrize("bad", [{"id": ""}, {"id": "a/b"}, {"id": 7}, {"ttl": 0}])
async def test_a_document_that_does_not_fit_is_refused(inbox: ContainerProxy, bad: dict[str, Any]) -> None:
    with pytest.raises((CosmosHttpResponseError, TypeError, ValueError)):
        await inbox.create_item(doc() | bad)


async def test_a_document_has_at_most_two_megabytes(inbox: ContainerProxy) -> None:
    assert await status(inbox.create_item(doc(text="x" * 2_100_000))) == 413


async def test_a_query_that_is_none_is_refused(inbox: ContainerProxy) -> None:
    assert await status(every(inbox, "SELEC * FRM c")) == 400


async def test_another_key_is_not_let_in(cosmos: Endpoint) -> None:
    with pytest.raises(CosmosHttpResponseError) as caught:
        async with CosmosClient(cosmos.url, "d3Jvbmc=") as client:
            await client.get_database_client("automotive").get_container_client("inbox").read_item("a", "b")
    assert caught.value.status_code == 401


async def test_a_read_without_a_partition_key_is_refused(cosmos: Endpoint, inbox: ContainerProxy) -> None:
    """The SDK always names one, so this is asked without it."""
    await inbox.create_item(doc(id="a"))
    code, _ = await request(cosmos, "GET", f"{DOCUMENTS}/a")
    assert code == 400


# ---- of the local one alone


async def test_throttling_on_demand_is_retried_by_the_sdk(cosmos: Endpoint, inbox: ContainerProxy) -> None:
    await inbox.create_item(doc(id="a"))
    async with aiohttp.ClientSession() as http:
        await http.post(f"{cosmos.url}_local/throttle", json={"requests": 3})
    assert (await inbox.read_item("a", "ada"))["id"] == "a"


async def test_what_is_not_supported_is_refused_by_name(cosmos: Endpoint, inbox: ContainerProxy) -> None:
    async with CosmosClient(cosmos.url, cosmos.key) as client:
        with pytest.raises(CosmosHttpResponseError, match="POST /dbs is not supported"):
            await client.create_database("other")
    with pytest.raises(CosmosHttpResponseError, match="PATCH on a document is not supported"):
        await inbox.patch_item("a", "ada", [{"op": "set", "path": "/at", "value": 2}])
    with pytest.raises(CosmosHttpResponseError, match=r"not supported by the local Cosmos DB: .*COUNT"):
        await every(inbox, "SELECT VALUE COUNT(1) FROM c")
    assert topology().cosmos.database == "automotive"


@pytest.fixture
async def history(cosmos: Endpoint) -> AsyncIterator[ContainerProxy]:
    async with CosmosClient(cosmos.url, cosmos.key) as client:
        yield client.get_database_client("automotive").get_container_client("history")


async def test_a_partition_key_of_two_parts_is_one(history: ContainerProxy) -> None:
    vehicle = f"veh-{uuid4().hex}"
    for day in ("2026-11-21", "2026-11-22"):
        await history.create_item({"id": "chunk", "vehicleId": vehicle, "day": day, "kind": "chunk"})
    assert (await history.read_item("chunk", [vehicle, "2026-11-22"]))["day"] == "2026-11-22"
    found = history.query_items("SELECT * FROM c WHERE c.kind = 'chunk'", partition_key=[vehicle, "2026-11-21"])
    assert [doc["day"] async for doc in found] == ["2026-11-21"]
    with pytest.raises(CosmosResourceExistsError):
        await history.create_item({"id": "chunk", "vehicleId": vehicle, "day": "2026-11-22"})


async def test_what_was_deleted_is_gone_and_another_delete_finds_nothing(history: ContainerProxy) -> None:
    key = [f"veh-{uuid4().hex}", "2026-11-22"]
    await history.create_item({"id": "trip", "vehicleId": key[0], "day": key[1]})
    await history.delete_item("trip", key)
    for step in (history.read_item, history.delete_item):
        with pytest.raises(CosmosResourceNotFoundError):
            await step("trip", key)


async def test_a_batch_may_upsert_beside_what_it_guards(inbox: ContainerProxy) -> None:
    user = f"user-{uuid4().hex}"
    await inbox.create_item({"id": "a", "userId": user, "n": 1})
    operations: list[Any] = [
        ("upsert", ({"id": "a", "userId": user, "n": 2},)),
        ("upsert", ({"id": "b", "userId": user, "n": 2},)),
    ]
    await inbox.execute_item_batch(operations, user)
    assert [(await inbox.read_item(id, user))["n"] for id in ("a", "b")] == [2, 2]
