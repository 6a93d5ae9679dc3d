"""What cars really send, through the whole stack: positions, fences, trips and charges."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from local.cloud import Api, Cloud
from local.fleet.drives import rfc3339
from local.fleet.sender import fleet, from_hub
from local.signin import BRAND
from tests.functions.field.car import PATHS, place
from tests.system.test_road import eventually, message, operator, register

__all__ = ["operator"]

type Seen = Mapping[float, Mapping[str, Any]]
"""What a car saw, by the minutes before now."""


class Car:
    """A registered vehicle and its owner."""

    def __init__(self, cloud: Cloud, vehicle: str, owner: Api) -> None:
        self._cloud, self.vehicle, self.owner = cloud, vehicle, owner
        self._sent = 0

    async def sends(self, seen: Seen) -> None:
        """A message for each moment, in order of time."""
        now, bodies = datetime.now(UTC), list[bytes]()
        for ago in sorted(seen, reverse=True):
            self._sent += 1
            signals = {PATHS[name]: value for name, value in seen[ago].items()}
            bodies.append(message(self.vehicle, self._sent, rfc3339(now - timedelta(minutes=ago)), **signals))
        async with fleet(self._cloud.env["EVENTHUBS"]) as vehicles:
            await vehicles.send(self.vehicle, [from_hub(self.vehicle, body) for body in bodies])

    async def told(self, count: int) -> list[str]:
        """The kinds of what its owner was told, once there are as many."""

        async def found() -> Any:
            items = (await self.owner.call("GET", "me/inbox"))["items"]
            return [item["kind"] for item in items] if len(items) >= count else None

        kinds: list[str] = await eventually(found)
        return sorted(kinds)

    async def one(self, kind: str) -> Any:
        """The only trip or charge, once there is one."""

        async def found() -> Any:
            return (await self.owner.call("GET", f"vehicles/{self.vehicle}/{kind}"))["items"]

        (only,) = await eventually(found)
        return only


@pytest.fixture
async def car(cloud: Cloud, operator: Api) -> Any:
    user = f"user-{uuid4().hex[:8]}"
    vehicle = await register(operator, user)
    async with Api(cloud.url, cloud.issuer.token(user, BRAND, [])) as owner:
        circle = {"latitude": 48.0, "longitude": 11.0, "radius": 300}
        fence = {"id": "home", "kind": "geofence", "on": ["enter", "exit"], "circle": circle}
        await owner.call("PUT", f"vehicles/{vehicle}/rules/home", fence)
        yield Car(cloud, vehicle, owner)


async def test_positions_of_which_only_the_longitude_is_reported_enter_and_leave_a_fence(car: Car) -> None:
    along: dict[float, Any] = {4 - n: {"longitude": 11.01 - n * 0.01} for n in range(4)}
    await car.sends({5: {"latitude": 48.0, "longitude": 11.02}, **along, 0.5: {"latitude": 0.0, "longitude": 0.0}})
    assert await car.told(2) == ["rule_triggered", "rule_triggered_over"]

    async def seen() -> Any:
        (found,) = (await car.owner.call("GET", "sightings"))["items"]
        return found["place"] if found["place"] and found["place"]["longitude"] < 10.985 else None

    place = await eventually(seen)
    assert (place["latitude"], place["longitude"]) == (48.0, pytest.approx(10.98))


async def test_a_drive_without_speed_is_a_trip_over_a_silence(car: Car) -> None:
    way = {40 - n / 6: place(east=n * 150.0) for n in range(60) if not 20 <= n < 38}
    rest: dict[float, Any] = {30 - n: place(east=9_000) for n in range(1, 8)}
    await car.sends({40.01: {"moving": True}, **way, 30: {"moving": False, **place(east=9_000)}, **rest})
    trip = await car.one("trips")
    assert (trip["distance"], trip["distanceFrom"]) == (pytest.approx(9_000, rel=0.01), "position")
    assert (trip["duration"], trip["bridged"]) == (pytest.approx(600.6), pytest.approx(190.0))


async def test_a_charge_with_pauses_is_one(car: Car) -> None:
    seen: dict[float, Any] = {}
    for n in range(7):
        begin = {"charging": True, "soc": 20.0 + n * 5, "cable": True, "capacity": 60}
        seen |= {400 - n * 50: begin, 370 - n * 50: {"charging": False, "soc": 25.0 + n * 5}}
    await car.sends(seen | {60: {"cable": False}})
    charge = await eventually(lambda: _with_pauses(car))
    assert (charge["pauses"], charge["paused"], charge["duration"]) == (6, 7_200.0, 330 * 60.0)
    assert charge["energy"] == pytest.approx(21.0)


async def _with_pauses(car: Car) -> Any:
    charge = await car.one("charges")
    return charge if charge["pauses"] == 6 else None
