"""A car in the field: what it sends goes through the real handlers while the clock and the minute's timer go on.

Times are minutes after noon, and positions metres from 48.0, 11.0."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from math import cos, radians
from typing import Any

import azure.functions as func
from azure.functions._eventhub import EventHubEvent
from azure.functions.meta import Datum

from functions import brands, rules, sightings, states, telemetry, wake
from shared.codec import messages
from shared.domain.geo import RADIUS
from shared.domain.paths import BATTERY, CABLE, CHARGE_LIMIT, IS_CHARGING, IS_MOVING, SPEED, STATE_OF_CHARGE, SYSTEM
from shared.domain.telemetry import Census
from tests.examples import NOON, VEHICLE, called, cloud_event
from tests.functions.conftest import ask
from tests.functions.test_events import message
from tests.memory import MemoryWorld

MINUTE = 60_000
PATHS = {
    "speed": SPEED,
    "moving": IS_MOVING,
    "system": SYSTEM,
    "odometer": "Vehicle.TraveledDistance",
    "latitude": "Vehicle.CurrentLocation.Latitude",
    "longitude": "Vehicle.CurrentLocation.Longitude",
    "soc": STATE_OF_CHARGE,
    "charging": IS_CHARGING,
    "cable": CABLE,
    "limit": CHARGE_LIMIT,
    "lock": CABLE.replace("Connected", "Locked"),
    "status": BATTERY + "Charging.Status",
    "energy": BATTERY + "StateOfCharge.CurrentEnergy",
    "capacity": BATTERY + "NetCapacity",
    "range": BATTERY + "Range",
    "outside": "Vehicle.Exterior.AirTemperature",
    "tyre": "Vehicle.Chassis.Axle.Row1.Wheel.Left.Tire.Pressure",
    "tyre_low": "Vehicle.Chassis.Axle.Row1.Wheel.Left.Tire.IsPressureLow",
    "fuel": "Vehicle.Powertrain.FuelSystem.AbsoluteLevel",
    "tank": "Vehicle.Powertrain.FuelSystem.RelativeLevel",
    "door": "Vehicle.Cabin.Door.Row1.PassengerSide.IsOpen",
    "window": "Vehicle.Cabin.Door.Row1.DriverSide.Window.Position",
    "rear_window": "Vehicle.Cabin.Door.Row2.DriverSide.Window.Position",
    "hood": "Vehicle.Body.Hood.IsOpen",
    "codes": "Vehicle.Diagnostics.DTCList",
    "motor": "Vehicle.Powertrain.ElectricMotor.Temperature",
}
"""Short names of the signals that the cases are about."""

type Signals = Mapping[str, Any]
type Timeline = Mapping[float, Signals]
"""What the car saw, by the minute it saw it."""

_DEGREE = radians(1) * RADIUS
"""Metres of a degree of latitude."""
_ALL_TIME = {"from": "2026-11-10T00:00:00Z", "to": "2026-12-05T00:00:00Z", "limit": "100"}


def place(east: float = 0.0, north: float = 0.0) -> Signals:
    """A position, in metres from 48.0, 11.0."""
    return {"latitude": 48.0 + north / _DEGREE, "longitude": 11.0 + east / (_DEGREE * cos(radians(48.0)))}


def drive(start: float, minutes: float, odometer: int | None = None, every: float = 0.5, **more: Any) -> Timeline:
    """Eastwards from 48.0, 11.0 at 60 km/h, a kilometre each minute; the odometer counts on, if there is one. Then it
    slows down evenly, until the next sample."""
    found: dict[float, Signals] = {}
    steps = int(minutes / every)
    for step in range(steps + 2):
        driven = (step if step <= steps else steps + 0.5) * every * 1000
        counted = {} if odometer is None else {"odometer": round(odometer + driven)}
        speed = 60.0 if step <= steps else 0.0
        found[start + step * every] = {"speed": speed, **place(east=driven), **counted, **more}
    return found


def parked(start: float, minutes: float, every: float = 1.0, **signals: Any) -> Timeline:
    """The same signals again and again, standing."""
    steps = range(int(minutes / every) + 1)
    return {start + step * every: {"speed": 0.0, **signals} for step in steps}


def without(timeline: Timeline, *names: str) -> dict[float, Signals]:
    """What a car sends that lacks these signals."""
    return {at: {k: v for k, v in signals.items() if k not in names} for at, signals in timeline.items()}


class Car:
    """The one vehicle of a case; its clock is `clock_error` minutes ahead of the cloud's."""

    def __init__(self, world: MemoryWorld) -> None:
        self.world = world
        self.world.clock.at = NOON
        self.clock_error = 0.0
        self._sequence = self._position = 0

    async def report(self, *timelines: Timeline) -> None:
        """Each sample is a message of its own, taken in at the moment it is seen. What two timelines say of one moment
        goes together."""
        together: dict[float, dict[str, Any]] = {}
        for timeline in timelines:
            for minute, signals in timeline.items():
                together.setdefault(minute, {}).update(signals)
        for minute in sorted(together):
            await self.upload(minute, {minute: together[minute]})

    async def upload(self, at: float, samples: Timeline, **attributes: Any) -> None:
        """One message at a moment, with everything that was seen before."""
        seen = [{"time": self._time(minute), "signals": _named(s)} for minute, s in sorted(samples.items())]
        await self.send(at, {"samples": seen}, **attributes)

    async def send(self, at: float, data: object, **attributes: Any) -> None:
        """One message at a moment, whatever it holds."""
        self._sequence += 1
        body = cloud_event(data=data, sequence=str(self._sequence), id=f"message-{self._sequence}") | attributes
        await self.send_bytes(at, json.dumps(body).encode())

    async def send_bytes(self, at: float, body: bytes) -> None:
        """One message at a moment, as the car wrote it."""
        await self.wait(at)
        self._position += 1
        context = {"PartitionContext": Datum(json.dumps({"PartitionId": "3"}), "json")}
        event = EventHubEvent(
            body=body,
            trigger_metadata={**context, "PropertiesArray": Datum(json.dumps([{}]), "json")},
            sequence_number=self._position,
            enqueued_time=datetime.fromtimestamp(self.world.clock() / 1000, UTC).replace(tzinfo=None),
            iothub_metadata={"connection-device-id": VEHICLE},
        )
        await telemetry.ingest_telemetry([event])

    def lose(self, messages: int) -> None:
        """So many messages never arrive."""
        self._sequence += messages

    async def wait(self, until: float) -> None:
        """Let time pass, and the timer come each minute."""
        clock, end = self.world.clock, NOON + round(until * MINUTE)
        for tick in range(clock.at - clock.at % MINUTE + MINUTE, end + 1, MINUTE):
            clock.at = tick
            await wake.sweep_due(func.TimerRequest())
            due = [vehicle for vehicle, _ in self.world.wakes.contents]
            self.world.wakes.sent.clear()
            for vehicle in due:
                await wake.wake_due(message(messages.encode_wake(vehicle, tick)))
        clock.at = max(clock.at, end)

    async def has_rule(self, id: str, **rule: Any) -> None:
        """The owner puts a rule of the vehicle's own."""
        signal = {"signal": PATHS[rule.pop("signal")]} if "signal" in rule else {}
        body = {"id": id, **rule, **signal}
        assert (await ask(rules.put_vehicle_rule, "ada", body, vehicle_id=VEHICLE, rule_id=id)).status == 200

    async def has_fence(self, radius: float = 300.0) -> None:
        """Around 48.0, 11.0, told when it is entered and left."""
        circle = {"latitude": 48.0, "longitude": 11.0, "radius": radius}
        await self.has_rule("home", kind="geofence", on=["enter", "exit"], circle=circle)

    async def brand_knows(self, name: str, **leaf: Any) -> None:
        """The brand's operator says what its cars mean by a signal."""
        tree: dict[str, Any] = leaf
        for branch in reversed(PATHS[name].split(".")):
            tree = {branch: tree if tree is leaf else {"children": tree}}
        assert (await ask(brands.overlay_signals, body=tree)).status == 200

    async def trips(self) -> list[dict[str, Any]]:
        """In order of time."""
        answer = await ask(states.list_trips, "ada", query=_ALL_TIME, vehicle_id=VEHICLE)
        return list(reversed(answer.body["items"]))

    async def line(self, trip: Mapping[str, Any]) -> list[list[float]]:
        """The positions of a trip, longitude first; none where it has no line."""
        answer = await ask(states.read_trip, "ada", vehicle_id=VEHICLE, trip_id=trip["id"])
        geometry = answer.body["geometry"]
        return geometry["coordinates"] if geometry else []

    async def charges(self) -> list[dict[str, Any]]:
        """In order of time."""
        answer = await ask(states.list_charges, "ada", query=_ALL_TIME, vehicle_id=VEHICLE)
        return list(reversed(answer.body["items"]))

    async def value(self, name: str) -> Any:
        """What the state shows of a signal; None if nothing."""
        return ((await self.state())["signals"].get(PATHS[name]) or {}).get("value")

    async def state(self) -> dict[str, Any]:
        answer = await ask(states.read_vehicle_state, "ada", vehicle_id=VEHICLE)
        return dict(answer.body)

    async def place(self) -> dict[str, Any] | None:
        """Where the map shows it, and since when; None if nowhere."""
        (found,) = (await ask(sightings.read_sightings)).body["items"]
        seen: dict[str, Any] | None = found["place"]
        return seen

    @property
    def told(self) -> list[str]:
        """What was told, in order."""
        return [called(notification) for notification in self.world.notifications.contents]

    @property
    def counted(self) -> Census:
        """How its readings fared."""
        census: Census = self.world.ledgers.shelf.held["telemetry-3"].value.census
        return census

    @property
    def refused_messages(self) -> list[str]:
        """Why messages were parked."""
        return self.world.parking.reasons

    def _time(self, minute: float) -> str:
        at = NOON / 1000 + (minute + self.clock_error) * 60
        return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")


def moment(minute: float) -> str:
    """A time as it is answered."""
    at = datetime.fromtimestamp(NOON / 1000 + minute * 60, UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _named(signals: Signals) -> dict[str, Any]:
    return {PATHS.get(name, name): value for name, value in signals.items()}
