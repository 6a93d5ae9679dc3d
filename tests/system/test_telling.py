"""From a vehicle's event to an inbox, a mailbox and a partner's system, through every part."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import monotonic, time
from typing import Any
from uuid import uuid4

import aiohttp
import pytest
from standardwebhooks import Webhook

from local.cloud import ROOT, Api, Cloud
from local.fleet.drives import BATTERY, Sample, rfc3339
from local.fleet.sender import fleet
from local.mailbox import mails, text_of
from local.signin import BRAND
from local.town import operator
from shared.bootstrap import World
from shared.codec.trails import dead_letter_id
from shared.domain.inbox import Delivery, Item, Outcome
from shared.domain.kinds import Channel
from shared.domain.notification import Notification
from shared.domain.person import PersonId
from tests.partners import systems


@dataclass(frozen=True, slots=True)
class Home:
    """A vehicle, its owner, and the partner that the owner agreed to."""

    vehicle: str
    user: str
    partner: str
    email: str


async def settled(cloud: Cloud) -> Home:
    mark = uuid4().hex
    home = Home("", f"user-{mark[:12]}", f"partner-{mark[:12]}", f"{mark[:12]}@aurora.example")
    async with operator(cloud) as api:
        body = {"vin": f"ZZZTELL{int(mark[:8], 16) % 10**10:010}", "region": "eu", "model": "Polar", "modelYear": 2026}
        vehicle = await api.call("POST", "vehicles", body | {"roles": {home.user: "primary"}})
    async with owner(cloud, home) as api:
        consent = {"granted": True, "text": "may be told"}
        await api.call("PUT", f"vehicles/{vehicle['id']}/consents/partner.{home.partner}", consent)
    return Home(str(vehicle["id"]), home.user, home.partner, home.email)


def owner(cloud: Cloud, home: Home) -> Api:
    return Api(cloud.url, cloud.issuer.token(home.user, BRAND, []))


def partner(cloud: Cloud, home: Home) -> Api:
    return Api(cloud.url, cloud.issuer.token(home.partner, BRAND, ["partner"], scope="notifications"))


async def until(holds: Callable[[], Any], seconds: float = 30) -> Any:
    """What it gives once that is something."""
    deadline = monotonic() + seconds
    while monotonic() < deadline:
        found = holds()
        found = await found if asyncio.iscoroutine(found) else found
        if found:
            return found
        await asyncio.sleep(0.05)
    raise TimeoutError


async def drain(cloud: Cloud, home: Home, sequence: int) -> None:
    """The battery runs low, or is charged again; a second reading confirms it."""
    now = datetime.now(UTC)
    soc: dict[str, Any] = {BATTERY + "StateOfCharge.Displayed": 5.0 if sequence % 2 else 50.0}
    samples = [Sample(rfc3339(now - timedelta(milliseconds=ago)), soc) for ago in (1, 0)]
    async with fleet(cloud.env["EVENTHUBS"]) as vehicles:
        await vehicles.send(home.vehicle, [vehicles.message(home.vehicle, samples)])


def mailed(cloud: Cloud, home: Home) -> list[Any]:
    return [mail for mail in mails(cloud.data) if mail["To"] == home.email]


async def test_an_event_ends_in_an_inbox_and_a_mailbox_and_one_click_ends_the_mail(cloud: Cloud) -> None:
    home = await settled(cloud)
    async with owner(cloud, home) as api:
        await api.call("PUT", "me/contact", {"email": home.email})
        (mail,) = await until(lambda: mailed(cloud, home))
        code = str(mail["Subject"]).rpartition(" ")[2]
        assert (await api.call("PUT", "me/contact", {"email": home.email, "code": code}))["verified"]
        await api.call("PUT", "me/preferences", {"locale": "de", "channels": {"battery_low": {"email": True}}})
        mark = (await api.call("GET", "me/inbox"))["mark"]
        waiting = asyncio.create_task(api.call("GET", f"me/inbox?after={mark}"))
        await drain(cloud, home, 1)
        (item,) = (await waiting)["items"]
        assert (item["kind"], item["title"]) == ("battery_low", "Batterie schwach")
        mail = (await until(lambda: len(mailed(cloud, home)) == 2 and mailed(cloud, home)))[-1]
        assert mail["Subject"] == "Batterie schwach"
        assert "noch 5" in text_of(mail)
        link = str(mail["List-Unsubscribe"]).strip("<>")
        async with aiohttp.ClientSession() as http:
            async with http.post(link, data={"List-Unsubscribe": "One-Click"}) as answer:
                assert (answer.status, answer.content_type) == (200, "text/html")
            async with http.get(link) as answer:
                assert answer.status == 200
        await drain(cloud, home, 2)
        await drain(cloud, home, 3)
        await until(lambda: _count(api, 2))
        said = (await api.call("GET", "me/preferences"))["said"]["channels"]["battery_low"]
        assert said == {"email": False}
        trail = await until(lambda: _trail(api))
    assert {d["channel"] for d in trail["items"][0]["deliveries"]} == {"inbox"}
    assert len(mailed(cloud, home)) == 2
    logs = "".join(path.read_text(errors="replace") for path in cloud.data.glob("host*.log"))
    assert [secret for secret in (home.email, code, link, home.user) if secret in logs] == []


async def _count(api: Api, count: int) -> bool:
    return len((await api.call("GET", "me/inbox"))["items"]) == count


async def _trail(api: Api) -> Any:
    newest = (await api.call("GET", "me/inbox"))["items"][0]
    return await api.call("GET", f"notifications/{newest['notificationId']}/trail")


# ---- webhooks


async def test_a_partners_system_is_told_and_can_tell_that_it_was_us(cloud: Cloud) -> None:
    home = await settled(cloud)
    async with systems() as system, partner(cloud, home) as api:
        made = await api.call("POST", "webhooks", {"url": f"{system.url}/hook"})
        sent = await api.call("POST", f"webhooks/{made['id']}/test")
        await until(lambda: len(system.taken.get("/hook", [])) == 1)
        await drain(cloud, home, 1)
        await until(lambda: len(system.taken["/hook"]) == 2)
        bodies = [Webhook(made["secret"]).verify(body, headers) for headers, body, _ in system.taken["/hook"]]
        assert [body["type"] for body in bodies] == ["vehicle.test", "vehicle.battery_low"]
        assert bodies[1]["data"]["vehicleId"] == home.vehicle
        await until(lambda: _sent(api, made["id"], sent["id"]))
        await api.call("POST", f"webhooks/{made['id']}/events/{sent['id']}/replay")
        await until(lambda: len(system.taken["/hook"]) == 3)
    ids = [headers["webhook-id"] for headers, _, _ in system.taken["/hook"]]
    assert ids[0] == ids[2] != ids[1]


async def test_what_cannot_be_delivered_is_handled_from_the_command_line(cloud: Cloud, real: World) -> None:
    home = await settled(cloud)
    told = Notification(uuid4().hex, "silent", home.vehicle, BRAND, int(time() * 1000), {})
    failed = {Channel.EMAIL: Delivery(Outcome.FAILED, reason="smtp 550")}
    items = [Item(uuid4().hex, PersonId(BRAND, home.user), told, told.at, deliveries=failed) for _ in range(2)]
    for item in items:
        await real.inbox.put(item)
    listed = {one["id"]: one for one in await run(cloud, "list")}
    first, second = (dead_letter_id(item) for item in items)
    assert listed[first]["recipient"] == listed[second]["recipient"] == home.user
    assert (await run(cloud, "read", first))[0]["deliveries"][0]["reason"] == "smtp 550"
    await run(cloud, "discard", first)
    assert {one["id"] for one in await run(cloud, "replay")} >= {second}

    async def suppressed() -> bool:
        found = (await real.inbox.load(items[1].recipient, items[1].id)).value
        return found.deliveries[Channel.EMAIL].reason == "no address"

    await until(suppressed)
    assert not {first, second} & {one["id"] for one in await run(cloud, "list")}


async def run(cloud: Cloud, *arguments: str) -> list[dict[str, Any]]:
    command = [sys.executable, "-m", "local", "dead-letters", *arguments, "--data", str(cloud.data)]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


async def _sent(api: Api, endpoint: str, event: str) -> bool:
    events = (await api.call("GET", f"webhooks/{endpoint}/events"))["items"]
    return any(e["id"] == event and e["delivery"]["outcome"] == "sent" for e in events)


@pytest.mark.parametrize("manners", ["hang", "drip", "fail"])
async def test_a_system_with_bad_manners_holds_up_nobody_else(cloud: Cloud, real: World, manners: str) -> None:
    home, told = await settled(cloud), 60
    async with systems() as system, partner(cloud, home) as api:
        bad = await api.call("POST", "webhooks", {"url": f"{system.url}/{manners}"})
        good = await api.call("POST", "webhooks", {"url": f"{system.url}/well"})
        for number in range(told):
            now = int(time() * 1000)
            fact = f"{home.vehicle}/{number}"
            await real.notifications.send(
                Notification.of_fact(fact, "geofence_entered", home.vehicle, BRAND, now, {"rule": "x"}, None)
            )
        await until(lambda: len(system.taken.get("/well", [])) >= told, 20)
        assert len({headers["webhook-id"] for headers, _, _ in system.taken["/well"]}) == told
        events = (await api.call("GET", f"webhooks/{bad['id']}/events?limit=100"))["items"]
        assert len(events) == told
        assert {e["delivery"]["outcome"] for e in events} <= {"planned", "retrying"}
        for made in (bad, good):
            await api.call("DELETE", f"webhooks/{made['id']}")
