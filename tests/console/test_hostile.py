"""What vehicles, partners and operators say is shown as text, whatever it is."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from playwright.async_api import Error

from local.fleet.sender import from_hub
from tests.console.conftest import PLACE, Town, Visit, Visiting, events
from tests.console.test_console import until

pytestmark = pytest.mark.asyncio(loop_scope="session")

MARKUP = '<img src="x" onerror="globalThis.taken=1"><svg onload="globalThis.taken=1"></svg>'


@asynccontextmanager
async def rude() -> AsyncIterator[str]:
    """A partner's system that echoes its challenge and then refuses with markup."""

    async def answer(request: web.Request) -> web.Response:
        asked = await request.json()
        if asked["type"] == "webhook.verification":
            return web.json_response({"challenge": asked["data"]["challenge"]})
        return web.Response(status=410, reason=MARKUP, text=MARKUP, content_type="text/html")

    app = web.Application()
    app.router.add_post("/", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    await runner.cleanup()


async def harmless(visited: Visit, hash: str, selector: str, text: str = MARKUP) -> None:
    """The page says it, and none of what it says became more than text."""
    await visited.to(hash)
    await visited.says(selector, text)
    assert await visited.page.evaluate("globalThis.taken ?? null") is None, hash
    assert await visited.page.locator('img[src="x"]').count() == 0, hash


async def test_markup_in_names_codes_templates_answers_and_bodies_is_text(town: Town, visit: Visiting) -> None:
    car = await town.car("user-ada", model=MARKUP)
    await town.at(car, *PLACE)
    async with rude() as url, town.operator() as api, town.person("user-ada") as ada:
        await api.call("PUT", "trouble-codes", {"codes": {"P0420": MARKUP}})
        words = {"parts": {"title": MARKUP, "body": MARKUP + "{{ text }}"}}
        await api.call("PUT", "templates/trouble_code_opened/inbox/en", words)
        await api.call("POST", "webhooks", {"url": url, "partner": "partner-1"})
        await ada.call("PUT", f"vehicles/{car['id']}/consents/partner.partner-1", {"granted": True, "text": "t"})
        await town.drive(car, {"Vehicle.Diagnostics.DTCList": ["P0420", MARKUP]}, ago=-2)
        await events(town, car, [from_hub(car["id"], MARKUP.encode())])
        (item, *_) = (await until(lambda: ada.call("GET", "me/inbox"), lambda page: page["items"]))["items"]
        trail = f"notifications/{item['notificationId']}/trail"
        await until(lambda: api.call("GET", trail), lambda found: "failed" in str(found))
        await until(lambda: api.call("GET", f"parked?device={car['id']}"), lambda found: found["items"])

    visited = await visit()
    await harmless(visited, "#/map", "ul.vehicles")
    await visited.page.locator(f"button[data-vehicle={car['id']}]").click()
    await visited.says(".card h2", MARKUP)
    await harmless(visited, f"#/vehicles/{car['id']}", "h1")
    await visited.page.locator("summary").filter(has_text="Diagnostics").click()
    await visited.says(".value", MARKUP)
    await harmless(visited, f"#/decisions?vehicle={car['id']}", "h1", "Decisions")
    await visited.page.locator("datalist option", has_text=MARKUP).first.wait_for(state="attached")
    await harmless(visited, f"#/notifications?id={item['notificationId']}&vehicle={car['id']}", ".trail .reason", "410")
    await harmless(visited, "#/operations", "h2", "Parked")
    async with visited.page.expect_response(lambda answer: f"device={car['id']}" in answer.url):
        await visited.page.get_by_label("Device").fill(car["id"])
        await visited.page.get_by_label("Device").press("Enter")  # a click would be lost while the rows change
    await visited.page.get_by_role("button", name="Read", exact=True).click()
    await visited.says("pre", MARKUP)

    driver = await visit("user-ada", operator=False)
    await harmless(driver, "#/map", "ul.vehicles")
    await harmless(driver, "#/data", "td")
    await harmless(driver, "#/inbox", "ul.items h2")
    await driver.says("ul.items p", MARKUP + MARKUP)
    assert await driver.page.evaluate("globalThis.taken ?? null") is None


async def test_the_page_would_not_take_markup_if_it_came_in(visit: Visiting) -> None:
    visited = await visit()
    for way in ("main.innerHTML = markup", "main.setAttribute('onclick', markup)"):
        script = f"markup => {{ const main = document.querySelector('main'); {way} }}"
        with pytest.raises(Error, match="Trusted"):
            await visited.page.evaluate(script, MARKUP)
    assert await visited.page.evaluate("globalThis.taken ?? null") is None
    assert len(visited.errors) >= 2
    visited.errors.clear()
