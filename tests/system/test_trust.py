"""What callers can rely on: a repeated request has one effect; what is held about people is given out and forgotten."""

import asyncio
import json
import sqlite3
import sys
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import aiohttp
from azure.core.exceptions import ResourceNotFoundError
from azure.cosmos.aio import CosmosClient
from azure.storage.blob.aio import BlobServiceClient

from local.cloud import ROOT, Api, Cloud
from local.fleet.drives import rfc3339
from local.fleet.sender import fleet, from_hub
from local.signin import BRAND
from shared.bootstrap import World
from shared.domain.person import PersonId
from shared.domain.telemetry import Position
from shared.topology import topology
from shared.use_cases.ingest import Arrival
from tests.system.test_road import eventually, message, operator, register
from tests.system.test_taking_in import instance, now_ms

__all__ = ["operator"]

REPEATS = 200


class Http:
    """Raw requests of one caller, with status and body."""

    def __init__(self, cloud: Cloud, token: str) -> None:
        self._url, self._headers = cloud.url, {"Authorization": f"Bearer {token}"}

    async def many(self, times: int, path: str, body: object, key: str) -> list[tuple[int, Any]]:
        """The same request so often at once."""
        headers = self._headers | {"Idempotency-Key": key}
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=120)) as http:

            async def once() -> tuple[int, Any]:
                async with http.post(f"{self._url}/{path}", json=body, headers=headers) as answer:
                    return answer.status, await answer.json(content_type=None)

            return list(await asyncio.gather(*(once() for _ in range(times))))

    async def one(self, path: str, body: object, key: str) -> tuple[int, Any]:
        return (await self.many(1, path, body, key))[0]


async def restart(cloud: Cloud) -> None:
    """End the host, and wait until the one that takes its place answers."""
    old = cloud.parts["host"]
    old.kill()

    async def back() -> bool:
        if cloud.parts["host"] is old:
            return False
        try:
            async with aiohttp.ClientSession() as http, http.get(f"{cloud.url}/health") as answer:
                return answer.status == 200
        except aiohttp.ClientError:
            return False

    await eventually(back, within=60)


async def test_two_hundred_repeats_of_a_request_have_one_effect_and_one_answer(cloud: Cloud, operator: Api) -> None:
    callers = dict[str, Http]()
    vin = {"vin": f"ZZZ{uuid4().hex[:14].upper()}", "region": "eu", "model": "Polar", "modelYear": 2026}
    vehicle = await register(operator, f"user-{uuid4().hex[:8]}")
    sold = (await operator.call("POST", f"vehicles/{vehicle}/subscriptions", {"plan": "media"}))["id"]
    base, other = f"vehicles/{vehicle}", {"other": 1}
    requests: list[tuple[str, Any, Any]] = [
        ("vehicles", vin, vin | {"model": "Solar"}),
        (f"{base}/subscriptions", {"plan": "comfort"}, {"plan": "security"}),
        (f"{base}/subscriptions/{sold}/payments", {"term": 2, "result": "paid"}, {"term": 3, "result": "paid"}),
        (f"{base}/grants", {"feature": "driver-log"}, {"feature": "online-maps"}),
        (f"{base}/invitations", {"role": "secondary"}, {"role": "guest", "endsAt": "2099-01-01T00:00:00Z"}),
        (f"{base}/transfer", {}, other),
        (
            "webhooks",
            {"url": "https://partner.example/", "partner": "p"},
            {"url": "https://a.example/", "partner": "p"},
        ),
    ]
    first = dict[str, tuple[int, Any]]()
    for path, body, different in requests:
        caller = callers[path] = Http(cloud, cloud.issuer.token(f"operator-{uuid4().hex[:6]}", BRAND, ["operator"]))
        answers = await caller.many(REPEATS, path, body, "key-1")
        assert all(answer == answers[0] for answer in answers), (path, {status for status, _ in answers})
        assert answers[0][0] in (200, 201), answers[0]
        assert (await caller.one(path, different, "key-1"))[0] == 422
        first[path] = answers[0]
    await restart(cloud)
    for path, body, different in requests:
        assert await callers[path].one(path, body, "key-1") == first[path]
        assert (await callers[path].one(path, different, "key-1"))[0] == 422
    sales = await operator.call("GET", f"{base}/subscriptions")
    assert [s["plan"]["id"] for s in sales["subscriptions"]] == ["media", "comfort"]
    assert [g["feature"] for g in sales["grants"]] == ["driver-log"]
    assert len((await operator.call("GET", f"{base}/members"))["invitations"]) == 1
    assert len((await operator.call("GET", f"vehicles?vin={vin['vin']}"))["items"]) == 1


# ---- people


async def holding(cloud: Cloud, mark: str) -> dict[str, int]:
    """How many documents, blobs, messages and dead letters of each store of the topology hold the mark anywhere. What
    event hubs hold goes after a day."""
    found = dict[str, int]()
    async with CosmosClient(cloud.env["COSMOS__accountEndpoint"], cloud.env["COSMOS__accountKey"]) as client:
        database = client.get_database_client(topology().cosmos.database)
        for container in topology().cosmos.containers:
            documents = database.get_container_client(container.name).query_items("SELECT * FROM c")
            found[container.name] = sum([mark in json.dumps(doc) async for doc in documents])
    async with BlobServiceClient.from_connection_string(cloud.env["AzureWebJobsStorage"]) as service:
        for kept in topology().blob_containers:
            client_ = service.get_container_client(kept.name)
            found[kept.name] = 0
            async for blob in client_.list_blobs(include=["metadata"]):
                with suppress(ResourceNotFoundError):  # forgotten since it was listed
                    body = await (await client_.download_blob(blob.name)).readall()
                    text = f"{blob.name} {blob.metadata}".encode() + body
                    found[kept.name] += mark.encode() in text
    with sqlite3.connect(f"file:{cloud.data / 'broker.db'}?mode=ro", uri=True) as broker:
        for queue, content in broker.execute("SELECT queue, bare FROM message").fetchall():
            assert queue.partition("/")[0] in {q.name for q in topology().queues}
            found[queue] = found.get(queue, 0) + (mark.encode() in content)
    return {name: count for name, count in found.items() if count}


@dataclass
class Life:
    """A person with a mark in everything that they leave behind."""

    cloud: Cloud
    operator: Api
    mark: str

    @property
    def user(self) -> str:
        return f"user-{self.mark}"

    def api(self) -> Api:
        return Api(self.cloud.url, self.cloud.issuer.token(self.user, BRAND, []))

    async def live(self, vehicle: str) -> list[bytes]:
        """Agrees, makes a rule, buys, and drives; what the vehicle sent comes back."""
        bodies, mark = list[bytes](), self.mark
        async with self.api() as me:
            await me.call("PUT", f"vehicles/{vehicle}/consents/history", {"granted": True, "text": mark, "days": 90})
            rule = {
                "id": f"rule-{mark}",
                "kind": "threshold",
                "signal": "Vehicle.Speed",
                "above": 200.0,
                "clears": 190.0,
            }
            await me.call("PUT", f"vehicles/{vehicle}/rules/rule-{mark}", rule)
            await me.call("POST", f"vehicles/{vehicle}/subscriptions", {"plan": "security"})
            consent = {"granted": True, "text": mark}
            await me.call("PUT", f"vehicles/{vehicle}/consents/partner.partner-away", consent)
            await me.call("PUT", "me/contact", {"email": f"{mark}@aurora.example"})
            await me.call("PUT", "me/preferences", {"channels": {f"kind-{mark}": {"email": True}}})
            await me.call("PUT", f"vehicles/{vehicle}/services/theft-alert", {"enabled": False})
        await self.operator.call("GET", f"vehicles/{vehicle}/state")
        async with fleet(self.cloud.env["EVENTHUBS"]) as vehicles:
            start = datetime.now(UTC) - timedelta(minutes=14)
            for number in range(1, 15):
                # a partner is told of the second only: the first came about before the owner agreed
                code = {5: f"H-{mark}", 14: f"P-{mark}"}.get(number)
                codes = {"Vehicle.Diagnostics.DTCList": [code]} if code else {}
                seen, signals = rfc3339(start + timedelta(minutes=number)), {"Vehicle.Speed": float(number), **codes}
                bodies.append(message(vehicle, number, seen, **signals))
            bodies.append(f"no JSON but {mark}".encode())
            await vehicles.send(vehicle, [from_hub(vehicle, body) for body in bodies])
        return bodies


async def told(operator: Api, endpoint: str) -> int:
    """Of how many events a partner's system was told that happened today, or before midnight."""
    days = [datetime.now(UTC).date() - timedelta(days=ago) for ago in (0, 1)]
    listed = [await operator.call("GET", f"webhooks/{endpoint}/events?day={day}") for day in days]
    return sum(len(events["items"]) for events in listed)


async def test_an_export_holds_all_and_an_erasure_leaves_nothing_that_a_replay_could_bring_back(
    cloud: Cloud, operator: Api, real: World
) -> None:
    ada, ben = Life(cloud, operator, uuid4().hex), Life(cloud, operator, uuid4().hex)
    away = {"url": "http://127.0.0.1:9/", "partner": "partner-away", "kinds": ["trouble_code_opened"]}
    endpoint = (await operator.call("POST", "webhooks", away))["id"]
    vehicles = []
    for life in (ada, ben):
        vehicle = await register(operator, life.user)
        vehicles.append(vehicle)
        sent = await life.live(vehicle)
        if life is ada:
            adas = sent
    everywhere = {"vehicles", "history", "inbox", "people", "parked"}

    async def all_there() -> bool:
        return everywhere <= (await holding(cloud, ada.mark)).keys() & (await holding(cloud, ben.mark)).keys()

    await eventually(all_there, within=60)
    assert await told(operator, endpoint) == 2
    await _export(cloud, ada)
    before, backup = await holding(cloud, ben.mark), await _backup(cloud, ada.mark, vehicles[0])
    async with ada.api() as me:
        assert (await me.call("DELETE", "me"))["status"] == "erasing"

    async def nothing_left() -> bool:
        return not await holding(cloud, ada.mark)

    await eventually(nothing_left, within=90)
    await _restore_and_forget_again(cloud, ada, vehicles[0], backup)
    await eventually(nothing_left, within=90)
    assert await told(operator, endpoint) == 1
    await operator.call("DELETE", f"webhooks/{endpoint}")
    assert await holding(cloud, ben.mark) == before
    audit, page = list[Any](), {"cursor": ""}
    while page["cursor"] is not None:
        page = await operator.call("GET", f"audit?cursor={page['cursor']}" if page["cursor"] else "audit")
        audit += page["items"]
    assert [entry["what"] for entry in audit if entry["who"].startswith("person-")].count("erased") >= 1
    await _bring_back(cloud, operator, real, vehicles[0], adas)
    assert await holding(cloud, ada.mark) == {}


async def _backup(cloud: Cloud, mark: str, vehicle: str) -> dict[str, list[Any]]:
    """The documents of each container that hold the mark, or are the vehicle's."""
    found = dict[str, list[Any]]()
    async with CosmosClient(cloud.env["COSMOS__accountEndpoint"], cloud.env["COSMOS__accountKey"]) as client:
        database = client.get_database_client(topology().cosmos.database)
        for container in topology().cosmos.containers:
            documents = database.get_container_client(container.name).query_items("SELECT * FROM c")
            found[container.name] = [
                d async for d in documents if mark in json.dumps(d) or d.get("vehicleId") == vehicle
            ]
    return found


async def _restore_and_forget_again(cloud: Cloud, life: Life, vehicle: str, backup: dict[str, list[Any]]) -> None:
    """As a backup brings them back, with nothing of what came after; then the command that the documents name."""
    pseudonym = PersonId(BRAND, life.user).pseudonym
    async with CosmosClient(cloud.env["COSMOS__accountEndpoint"], cloud.env["COSMOS__accountKey"]) as client:
        database = client.get_database_client(topology().cosmos.database)
        await database.get_container_client("people").delete_item("forgotten", pseudonym)
        vehicles = database.get_container_client("vehicles")
        async for doc in vehicles.query_items("SELECT * FROM c", partition_key=vehicle):
            await vehicles.delete_item(doc["id"], vehicle)
        for name, documents in backup.items():
            for doc in documents:
                own = {key: value for key, value in doc.items() if not key.startswith("_")}
                await database.get_container_client(name).upsert_item(own)
    assert {"vehicles", "history", "inbox", "people"} <= (await holding(cloud, life.mark)).keys()
    token = cloud.issuer.token("operator-1", BRAND, ["operator"])
    command = [sys.executable, str(ROOT / "scripts" / "forget_again.py"), cloud.url.removesuffix("/api/v1")]
    process = await asyncio.create_subprocess_exec(*command, env={"TOKEN": token}, stdout=asyncio.subprocess.PIPE)
    printed, _ = await process.communicate()
    assert process.returncode == 0
    assert b"erasures begun anew" in printed


async def _export(cloud: Cloud, life: Life) -> None:
    """Everything that carries the mark in the store is in what is handed out."""
    async with life.api() as me:
        asked = await me.call("POST", "me/export")

        async def done() -> Any:
            found = await me.call("GET", f"me/export/{asked['id']}")
            return found if found["status"] == "done" else None

        made = await eventually(done, within=60)
    async with aiohttp.ClientSession() as http, http.get(made["url"]) as answer:
        assert answer.status == 200
        text = await answer.text()
    async with aiohttp.ClientSession() as http, http.get(made["url"][:-1]) as answer:
        assert answer.status == 404, "without all of its seal the link is none"
    held = json.loads(text)
    (vehicle,), (period,) = held["vehicles"], held["periodsOfOwnership"]
    assert held["userId"] == life.user
    assert [consent["text"] for consent in vehicle["consents"]] == [life.mark] * 2
    assert held["contact"]["pending"] == f"{life.mark}@aurora.example"
    assert f"kind-{life.mark}" in held["preferences"]["channels"]
    assert [sent["facts"]["code"] for sent in period["sentToPartners"]] == [f"P-{life.mark}"]
    assert [rule["id"] for rule in vehicle["rules"]] == [f"rule-{life.mark}"]
    assert vehicle["state"]["signals"]["Vehicle.Diagnostics.DTCList"]["value"] == [f"P-{life.mark}"]
    assert (vehicle["switchedOff"], vehicle["access"]["role"]) == (["theft-alert"], "primary")
    assert [entry["what"] for entries in vehicle["books"].values() for entry in entries] == ["bought"]
    told = [sample["signals"] for sample in period["samples"]]
    assert {s.get("Vehicle.Speed") for s in told} >= {float(n) for n in range(1, 15)}
    assert [parked["body"] for parked in period["parked"]] == [f"no JSON but {life.mark}"]
    assert any(item["facts"].get("code") == f"P-{life.mark}" for item in held["inbox"])
    assert [access["what"] for access in period["accesses"]] == ["read_vehicle_state"]


async def _bring_back(cloud: Cloud, operator: Api, real: World, vehicle: str, sent: list[bytes]) -> None:
    """The hub rewound, the car sending again what it buffered, and an operator replaying: nothing is taken in."""
    ingest = instance(real)
    hidden = [body for body in sent if b"no JSON" not in body]
    for number, body in enumerate(hidden):
        again = json.loads(body) | {"sequence": str(1000 + number)}
        for copy in (body, json.dumps(again).encode()):
            arrival = Arrival(Position(-1, now_ms()), vehicle, copy)
            assert (await ingest.replay(arrival, now_ms)).value in ("suppressed", "duplicate")
    async with fleet(cloud.env["EVENTHUBS"]) as vehicles:
        await vehicles.send(vehicle, [from_hub(vehicle, body) for body in sent])
        late = message(vehicle, 5000, rfc3339(datetime.now(UTC) + timedelta(seconds=5)), **{"Vehicle.Speed": 77.0})
        await vehicles.send(vehicle, [from_hub(vehicle, late)])

    async def taken_in() -> bool:
        state = await operator.call("GET", f"vehicles/{vehicle}/state")
        return bool(state["signals"].get("Vehicle.Speed", {}).get("value") == 77.0)

    await eventually(taken_in)
    state = await operator.call("GET", f"vehicles/{vehicle}/state")
    assert list(state["signals"]) == ["Vehicle.Speed"]
