"""`python -m local demo`: drives as fast as the stack takes them, and whether the books balance afterwards."""

import asyncio
import contextlib
import json
import os
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from azure.eventhub.aio import EventHubConsumerClient

from local.cloud import Cloud, Ports
from local.fleet.drives import ElectricCar, Sample, is_time, recorded, rfc3339
from local.fleet.sender import Fleet, fleet
from local.town import Resident, inboxes, operator, settle
from shared.bootstrap import world
from shared.domain.notification import Notification
from shared.domain.vehicle import VehicleState

QUIET_WITHIN = 60.0  # seconds after the last message for everything to be told
OUTCOMES = ("applied", "duplicate", "redelivered", "stale", "suppressed", "parked")


@dataclass(frozen=True, slots=True)
class Plan:
    """What is driven: recorded drives or simulated cars, and how many samples an event holds."""

    drives: Sequence[Path] = ()
    seconds: int = 600
    per_event: int = 1

    def samples(self) -> list[list[Sample]]:
        now = datetime.now(UTC)
        if self.drives:
            return [list(recorded(path, now)) for path in self.drives]
        times = [rfc3339(now - timedelta(seconds=n)) for n in range(self.seconds, 0, -1)]
        return [[Sample(time, car.step()) for time in times] for car in map(ElectricCar, range(5))]


async def demo(plan: Plan, out: Path | None) -> bool:
    """Run it in a cloud of its own, print and write the summary; True if everything is accounted for."""
    with tempfile.TemporaryDirectory(prefix="automotive-") as folder:
        cloud = Cloud(Path(folder), Ports.free())
        try:
            await cloud.start()
            summary = await drive(cloud, plan)
            await world().close()
        finally:
            await cloud.stop()
    text = json.dumps(summary, indent=2)
    print(text)
    if out:
        out.write_text(text + "\n")
    told = summary["notifications_committed"] == summary["notifications_delivered"]
    return told and summary["accepted"] == sum(summary[outcome] for outcome in OUTCOMES)


async def drive(cloud: Cloud, plan: Plan) -> dict[str, float]:
    """Send everything, wait until all is quiet, and count."""
    os.environ.update(cloud.env)  # so that our own `world()` stands on it
    drives = plan.samples()
    residents = await settle(cloud, len(drives))
    checking = asyncio.create_task(_check(cloud, residents))
    started = time.monotonic()
    async with fleet(cloud.env["EVENTHUBS"]) as vehicles:
        pairs = zip(residents, drives, strict=True)
        await asyncio.gather(*(_send(vehicles, r.vehicle_id, d, plan.per_event) for r, d in pairs))
        seconds = await quiet(cloud, residents, vehicles.sent) - started
    checking.cancel()
    checks = await checking
    return await _summary(cloud, residents, seconds, checks)


async def _send(vehicles: Fleet, vehicle_id: str, samples: Sequence[Sample], per_event: int) -> None:
    """In runs of at most a hundred messages. A sample whose time is none travels alone, to be parked alone."""
    groups: list[list[Sample]] = []
    for sample in samples:
        together = groups and is_time(sample.time) and is_time(groups[-1][-1].time) and len(groups[-1]) < per_event
        if not together:
            groups.append([])
        groups[-1].append(sample)
    messages = [vehicles.message(vehicle_id, group) for group in groups]
    for start in range(0, len(messages), 100):
        await vehicles.send(vehicle_id, messages[start : start + 100])


async def _check(cloud: Cloud, residents: Sequence[Resident]) -> int:
    """Ask for entitlements until cancelled, and return how many were answered."""
    answered = 0
    with contextlib.suppress(asyncio.CancelledError):
        async with operator(cloud) as api:
            while True:
                for resident in residents:
                    await api.call("GET", f"vehicles/{resident.vehicle_id}/entitlements/remote-climate")
                    answered += 1
                    await asyncio.sleep(0.05)
    return answered


async def quiet(cloud: Cloud, residents: Sequence[Resident], sent: int) -> float:
    """Wait until all that was sent is counted and told; when it was (monotonic seconds), or TimeoutError."""
    deadline = time.monotonic() + QUIET_WITHIN
    while time.monotonic() < deadline:
        if sum(book.accepted for book in await world().ledgers.all()) >= sent:
            at = time.monotonic()
            states = [(await world().states.load(r.vehicle_id)).value for r in residents]
            told = len(await inboxes(cloud, residents)) >= sum(state.committed for state in states)
            if told and not any(map(owes, states)) and await _all_counted(cloud):
                return at
        await asyncio.sleep(0.1)
    raise TimeoutError(f"not quiet after {QUIET_WITHIN:.0f} s: {await world().ledgers.all()}")


def owes(state: VehicleState) -> bool:
    """Whether it still has someone to tell. Chunks of history were handed on before, and are forgotten with the next
    write."""
    return any(isinstance(entry, Notification) for entry in state.outbox)


async def _all_counted(cloud: Cloud) -> bool:
    """Whether the books hold just what the hub says it accepted."""
    connection = cloud.env["EVENTHUBS"]
    async with EventHubConsumerClient.from_connection_string(connection, "ingest", eventhub_name="telemetry") as hub:
        held = [await hub.get_partition_properties(p) for p in await hub.get_partition_ids()]
    accepted = sum(int(p["last_enqueued_sequence_number"]) + 1 for p in held)
    return sum(book.accepted for book in await world().ledgers.all()) == accepted


async def _summary(cloud: Cloud, residents: Sequence[Resident], seconds: float, checks: int) -> dict[str, float]:
    books = await world().ledgers.all()
    states = [(await world().states.load(r.vehicle_id)).value for r in residents]
    items = await inboxes(cloud, residents)
    samples = sum(book.census.samples for book in books)
    told = len({(item["user"], item["notificationId"]) for item in items})
    summary: dict[str, float] = {"accepted": sum(book.accepted for book in books)}
    summary |= {outcome: sum(book.outcomes.get(outcome, 0) for book in books) for outcome in OUTCOMES}
    summary |= {"samples": samples, "state_writes": sum(state.revision for state in states)}
    summary["notifications_committed"] = sum(state.committed for state in states)
    summary["notifications_delivered"] = told if told == len(items) else -len(items)
    summary |= {"checks": checks, "seconds": round(seconds, 3), "samples_per_second": round(samples / seconds, 1)}
    return summary | {"peak_memory_mb": round(cloud.peak_memory, 1)}
