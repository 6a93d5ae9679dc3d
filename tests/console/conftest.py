"""A real browser before the console of the local cloud: Debian's Chromium, driven by Playwright."""

import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import time
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright

from local.cloud import Api, Cloud
from local.fleet.drives import BATTERY, Sample, rfc3339
from local.fleet.sender import fleet
from shared.bootstrap import World
from shared.settings import read

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium")
FLAGS = (
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
)
PLACE = 48.2, 11.3
type Car = dict[str, Any]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("there is no Chromium here: apt-get install chromium, or name one in CHROMIUM")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield browser
        await browser.close()


@dataclass
class Town:
    """A brand of one test's own, in the cloud that all tests share."""

    cloud: Cloud
    brand: str = field(default_factory=lambda: f"brand-{uuid4().hex[:10]}")

    def operator(self) -> Api:
        return Api(self.cloud.url, self.cloud.issuer.token("operator-7", self.brand, ["operator"]))

    def person(self, user: str) -> Api:
        return Api(self.cloud.url, self.cloud.issuer.token(user, self.brand, []))

    async def car(self, *people: str, **more: object) -> Car:
        """Registered; the first of the people is its owner."""
        number = int(uuid4().hex[:8], 16) % 10**10
        body = {"vin": f"ZZZVEEW{number:010}", "region": "eu", "model": "Polar", "modelYear": 2026}
        roles = {user: "secondary" if n else "primary" for n, user in enumerate(people)}
        async with self.operator() as api:
            return await api.call("POST", "vehicles", body | {"roles": roles} | more)

    async def drive(self, car: Car, *steps: dict[str, object], ago: float = 0) -> None:
        """What it sees, a second apart, the last of it so many seconds ago."""
        end = time() - ago
        times = [datetime.fromtimestamp(end - len(steps) + n + 1, UTC) for n in range(len(steps))]
        samples = [Sample(rfc3339(at), step) for at, step in zip(times, steps, strict=True)]  # type: ignore[arg-type]
        async with fleet(self.cloud.env["EVENTHUBS"]) as vehicles:
            await vehicles.send(car["id"], [vehicles.message(car["id"], [sample]) for sample in samples])

    async def at(self, car: Car, latitude: float, longitude: float, **more: object) -> None:
        where = {"Vehicle.CurrentLocation.Latitude": latitude, "Vehicle.CurrentLocation.Longitude": longitude}
        await self.drive(car, {**where, "Vehicle.Speed": 50.0, "Vehicle.IsMoving": True, **more})

    async def low(self, car: Car) -> None:
        """Its battery runs low, and a second reading confirms it; after now, as partners are told of nothing that was
        before the owner agreed."""
        low: dict[str, object] = {BATTERY + "StateOfCharge.Displayed": 5.0}
        await self.drive(car, low, low, ago=-2)


@pytest.fixture
def town(cloud: Cloud) -> Town:
    return Town(cloud)


@dataclass
class Visit:
    """A page that is signed in, and everything that went wrong in it."""

    page: Page
    url: str
    errors: list[str]
    foreign: list[str]

    async def to(self, hash: str) -> None:
        await self.page.evaluate("hash => { location.hash = hash }", hash)

    async def says(self, selector: str, text: str) -> None:
        """Wait until something there holds the text."""
        await self.page.locator(selector).filter(has_text=text).first.wait_for(timeout=30_000)

    def section(self, name: str) -> str:
        return f"section[aria-labelledby={name}]"


type Visiting = Callable[..., Awaitable[Visit]]


@pytest_asyncio.fixture(loop_scope="session")
async def real(cloud: Cloud) -> AsyncIterator[World]:
    """The product's own adapters on the local cloud, on the loop that these tests share."""
    world = World(read(cloud.env))
    yield world
    await world.close()


@pytest_asyncio.fixture(loop_scope="session")
async def visit(browser: Browser, town: Town) -> AsyncIterator[Visiting]:
    """Sign in as somebody of the town's brand; at the end nothing may have gone wrong, and nobody else been asked."""
    visits: list[Visit] = []

    async def signed_in(user: str = "operator-7", operator: bool = True, **context: Any) -> Visit:
        ways = {"viewport": {"width": 960, "height": 640}, "locale": "en-GB"} | context
        page = await (await browser.new_context(**ways)).new_page()
        made = Visit(page, town.cloud.console, [], [])
        visits.append(made)
        page.on("console", lambda m: made.errors.append(m.text) if m.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: made.errors.append(str(error)))
        page.on("request", lambda r: None if _ours(r.url) else made.foreign.append(r.url))
        await page.goto(made.url)
        await page.locator("button.primary").click()
        await sign_in(page, user, town.brand, operator)
        await page.locator("header nav").wait_for(timeout=30_000)
        return made

    yield signed_in
    for made in visits:
        await made.page.context.close()
    problems = [(made.errors, made.foreign) for made in visits if made.errors or made.foreign]
    assert problems == []


async def sign_in(page: Page, user: str, brand: str, operator: bool) -> None:
    """On the local issuer's page."""
    await page.locator("input[name=other]").fill(user)
    await page.locator("input[name=brand]").fill(brand)
    if operator:
        await page.locator("input[name=is_operator]").check()
    await page.get_by_role("button", name="Sign in").click()


def _ours(url: str) -> bool:
    return url.startswith(("http://127.0.0.1:", "data:", "blob:http://127.0.0.1:"))


async def events(town: Town, car: Car, bodies: Sequence[Any]) -> None:
    """Raw ones, as they are."""
    async with fleet(town.cloud.env["EVENTHUBS"]) as vehicles:
        await vehicles.send(car["id"], list(bodies))
