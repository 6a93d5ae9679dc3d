"""The local host behaves, and fails, as the Functions host does. The little app is in tests/functions/app."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
from azure.eventhub.aio import EventHubProducerClient
from azure.servicebus import ServiceBusMessage
from azure.servicebus.aio import ServiceBusClient

from local.broker.server import Broker
from local.cloud import ROOT, Cloud
from local.fleet.sender import from_hub
from local.part import HOST
from shared.topology import topology
from tests.conformance.conftest import KEY, bus_at

APP = ROOT / "tests" / "functions" / "app"
RUN = """
import asyncio, sys
from pathlib import Path
from local.host.host import Host
async def main():
    host = Host(Path(sys.argv[1]), {"master": "m", "default": "d", "keyed": "k"})
    print(await host.start("127.0.0.1", 0), flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""


@dataclass(frozen=True, slots=True)
class LittleApp:
    url: str
    bus: str
    log: Path

    async def noted(self, line: str, times: int = 1) -> bool:
        """Whether the app writes it down that often within twenty seconds."""
        for _ in range(400):
            if self.log.exists() and self.log.read_text().splitlines().count(line) >= times:
                return True
            await asyncio.sleep(0.05)
        return False


@pytest.fixture
async def app(cloud: Cloud, tmp_path: Path) -> AsyncIterator[LittleApp]:
    """In a process of its own: the runtime holds one app a process."""
    broker = Broker(topology(), tmp_path / "broker.db", KEY, lock=3000)
    bus, log = bus_at(await broker.start(HOST, 0)), tmp_path / "log"
    settings = {"EVENTHUBS": bus, "SERVICEBUS": bus, "HUB": "telemetry", "QUEUE": "wake", "APP_LOG": str(log)}
    env = os.environ | cloud.env | settings | {"PYTHONPATH": str(ROOT)}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", RUN, str(APP), env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdout
    port = int(await process.stdout.readline())
    yield LittleApp(f"http://{HOST}:{port}/own", bus, log)
    process.kill()
    await process.wait()
    await broker.stop()


async def test_routes_levels_keys_and_headers_are_the_hosts(app: LittleApp) -> None:
    async with aiohttp.ClientSession() as http:

        async def get(path: str, **headers: str) -> tuple[int, str]:
            async with http.get(f"{app.url}/{path}", headers=headers) as answer:
                return answer.status, await answer.text()

        assert (await get("keyed/7"))[0] == 401
        assert (await get("keyed/7?code=wrong"))[0] == 401
        for key in ("k", "d", "m"):
            assert await get(f"keyed/7?code={key}&empty=", **{"x-A": "b"}) == (200, f"7 {{'code': '{key}'}} b")
        assert await get("KEYED/7", **{"x-functions-key": "k"}) == (200, "7 {} None")
        assert (await get("keyed/literal?code=d"))[0] == 401
        assert await get("keyed/literal?code=m") == (203, "literal")
        assert (await get("keyed/seven?code=k"))[0] == 404
        assert (await get("echo"))[0] == 404
        assert (await get("nothing"))[0] == 500
        async with http.post(f"{app.url}/echo", data=b"\x00\xff") as answer:
            assert await answer.read() == b"\x00\xff"


async def test_without_a_retry_policy_a_failed_batch_is_checkpointed_and_lost(app: LittleApp) -> None:
    async with EventHubProducerClient.from_connection_string(app.bus, eventhub_name="telemetry") as hub:
        for body in (b"poison", b"after"):
            batch = await hub.create_batch(partition_key="veh-1")
            batch.add(from_hub("veh-1", body))
            await hub.send_batch(batch)
            assert await app.noted(f"hub {body.decode()} veh-1")
    assert app.log.read_text().count("hub poison") == 1


async def test_a_message_that_raised_comes_back_at_once_with_its_delivery_count_up(app: LittleApp) -> None:
    async with ServiceBusClient.from_connection_string(app.bus) as client, client.get_queue_sender("wake") as sender:
        await sender.send_messages(ServiceBusMessage("x", message_id="x"))
    for count in (1, 2, 3):
        assert await app.noted(f"queue x {count}")


async def test_a_timer_that_raises_runs_on(app: LittleApp) -> None:
    assert await app.noted("tick", times=3)


def test_every_function_is_indexed_as_it_was(cloud: Cloud) -> None:
    """A function's name, trigger and bindings are infrastructure: a change here is a change of the deployment."""
    code = (
        "import asyncio, json; from pathlib import Path; from local.host.worker import index\n"
        "found = asyncio.run(index(Path.cwd()))\n"
        "print('\\n' + json.dumps({f.name: [list(f.bindings), {k: str(v) for k, v in (f.retry or {}).items()}]"
        " for f in found}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=os.environ | cloud.env, capture_output=True, check=True
    )
    indexed = json.loads(done.stdout.splitlines()[-1])
    golden = Path(__file__).parent / "functions.golden.json"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(json.dumps(indexed, indent=1, sort_keys=True) + "\n")
    assert indexed == json.loads(golden.read_text())
