"""A drive or a charge of which some readings are as odd as their types allow, what is derived of it, and how it is
read."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from random import Random
from typing import Any, NamedTuple

from functions import telemetry, wake
from shared.codec import messages
from shared.codec.signals import shipped
from shared.domain.paths import CABLE, IS_CHARGING, LATITUDE, LONGITUDE, ODOMETER, SPEED, STATE_OF_CHARGE, TROUBLE_CODES
from tests.attacks.fuzz.events import next_position
from tests.attacks.fuzz.values import TEXTS
from tests.examples import NOON
from tests.functions.test_events import message, received
from tests.memory import MemoryWorld

NUMERIC = [p for p, leaf in sorted(shipped().items()) if leaf.datatype in ("float", "double") or "int" in leaf.datatype]
EXTREMES: list[Any] = [
    0,
    -0.0,
    1e308,
    -1e308,
    1.7976931348623157e308,
    5e-324,
    2**31,
    2**53,
    -(2**53),
    1e15,
    0.1,
    100,
    65535,
]
STEPS = (0, 1, 1_000, 60_000, 600_000, 3_600_000)
"""Milliseconds from one sample to the next."""
READS = ("list_trips", "list_charges", "read_vehicle_state", "read_sightings", "read_history", "read_inbox")


class Drive(NamedTuple):
    bodies: list[bytes]
    ends_at: int
    """Epoch ms."""


def drawn(random: Random, number: int) -> Drive:
    at, bodies = NOON - 6 * 3_600_000, list[bytes]()
    for place in range(random.randrange(2, 25)):
        at = min(at + random.choice(STEPS), NOON + 30_000)
        signals = dict(_signals(random, place))
        sample: Any = {"time": datetime.fromtimestamp(at / 1000, UTC).isoformat(), "signals": signals}
        event: dict[str, Any] = {
            "specversion": "1.0",
            "id": f"d-{place}",
            "source": "/vehicles/veh-own",
            "type": "automotive.telemetry.v1",
        }
        event |= {"sequence": str(10**6 + number * 100 + place), "data": {"samples": [sample]}}
        bodies.append(json.dumps(event, allow_nan=False).encode())
    return Drive(bodies, at)


def _signals(random: Random, place: int) -> Iterator[tuple[str, Any]]:
    right = {
        SPEED: 50.0,
        ODOMETER: 1000.0 + place,
        LATITUDE: 48.1 + place / 1e3,
        LONGITUDE: 11.5,
        STATE_OF_CHARGE: 60.0,
    }
    right |= {
        IS_CHARGING: random.random() < 0.3,
        CABLE: random.random() < 0.3,
        "Vehicle.IsMoving": random.random() < 0.7,
    }
    for path, value in right.items():
        if random.random() < 0.7:
            odd = random.random() < 0.2 and not isinstance(value, bool)
            yield path, random.choice(EXTREMES) if odd else value
    for path in random.sample(NUMERIC, random.choice((0, 0, 2, 6))):
        yield path, random.choice(EXTREMES)
    if random.random() < 0.1:
        yield TROUBLE_CODES, [random.choice(("P0420", "x" * 256, *map(str, TEXTS[:12]))) for _ in range(3)]


async def driven(drive: Drive, world: MemoryWorld) -> str:
    """Taken in in batches, then woken as often as it is due."""
    for start in range(0, len(drive.bodies), 8):
        some, first = drive.bodies[start : start + 8], next_position(world, "telemetry-3")
        await telemetry.ingest_telemetry([received(first + n, body, "veh-own") for n, body in enumerate(some)])
    for _ in range(3):
        held = world.states.shelf.held["veh-own"].value
        world.clock.at = max(world.clock.at, held.due or 0)
        await wake.wake_due(message(messages.encode_wake("veh-own", 0)))
    return "driven"
