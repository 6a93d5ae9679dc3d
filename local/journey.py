"""`python -m local journey --drive FILE`: a recorded drive in a fresh cloud, and what is known of it afterwards."""

import asyncio
import json
import tempfile
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

from local.cloud import Api, Cloud, Ports
from local.fleet.drives import BATTERY, Sample, is_time, recorded, rfc3339
from local.fleet.sender import fleet
from local.town import Resident, inboxes, operator, settle
from shared.domain.kinds import RULE, RULE_OVER

ENDED, FENCED = timedelta(minutes=6), timedelta(minutes=10)
"""How long ago the drive ended, and its fence was in the middle of the way: young enough to be told."""
RADIUS = 400.0
LATITUDE, LONGITUDE = "Vehicle.CurrentLocation.Latitude", "Vehicle.CurrentLocation.Longitude"


async def journey(path: Path) -> dict[str, Any]:
    """Drive it, park, and read trip, fence and charge over the public API."""
    now = datetime.now(UTC)
    drive = [sample for sample in recorded(path, now - ENDED) if is_time(sample.time)]
    with tempfile.TemporaryDirectory(prefix="automotive-") as folder:
        cloud = Cloud(Path(folder), Ports.free())
        try:
            await cloud.start()
            (resident,) = await settle(cloud, 1)
            async with operator(cloud) as api:
                await _fence(api, resident, drive, now - FENCED)
                await _drive(cloud, resident, drive)
                return await _look(cloud, api, resident, drive)
        finally:
            await cloud.stop()


async def _fence(api: Api, resident: Resident, drive: list[Sample], at: datetime) -> None:
    """Around the place where the vehicle was at a moment."""
    middle = next(sample for sample in drive if datetime.fromisoformat(sample.time) >= at)
    circle = {"latitude": middle.signals[LATITUDE], "longitude": middle.signals[LONGITUDE], "radius": RADIUS}
    rule = {"id": "on-the-way", "kind": "geofence", "circle": circle, "on": ["enter", "exit"]}
    await api.call("PUT", f"vehicles/{resident.vehicle_id}/rules/on-the-way", rule)


async def _drive(cloud: Cloud, resident: Resident, drive: list[Sample]) -> None:
    """Six samples a message, as they were; then at rest, and it says what its battery holds."""
    vehicle = resident.vehicle_id
    rest = Sample(rfc3339(datetime.now(UTC)), {"Vehicle.Speed": 0.0, BATTERY + "NetCapacity": 6})
    async with fleet(cloud.env["EVENTHUBS"]) as vehicles:
        groups = [drive[start : start + 6] for start in range(0, len(drive), 6)] + [[rest]]
        messages = [vehicles.message(vehicle, group) for group in groups]
        for start in range(0, len(messages), 100):
            await vehicles.send(vehicle, messages[start : start + 100])


async def _look(cloud: Cloud, api: Api, resident: Resident, drive: list[Sample]) -> dict[str, Any]:
    """Once the trip was derived: every sample is in history by then, and every fact told soon after."""
    base, since = (
        f"vehicles/{resident.vehicle_id}",
        (datetime.now(UTC) - timedelta(days=2)).strftime("%Y-%m-%dT%H:%M:%SZ"),
    )
    for _ in range(600):
        trips = (await api.call("GET", f"{base}/trips?from={since}"))["items"]
        told = [item["kind"] for item in await inboxes(cloud, [resident])]
        if trips and {RULE, RULE_OVER} <= set(told):
            line = (await api.call("GET", f"{base}/trips/{trips[0]['id']}"))["geometry"]["coordinates"]
            return {
                "trips": len(trips),
                **{k: trips[0][k] for k in ("distance", "distanceFrom", "duration", "socFrom", "socTo", "energy")},
                "integral_of_speed": round(_integral(drive)),
                "points_of_line": len(line),
                "fence_entered": told.count(RULE),
                "fence_left": told.count(RULE_OVER),
            }
        await asyncio.sleep(0.1)
    raise TimeoutError("no trip was derived within a minute")


def _integral(drive: list[Sample]) -> float:
    """Metres, by speed over time."""
    times = [datetime.fromisoformat(sample.time).timestamp() for sample in drive]
    return sum(
        float(b.signals["Vehicle.Speed"]) / 3.6 * (until - since)
        for (b, (since, until)) in zip(drive[1:], pairwise(times), strict=True)
    )


async def show(path: Path) -> None:
    print(json.dumps(await journey(path), indent=2))
