"""The console is for everybody who may use it: with a keyboard, a screen reader, a small screen, in two languages."""

from collections.abc import Mapping
from typing import Any

import pytest
from playwright.async_api import Page

from local.cloud import ROOT
from tests.console.conftest import PLACE, Car, Town, Visit, Visiting

pytestmark = pytest.mark.asyncio(loop_scope="session")

AXE = (ROOT / "node_modules" / "axe-core" / "axe.min.js").read_text()
WIDER = """width => document.documentElement.scrollWidth <= width ? [] : [...document.querySelectorAll('body *')]
    .filter(one => one.getBoundingClientRect().right > width).map(one => one.outerHTML.slice(0, 200))"""
"""What makes the page wider than it may be."""
WIDEST = """() => document.querySelectorAll('main a, main code').forEach(one => {
    if (one.firstChild?.data?.startsWith('veh-')) one.firstChild.data = 'veh-' + 'd'.repeat(32);
})"""
"""Every vehicle gets the id that takes the most room."""
PAGES: Mapping[bool, tuple[str, ...]] = {
    True: ("map", "vehicles/{id}", "decisions", "notifications?vehicle={id}", "operations"),
    False: ("map", "vehicles/{id}", "inbox", "preferences", "data"),
}
"""Of an operator, and of a person."""


async def serious(page: Page) -> list[str]:
    """What axe-core finds that is serious or worse, with where."""
    await page.evaluate(AXE)
    found: dict[str, Any] = await page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{v['id']}: {node['html']}"
        for v in found["violations"]
        if v["impact"] in ("serious", "critical")
        for node in v["nodes"]
    ]


async def shown(visited: Visit, hash: str, car: Car) -> None:
    await visited.to("#/" + hash.format(id=car["id"]))
    await visited.page.locator("main h1").wait_for(timeout=30_000)
    await visited.page.locator("main h2, main .row, main form").first.wait_for(timeout=30_000)


async def lively(town: Town) -> Car:
    """A car of which there is something to show on every page."""
    car = await town.car("user-ada", "user-ben")
    await town.at(car, *PLACE)
    await town.low(car)
    fence = {"id": "home", "kind": "geofence", "circle": {"latitude": 48.2, "longitude": 11.3, "radius": 500}}
    async with town.operator() as api:
        await api.call("PUT", f"vehicles/{car['id']}/rules/home", fence)
    return car


@pytest.mark.parametrize("operator", [True, False], ids=["operator", "person"])
async def test_axe_finds_nothing_serious_in_the_light_and_in_the_dark(
    town: Town, visit: Visiting, operator: bool
) -> None:
    car = await lively(town)
    visited = await visit("user-ada", operator=operator)

    async def fine() -> None:
        for scheme in ("light", "dark"):
            await visited.page.emulate_media(color_scheme=scheme)
            assert await serious(visited.page) == [], (await visited.page.evaluate("location.hash"), scheme)

    for hash in PAGES[operator]:
        await shown(visited, hash, car)
        await fine()
    if operator:
        await shown(visited, "vehicles/{id}", car)
        await visited.page.get_by_role("button", name="Draw a polygon").click()
        await fine()
    await visited.page.get_by_role("button", name="Sign out").click()
    await visited.page.locator("button.primary").wait_for()
    await fine()


async def test_axe_would_find_it(visit: Visiting) -> None:
    visited = await visit()
    await visited.page.evaluate("document.querySelector('main').append(document.createElement('input'))")
    assert [found.partition(":")[0] for found in await serious(visited.page)] == ["label"]


@pytest.mark.parametrize("operator", [True, False], ids=["operator", "person"])
async def test_nothing_is_cut_off_on_a_screen_of_360_pixels(town: Town, visit: Visiting, operator: bool) -> None:
    car = await lively(town)
    visited = await visit("user-ada", operator=operator, viewport={"width": 360, "height": 740})
    for hash in PAGES[operator]:
        await shown(visited, hash, car)
        await visited.page.evaluate(WIDEST)
        assert await visited.page.evaluate(WIDER, 360) == [], hash


async def test_a_keyboard_reaches_everything(town: Town, visit: Visiting) -> None:
    car = await lively(town)
    visited = await visit()
    page = visited.page
    await visited.says("ul.vehicles", car["vin"])
    focused = "document.activeElement.className || document.activeElement.id || document.activeElement.textContent"
    await page.keyboard.press("Tab")
    assert await page.evaluate(focused) == "skip"
    await page.keyboard.press("Enter")
    assert await page.evaluate("document.activeElement.id") == "main"
    for _ in range(3):
        await page.keyboard.press("Tab")
    assert await page.evaluate("document.activeElement.dataset.vehicle") == car["id"]
    await page.keyboard.press("Enter")
    await visited.says(".card dl", "50 km/h")
    await page.get_by_role("link", name="Open").focus()
    await page.keyboard.press("Enter")
    await visited.says("h1", "Polar")
    assert await page.evaluate("document.activeElement.id") == "main"


async def test_it_speaks_german_to_whoever_prefers_it_and_remembers_who_chose(town: Town, visit: Visiting) -> None:
    car = await lively(town)
    visited = await visit(locale="de-DE")
    await visited.says("h1", "Flotte")
    assert await visited.page.evaluate("document.documentElement.lang") == "de"
    await visited.page.locator(f"button[data-vehicle={car['id']}]").click()
    await visited.says("dd.place", "48,2 / 11,3")
    await visited.page.get_by_label("Sprache").select_option("en")
    await visited.says("h1", "Fleet")
    await visited.page.reload()
    await visited.says("h1", "Fleet")
