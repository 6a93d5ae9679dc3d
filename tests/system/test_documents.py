"""Every example in the documents is run, in order, against the running cloud."""

import asyncio
import json
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import aiohttp
import pytest

from local.cloud import ROOT, Cloud
from local.fleet.drives import Sample, rfc3339
from local.fleet.sender import cloud_event, fleet, from_hub

PAGES = ("signals", "rules", "privacy", "history", "replay", "notifications", "console")
WITHIN = 30.0
_BLOCK = re.compile(r"^```(send|http)([^\n]*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_REQUEST = re.compile(r"(GET|POST|PUT|DELETE) (\S+)(?: (\{.*\}))?\n(\d{3})(?: (\{.*\}))?\s*", re.DOTALL)


class Block(NamedTuple):
    kind: str
    how: str
    text: str


def blocks(page: Path) -> Iterator[Block]:
    for kind, how, text in _BLOCK.findall(page.read_text()):
        yield Block(kind, how.strip(), text)


class Reader:
    """Follows a page: a vehicle, its primary user, an operator of a brand of their own."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud, self._sequence = cloud, 0
        self.brand, user = f"brand-{uuid4().hex[:8]}", f"user-{uuid4().hex[:8]}"
        self._tokens = {
            "operator": cloud.issuer.token("operator-1", self.brand, ["operator"]),
            "": cloud.issuer.token(user, self.brand, []),
        }
        self._user, self._known = user, dict[str, str]()

    async def begin(self) -> None:
        body = {"vin": f"ZZZ{uuid4().hex[:14].upper()}", "region": "eu", "model": "Polar", "modelYear": 2026}
        _, made = await self._ask("operator", "POST", "/api/v1/vehicles", body | {"roles": {self._user: "primary"}})
        self._known["vehicle"] = made["id"]

    async def follow(self, block: Block) -> None:
        await (self._send(block) if block.kind == "send" else self._request(block))

    async def _send(self, block: Block) -> None:
        from datetime import UTC, datetime

        vehicle = self._known["vehicle"]
        self._sequence += 1
        if block.how == "raw":
            body = block.text.strip().encode()
        else:
            event = json.loads(
                cloud_event(vehicle, self._sequence, [Sample(rfc3339(datetime.now(UTC)), json.loads(block.text))])
            )
            name, _, value = block.how.partition("=")
            body = json.dumps(event | ({name: value} if name else {})).encode()
        async with fleet(self._cloud.env["EVENTHUBS"]) as vehicles:
            await vehicles.send(vehicle, [from_hub(vehicle, body)])

    async def _request(self, block: Block) -> None:
        found = _REQUEST.fullmatch(block.text)
        assert found, block.text
        method, path, body, status, expected = found.groups()
        wanted = json.loads(self._filled(expected)) if expected else None
        sent = json.loads(body) if body else None
        until = asyncio.get_running_loop().time() + (WITHIN if method == "GET" else 0)
        while True:
            got, answer = await self._ask(block.how.removeprefix("as ").strip(), method, self._filled(path), sent)
            if got == int(status) and _fits(answer, wanted):
                break
            assert asyncio.get_running_loop().time() < until, (block.text, got, answer)
            await asyncio.sleep(0.1)
        for item in answer.get("items", []) if isinstance(answer, dict) else []:
            self._known |= {"name": item["name"]} if "name" in item else {}

    async def _ask(self, who: str, method: str, path: str, body: Any) -> tuple[int, Any]:
        root, headers = self._cloud.url.removesuffix("/api/v1"), {"Authorization": f"Bearer {self._tokens[who]}"}
        async with (
            aiohttp.ClientSession() as http,
            http.request(method, root + path, json=body, headers=headers) as answer,
        ):
            text = await answer.text()
            return answer.status, json.loads(text) if text else None

    def _filled(self, text: str) -> str:
        for name, value in self._known.items():
            text = text.replace("{" + name + "}", value)
        return text


_STEP = re.compile(r"^```sh\n(.*?)^```\n```json\n(.*?)^```", re.MULTILINE | re.DOTALL)
_BETWEEN = "------ the next step"


async def test_the_walk_prints_what_it_says(cloud: Cloud) -> None:
    """All of its commands in one shell, and after each what it is said to print."""
    steps = _STEP.findall((ROOT / "docs" / "api.md").read_text())
    assert len(steps) == (ROOT / "docs" / "api.md").read_text().count("```sh") >= 15
    script = "set -euo pipefail\n" + f"\necho; echo '{_BETWEEN}'\n".join(commands for commands, _ in steps)
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    env = os.environ | {"PATH": path, "LOCAL_DATA": str(cloud.data), "PYTHONPATH": str(ROOT)}
    process = await asyncio.create_subprocess_exec(
        "bash", "-c", script, cwd=ROOT, env=env, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, errors = await asyncio.wait_for(process.communicate(), 120)
    assert process.returncode == 0, (out[-500:], errors)
    for (commands, expected), printed in zip(steps, out.decode().split(_BETWEEN), strict=True):
        assert _fits(json.loads(printed), json.loads(expected)), (commands, printed)


def _fits(found: Any, wanted: Any) -> bool:
    """Whether all that is wanted is there: of an object these fields, of a list these items, each somewhere; null where
    there is nothing, and * for anything."""
    if wanted == "*":
        return found is not None
    if isinstance(wanted, dict) and isinstance(found, dict):
        return all(_fits(found.get(name), value) for name, value in wanted.items())
    if isinstance(wanted, list) and isinstance(found, list):
        return all(any(_fits(item, one) for item in found) for one in wanted) and bool(wanted) >= bool(found)
    return bool(found == wanted) or (wanted is None and found is None)


@pytest.mark.parametrize("name", PAGES)
async def test_what_a_page_shows_is_what_happens(cloud: Cloud, name: str) -> None:
    found = list(blocks(ROOT / "docs" / f"{name}.md"))
    assert len(found) >= 4
    reader = Reader(cloud)
    await reader.begin()
    for block in found:
        await reader.follow(block)
