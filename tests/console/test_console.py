"""The console in a real browser, on the whole local cloud."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from time import monotonic, time
from typing import Any

import pytest
from playwright.async_api import Browser, Page, Route

from local.fleet.drives import BATTERY, Sample, rfc3339
from local.fleet.sender import cloud_event, from_hub
from shared.bootstrap import World
from shared.domain.geo import Place
from shared.domain.inbox import Outcome
from shared.domain.span import Span
from shared.domain.trips import Trip
from tests.console.conftest import PLACE, Town, Visiting, events, sign_in
from tests.partners import systems

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def until[T](look: Callable[[], Awaitable[T]], holds: Callable[[T], object], seconds: float = 30) -> T:
    deadline = monotonic() + seconds
    while not holds(found := await look()):
        assert monotonic() < deadline, found
        await asyncio.sleep(0.1)
    return found


def drawn(page: Page, source: str = "vehicles") -> Callable[[], Awaitable[list[Any]]]:
    """The coordinates of what the map draws of a source."""
    script = """source => { const map = document.querySelector('.map')?.map;
        return map?.getSource(source) ? map.querySourceFeatures(source).map(f => f.geometry.coordinates) : [] }"""

    async def look() -> list[Any]:
        return list(await page.evaluate(script, source))

    return look


async def test_somebody_signs_in_sees_vehicles_move_and_signs_out(town: Town, visit: Visiting) -> None:
    car = await town.car()
    await town.at(car, *PLACE)
    visited = await visit()
    page = visited.page
    await visited.says("h1", "Fleet")
    before = await until(drawn(page), lambda found: found)
    await visited.page.locator(f"button[data-vehicle={car['id']}]").click()
    await visited.says("dd.place", "48.2 / 11.3")
    for step in range(1, 4):
        await town.at(car, PLACE[0], PLACE[1] + step / 1000)
        await visited.says("dd.place", f"48.2 / {PLACE[1] + step / 1000:.4g}".rstrip("0"))
    assert before[0][0] < 11.301
    await until(drawn(page), lambda found: abs(found[0][0] - 11.303) < 0.0005)
    await page.get_by_role("button", name="Sign out").click()
    await page.locator("button.primary").wait_for()
    assert await page.evaluate("sessionStorage.length") == 0


async def test_a_trip_is_shown_as_a_line(town: Town, visit: Visiting, real: World) -> None:
    car = await town.car()
    await town.at(car, *PLACE)
    start = int((time() - 3600) * 1000)
    line = tuple(Place(PLACE[0] + n % 4 / 100, PLACE[1] + n / 50) for n in range(20))
    trip = Trip(
        f"trip-{start}", car["id"], Span(start, start + 900_000), 12_345, "odometer", (80.0, 70.0), 5.5, None, line
    )
    await real.histories.put_derived(trip, 30)
    visited = await visit()
    await visited.to(f"#/vehicles/{car['id']}")
    await visited.says(visited.section("trips"), "12.3 km")
    assert await drawn(visited.page, "trip")() == []
    await visited.page.get_by_role("button", name="Show on map").click()
    assert len((await until(drawn(visited.page, "trip"), lambda found: found))[0]) > 2
    top = await visited.page.evaluate("document.querySelector('.map').getBoundingClientRect().top")
    assert top > -1, "the map is in sight"
    await visited.page.get_by_role("button", name="Hide").click()
    await until(drawn(visited.page, "trip"), lambda found: found == [])


async def test_a_geofence_is_drawn_with_the_mouse_and_edited_with_the_keyboard(town: Town, visit: Visiting) -> None:
    car = await town.car("user-ada")
    await town.at(car, *PLACE)
    visited = await visit()
    page = visited.page
    await visited.to(f"#/vehicles/{car['id']}")
    await page.get_by_role("button", name="Draw a polygon").click()
    await visited.says("form.card", "0 corners")
    for x, y in ((150, 80), (450, 90), (430, 300), (140, 310)):
        await page.locator(".map canvas").click(position={"x": x, "y": y})
    await visited.says("form.card", "4 corners")
    await page.get_by_label("Name").fill("school")
    await page.get_by_role("button", name="Save").click()
    await visited.says(visited.section("fences"), "polygon, 4 corners")
    async with town.operator() as api:
        (rule,) = [r for r in (await api.call("GET", f"vehicles/{car['id']}/rules"))["rules"] if r["id"] == "school"]
    assert sorted(rule["on"]) == ["enter", "exit"]
    assert await until(drawn(page, "fences"), lambda found: found)

    await page.get_by_role("button", name="Edit").press("Enter")
    await page.locator(".map canvas").focus()
    for _ in range(3):
        await page.keyboard.press("ArrowRight")
        await until(lambda: page.evaluate("document.querySelector('.map').map.isMoving()"), lambda moves: not moves)
    await page.get_by_role("button", name="Add a corner").press("Enter")
    await visited.says("form.card", "5 corners")
    await page.get_by_role("button", name="Save").press("Enter")
    await visited.says(visited.section("fences"), "polygon, 5 corners")

    await page.get_by_role("button", name="Draw a circle").press("Enter")
    await page.get_by_label("Name").fill("home")
    await page.get_by_label("Radius in metres").fill("2000")
    await page.get_by_role("button", name="Save").press("Enter")
    await visited.says(visited.section("fences"), "circle, 2,000 m")
    await town.at(car, *PLACE)
    await visited.says(visited.section("now"), "home")

    await page.locator("li.line").filter(has_text="school").get_by_role("button", name="Delete").click()
    await page.get_by_role("button", name="Yes, do it").click()
    await until(page.locator("li.line").count, lambda count: count == 1)


async def test_the_state_is_shown_by_branch_with_speed_and_charge_over_time(town: Town, visit: Visiting) -> None:
    car = await town.car()
    steps: list[dict[str, object]] = [
        {"Vehicle.Speed": float(n), BATTERY + "StateOfCharge.Displayed": 60.0 - n / 10} for n in range(40)
    ]
    await town.drive(car, *steps, {"Vehicle.Cabin.HVAC.AmbientAirTemperature": 21.5})
    visited = await visit()
    await visited.to(f"#/vehicles/{car['id']}")
    await visited.says("figure.chart", "Speed")
    await visited.says("figure.chart", "km/h, now")
    await visited.says("details", "Powertrain.TractionBattery.StateOfCharge.Displayed")
    await visited.says("summary", "Cabin")
    assert await visited.page.locator("figure.chart canvas").count() == 2
    await town.drive(car, {BATTERY + "StateOfCharge.Displayed": 33.25})
    await visited.says("details", "33.25")
    await visited.page.get_by_label("Privacy").select_option("no_position")
    async with town.operator() as api:
        await until(lambda: api.call("GET", f"vehicles/{car['id']}/privacy"), lambda p: p["mode"] == "no_position")


async def test_a_decision_is_explained(town: Town, visit: Visiting) -> None:
    car = await town.car("user-ada", capabilities=["climate"])
    async with town.operator() as api:
        needs = {"capabilities": ["climate", "alarm"], "terms": False}
        await api.call("PUT", "catalog/features/siren", {"id": "siren", "name": "Siren", "needs": needs})
    visited = await visit()
    await visited.to("#/decisions")
    page = visited.page
    await page.get_by_label("Vehicle (id or VIN)").fill(car["vin"])
    await page.locator("datalist#people option").wait_for(state="attached")
    await page.get_by_label("Person (nobody if empty)").fill("user-ada")
    await page.get_by_label("Feature").select_option("siren")
    await page.get_by_role("button", name="Decide").click()
    await visited.says(".decision h2", "Not allowed: siren")
    reasons = await page.locator(".decision ul code").all_inner_texts()
    assert reasons == ["hardware", "not_subscribed"]
    await visited.says(".decision tr", '["climate"]')
    async with town.operator() as api:
        await api.call("POST", f"vehicles/{car['id']}/grants", {"feature": "siren"})
    await page.get_by_role("button", name="Decide").click()
    await until(page.locator(".decision ul code").all_inner_texts, lambda found: found == ["hardware"])


async def test_the_trail_of_a_notification_is_shown_and_a_failed_one_replayed(town: Town, visit: Visiting) -> None:
    car = await town.car("user-ada")
    async with systems() as partner, town.operator() as api, town.person("user-ada") as ada:
        hook = {"url": f"{partner.url}/gone", "partner": "partner-1", "kinds": ["battery_low"]}
        made = await api.call("POST", "webhooks", hook)
        await ada.call("PUT", f"vehicles/{car['id']}/consents/partner.partner-1", {"granted": True, "text": "t"})
        await town.low(car)
        (item,) = (await until(lambda: ada.call("GET", "me/inbox"), lambda page: page["items"]))["items"]
        visited = await visit()
        await visited.to(f"#/notifications?vehicle={car['id']}")
        await visited.says(visited.section("told"), "Battery low")
        await visited.page.locator(visited.section("told")).get_by_role("link", name="Trail").click()
        await visited.says(".trail", "user-ada")
        await visited.says(".trail .delivery", "inbox: sent")
        await visited.says(".trail", made["id"])
        await visited.says(".trail .delivery", "webhook: sent")
        assert item["notificationId"] in await visited.page.locator(".trail").inner_text()


async def test_what_could_not_be_delivered_is_replayed(town: Town, visit: Visiting, real: World) -> None:
    car = await town.car("user-ada")
    async with systems() as partner, town.operator() as api, town.person("user-ada") as ada:
        made = await api.call("POST", "webhooks", {"url": f"{partner.url}/hook", "partner": "partner-1"})
        await ada.call("PUT", f"vehicles/{car['id']}/consents/partner.partner-1", {"granted": True, "text": "t"})
        await town.low(car)
        (event,) = (
            await until(
                lambda: api.call("GET", f"webhooks/{made['id']}/events"),
                lambda found: found["items"] and found["items"][0]["delivery"]["outcome"] == "sent",
            )
        )["items"]
        items = await real.inbox.of_notification(event["notificationId"])
        item = next(i for i in items if i.recipient.user.startswith("@"))
        (channel,) = item.deliveries
        found = await real.inbox.load(item.recipient, item.id)
        failed = found.value.with_delivery(channel, replace(found.value.deliveries[channel], outcome=Outcome.FAILED))
        await real.inbox.commit(failed, found.version)
        visited = await visit()
        await visited.to("#/notifications")
        await visited.says(visited.section("failed"), made["id"])
        await visited.page.locator(visited.section("failed")).get_by_role("button", name="Replay").click()
        await until(lambda: _calls(partner.taken), lambda count: count == 2)
        await visited.says(visited.section("failed"), "Everything was delivered.")


async def _calls(taken: dict[str, list[Any]]) -> int:
    return len(taken.get("/hook", []))


async def test_what_was_parked_is_read_and_replayed_and_the_ledger_moves(town: Town, visit: Visiting) -> None:
    car = await town.car()
    seen = Sample(rfc3339(datetime.now(UTC)), {"Vehicle.Speed": 3.0})
    stranger = from_hub(car["id"], cloud_event(car["id"], int(time() * 1000) + 60_000, [seen]))
    annotations = dict(stranger.raw_amqp_message.annotations or {})
    stranger.raw_amqp_message.annotations = annotations | {"iothub-connection-auth-generation-id": "2"}
    await town.drive(car, {"Vehicle.Speed": 1.0}, ago=10)  # seen before what the stranger saw
    await events(town, car, [stranger])
    visited = await visit()
    page = visited.page
    await visited.to("#/operations")
    await visited.says(visited.section("ledger"), "telemetry-")
    await page.get_by_label("Device").fill(car["id"])
    await page.get_by_role("button", name="Refresh").click()
    await visited.says(visited.section("parked") + " td", "quarantined")
    await page.get_by_role("button", name="Read", exact=True).click()
    await visited.says("pre", "automotive.telemetry.v1")
    before = await page.locator(".figures dd").first.inner_text()
    async with town.operator() as api:
        await api.call("POST", f"vehicles/{car['id']}/release")
    await page.locator("td").get_by_role("button", name="Replay").click()
    await visited.says(".replayed", "Replayed: applied 1")
    async with town.operator() as api:
        state = await api.call("GET", f"vehicles/{car['id']}/state")
        assert state["signals"]["Vehicle.Speed"]["value"] == 3.0
        await town.drive(car, {"Vehicle.Speed": 2.0})  # the other device's: it is a stranger now
        await until(lambda: api.call("GET", f"parked?device={car['id']}"), lambda found: len(found["items"]) == 2)
    await until(page.locator(".figures dd").first.inner_text, lambda now: now != before)
    await page.get_by_label("Reason").first.select_option(index=0)
    await page.get_by_role("button", name="Replay all of these").click()
    await page.get_by_role("button", name="Yes, do it").click()
    await visited.says(".replayed", "Replayed: parked 1")


async def test_a_driver_sees_the_own_vehicles_inbox_preferences_guests_and_data(town: Town, visit: Visiting) -> None:
    mine, others = await town.car("user-ada"), await town.car("user-ben")
    for car in (mine, others):
        await town.at(car, *PLACE)
    visited = await visit("user-ada", operator=False)
    page = visited.page
    await visited.says("h1", "My vehicles")
    await visited.says("ul.vehicles", mine["vin"])
    assert await page.locator(f"button[data-vehicle={others['id']}]").count() == 0
    assert await page.locator("header nav a").all_inner_texts() == ["Map", "Inbox", "Preferences", "My data"]

    await visited.to("#/inbox")
    await visited.says("main", "Nothing yet.")
    await town.low(mine)
    await visited.says("ul.items li", "Battery low")
    await page.get_by_role("button", name="Trail").click()
    await visited.says(".trail", "inbox: sent")
    await page.get_by_role("button", name="Mark as read", exact=True).click()
    async with town.person("user-ada") as ada:
        await until(lambda: ada.call("GET", "me/inbox/unread"), lambda found: found["unread"] == 0)

        await visited.to("#/preferences")
        await page.get_by_label("Time zone").fill("Europe/Vienna")
        await page.get_by_label("Battery low, mail").select_option("true")
        await page.locator(visited.section("telling")).get_by_role("button", name="Save").click()
        await visited.says("main", "Saved.")
        said = (await ada.call("GET", "me/preferences"))["said"]
        assert (said["zone"], said["channels"]["battery_low"]) == ("Europe/Vienna", {"email": True})

        await visited.to(f"#/vehicles/{mine['id']}")
        await page.get_by_text("Invite").first.click()
        await page.locator("form").filter(has_text="Role").get_by_role("button", name="Invite").click()
        token = await page.locator("code.token").inner_text()
        async with town.person("user-cleo") as cleo:
            await cleo.call("POST", "me/invitations", {"token": token})
        await page.reload()
        await visited.says(visited.section("people"), "user-cleo")

        await visited.to("#/data")
        await visited.says(visited.section("access"), "owner")
        await page.get_by_role("button", name="Write it down for me").click()
        link = page.get_by_role("link", name="Fetch the file")
        await link.wait_for(timeout=60_000)
        href = str(await link.get_attribute("href"))
    answer = await page.request.get(href)
    assert (await answer.json())["userId"] == "user-ada"
    await visited.to(f"#/vehicles/{others['id']}")
    await visited.says(".trouble", "There is none, or it is not yours")
    expected = "the server responded with a status of 404"
    visited.errors[:] = [error for error in visited.errors if expected not in error]


async def test_it_goes_on_where_it_was_cut_off(town: Town, visit: Visiting) -> None:
    car = await town.car()
    await town.at(car, *PLACE)
    visited = await visit()
    await visited.page.locator(f"button[data-vehicle={car['id']}]").click()
    await visited.says(".connection", "live")
    await visited.page.context.set_offline(True)
    for _ in range(2):  # a leap is believed when a second position agrees
        await town.at(car, 48.25, 11.35)
    await visited.says(".connection", "offline")
    await visited.page.context.set_offline(False)
    await visited.says(".connection", "live")
    await visited.says("dd.place", "48.25 / 11.35")
    visited.errors[:] = [error for error in visited.errors if "net::ERR_INTERNET_DISCONNECTED" not in error]


async def test_what_is_typed_stays_while_the_page_is_updated(visit: Visiting) -> None:
    visited = await visit()
    await visited.to("#/operations")
    device = visited.page.get_by_label("Device")
    await device.press_sequentially("veh-1")
    for _ in range(2):  # each look at the ledger draws the page anew
        await visited.page.wait_for_event("response", lambda answer: answer.url.endswith("/ledger"))
        await visited.page.evaluate("new Promise(requestAnimationFrame)")
    assert await device.input_value() == "veh-1"

    driver = await visit("user-ada", operator=False)
    await driver.to("#/preferences")
    wrong = {"title": "no such zone", "code": "invalid_body", "detail": "no such zone", "status": 400}

    async def refused(route: Route) -> None:
        await (route.fulfill(status=400, json=wrong) if route.request.method == "PUT" else route.continue_())

    await driver.page.route("**/me/preferences", refused)
    await driver.page.get_by_label("Time zone").fill("Europe/Nowhere")
    await driver.page.get_by_label("Battery low, mail").select_option("true")
    await driver.page.locator(driver.section("telling")).get_by_role("button", name="Save").click()
    await driver.says(driver.section("telling") + " .trouble", "no such zone")
    assert await driver.page.get_by_label("Time zone").input_value() == "Europe/Nowhere"
    assert await driver.page.get_by_label("Battery low, mail").input_value() == "true"
    driver.errors.clear()  # the browser's own word on the answer


async def test_who_goes_elsewhere_at_once_gets_there(visit: Visiting) -> None:
    visited = await visit()
    at_once = """new MutationObserver((_, seen) => {
        if (document.querySelector('header nav')) { seen.disconnect(); location.hash = '#/operations'; }
    }).observe(document, {childList: true, subtree: true})"""
    await visited.page.add_init_script(at_once)
    await visited.page.reload()
    await visited.says("h1", "Operations")


async def test_a_token_that_holds_no_more_leads_back_to_signing_in(town: Town, visit: Visiting) -> None:
    visited = await visit()
    await visited.to("#/operations")
    broken = "sessionStorage.session = JSON.stringify({token: 'none', until: Date.now() + 1e6})"
    await visited.page.evaluate(broken)
    await visited.page.locator("button.primary").wait_for()
    await visited.page.locator("button.primary").click()
    await sign_in(visited.page, "operator-7", town.brand, True)
    await visited.says("h1", "Operations")
    visited.errors[:] = [error for error in visited.errors if "401" not in error]


async def test_an_answer_of_the_issuer_that_was_not_asked_for_is_not_taken(town: Town, browser: Browser) -> None:
    page = await (await browser.new_context()).new_page()
    await page.goto(town.cloud.console)
    await page.locator("button.primary").click()
    await page.locator("input[name=other]").wait_for()
    await page.goto(f"{town.cloud.console}?code=stolen&state=other&iss={town.cloud.issuer.url}")
    await page.locator(".trouble").wait_for()
    assert await page.evaluate("sessionStorage.session") is None
    await page.goto(f"{town.cloud.console}?code=stolen&state=other")
    await page.locator(".trouble").wait_for()
    assert "code" not in page.url
