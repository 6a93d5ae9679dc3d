"""The same probes through Microsoft's SDKs for JavaScript: any client gets the same answers."""

import asyncio
import json
import os
from pathlib import Path

import pytest

from tests.conformance.conftest import LOCK, Endpoint

SCRIPTS = Path(__file__).parent / "js"


async def run_probes(script: str, least: int, **environment: str) -> None:
    """Fails with the names and errors of the probes that failed, or if fewer ran than there are at least."""
    node = await asyncio.create_subprocess_exec(
        "node", SCRIPTS / script, env=os.environ | environment, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await asyncio.wait_for(node.communicate(), 400)
    results = [json.loads(line) for line in out.splitlines()]
    assert node.returncode == 0
    assert len(results) >= least
    if failed := [f"{result['name']}: {result['error']}" for result in results if result["error"]]:
        pytest.fail("\n\n".join(failed), pytrace=False)


async def test_every_probe_of_cosmos_passes(cosmos: Endpoint) -> None:
    await run_probes("cosmos.mjs", 100, ENDPOINT=cosmos.url, KEY=cosmos.key)


async def test_every_probe_of_service_bus_passes(service_bus: str) -> None:
    await run_probes("service_bus.mjs", 20, CONNECTION=service_bus, LOCK_SECONDS=str(LOCK))


async def test_every_probe_of_event_hubs_passes(event_hubs: str) -> None:
    await run_probes("event_hubs.mjs", 15, CONNECTION=event_hubs)
