"""Plainly made-up vehicles, people and messages."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import msgspec

from shared.domain.catalog import Catalog, Feature, Kind, Needs, Plan
from shared.domain.conditions import DEFAULTS, Threshold
from shared.domain.garage import Member, Role
from shared.domain.notification import Notification
from shared.domain.paths import STATE_OF_CHARGE
from shared.domain.policy import Status
from shared.domain.profile import Profile
from shared.domain.rules import Book
from shared.domain.telemetry import Event, Position, Sample, Telemetry
from shared.domain.vehicle import VehicleState

NOON = 1_795_348_800_000
"""2026-11-22T12:00:00Z in epoch milliseconds."""
NOON_AT = datetime.fromtimestamp(NOON / 1000, UTC)
VEHICLE, VIN, BRAND = "veh-0001", "ZZZAURRA0DEM00001", "aurora"

PROFILE = Profile(
    VEHICLE, VIN, BRAND, "eu", "Polar", 2026, Status.ACTIVE, frozenset({"climate"}), {"user-ada": Member(Role.PRIMARY)}
)
STATE = VehicleState(VEHICLE, PROFILE.policy())
AT_ONCE = tuple(replace(r, confirm=0) if isinstance(r, Threshold) else r for r in DEFAULTS)
"""The shipped rules, but that a low battery is told at its first reading: what most tests follow is what then becomes
of the notification."""
BOOK = Book.of(AT_ONCE)
CATALOG = Catalog(
    BRAND,
    {
        "remote-climate": Feature("remote-climate", needs=Needs(capabilities=frozenset({"climate"}))),
        "live-traffic": Feature("live-traffic"),
        "sharing": Feature("sharing", kind=Kind.STATIC, config={"guests": 2}),
    },
    {
        "comfort": Plan("comfort", {"remote-climate": None, "live-traffic": None}, "P1Y", price=9900, grace_days=14),
        "tried": Plan("tried", {"sharing": None}, "P1M", price=500, trial_days=30, grace_days=3),
        "open": Plan("open", {"live-traffic": None}, "lifetime"),
    },
)


def event(second: int, sequence: int | None = None, arrived: int | None = None, **signals: Any) -> Event:
    """A sample seen that many seconds after noon; it arrives at once unless said otherwise."""
    readings = {(name == "soc" and STATE_OF_CHARGE) or f"Vehicle.{name}": value for name, value in signals.items()}
    at = NOON + second * 1000
    others = frozenset(path for path in readings if "Location" not in path)
    number = second if sequence is None else sequence
    telemetry = Telemetry(VEHICLE, number, (Sample(at, readings),), not_places=others)
    return Event(telemetry, at if arrived is None else arrived)


def owed(state: VehicleState) -> list[Notification]:
    """The notifications that a state still has to hand on."""
    return [entry for entry in state.outbox if isinstance(entry, Notification)]


def called(told: Notification) -> str:
    """What was told: of a rule the kind of its condition, or its name."""
    return told.names[-1] if len(told.names) > 1 else str(told.facts.get("name", told.kind))


def at(position: int, of: Event) -> Event:
    """The event as the hub holds it at a position."""
    return Event(of.telemetry, of.arrived_at, Position(position, of.arrived_at))


def cloud_event(**changes: Any) -> dict[str, Any]:
    """A message of the vehicle, right in every part but for the changes."""
    message = {
        "specversion": "1.0",
        "id": "message-1",
        "source": f"/vehicles/{VEHICLE}",
        "type": "automotive.telemetry.v1",
        "sequence": "1",
        "data": {"samples": [{"time": "2026-11-22T12:00:00Z", "signals": {"Vehicle.Speed": 52.3}}]},
    }
    return message | changes


def encoded(message: Any) -> bytes:
    return msgspec.json.encode(message)


def with_signals(**changes: Any) -> bytes:
    """A message with these signals by their last name under `Vehicle.`."""
    signals = {f"Vehicle.{name}": value for name, value in changes.items()}
    return encoded(cloud_event(data={"samples": [{"time": "2026-11-22T12:00:00Z", "signals": signals}]}))
