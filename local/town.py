"""Who and what is in the demo: the shipped catalogue, vehicles, and their people."""

import asyncio
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from local.cloud import ROOT, Api, Cloud
from local.mailbox import mails, text_of
from local.signin import BRAND, PEOPLE

CATALOG = json.loads((ROOT / "shared" / "catalog.json").read_text())
BUILT_IN = ["electric", "positioning", "navigation", "infotainment", "remote-locking", "alarm", "updates", "climate"]


@dataclass(frozen=True, slots=True)
class Resident:
    """A registered vehicle and its primary user."""

    vehicle_id: str
    user: str


async def settle(cloud: Cloud, count: int) -> list[Resident]:
    """Publish the catalogue, and register vehicles with plans; the same ones if they were registered before."""
    async with operator(cloud) as api:
        await api.call("PUT", "catalog", CATALOG)
        return [await _register(api, number) for number in range(count)]


async def _register(api: Api, number: int) -> Resident:
    user = PEOPLE[number % len(PEOPLE)]
    body: dict[str, Any] = {"vin": f"ZZZAURRA0DEM{number:05d}", "region": "eu", "model": "Polar", "modelYear": 2026}
    body |= {"capabilities": BUILT_IN[: len(BUILT_IN) - number % 2], "roles": {user: "primary"}}
    vehicle = await api.call("POST", "vehicles", body, key=f"demo-{number}")
    await api.call("POST", f"vehicles/{vehicle['id']}/subscriptions", {"plan": "comfort"}, key=f"demo-{number}")
    return Resident(str(vehicle["id"]), user)


def operator(cloud: Cloud) -> Api:
    return Api(cloud.url, cloud.issuer.token("operator-1", BRAND, ["operator"]))


async def introduce(cloud: Cloud, residents: Sequence[Resident]) -> None:
    """Everyone says where mail goes, and wants it of a low battery too; once."""
    for user in sorted({r.user for r in residents}):
        async with Api(cloud.url, cloud.issuer.token(user, BRAND, [])) as api:
            email = f"{user.removeprefix('user-')}@aurora.example"
            if not (await api.call("GET", "me/contact"))["verified"]:
                await _verify(cloud, api, email)
            wanted = {"locale": "de" if user == "user-ben" else "en", "channels": {"battery_low": {"email": True}}}
            await api.call("PUT", "me/preferences", wanted)


async def _verify(cloud: Cloud, api: Api, email: str) -> None:
    """With the code that comes by mail."""
    await api.call("PUT", "me/contact", {"email": email})
    for _ in range(300):
        for mail in reversed(mails(cloud.data)):
            code = re.search(r"\b[0-9A-Z]{12}\b", text_of(mail))
            if mail["To"] == email and code:
                await api.call("PUT", "me/contact", {"email": email, "code": code[0]})
                return
        await asyncio.sleep(0.1)
    raise TimeoutError(f"no mail came for {email} within 30 s")


async def inboxes(cloud: Cloud, residents: Sequence[Resident]) -> list[dict[str, Any]]:
    """Everything in the inboxes of the residents' people."""
    found: list[dict[str, Any]] = []
    for user in sorted({r.user for r in residents}):
        cursor = ""
        async with Api(cloud.url, cloud.issuer.token(user, BRAND, [])) as api:
            while cursor is not None:
                page = await api.call("GET", f"me/inbox?limit=100{'&cursor=' + cursor if cursor else ''}")
                found += [item | {"user": user} for item in page["items"]]
                cursor = page["cursor"]
    return found
