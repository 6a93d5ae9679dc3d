"""The kinds of conditions that a rule can be made of, and those that are shipped."""

from collections.abc import Mapping
from dataclasses import dataclass

from shared.domain.geo import Circle, Place, Polygon, distance
from shared.domain.paths import (
    CABLE,
    CHARGE_LIMIT,
    IS_CHARGING,
    IS_MOVING,
    LATITUDE,
    LONGITUDE,
    OPENINGS,
    SPEED,
    STATE_OF_CHARGE,
    SYSTEM,
    TROUBLE_CODES,
)
from shared.domain.rules import Facts, Rule, View
from shared.domain.telemetry import Value

MARGIN = 50.0
"""Metres outside a fence at which a vehicle within still counts as inside: positions waver."""
WALKING = 5.0
"""km/h below which a vehicle counts as standing."""
LEAP, FASTEST = 1_000.0, 70.0
"""Metres that a position may jump at once, and metres a second beyond that, before it is not believed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold(Rule):
    """Holds from a reading beyond `below` or `above` until one past `clears`: the gap keeps a wavering value quiet."""

    kind = "threshold"
    signal: str
    below: float | None = None
    above: float | None = None
    clears: float
    name: str = "threshold"

    @property
    def paths(self) -> tuple[str, ...]:
        return (self.signal,)

    @property
    def tells(self) -> tuple[str, str]:
        return self.name, f"{self.name}_over"

    def active(self, view: View) -> Mapping[str, Facts] | None:
        value = view.number(self.signal)
        if value is None:
            return None
        held = self.id in view.held
        low = self.below is not None and (value < self.below or (held and value <= self.clears))
        high = self.above is not None and (value > self.above or (held and value >= self.clears))
        return {"": {self.signal: view.values[self.signal][0]}} if low or high else {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Geofence(Rule):
    """Holds while the vehicle is inside."""

    kind, begun, over = "geofence", "geofence_entered", "geofence_left"
    shape: Circle | Polygon

    @property
    def paths(self) -> tuple[str, ...]:
        return (LATITUDE, LONGITUDE)

    def active(self, view: View) -> Mapping[str, Facts] | None:
        place = _place(view.fresh.get(LATITUDE), view.fresh.get(LONGITUDE))
        if place is None or not _believable(place, view):
            return None
        inside = self.shape.contains(place, MARGIN if self.id in view.held else 0.0)
        return {"": {"rule": self.id, LATITUDE: place.latitude, LONGITUDE: place.longitude}} if inside else {}


@dataclass(frozen=True, slots=True, kw_only=True)
class TroubleCode(Rule):
    """Holds for each code while the vehicle lists it."""

    kind, begun, over = "trouble_code", "trouble_code_opened", "trouble_code_closed"

    @property
    def paths(self) -> tuple[str, ...]:
        return (TROUBLE_CODES,)

    def active(self, view: View) -> Mapping[str, Facts] | None:
        codes = view.fresh.get(TROUBLE_CODES)
        return {str(code): {"code": str(code)} for code in codes} if isinstance(codes, list | tuple) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargingComplete(Rule):
    """Holds from when charging stops at the charge limit until the cable is pulled, or it charges again."""

    kind, begun, over = "charging_complete", "charging_complete", "charging_complete_over"

    @property
    def paths(self) -> tuple[str, ...]:
        return (IS_CHARGING, CABLE)

    def active(self, view: View) -> Mapping[str, Facts] | None:
        held = self.id in view.held and view.value(CABLE) is not False
        stopped = IS_CHARGING in view.before and view.before[IS_CHARGING][0] is True
        if not (held or stopped) or view.value(IS_CHARGING) is not False:
            return {}
        charge, limit = view.number(STATE_OF_CHARGE), view.number(CHARGE_LIMIT)
        if charge is None or not (held or charge >= (100.0 if limit is None else limit) - 1):
            return {}
        return {"": {STATE_OF_CHARGE: charge}}


@dataclass(frozen=True, slots=True, kw_only=True)
class MovingWhileOff(Rule):
    """Holds while the vehicle moves and its systems are off: towed, or stolen."""

    kind, begun, over = "moving_while_off", "moving_while_off", "moving_while_off_over"

    @property
    def paths(self) -> tuple[str, ...]:
        return (SPEED, IS_MOVING, SYSTEM)

    def active(self, view: View) -> Mapping[str, Facts] | None:
        system = view.value(SYSTEM)
        return {"": {SYSTEM: system}} if system in ("LOCK", "OFF") and moves(view) else {}


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOpen(Rule):
    """Holds while a door, window or lid of a standing vehicle is open."""

    kind, begun, over = "left_open", "left_open", "left_open_over"

    @property
    def paths(self) -> tuple[str, ...]:
        return (*OPENINGS, SPEED, IS_MOVING)

    def active(self, view: View) -> Mapping[str, Facts] | None:
        if moves(view):
            return {}
        opened = [p for p in OPENINGS if (known := view.values.get(p)) and _is_open(known[0])]
        return {"": {"open": opened}} if opened else {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Silent(Rule):
    """Holds once nothing has come from the vehicle for `hold` milliseconds. Time alone begins an episode."""

    kind, begun, over = "silent", "silent", "silent_over"
    by_time_alone = True


DEFAULTS: tuple[Rule, ...] = (
    Threshold(id="battery_low", signal=STATE_OF_CHARGE, below=10.0, clears=15.0, name="battery_low"),
    TroubleCode(id="trouble_code", on=frozenset({"enter", "exit"})),
    ChargingComplete(id="charging_complete"),
    MovingWhileOff(id="moving_while_off"),
    LeftOpen(id="left_open", hold=10 * 60_000),
)
"""What a brand tells unless it says otherwise."""


def moves(view: View) -> bool:
    speed = view.number(SPEED)
    return speed > WALKING if speed is not None else view.value(IS_MOVING) is True


def _is_open(value: Value) -> bool:
    return value is True or (isinstance(value, int | float) and not isinstance(value, bool) and value > 0)


def _place(latitude: Value | None, longitude: Value | None) -> Place | None:
    """Where both are known; a receiver without a fix says 0, 0."""
    if not isinstance(latitude, int | float) or not isinstance(longitude, int | float):
        return None
    return Place(latitude, longitude) if latitude or longitude else None


def _believable(place: Place, view: View) -> bool:
    """Whether a vehicle can have come here since its position before."""
    latitude, longitude = view.before.get(LATITUDE), view.before.get(LONGITUDE)
    if latitude is None or longitude is None:
        return True
    before = _place(latitude[0], longitude[0])
    seconds = (view.at - max(latitude[1], longitude[1])) / 1000
    return before is None or distance(before, place) <= LEAP + FASTEST * seconds
