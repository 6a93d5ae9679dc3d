"""Who and what is in the demo: two fictional brands' worth of features and plans, vehicles, and their people."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from local.cloud import Api, Cloud

BRAND = "aurora"
CATALOG = {
    "features": [
        {"id": "remote-climate", "needsCapabilities": ["climate"]},
        {"id": "charging-planner", "needsCapabilities": ["electric"]},
        {"id": "live-traffic"},
        {"id": "driver-log"},
    ],
    "plans": [
        {"id": "comfort", "features": ["remote-climate", "charging-planner", "live-traffic"], "period": "P1Y"},
        {"id": "business", "features": ["driver-log", "live-traffic"], "period": "P1M"},
    ],
}
PEOPLE = ("user-ada", "user-ben", "user-cleo", "user-dag", "user-eva")


@dataclass(frozen=True, slots=True)
class Resident:
    """A registered vehicle and its primary user."""

    vehicle_id: str
    user: str


async def settle(cloud: Cloud, count: int) -> list[Resident]:
    """Publish the catalogue, and register vehicles with plans; the same ones if they were registered before."""
    api = operator(cloud)
    try:
        await api.call("PUT", "catalog", CATALOG)
        return [await _register(api, number) for number in range(count)]
    finally:
        await api.close()


async def _register(api: Api, number: int) -> Resident:
    user = PEOPLE[number % len(PEOPLE)]
    body = {
        "vin": f"ZZZAURRA0DEM{number:05d}",
        "region": "eu",
        "model": "Polar",
        "modelYear": 2026,
        "capabilities": ["electric", "climate"] if number % 2 == 0 else ["electric"],
        "roles": {user: "primary"},
    }
    vehicle = await api.call("POST", "vehicles", body, key=f"demo-{number}")
    await api.call("POST", f"vehicles/{vehicle['id']}/subscriptions", {"plan": "comfort"}, key=f"demo-{number}")
    return Resident(str(vehicle["id"]), user)


def operator(cloud: Cloud) -> Api:
    return Api(cloud.url, cloud.issuer.token("operator-1", BRAND, ["operator"]))


async def inboxes(cloud: Cloud, residents: Sequence[Resident]) -> list[dict[str, Any]]:
    """Everything in the inboxes of the residents' people."""
    found: list[dict[str, Any]] = []
    for user in sorted({r.user for r in residents}):
        api, cursor = Api(cloud.url, cloud.issuer.token(user, BRAND, [])), ""
        try:
            while cursor is not None:
                page = await api.call("GET", f"me/inbox?limit=100{'&cursor=' + cursor if cursor else ''}")
                found += [item | {"user": user} for item in page["items"]]
                cursor = page["cursor"]
        finally:
            await api.close()
    return found


def use(cloud: Cloud) -> None:
    """Let this process' own `shared.bootstrap.world()` stand on the cloud."""
    os.environ.update(cloud.env)
