"""The smoke test of a deployment, against the local cloud and against what is none."""

import asyncio
import sys
from asyncio.subprocess import PIPE

from aiohttp import web

from local.cloud import ROOT, Cloud


async def smoke(url: str, **env: str) -> tuple[int | None, list[str]]:
    command = [sys.executable, "-S", "scripts/smoke.py", url]
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, env=env, stdout=PIPE)
    out, _ = await process.communicate()
    return process.returncode, out.decode().splitlines()


async def test_a_cloud_that_is_well_passes(cloud: Cloud) -> None:
    url, token = cloud.console.removesuffix("/console"), cloud.issuer.token("operator-1", "smoked", ["operator"])
    status, lines = await smoke(url, TOKEN=token)
    assert (status, [line for line in lines if not line.startswith("ok")]) == (0, [])
    assert len(lines) == 12
    status, lines = await smoke(url)
    assert (status, len(lines)) == (0, 7)


async def test_what_does_not_hold_is_named(cloud: Cloud) -> None:
    url = cloud.console.removesuffix("/console")
    status, lines = await smoke(url, TOKEN=cloud.issuer.token("user-ada", "smoked", []))
    assert status == 1
    assert next(line for line in lines if line.startswith("FAIL")) == "FAIL the token is an operator's"


async def test_another_server_or_none_fails_everything() -> None:
    async def well(_: web.Request) -> web.Response:
        return web.json_response({})

    app = web.Application()
    app.router.add_get("/{path:.*}", well)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    status, lines = await smoke(url)
    await runner.cleanup()
    assert (status, {line[:4] for line in lines}) == (1, {"FAIL"})
    for other in (url, "http://cloud.example"):
        status, lines = await smoke(other)
        assert (status, {line[:4] for line in lines}) == (1, {"FAIL"})
