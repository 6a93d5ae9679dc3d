"""What ingest promises, through the whole stack: connections, privacy, parking and replay, signals, a real drive."""

import asyncio
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import time
from typing import Any
from uuid import uuid4

import pytest
from azure.cosmos.aio import ContainerProxy

from local.cloud import ROOT, Api, Cloud
from local.fleet.drives import BATTERY, Sample, rfc3339
from local.fleet.sender import announce, cloud_event, fleet, from_hub
from local.journey import journey
from local.signin import BRAND
from shared.bootstrap import World
from shared.domain.telemetry import Position
from shared.settings import read
from shared.use_cases.ingest import Arrival, Ingest, Outside
from tests.system.test_road import eventually, message, operator, register

__all__ = ["operator"]

SOC = BATTERY + "StateOfCharge.Displayed"


def now_ms() -> int:
    return int(time() * 1000)


def instance(world: World) -> Ingest:
    """One more instance of ingest, on adapters of its own; its hub is its own too, so that the hosts leave it alone."""
    w = world
    outside = Outside(w.states, w.notifications, w.histories, w.ledgers, w.parking, w.rules, w.vocabularies)
    return Ingest(f"hub-{uuid4().hex}", outside, 60_000)


# ---- privacy


async def test_a_privacy_change_holds_on_a_warm_and_on_another_instance_for_a_late_upload_and_over_a_crash(
    cloud: Cloud, operator: Api, real: World
) -> None:
    user = f"user-{uuid4().hex[:8]}"
    vehicle, sent = await register(operator, user), 0
    other = World(read(cloud.env))
    warm, second = instance(real), instance(other)

    async def say(ingest: Ingest, soc: float, seen_at: int | None = None) -> str:
        nonlocal sent
        sent += 1
        seen = datetime.fromtimestamp((seen_at or now_ms()) / 1000, UTC)
        body = cloud_event(vehicle, sent, [Sample(rfc3339(seen), {SOC: soc})])
        (counted,) = await ingest.batch("0", [Arrival(Position(sent, now_ms(), "0"), vehicle, body)], now_ms)
        return counted.outcome.value

    assert [await say(warm, 50.0), await say(warm, 49.0)] == ["applied", "applied"]
    async with Api(cloud.url, cloud.issuer.token(user, BRAND, [])) as ada:
        answer = await ada.call("PUT", f"vehicles/{vehicle}/privacy", {"mode": "offline"})
        begins = datetime.fromisoformat(str(answer["from"])).timestamp()
        assert 0 < begins - time() <= 2
        await asyncio.sleep(max(0.0, begins - time()) + 0.05)
        hidden_at = now_ms()
        assert [await say(warm, 5.0), await say(second, 4.0)] == ["suppressed", "suppressed"]
        del warm
        assert await say(instance(real), 3.0) == "suppressed", "an instance that knows nothing, as after a crash"
        answer = await ada.call("PUT", f"vehicles/{vehicle}/privacy", {"mode": "full"})
        await asyncio.sleep(max(0.0, datetime.fromisoformat(str(answer["from"])).timestamp() - time()) + 0.05)
        assert await say(second, 2.0, seen_at=hidden_at) == "suppressed", "uploaded afterwards"
        assert await say(second, 48.0) == "applied"
        state = await ada.call("GET", f"vehicles/{vehicle}/state")
        history = await ada.call("GET", f"vehicles/{vehicle}/history?path={SOC}")
        assert state["signals"][SOC]["value"] == 48.0
        assert [point["value"] for point in history["points"]] == [50.0, 49.0, 48.0]
        assert (await ada.call("GET", "me/inbox"))["items"] == []
    await other.close()


# ---- what it costs


async def test_a_warm_instance_reads_nothing_from_the_store(
    operator: Api, real: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    vehicles = [await register(operator, "user-ada") for _ in range(3)]
    ingest, read = instance(real), list[str]()

    async def batch(number: int) -> None:
        bodies = [cloud_event(v, number, [Sample(rfc3339(datetime.now(UTC)), {SOC: 50.0})]) for v in vehicles]
        places = [Position(number * 3 + n, now_ms(), "0") for n in range(3)]
        arrivals = [Arrival(*parts) for parts in zip(places, vehicles, bodies, strict=True)]
        assert [c.outcome.value for c in await ingest.batch("0", arrivals, now_ms)] == ["applied"] * 3

    await batch(1)
    for name in ("read_item", "query_items"):
        monkeypatch.setattr(ContainerProxy, name, lambda *args, name=name, **kwargs: read.append(name))
    await batch(2)
    await batch(3)
    assert read == []


# ---- connections, parking, signals


async def test_a_vehicle_is_connected_as_iot_hub_says(cloud: Cloud, operator: Api) -> None:
    vehicle = await register(operator, "user-ada")
    for connected in (True, False):
        await announce(cloud.env["EVENTHUBS"], [vehicle], connected)

        async def known(connected: bool = connected) -> bool:
            return bool((await operator.call("GET", f"vehicles/{vehicle}/state"))["connected"] is connected)

        await eventually(known)


async def run(*arguments: str) -> list[dict[str, Any]]:
    command = [sys.executable, "-m", "local", "parked", *arguments]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


async def test_what_a_stranger_sent_is_listed_read_and_replayed_from_the_command_line(
    cloud: Cloud, operator: Api, real: World
) -> None:
    vehicle = f"veh-{uuid4().hex}"
    body = message(vehicle, 1, datetime.now(UTC).isoformat(), **{"Vehicle.TraveledDistance": 7})
    async with fleet(cloud.env["EVENTHUBS"]) as vehicles:
        await vehicles.send(vehicle, [from_hub(vehicle, body), from_hub(vehicle, b"junk")])
    data = ["--data", str(cloud.data), "--device", vehicle]

    async def parked() -> list[dict[str, Any]]:
        found = await run("list", *data)
        return found if len(found) == 2 else []

    found = await eventually(parked)
    assert {item["reason"] for item in found} == {"unregistered_device"}
    name = found[0]["name"]
    assert (await run("read", name, "--data", str(cloud.data)))[0]["device"] == vehicle
    record = (await operator.call("GET", "audit"))["items"]
    assert ("read_parked", vehicle) in {(entry["what"], entry["whose"]) for entry in record}
    await _registered_as(real, vehicle)
    assert await run("replay", *data) == [{"outcomes": {"applied": 1, "parked": 1}, "more": False}]
    assert await run("replay", *data) == [{"outcomes": {"parked": 1}, "more": False}]
    state = await operator.call("GET", f"vehicles/{vehicle}/state")
    assert state["signals"]["Vehicle.TraveledDistance"]["value"] == 7


async def _registered_as(world: World, vehicle: str) -> None:
    from dataclasses import replace

    from shared.domain.vehicle import VehicleState
    from tests.examples import PROFILE

    profile = replace(PROFILE, vehicle_id=vehicle)
    await world.profiles.register(profile, VehicleState(vehicle, profile.policy()))


async def test_a_whole_release_is_loaded_over_http_and_holds_within_a_minute(cloud: Cloud, shared_data: Path) -> None:
    brand = f"brand-{uuid4().hex[:8]}"
    async with Api(cloud.url, cloud.issuer.token("operator-9", brand, ["operator"])) as api:
        tree = json.loads((shared_data / "vss-6.0.json").read_text())
        assert await api.call("PUT", "signals", tree) == {"signals": 1267}
        found = await api.call("GET", "signals?paths=Vehicle.Cabin.Seat.*.Massage.SupportedTypes")
        assert {leaf["datatype"] for leaf in found["signals"].values()} == {"string[]"}


# ---- a real drive


@pytest.mark.parametrize("name", ["T3_04_26_2021_2", "T3_06_07_2021"])
async def test_a_recorded_drive_becomes_a_trip_and_a_fence_on_its_way_is_entered_and_left_once(
    shared_data: Path, name: str
) -> None:
    found = await journey(shared_data / "drives" / f"{name}.csv")
    assert found["trips"] == 1
    assert abs(found["distance"] - found["integral_of_speed"]) <= 0.10 * found["integral_of_speed"]
    assert (found["fence_entered"], found["fence_left"]) == (1, 1)
    assert found["points_of_line"] > 50
    used = (found["socFrom"] - found["socTo"]) / 100 * 6
    assert found["energy"] == pytest.approx(used, abs=0.001)
    assert timedelta(minutes=10) < timedelta(seconds=found["duration"]) < timedelta(minutes=30)
