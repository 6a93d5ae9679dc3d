"""Drives: a simulated electric car, or a recorded one, as a sequence of samples."""

import csv
import math
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import NamedTuple
from zoneinfo import ZoneInfo

BATTERY = "Vehicle.Powertrain.TractionBattery."
RECORDED_IN = ZoneInfo("Africa/Casablanca")
CAPACITY_KWH, KWH_PER_KM, IDLE_KW, CHARGE_KW = 52.0, 0.165, 0.6, 48.0


class Sample(NamedTuple):
    """A time as the car writes it, and what it saw."""

    time: str
    signals: dict[str, float | int | bool | str]


class ElectricCar:
    """A small electric car on a round trip: it drives, stops, parks, and charges when it has to. Seeded."""

    def __init__(self, seed: int) -> None:
        r = self._random = Random(seed)
        self.soc = 10.15 + r.random() * 0.3 if seed % 3 == 0 else r.uniform(25, 90)
        self._speed, self._target, self._distance = 0.0, r.uniform(30, 60), r.uniform(1e6, 9e7)
        self._left, self._parked, self._charging = r.randrange(240, 480), False, False
        self._centre, self._turn = (48.0 + r.uniform(-0.2, 0.2), 11.0 + r.uniform(-0.3, 0.3)), r.uniform(0, math.tau)
        self._outside, self._cabin, self._cells = r.uniform(4, 24), 20.0, 22.0

    def step(self) -> dict[str, float | int | bool | str]:
        """One second on."""
        self._plan()
        limit = 0.0 if self._parked else self._target
        self._speed = max(0.0, self._speed + max(-9.0, min(6.0, limit - self._speed)) + self._random.gauss(0, 0.4))
        if self._parked and self._speed < 6:
            self._speed = 0.0
        metres = self._speed / 3.6
        self._distance += metres
        self._turn += metres / 1800
        power = CHARGE_KW if self._charging else -(self._speed * KWH_PER_KM + IDLE_KW)
        self.soc = max(0.0, min(100.0, self.soc + power / 3600 / CAPACITY_KWH * 100))
        self._cabin += (21.5 - self._cabin) * 0.01
        self._cells += (self._outside + abs(power) * 0.4 - self._cells) * 0.002
        return self._signals()

    def _plan(self) -> None:
        self._left -= 1
        if self._left > 0:
            if not self._parked and self._random.random() < 0.03:
                self._target = self._random.choice((0, 30, 50, 50, 70, 95))
            return
        self._parked = not self._parked
        self._charging = self._parked and self.soc < 30
        self._left = self._random.randrange(120, 400) if self._parked else self._random.randrange(300, 900)

    def _signals(self) -> dict[str, float | int | bool | str]:
        latitude = self._centre[0] + 0.016 * math.sin(self._turn)
        longitude = self._centre[1] + 0.024 * math.cos(self._turn)
        door = "Vehicle.Cabin.Door.Row1.DriverSide."
        return {
            "Vehicle.Speed": round(self._speed, 1),
            "Vehicle.IsMoving": self._speed > 0.5,
            "Vehicle.TraveledDistance": int(self._distance),
            "Vehicle.CurrentLocation.Latitude": round(latitude, 6),
            "Vehicle.CurrentLocation.Longitude": round(longitude, 6),
            "Vehicle.CurrentLocation.Heading": round(math.degrees(-self._turn) % 360, 1),
            BATTERY + "StateOfCharge.Displayed": round(self.soc, 2),
            BATTERY + "Range": int(self.soc / 100 * CAPACITY_KWH / KWH_PER_KM * 1000),
            BATTERY + "Temperature.Average": round(self._cells, 1),
            BATTERY + "Charging.IsCharging": self._charging,
            BATTERY + "Charging.ChargingPort.AnyPosition.IsChargingCableConnected": self._charging,
            "Vehicle.Exterior.AirTemperature": round(self._outside, 1),
            "Vehicle.Cabin.HVAC.AmbientAirTemperature": round(self._cabin, 1),
            door + "IsOpen": self._parked and self._random.random() < 0.05,
            door + "IsLocked": not self._parked,
        }


def recorded(path: Path, end: datetime) -> Iterator[Sample]:
    """Every row of a recorded drive, moved in time so that the last one is at `end`.

    A row whose date no calendar holds keeps it: it is for ingest to say what is wrong with it."""
    with path.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    last = next(moment for row in reversed(rows) if (moment := _moment(row)))
    for row in rows:
        month, day, year = row["Date"].split("/")
        moment, written = _moment(row), f"{year}-{month}-{day}T{row['Time']}Z"
        yield Sample(rfc3339(moment + (end - last)) if moment else written, _mapped(row))


def endless(source: Path | int) -> Iterator[Sample]:
    """A recorded drive over and over, or the car of a seed, as if it were seen now; a time that is none stays."""
    car = ElectricCar(source) if isinstance(source, int) else None
    while True:
        now = datetime.now(UTC)
        for sample in recorded(source, now) if isinstance(source, Path) else [Sample("", car.step() if car else {})]:
            yield Sample(rfc3339(datetime.now(UTC)), sample.signals) if is_time(sample.time or "now") else sample


def is_time(text: str) -> bool:
    """Whether a calendar holds it."""
    try:
        return text == "now" or datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def _moment(row: dict[str, str]) -> datetime | None:
    try:
        local = datetime.strptime(f"{row['Date']} {row['Time']}", "%m/%d/%Y %H:%M:%S").replace(tzinfo=RECORDED_IN)
    except ValueError:
        return None
    return local.astimezone(UTC)


def _mapped(row: dict[str, str]) -> dict[str, float | int | bool | str]:
    """The columns as VSS signals and units."""
    place = {"Latitude": "LAT", "Longitude": "LON", "Altitude": "ALT"}
    signals: dict[str, float | int | bool | str] = {
        f"Vehicle.CurrentLocation.{axis}": float(row[column]) for axis, column in place.items()
    }
    signals |= {"Vehicle.Speed": float(row["Speed"]), "Vehicle.IsMoving": float(row["Speed"]) > 0.5}
    signals["Vehicle.Powertrain.Transmission.CurrentGear"] = {"D": 1, "R": -1}.get(row["Mode"], 0)
    signals[BATTERY + "StateOfCharge.Displayed"] = float(row["Soc"])
    outside = {"Vehicle.Exterior.AirTemperature": float(row["Temperature"])}
    return signals | outside | {"Vehicle.Exterior.Humidity": float(row["Humidity"])}


def rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
