"""The pictures of the console in docs: `make picture`. A fresh cloud drives for some minutes, and is looked at."""

import asyncio
import tempfile
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, Page, async_playwright

from local.__main__ import _drive
from local.cloud import ROOT, Cloud, Ports
from local.signin import BRAND
from local.town import introduce, operator, settle
from tests.console.conftest import CHROMIUM, FLAGS, sign_in

FLEET, SPEED, SECONDS = 12, 6.0, 240
OUT = ROOT / "docs"


async def main() -> None:
    assert CHROMIUM, "there is no Chromium here"
    with tempfile.TemporaryDirectory() as folder:
        cloud = Cloud(Path(folder), Ports.free())
        try:
            await cloud.start()
            residents = await settle(cloud, FLEET)
            await introduce(cloud, residents)
            driving = asyncio.create_task(_drive(cloud, residents, [], SPEED))
            await asyncio.sleep(SECONDS)
            async with async_playwright() as playwright:
                browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
                await take(cloud, browser, residents[0].vehicle_id)
                await browser.close()
            driving.cancel()
        finally:
            await cloud.stop()


async def take(cloud: Cloud, browser: Browser, vehicle: str) -> None:
    page = await look(cloud, browser, "operator-1", True, viewport={"width": 1280, "height": 720})
    await page.wait_for_timeout(15_000)
    await page.locator("button[data-vehicle]").nth(1).click()
    await page.evaluate("document.querySelector('.map').map.jumpTo({center: [11, 48], zoom: 9.2})")
    await page.wait_for_timeout(12_000)
    await page.screenshot(path=OUT / "console.png")
    fence = {"id": "school", "kind": "geofence", "circle": {"latitude": 0, "longitude": 0, "radius": 700}}
    async with operator(cloud) as api:
        signals = (await api.call("GET", f"vehicles/{vehicle}/state"))["signals"]
        for axis in ("latitude", "longitude"):
            fence["circle"][axis] = signals[f"Vehicle.CurrentLocation.{axis.title()}"]["value"]  # type: ignore[index]
        await api.call("PUT", f"vehicles/{vehicle}/rules/school", fence)
    await page.evaluate("id => { location.hash = `#/vehicles/${id}` }", vehicle)
    await page.get_by_role("button", name="Show on map").first.click()
    await page.wait_for_timeout(6_000)
    await page.evaluate("scrollTo(0, 0)")
    await page.screenshot(path=OUT / "console-vehicle.png")
    await page.evaluate("location.hash = '#/operations'")
    await page.wait_for_timeout(30_000)
    await page.screenshot(path=OUT / "console-operations.png")
    phone: dict[str, Any] = {"viewport": {"width": 390, "height": 720}, "color_scheme": "dark", "locale": "de-DE"}
    page = await look(cloud, browser, "user-ada", False, **phone)
    await page.wait_for_timeout(15_000)
    await page.screenshot(path=OUT / "console-phone.png")


async def look(cloud: Cloud, browser: Browser, user: str, is_operator: bool, **context: Any) -> Page:
    page = await (await browser.new_context(**({"locale": "en-GB"} | context))).new_page()
    await page.goto(cloud.console)
    await page.locator("button.primary").click()
    await sign_in(page, user, BRAND, is_operator)
    await page.locator("header nav").wait_for()
    return page


if __name__ == "__main__":
    asyncio.run(main())
