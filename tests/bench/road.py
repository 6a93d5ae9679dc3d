"""The whole road on one machine; and the same store under a straight port of a well-known sample."""

import asyncio
import gc
import json
import os
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from azure.cosmos.aio import ContainerProxy, CosmosClient
from azure.functions.eventhub import EventHubTriggerConverter
from azure.functions.meta import Datum

from functions import times
from functions.telemetry import ingest_telemetry
from local.cloud import Cloud, Ports
from local.demo import Plan, drive
from local.fleet.drives import ElectricCar, Sample, rfc3339
from local.fleet.sender import cloud_event
from shared.bootstrap import world
from shared.domain.vehicle import VehicleState
from shared.settings import settings
from tests.bench.figures import Figure
from tests.examples import PROFILE

VEHICLES, EVENTS, TURNS = 240, 240, 25


async def road() -> list[Figure]:
    """Five vehicles at full speed through the whole stack, after a warm-up."""
    with tempfile.TemporaryDirectory() as folder:
        started = time.monotonic()
        cloud = Cloud(Path(folder), Ports.free())
        try:
            await cloud.start()
            figures = [Figure("start", round(time.monotonic() - started, 1), "s", 120)]
            await drive(cloud, Plan(seconds=200))
            for per_event, seconds, goal in ((1, 4_000, 2_000), (6, 12_000, 8_000)):
                summary = await drive(cloud, Plan(seconds=seconds, per_event=per_event))
                rate = 5 * seconds / summary["seconds"]
                figures.append(Figure(f"samples_per_second_{per_event}", round(rate), "samples/s", goal, "higher"))
            figures += await beside(cloud)
            await world().close()
            return figures
        finally:
            await cloud.stop()


async def beside(cloud: Cloud) -> list[Figure]:
    """CPU time of a sample in the function, over that of the port: one write an event with nothing else promised."""
    gc.collect()
    gc.freeze()  # what earlier figures left behind is not walked through again and again
    os.environ["HANDOVER_AFTER_SECONDS"] = "60"  # as in Azure: no timer comes in between
    await world().close()
    world.cache_clear()
    settings.cache_clear()
    for number in range(VEHICLES):
        name = f"veh-bench-{number}"
        await world().profiles.register(replace(PROFILE, vehicle_id=name), VehicleState(name, PROFILE.policy()))
    async with CosmosClient(cloud.env["COSMOS__accountEndpoint"], cloud.env["COSMOS__accountKey"]) as client:
        container = client.get_database_client("automotive").get_container_client("inbox")
        cases = {"one_event": (240, 1), "four_events": (60, 1), "six_samples": (240, 6)}
        runs = {name: Ours(vehicles, samples) for name, (vehicles, samples) in cases.items()}
        port = Port(container)
        goals, ratios = {"one_event": 1.0, "four_events": 4.0, "six_samples": 6.0}, dict[str, list[float]]()
        taken = list[float]()
        for _ in range(TURNS):
            floor = await _cpu(port.run, port.bodies()) / EVENTS
            for name, ours in runs.items():
                spent = await _cpu(ours.run, ours.bodies()) / ours.samples
                ratios.setdefault(name, []).append(floor / spent)
            taken.append(spent)
    figures = [
        Figure(f"beside_port_{name}", round(statistics.median(found[3:]), 2), "x", goals[name], "higher")
        for name, found in ratios.items()
    ]
    return [*figures, Figure("function_us_six_samples", round(statistics.median(taken[3:]) * 1e6), "us a sample")]


async def _cpu(run: Callable[[Sequence[bytes]], Awaitable[object]], bodies: Sequence[bytes]) -> float:
    """Seconds of this process, which is all but the store and what the messages took to make."""
    start = time.process_time()
    await run(bodies)
    return time.process_time() - start


def handed_over(bodies: Sequence[bytes], devices: Sequence[str], first: int) -> list[Any]:
    """As the worker hands a batch to a function, decoding included."""
    system = [
        {
            "SequenceNumber": first + number,
            "Offset": str(first + number),
            "PartitionKey": device,
            "EnqueuedTimeUtc": rfc3339(datetime.now(UTC)),
            "iothub-connection-device-id": device,
            "iothub-connection-auth-generation-id": "1",
        }
        for number, device in enumerate(devices)
    ]
    data = type("Bodies", (), {"bytes": bodies})
    metadata = {
        "PartitionContext": Datum(json.dumps({"PartitionId": "99"}), "json"),
        "SystemPropertiesArray": Datum(json.dumps(system), "json"),
    }
    decoded = EventHubTriggerConverter.decode(Datum(data, "collection_bytes"), trigger_metadata=metadata)
    return list(decoded)  # type: ignore[arg-type]


class Ours:
    """The real function with its real adapters: 240 events of so many vehicles and samples a batch."""

    def __init__(self, vehicles: int, per_event: int) -> None:
        self._devices = [f"veh-bench-{number % vehicles}" for number in range(EVENTS)]
        self._per_event, self.samples = per_event, EVENTS * per_event
        self._cars = [ElectricCar(number) for number in range(EVENTS)]

    def bodies(self) -> list[bytes]:
        return [
            cloud_event(device, next(_sequence), [_sample(car) for _ in range(self._per_event)])
            for device, car in zip(self._devices, self._cars, strict=True)
        ]

    async def run(self, bodies: Sequence[bytes]) -> None:
        times.install()
        await ingest_telemetry(handed_over(bodies, self._devices, next(_position) * EVENTS))


class Port:
    """What Azure's streaming-at-scale sample does in its function, in Python: parse, stamp, one upsert an event."""

    def __init__(self, container: ContainerProxy) -> None:
        self._container = container
        self._devices = [f"veh-bench-{number}" for number in range(EVENTS)]
        self._cars = [ElectricCar(number) for number in range(EVENTS)]

    def bodies(self) -> list[bytes]:
        pairs = zip(self._devices, self._cars, strict=True)
        return [cloud_event(device, next(_sequence), [_sample(car)]) for device, car in pairs]

    async def run(self, bodies: Sequence[bytes]) -> None:
        times.use(times.long_way)
        slots = asyncio.Semaphore(32)

        async def write(event: Any) -> None:
            document = json.loads(event.get_body())
            document["userId"] = document["source"].rpartition("/")[2]
            document["enqueuedAt"] = event.enqueued_time.isoformat()
            document["storedAt"] = time.time()
            async with slots:
                await self._container.upsert_item(document)

        await asyncio.gather(*(write(event) for event in handed_over(bodies, self._devices, 0)))


_sequence, _position, _moment = count(1_000), count(1), count()
_START = datetime.now(UTC)


def _sample(car: ElectricCar) -> Sample:
    """At a time of its own, and so many that the last lies half a minute ahead."""
    return Sample(rfc3339(_START + timedelta(milliseconds=next(_moment))), car.step())
