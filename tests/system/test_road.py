"""The whole road: unmodified SDKs in, the real function app, the real adapters, HTTP out."""

import asyncio
import contextlib
import hashlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp
import jwt
import pytest
from azure.cosmos.aio import CosmosClient
from azure.eventhub import EventData
from azure.eventhub.aio import EventHubConsumerClient, EventHubProducerClient
from azure.servicebus import ServiceBusMessage
from azure.servicebus.aio import ServiceBusClient
from azure.storage.blob.aio import BlobServiceClient

from local.cloud import ROOT, Api, Cloud
from local.fleet.drives import BATTERY
from local.fleet.sender import fleet, from_hub
from local.issuer import ALGORITHM, Issuer
from local.signin import BRAND
from local.town import CATALOG
from shared.bootstrap import World
from tests.unit.test_telemetry_codec import BAD


@pytest.fixture
async def operator(cloud: Cloud) -> AsyncIterator[Api]:
    api = Api(cloud.url, cloud.issuer.token("operator-1", BRAND, ["operator"]))
    await api.call("PUT", "catalog", CATALOG)
    yield api
    await api.__aexit__()


async def register(operator: Api, user: str) -> str:
    body: dict[str, Any] = {"region": "eu", "model": "Polar", "modelYear": 2026, "roles": {user: "primary"}}
    body |= {"vin": f"ZZZ{uuid4().hex[:14].upper()}", "capabilities": ["electric", "climate"]}
    return str((await operator.call("POST", "vehicles", body))["id"])


async def eventually(step: Any, within: float = 30) -> Any:
    """What `step` comes to as soon as it is true."""
    for _ in range(int(within / 0.1)):
        if found := await step():
            return found
        await asyncio.sleep(0.1)
    raise TimeoutError("it did not come to pass")


def message(vehicle: str, sequence: int, time: str, **signals: Any) -> bytes:
    return json.dumps(
        {
            "specversion": "1.0",
            "id": str(sequence),
            "source": f"/vehicles/{vehicle}",
            "type": "automotive.telemetry.v1",
            "sequence": str(sequence),
            "data": {"samples": [{"time": time, "signals": signals}]},
        }
    ).encode()


async def test_a_low_battery_becomes_a_state_and_one_item_in_the_inbox(cloud: Cloud, operator: Api) -> None:
    user = f"user-{uuid4().hex[:8]}"
    vehicle = await register(operator, user)
    ada = Api(cloud.url, cloud.issuer.token(user, BRAND, []))
    soc, now = BATTERY + "StateOfCharge.Displayed", datetime.now(UTC)
    levels = ((1, 50.0), (2, 9.0), (2, 9.0), (3, 8.0))
    times = [(now + timedelta(milliseconds=number)).isoformat() for number, _ in levels]
    async with fleet(cloud.env["EVENTHUBS"]) as vehicles:
        bodies = [message(vehicle, n, time, **{soc: level}) for (n, level), time in zip(levels, times, strict=True)]
        await vehicles.send(vehicle, [from_hub(vehicle, body) for body in bodies])

    async def told() -> Any:
        return (await ada.call("GET", "me/inbox"))["items"]

    async def seen() -> bool:
        state = await ada.call("GET", f"vehicles/{vehicle}/state")
        return bool(state["signals"].get(soc, {}).get("value") == 8.0)

    (item,) = await eventually(told)
    assert (item["kind"], item["vehicleId"]) == ("battery_low", vehicle)
    await eventually(seen)
    assert len(await told()) == 1
    sold = await operator.call("POST", f"vehicles/{vehicle}/subscriptions", {"plan": "comfort"})
    decision = await ada.call("GET", f"vehicles/{vehicle}/entitlements/remote-climate")
    assert (decision["allowed"], decision["validUntil"]) == (True, sold["accessEndsAt"])
    await operator.call("POST", f"vehicles/{vehicle}/suspend")
    decision = await ada.call("GET", f"vehicles/{vehicle}/entitlements/remote-climate")
    assert decision["reasons"] == ["vehicle_status"]
    await ada.__aexit__()


async def test_every_bad_message_is_parked_alone_with_its_reason(cloud: Cloud, operator: Api, real: World) -> None:
    vehicle, stranger = await register(operator, "user-ada"), f"veh-{uuid4().hex}"
    now = datetime.now(UTC).isoformat()
    good = [message(vehicle, n, now, **{"Vehicle.TraveledDistance": n}) for n in range(1, len(BAD) + 2)]
    bad = [body.replace(b"veh-0001", vehicle.encode()) for body, _ in BAD.values()]
    events = [from_hub(vehicle, body) for pair in zip(good, bad, strict=False) for body in pair]
    events += [from_hub(vehicle, good[-1])]
    before = await reasons(real)
    async with fleet(cloud.env["EVENTHUBS"]) as vehicles:
        await vehicles.send(vehicle, events)
        await vehicles.send(stranger, [from_hub(stranger, message(stranger, 1, now))])

    async def counted() -> bool:
        return sum((await reasons(real)).values()) - sum(before.values()) == len(BAD) + 1

    await eventually(counted)
    after = await reasons(real)
    expected = [code.value for _, code in BAD.values()] + ["unregistered_device"]
    assert {r: after[r] - before.get(r, 0) for r in after if after[r] != before.get(r, 0)} == {
        r: expected.count(r) for r in set(expected)
    }
    state = (await real.states.load(vehicle)).value
    assert state.signals["Vehicle.TraveledDistance"].value == max(range(1, len(BAD) + 2))
    assert all(book.balanced for book in await real.ledgers.all())
    tags = f"\"device\"='{vehicle}' AND \"reason\"='spoofed_source'"
    async with BlobServiceClient.from_connection_string(cloud.env["AzureWebJobsStorage"]) as service:
        parked = [b.name async for b in service.get_container_client("parked").find_blobs_by_tags(tags)]
    assert len(parked) == expected.count("spoofed_source")


async def reasons(real: World) -> dict[str, int]:
    total: dict[str, int] = {}
    for book in await real.ledgers.all():
        for reason, count in book.reasons.items():
            total[reason] = total.get(reason, 0) + count
    return total


@pytest.mark.parametrize(
    ("method", "path", "body", "headers", "status", "code"),
    [
        ("DELETE", "vehicles", b"", {}, 405, "method_not_allowed"),
        ("GET", "nowhere", b"", {}, 404, "not_found"),
        ("GET", "vehicles/%00/state", b"", {}, 404, "not_found"),
        ("GET", "vehicles/%2e%2e/state", b"", {}, 404, "not_found"),
        ("POST", "vehicles", b"{}", {"content-type": "text/plain"}, 415, "unsupported_media_type"),
        ("POST", "vehicles", b"{}", {}, 400, "invalid_body"),
        ("POST", "vehicles", b"[" * 10_000, {}, 400, "invalid_body"),
        ("POST", "vehicles", b" " * 300_000, {}, 413, "body_too_large"),
        ("GET", "me/inbox?limit=x", b"", {}, 400, "invalid_query"),
        ("GET", "me/vehicles", b"", {}, 403, "forbidden"),
        ("GET", "ledger", b"", {"authorization": "Bearer garbage"}, 401, "unauthenticated"),
        ("GET", "ledger", b"", {"authorization": "Bearer a.b.c"}, 401, "unauthenticated"),
        ("GET", "ledger", b"", {"authorization": ""}, 401, "unauthenticated"),
    ],
)
async def test_a_bad_request_is_a_problem_and_never_a_500(
    cloud: Cloud, method: str, path: str, body: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    token = cloud.issuer.token("operator-1", BRAND, ["operator"])
    sent = {"authorization": f"Bearer {token}", "content-type": "application/json"} | headers
    async with (
        aiohttp.ClientSession() as http,
        http.request(method, f"{cloud.url}/{path}", data=body or None, headers=sent) as answer,
    ):
        problem = json.loads(await answer.text())
        assert (answer.status, problem["code"], answer.content_type) == (status, code, "application/problem+json")


async def test_a_token_of_another_issuer_audience_or_time_is_none(cloud: Cloud, tmp_path: Path) -> None:
    now, good = datetime.now(UTC), cloud.issuer
    claims: dict[str, Any] = {
        "iss": good.url,
        "aud": "automotive-cloud",
        "sub": "x",
        "brand": BRAND,
        "roles": ["operator"],
    }
    claims |= {"iat": now, "exp": now + timedelta(hours=1)}

    def signed(by: Issuer = good, /, **changes: Any) -> str:
        kept = {k: v for k, v in (claims | changes).items() if v is not None}
        return jwt.encode(kept, by._key, ALGORITHM, {"kid": "local"})

    tokens = {
        200: [signed()],
        401: [
            signed(Issuer(tmp_path, good.url)),
            signed(iss="https://elsewhere.example"),
            signed(aud="another"),
            signed(exp=now - timedelta(minutes=2)),
            *(signed(**{claim: None}) for claim in ("exp", "iat", "sub", "aud", "iss", "brand")),
            jwt.encode(claims, "secret" * 8, "HS256", {"kid": "local"}),
            jwt.encode(claims, "", "none", {"kid": "local"}),
        ],
    }
    async with aiohttp.ClientSession() as http:
        for status, several in tokens.items():
            for token in several:
                async with http.get(f"{cloud.url}/ledger", headers={"authorization": f"Bearer {token}"}) as answer:
                    assert answer.status == status, token


async def test_a_client_of_ones_own_works_with_the_values_of_env(cloud: Cloud, operator: Api) -> None:
    printed = await _local("env", "--data", str(cloud.data))
    env, vehicle = dict(line.split("=", 1) for line in printed.splitlines()), await register(operator, "user-ada")
    mine = message(vehicle, 1, datetime.now(UTC).isoformat(), **{"Vehicle.Speed": 42.0})
    read = asyncio.get_running_loop().create_future()

    async def on_event(_: object, event: EventData | None) -> None:
        if event and b"".join(event.body) == mine and not read.done():  # type: ignore[arg-type]
            read.set_result(event)

    hub: dict[str, Any] = {"conn_str": env["EVENTHUBS"], "eventhub_name": "telemetry"}
    async with EventHubConsumerClient.from_connection_string(consumer_group="$Default", **hub) as consumer:
        reading = asyncio.create_task(consumer.receive(on_event, starting_position="-1"))
        async with EventHubProducerClient.from_connection_string(**hub) as producer:
            await producer.send_batch([from_hub(vehicle, mine)], partition_key=vehicle)
        assert (await asyncio.wait_for(read, 20)).partition_key == vehicle.encode()
        reading.cancel()
    async with CosmosClient(env["COSMOS__accountEndpoint"], env["COSMOS__accountKey"]) as cosmos:
        container = cosmos.get_database_client("automotive").get_container_client("vehicles")
        assert (await container.read_item("profile", vehicle))["brand"] == BRAND

        async def seen() -> bool:
            return "Vehicle.Speed" in (await container.read_item("state", vehicle))["signals"]

        assert await eventually(seen)
    body = uuid4().hex
    async with (
        ServiceBusClient.from_connection_string(env["SERVICEBUS"]) as bus,
        bus.get_queue_sender("notifications") as sender,
    ):
        await sender.send_messages(ServiceBusMessage(body))
    async with BlobServiceClient.from_connection_string(env["AzureWebJobsStorage"]) as service:

        async def parked() -> bool:
            found = service.get_container_client("parked").find_blobs_by_tags("\"source\"='notifications'")
            key = hashlib.sha256(body.encode()).hexdigest()[:32]
            return any([blob.name.endswith(key) async for blob in found])

        assert await eventually(parked)
    for who, status in (("--operator", 200), ("--user=user-ada", 403), ("--vehicle=veh-1", 403)):
        token = (await _local("token", who, "--data", str(cloud.data))).strip()
        async with (
            aiohttp.ClientSession() as http,
            http.get(f"{env['API']}/ledger", headers={"authorization": f"Bearer {token}"}) as answer,
        ):
            assert answer.status == status


async def _local(*arguments: str) -> str:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "local", *arguments, cwd=ROOT, stdout=subprocess.PIPE
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    return out.decode()


# ---- the demo, and the command line


def demo(out: Path, *arguments: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "local", "demo", "--json", str(out), *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    summary: dict[str, Any] = json.loads(out.read_text())
    return summary


KEYS = (
    "accepted applied duplicate redelivered stale suppressed parked samples state_writes notifications_committed "
    "notifications_delivered checks seconds samples_per_second peak_memory_mb"
)


def test_the_demo_of_simulated_cars_balances_and_tells_each_notification_once(tmp_path: Path) -> None:
    summary = demo(tmp_path / "out.json")
    assert list(summary) == KEYS.split()
    assert (summary["accepted"], summary["applied"], summary["samples"]) == (3000, 3000, 3000)
    assert summary["notifications_committed"] == summary["notifications_delivered"] > 0
    assert summary["checks"] > 0


def test_the_demo_of_recorded_drives_accounts_for_every_row(tmp_path: Path, shared_data: Path) -> None:
    drives = sorted((shared_data / "drives").glob("*.csv"))
    summary = demo(tmp_path / "out.json", *(part for path in drives for part in ("--drive", str(path))))
    rows = [line for path in drives for line in path.read_text().splitlines()[1:]]
    impossible = [row for row in rows if not _is_date(row.split(",")[0])]
    assert any(row.startswith("03/00/2000") for row in impossible)
    assert (summary["accepted"], summary["parked"]) == (len(rows), len(impossible))


def _is_date(text: str) -> bool:
    try:
        return bool(datetime.strptime(text, "%m/%d/%Y").replace(tzinfo=UTC))
    except ValueError:
        return False


def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(OSError):
            taken.bind(("127.0.0.1", 7071))
            taken.listen()
        done = _up(tmp_path)
    assert (done.returncode, "port 7071 is in use; the local host needs it" in done.stderr) == (1, True)


def _up(data: Path) -> "subprocess.CompletedProcess[str]":
    command: Sequence[str] = [sys.executable, "-m", "local", "up", "--data", str(data)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False, env=os.environ)
