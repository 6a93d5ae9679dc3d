"""What a check takes through host and SDK, beside an ingest that runs; and what of the app it needs to be imported."""

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import aiohttp

from local.cloud import ROOT, Cloud, Ports
from local.fleet.drives import ElectricCar, Sample, rfc3339
from local.fleet.sender import fleet
from local.signin import BRAND
from local.town import Resident, settle
from shared.bootstrap import world
from shared.settings import settings
from tests.bench.figures import Figure

RATE, SECONDS, VEHICLES = 200, 20, 40
EVENTS = 200
"""Events a second that are taken in meanwhile."""


async def checking() -> list[Figure]:
    """In a cloud whose HTTP functions run apart from the others, as they do on Flex Consumption."""
    with tempfile.TemporaryDirectory() as folder:
        cloud = Cloud(Path(folder), Ports.free(), instances=2, apart=True)
        try:
            await cloud.start()
            os.environ.update(cloud.env)
            figures = [*await checks(cloud), *imports(cloud.env)]
            await world().close()
        finally:
            await cloud.stop()
    world.cache_clear()
    settings.cache_clear()
    return figures


async def checks(cloud: Cloud) -> list[Figure]:
    """200 requests a second on a schedule that waits for nobody; each is timed from when it was due."""
    residents = await settle(cloud, VEHICLES)
    people = [cloud.issuer.token(r.user, BRAND, []) for r in residents]
    taking_in = asyncio.create_task(_drive(cloud, residents))
    try:
        await _ask(cloud, residents, people, 2)
        before, started = await _accepted(), time.monotonic()
        taken = await _ask(cloud, residents, people, SECONDS)
        rate = (await _accepted() - before) / (time.monotonic() - started)
    finally:
        taking_in.cancel()
    cuts = statistics.quantiles(taken, n=100)
    return [
        Figure("check_p50", round(cuts[49], 2), "ms", 5),
        Figure("check_p99", round(cuts[98], 2), "ms", 25),
        Figure("ingest_beside_checks", round(rate), "events/s", EVENTS * 0.9, "higher"),
    ]


async def _ask(cloud: Cloud, residents: list[Resident], tokens: list[str], seconds: int) -> list[float]:
    taken, loop = list[float](), asyncio.get_running_loop()
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:

        async def one(number: int, due: float) -> None:
            at = number % len(residents)
            url = f"{cloud.url}/vehicles/{residents[at].vehicle_id}/entitlements/remote-climate"
            async with http.get(url, headers={"Authorization": f"Bearer {tokens[at]}"}) as answer:
                body = await answer.read()
            taken.append((loop.time() - due) * 1000)
            assert json.loads(body)["allowed"] is not None

        started, asked = loop.time(), list[asyncio.Task[None]]()
        for number in range(RATE * seconds):
            due = started + number / RATE
            if (wait := due - loop.time()) > 0:
                await asyncio.sleep(wait)
            asked.append(asyncio.create_task(one(number, due)))
        await asyncio.gather(*asked)
    return taken


async def _drive(cloud: Cloud, residents: list[Resident]) -> None:
    """Every vehicle sends five events a second, at once."""
    cars, loop, numbers = [ElectricCar(n) for n in range(VEHICLES)], asyncio.get_running_loop(), count()
    async with fleet(cloud.env["EVENTHUBS"]) as vehicles:
        started = loop.time()
        while True:
            number = next(numbers)
            at = number % VEHICLES
            seen = [rfc3339(datetime.now(UTC) + timedelta(milliseconds=n)) for n in range(5)]
            messages = [vehicles.message(residents[at].vehicle_id, [Sample(s, cars[at].step())]) for s in seen]
            await vehicles.send(residents[at].vehicle_id, messages)
            if (wait := started + 5 * number / EVENTS - loop.time()) > 0:
                await asyncio.sleep(wait)


async def _accepted() -> int:
    return sum(book.accepted for book in await world().ledgers.all())


def imports(env: dict[str, str]) -> list[Figure]:
    """CPU time of importing what a first check needs, over that of everything that the app may ever import."""
    needed = "import function_app; w = function_app.entitlements.world(); w.checks; w.tokens; w.limits"
    parts = "notifications", "parking", "histories", "signer", "people", "audit", "renderer", "mailer", "caller"
    rest = "; ".join(f"w.{part}" for part in parts)
    rest += "; import azure.monitor.opentelemetry.exporter, azure.identity.aio"
    code = (
        "import asyncio, time\n"
        "async def main():\n"
        "    before = time.process_time()\n"
        f"    {needed}\n"
        "    checked = time.process_time()\n"
        f"    {rest}\n"
        "    print((checked - before) / (time.process_time() - before))\n"
        "asyncio.run(main())"
    )
    with tempfile.TemporaryDirectory() as compiled:  # as packages are deployed: nobody compiles at a cold start
        own = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": compiled}
        ways: dict[str, Any] = {"capture_output": True, "cwd": ROOT, "check": True, "env": os.environ | env | own}
        runs = [float(subprocess.run([sys.executable, "-c", code], **ways).stdout) for _ in range(6)][1:]
    return [Figure("imports_of_a_check", round(100 * statistics.median(runs)), "% of all", 70)]
