"""Publishing, against a server that answers as a function app's SCM site does."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from scripts import publish as script


@dataclass
class Site:
    """Takes a package with `upload`, then tells of it with one of `answers` after the other."""

    upload: int = 202
    answers: list[tuple[int, dict[str, Any] | str]] = field(default_factory=list)
    taken: list[tuple[str, str, str, bytes]] = field(default_factory=list)
    url: str = ""

    async def publish(self, request: web.Request) -> web.Response:
        said = request.headers["Authorization"], request.headers["Content-Type"]
        self.taken.append((request.query_string, *said, await request.read()))
        return web.json_response("dep-1", status=self.upload)

    async def latest(self, request: web.Request) -> web.Response:
        status, said = self.answers.pop(0)
        return (
            web.json_response(said, status=status) if isinstance(said, dict) else web.Response(text=said, status=status)
        )

    async def run(self, package: Path) -> str | None:
        """Publish to it; why not, if not."""
        try:
            await asyncio.to_thread(script.publish, self.url, package, "token", 0.0)
        except script.NotPublishedError as error:
            return str(error)
        return None


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    site, app = Site(), web.Application(client_max_size=2**20)
    app.router.add_post("/api/publish", site.publish)
    app.router.add_get("/api/deployments/latest", site.latest)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    site.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield site
    await runner.cleanup()


@pytest.fixture
def package(tmp_path: Path) -> Path:
    path = tmp_path / "package.zip"
    path.write_bytes(b"PK\x03\x04 and more")
    return path


async def test_a_package_is_published_as_it_is_and_waited_for(site: Site, package: Path) -> None:
    site.answers = [(404, "not yet"), (200, "<html>"), (202, {"status": 1}), (200, {"status": 4})]
    assert await site.run(package) is None
    assert site.taken == [("RemoteBuild=false", "Bearer token", "application/zip", package.read_bytes())]
    assert site.answers == []


async def test_a_site_that_is_replaced_meanwhile_has_taken_it(site: Site, package: Path) -> None:
    site.answers = [(202, {"status": 2}), (404, "")]
    assert await site.run(package) is None


@pytest.mark.parametrize(
    ("upload", "answers", "why"),
    [
        (409, [], "another deployment is under way"),
        (403, [], "403: dep-1"),
        (202, [(200, {"status": 3, "status_text": "no host.json"})], "the deployment failed: no host.json"),
        (202, [(200, {"status": 5})], "the deployment was overtaken by another: "),
        (202, [(200, {"status": 6})], "the deployment succeeded in part: "),
    ],
)
async def test_what_was_not_published_is_said_with_its_reason(
    site: Site, package: Path, upload: int, answers: list[tuple[int, dict[str, Any] | str]], why: str
) -> None:
    site.upload, site.answers = upload, answers
    assert await site.run(package) == why


async def test_nothing_is_sent_in_clear_or_waited_for_without_end(
    site: Site, package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.url = "http://app.scm.example"
    assert await site.run(package) == "only https, or this machine"
    site.url = "http://127.0.0.1:9"
    assert "refused" in str(await site.run(package))
    assert site.taken == []


async def test_a_deployment_without_an_end_is_given_up(
    site: Site, package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(script, "DEADLINE", 0.2)
    site.answers = [(200, {"status": 1})] * 10_000
    assert "no end after 0.2 seconds" in str(await site.run(package))
