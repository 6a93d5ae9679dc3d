"""Places through the whole stack: what a vehicle without position told is nowhere, and a fence lies over the 180th
meridian."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from random import randrange
from time import time
from typing import Any
from uuid import uuid4

from local.cloud import Api, Cloud
from local.fleet.drives import rfc3339
from local.fleet.sender import fleet, from_hub
from local.signin import BRAND
from tests.functions.test_places import CHARGING, PLACES, is_number, overlay
from tests.system.test_road import eventually, message, operator, register
from tests.system.test_trust import holding

__all__ = ["operator"]

MINUTES = 14


class Car:
    """A vehicle, its owner, and marks in everything that it tells of places."""

    def __init__(self, vehicle: str, owner: Api) -> None:
        self.vehicle, self.owner = vehicle, owner
        self.texts, self.numbers = uuid4().hex, f"41.{randrange(10**7, 10**8)}"

    def places(self) -> dict[str, Any]:
        return {
            path: float(f"{self.numbers}{number:02}1") if is_number(path) else f"{self.texts}-{number}"
            for number, path in enumerate(PLACES)
        }

    async def drive(self, cloud: Cloud) -> None:
        """A quarter of an hour in which all places are told, also by what is no message; and until all was taken in."""
        start = datetime.now(UTC) - timedelta(minutes=MINUTES)
        times = [rfc3339(start + timedelta(minutes=number)) for number in range(1, MINUTES + 1)]
        bodies = [
            message(self.vehicle, number, seen, **self.places(), **{"Vehicle.Speed": float(number)})
            for number, seen in enumerate(times, 1)
        ]
        junk = json.dumps(self.places()).encode()
        async with fleet(cloud.env["EVENTHUBS"]) as vehicles:
            await vehicles.send(self.vehicle, [from_hub(self.vehicle, body) for body in (junk, *bodies)])

        async def taken_in() -> bool:
            signals = (await self.owner.call("GET", f"vehicles/{self.vehicle}/state"))["signals"]
            return bool(signals.get("Vehicle.Speed", {}).get("value") == MINUTES)

        await eventually(taken_in)

    async def told(self) -> list[str]:
        return [item["facts"]["name"] for item in (await self.owner.call("GET", "me/inbox"))["items"]]

    async def held_in(self, cloud: Cloud) -> set[str]:
        """The containers, of documents and of blobs, that hold a mark."""
        return (await holding(cloud, self.texts)).keys() | (await holding(cloud, self.numbers)).keys()


async def test_what_a_vehicle_without_position_told_of_places_is_nowhere(cloud: Cloud) -> None:
    brand = f"brand-{uuid4().hex[:8]}"
    async with Api(cloud.url, cloud.issuer.token("operator-1", brand, ["operator"])) as operator:
        await operator.call("PUT", "signals/overlay", overlay())
        shown = await car(cloud, operator, brand)
        hidden = await car(cloud, operator, brand)
        async with shown.owner, hidden.owner:
            await both_drive(cloud, shown, hidden)


async def both_drive(cloud: Cloud, shown: Car, hidden: Car) -> None:
    """One with position, the other without."""
    answer = await hidden.owner.call("PUT", f"vehicles/{hidden.vehicle}/privacy", {"mode": "no_position"})
    await asyncio.sleep(max(0.0, datetime.fromisoformat(str(answer["from"])).timestamp() - time()) + 0.05)
    for driven in (shown, hidden):
        await driven.drive(cloud)

    async def all_there() -> bool:
        return {"vehicles", "history", "inbox", "parked"} <= await shown.held_in(cloud)

    await eventually(all_there, within=60)

    async def told() -> bool:
        return await hidden.told() == ["moved"] and sorted(await shown.told()) == ["charged_far_away", "moved"]

    await eventually(told)
    assert await hidden.held_in(cloud) == set()


async def car(cloud: Cloud, operator: Api, brand: str) -> Car:
    """With a rule on its speed, and one on where it charges."""
    user = f"user-{uuid4().hex[:8]}"
    vehicle, owner = await register(operator, user), Api(cloud.url, cloud.issuer.token(user, brand, []))
    for name, signal in (("moved", "Vehicle.Speed"), ("charged_far_away", CHARGING + "Location.Latitude")):
        rule = {"id": name, "kind": "threshold", "name": name, "signal": signal, "above": 2, "clears": 1}
        await owner.call("PUT", f"vehicles/{vehicle}/rules/{name}", rule)
    return Car(vehicle, owner)


async def test_a_fence_over_the_180th_meridian_is_entered_and_left_once(cloud: Cloud, operator: Api) -> None:
    user = f"user-{uuid4().hex[:8]}"
    vehicle = await register(operator, user)
    sides = ((-17.01, 179.99), (-17.01, -179.99), (-16.99, -179.99), (-16.99, 179.99))
    polygon = [{"latitude": latitude, "longitude": longitude} for latitude, longitude in sides]
    fence = {"id": "island", "kind": "geofence", "on": ["enter", "exit"], "polygon": polygon}
    start = datetime.now(UTC) - timedelta(minutes=5)
    async with Api(cloud.url, cloud.issuer.token(user, BRAND, [])) as ada:
        assert (await ada.call("PUT", f"vehicles/{vehicle}/rules/island", fence))["polygon"] == polygon
        async with fleet(cloud.env["EVENTHUBS"]) as vehicles:
            for number, longitude in enumerate((179.98, 179.995, -179.995, -179.98), 1):
                seen = rfc3339(start + timedelta(minutes=number))
                place = {"Vehicle.CurrentLocation.Latitude": -17.0, "Vehicle.CurrentLocation.Longitude": longitude}
                await vehicles.send(vehicle, [from_hub(vehicle, message(vehicle, number, seen, **place))])

        async def told() -> Any:
            found = [item["kind"] for item in (await ada.call("GET", "me/inbox"))["items"]]
            return found if len(found) == 2 else None

        assert sorted(await eventually(told)) == ["rule_triggered", "rule_triggered_over"]
