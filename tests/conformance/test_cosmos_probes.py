"""Where stand-ins for Cosmos DB are known to differ from it: each probe answers as Azure does, or is refused by name.

The probes that both SDKs can express are a table, `cosmos.json`; `js/cosmos.mjs` runs it through @azure/cosmos."""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from azure.core import MatchConditions
from azure.cosmos.aio import ContainerProxy, CosmosClient
from azure.cosmos.exceptions import CosmosBatchOperationError, CosmosHttpResponseError

from tests.conformance.conftest import Endpoint
from tests.conformance.raw import ADA, DOCUMENTS, QUERY, request

TABLE: dict[str, Any] = json.loads((Path(__file__).parent / "cosmos.json").read_text())
REFUSALS = {400, 501}


def doc(id: str = "a", **fields: Any) -> dict[str, Any]:
    return {"id": id, "userId": "ada"} | fields


def named(probes: list[dict[str, Any]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("probe", probes, ids=lambda probe: probe["name"])


async def status(step: Any) -> int:
    """The status that a step fails with; 200 if it does not."""
    try:
        await step
    except (CosmosHttpResponseError, CosmosBatchOperationError) as error:
        return int(error.status_code or 0)
    return 200


async def find(inbox: ContainerProxy, query: str, values: Mapping[str, Any]) -> list[str]:
    parameters: list[dict[str, object]] = [{"name": name, "value": value} for name, value in values.items()]
    found = inbox.query_items(query, parameters=parameters, partition_key="ada")
    return [document["id"] async for document in found]


@named(TABLE["queries"])
async def test_a_query_finds_what_it_finds_in_azure_or_is_refused(inbox: ContainerProxy, probe: dict[str, Any]) -> None:
    for document in TABLE["documents"]:
        await inbox.create_item(document | {"userId": "ada"})
    asked = find(inbox, probe["query"], probe.get("parameters", {}))
    if probe.get("refused"):
        assert await status(asked) in REFUSALS
    else:
        assert await asked == probe["finds"]


@named(TABLE["writes"])
async def test_a_document_is_read_as_written_or_refused(inbox: ContainerProxy, probe: dict[str, Any]) -> None:
    document = doc() | probe["document"]
    try:
        await inbox.create_item(document)
    except (CosmosHttpResponseError, ValueError, TypeError):
        assert probe.get("refused")
        return
    assert not probe.get("refused")
    read = await inbox.read_item(document["id"], document["userId"])
    assert {name: read[name] for name in document} == document


# ---- conditions


UNMODIFIED = MatchConditions.IfNotModified


async def test_a_stale_etag_stops_an_upsert_and_a_delete(inbox: ContainerProxy) -> None:
    stale = {"etag": (await inbox.create_item(doc(n=1)))["_etag"], "match_condition": UNMODIFIED}
    fresh = {"etag": (await inbox.upsert_item(doc(n=2)))["_etag"], "match_condition": UNMODIFIED}
    assert await status(inbox.upsert_item(doc(n=3), **stale)) == 412
    assert await status(inbox.delete_item("a", "ada", **stale)) == 412
    assert (await inbox.read_item("a", "ada"))["n"] == 2
    await inbox.delete_item("a", "ada", **fresh)
    assert await status(inbox.read_item("a", "ada")) == 404


async def test_an_upsert_of_what_is_not_there_heeds_no_etag(inbox: ContainerProxy) -> None:
    """Cosmos DB creates it: azure-cosmos-dotnet-v3#1698."""
    await inbox.upsert_item(doc(n=1), etag='"none"', match_condition=UNMODIFIED)
    assert (await inbox.read_item("a", "ada"))["n"] == 1


async def test_any_etag_is_that_of_a_document_that_is_there(inbox: ContainerProxy) -> None:
    present = MatchConditions.IfPresent
    assert await status(inbox.replace_item("a", doc(), match_condition=present)) == 404
    await inbox.create_item(doc())
    await inbox.replace_item("a", doc(n=2), match_condition=present)
    assert (await inbox.read_item("a", "ada"))["n"] == 2


async def test_a_read_of_what_is_unchanged_says_so_without_a_body(cosmos: Endpoint, inbox: ContainerProxy) -> None:
    """The Python SDK sends no conditions with a read."""
    etag = (await inbox.create_item(doc()))["_etag"]
    for condition, expected in (
        ({"if-none-match": etag}, 304),
        ({"if-none-match": "*"}, 304),
        ({"if-none-match": '"other"'}, 200),
        ({"if-match": etag}, 501),
    ):
        code, body = await request(cosmos, "GET", f"{DOCUMENTS}/a", headers=ADA | condition)
        assert (code, body is None) == (expected, expected == 304)


async def test_a_condition_that_a_write_does_not_know_is_refused(cosmos: Endpoint, inbox: ContainerProxy) -> None:
    assert await status(inbox.upsert_item(doc(), match_condition=MatchConditions.IfMissing)) == 501
    answer = await request(cosmos, "POST", DOCUMENTS, json.dumps(doc()).encode(), ADA | {"if-match": '"x"'})
    assert answer[0] == 501
    assert await status(inbox.read_item("a", "ada")) == 404


async def test_every_write_has_another_etag_and_what_a_body_says_of_it_is_ignored(inbox: ContainerProxy) -> None:
    first = await inbox.create_item(doc())
    etags = {first["_etag"]}
    for _ in range(3):
        etags.add((await inbox.replace_item("a", first))["_etag"])
    assert len(etags) == 4


# ---- batches


async def test_a_batch_answers_each_operation_with_its_status_and_body(inbox: ContainerProxy) -> None:
    await inbox.create_item(doc("old", n=1))
    operations: list[Any] = [
        ("create", (doc("new"),)),
        ("upsert", (doc("old", n=2),)),
        ("replace", ("old", doc("old", n=3))),
        ("read", ("old",)),
        ("delete", ("old",)),
    ]
    done: list[Any] = await inbox.execute_item_batch(operations, "ada")
    assert [one["statusCode"] for one in done] == [201, 200, 200, 200, 204]
    assert [one.get("resourceBody", {}).get("n") for one in done] == [None, 2, 3, 3, None]
    assert done[3]["resourceBody"]["_etag"] == done[3]["eTag"] == done[2]["eTag"]


@pytest.mark.parametrize("kind", ["upsert", "delete"])
async def test_a_stale_etag_stops_the_whole_batch(inbox: ContainerProxy, kind: str) -> None:
    stale = (await inbox.create_item(doc(n=1)))["_etag"]
    await inbox.upsert_item(doc(n=2))
    guarded = (kind, ("a",) if kind == "delete" else (doc(n=3),), {"if_match_etag": stale})
    with pytest.raises(CosmosBatchOperationError) as caught:
        await inbox.execute_item_batch([("create", (doc("b"),)), guarded, ("create", (doc("c"),))], "ada")
    responses = caught.value.operation_responses
    assert [response["statusCode"] for response in responses] == [424, 412, 424]
    assert [await status(inbox.read_item(id, "ada")) for id in "abc"] == [200, 404, 404]


async def test_a_batch_of_what_is_not_supported_writes_nothing_and_names_it(inbox: ContainerProxy) -> None:
    await inbox.create_item(doc())
    patch: Any = ("patch", ("a", [{"op": "set", "path": "/n", "value": 2}]))
    unlike: Any = ("read", ("a",), {"if_none_match_etag": '"x"'})
    for operation, what in ((patch, "Patch"), (unlike, "ifNoneMatch")):
        with pytest.raises(CosmosHttpResponseError, match=what):
            await inbox.execute_item_batch([("create", (doc("b"),)), operation], "ada")
    assert await status(inbox.read_item("b", "ada")) == 404


async def test_a_batch_has_one_to_a_hundred_operations_of_one_partition(inbox: ContainerProxy) -> None:
    many: list[Any] = [("create", (doc(str(n)),)) for n in range(101)]
    await inbox.execute_item_batch(many[:100], "ada")
    assert await status(inbox.execute_item_batch(many, "ada")) == 400
    assert await status(inbox.execute_item_batch([], "ada")) == 400
    assert await status(inbox.execute_item_batch([("create", (doc("x") | {"userId": "ben"},))], "ada")) == 400
    large: list[Any] = [("create", (doc(f"large {n}", v="x" * 800_000),)) for n in range(3)]
    assert await status(inbox.execute_item_batch(large, "ada")) == 413


# ---- keys, pages, sizes, numbers


async def test_the_partition_key_of_the_header_is_that_of_the_body(cosmos: Endpoint, inbox: ContainerProxy) -> None:
    ben = {"x-ms-documentdb-partitionkey": '["ben"]'}
    code, said = await request(cosmos, "POST", DOCUMENTS, json.dumps(doc()).encode(), ben)
    assert (code, said["code"]) == (400, "BadRequest")
    assert await status(inbox.read_item("a", "ben")) == 404


async def test_a_part_of_a_hierarchical_key_is_refused(cosmos: Endpoint) -> None:
    async with CosmosClient(cosmos.url, cosmos.key) as client:
        history = client.get_database_client("automotive").get_container_client("history")
        await history.create_item({"id": "a", "vehicleId": "v", "day": "2026-11-22"})
        found = history.query_items("SELECT * FROM c", partition_key=["v"])
        with pytest.raises((CosmosHttpResponseError, ValueError)):
            print([document async for document in found])
        assert await status(history.read_item("a", ["v"])) in REFUSALS


async def test_a_continuation_that_is_made_up_or_of_another_query_is_refused(inbox: ContainerProxy) -> None:
    for n in range(3):
        await inbox.create_item(doc(str(n), at=n))
    pages = inbox.query_items("SELECT * FROM c ORDER BY c.at", partition_key="ada", max_item_count=1).by_page()
    await anext(pages)
    token = getattr(pages, "continuation_token", None)
    for made_up in (token, "x", "W10=", "eyJ0b2tlbiI6IjEifQ=="):
        other = inbox.query_items("SELECT * FROM c", partition_key="ada", max_item_count=1).by_page(made_up)
        assert await status(anext(other)) == 400


async def test_a_page_has_as_many_as_were_asked_for(inbox: ContainerProxy) -> None:
    for n in range(5):
        await inbox.create_item(doc(str(n), at=n))
    for most, sizes in ((2, [2, 2, 1]), (5, [5]), (-1, [5])):
        pages = inbox.query_items("SELECT * FROM c", partition_key="ada", max_item_count=most).by_page()
        assert [len([document async for document in page]) async for page in pages] == sizes


async def test_two_megabytes_are_counted_as_utf_8(inbox: ContainerProxy) -> None:
    await inbox.create_item(doc("fits", v="ü" * 1_000_000))
    assert await status(inbox.create_item(doc("large", v="ü" * 1_050_000))) == 413


async def test_an_id_has_at_most_1023_bytes(inbox: ContainerProxy) -> None:
    await inbox.create_item(doc("x" * 1023))
    assert (await inbox.read_item("x" * 1023, "ada"))["id"] == "x" * 1023
    for long in ("x" * 1024, "ü" * 512):
        assert await status(inbox.create_item(doc(long))) == 400


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("9007199254740993", 2**53 + 1),
        (str(2**63 - 1), 2**63 - 1),
        (str(2**63), float(2**63)),
        ("-0.0", 0),
        ("1e5", 1e5),
    ],
)
async def test_a_number_is_a_whole_one_of_64_bits_or_a_double(
    cosmos: Endpoint, inbox: ContainerProxy, text: str, stored: float
) -> None:
    """Azure gives back what fits 64 bits exactly: azure-sdk-for-js#13645."""
    code, _ = await request(cosmos, "POST", DOCUMENTS, f'{{"id":"a","userId":"ada","v":{text}}}'.encode(), ADA)
    assert code == 201
    assert (await inbox.read_item("a", "ada"))["v"] == stored


# ---- what is no request


MALFORMED: dict[str, tuple[str, bytes, dict[str, str]]] = {
    "NaN": ("", b'{"id":"a","userId":"ada","v":NaN}', ADA),
    "Infinity": ("", b'{"id":"a","userId":"ada","v":-Infinity}', ADA),
    "more than a double": ("", b'{"id":"a","userId":"ada","v":1e400}', ADA),
    "a number without end": ("", b'{"id":"a","userId":"ada","v":' + b"9" * 5000 + b"}", ADA),
    "no JSON": ("", b"<html>", ADA),
    "no body": ("", b"", ADA),
    "no UTF-8": ("", b'{"id":"\xff","userId":"ada"}', ADA),
    "too deep": ("", b'{"id":"a","userId":"ada","v":' + b"[" * 100_000, ADA),
    "a list as a document": ("", b"[1]", ADA),
    "a text as a partition key": ("", b"{}", {"x-ms-documentdb-partitionkey": '"ada"'}),
    "no JSON as a partition key": ("", b"{}", {"x-ms-documentdb-partitionkey": "ada"}),
    "a query of no kind": ("", b'{"query": 5}', ADA | QUERY),
    "a query without its text": ("", b"{}", ADA | QUERY),
    "a list as a query": ("", b"[]", ADA | QUERY),
    "parameters of no kind": ("", b'{"query": "SELECT * FROM c", "parameters": 1}', ADA | QUERY),
    "a page of no number": ("", b'{"query": "SELECT * FROM c"}', ADA | QUERY | {"x-ms-max-item-count": "x"}),
    "a query plan": ("", b'{"query": "SELECT * FROM c"}', ADA | QUERY | {"x-ms-cosmos-is-query-plan-request": "True"}),
    "a batch of no list": ("", b"5", ADA | {"x-ms-cosmos-is-batch-request": "True"}),
    "a batch of numbers": ("", b"[5]", ADA | {"x-ms-cosmos-is-batch-request": "True"}),
    "an operation of no kind": ("", b'[{"id": "a"}]', ADA | {"x-ms-cosmos-is-batch-request": "True"}),
    "bulk": ("", b"[]", ADA | {"x-ms-cosmos-is-batch-request": "True", "x-ms-cosmos-batch-continue-on-error": "True"}),
    "a trigger": ("", b"{}", ADA | {"x-ms-documentdb-pre-trigger-include": "t"}),
    "a stored procedure": ("dbs/automotive/colls/inbox/sprocs/s", b"[]", ADA),
}


@pytest.mark.parametrize("what", MALFORMED)
async def test_what_is_no_request_is_refused_as_json_and_the_server_goes_on(cosmos: Endpoint, what: str) -> None:
    path, body, headers = MALFORMED[what]
    code, said = await request(cosmos, "POST", path or DOCUMENTS, body, headers)
    assert code in REFUSALS
    assert said["message"]
    code, _ = await request(cosmos, "POST", DOCUMENTS, json.dumps(doc()).encode(), ADA)
    assert code == 201


async def test_what_is_no_http_does_not_end_the_server(cosmos: Endpoint, inbox: ContainerProxy) -> None:
    at = urlsplit(cosmos.url)
    for sent in (
        b"\x00\xff\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        b"GET",
    ):
        reader, writer = await asyncio.open_connection(at.hostname, at.port)
        writer.write(sent)
        writer.write_eof()
        assert b"<html" not in (await reader.read()).lower()
        writer.close()
    await inbox.create_item(doc())
