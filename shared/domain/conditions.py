"""The kinds of conditions that a rule can be made of, and those that are shipped."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from shared.domain.battery import is_full, limit_of
from shared.domain.geo import Circle, Polygon
from shared.domain.kinds import RULE, RULE_OVER, THRESHOLD_KINDS
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
CONFIRM = 10 * 60_000
"""Milliseconds after which a single reading beyond a threshold counts, unless a second one confirms it before: sensors
drop out for seconds, and a car that reports in batches says nothing more for minutes."""
TOPPED_UP = 5.0
"""Percent below the charge limit from which charging is no top-up any more."""
OPEN_FROM = 5.0
"""Percent from which a window or roof counts as open: a closed one reports 1 or 2 when its seal gives."""
JUST_NOW = 3 * 60_000
"""Milliseconds for which a vehicle of which only positions are known is moving once it moved: some tell one a minute,
and stand at a light then."""
RECENT = 5 * 60_000
"""Milliseconds after which a speed says nothing of now: a car that falls asleep reports its last one for ever."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold(Rule):
    """Holds from a reading beyond `below` or `above` until one past `clears`: the gap keeps a wavering value quiet."""

    kind = "threshold"
    signal: str
    below: float | None = None
    above: float | None = None
    clears: float
    name: str = "threshold"
    confirm: int = CONFIRM

    @property
    def paths(self) -> tuple[str, ...]:
        return (self.signal,)

    @property
    def kinds(self) -> tuple[str, str]:
        return (self.name, f"{self.name}_over") if self.name in THRESHOLD_KINDS else (RULE, RULE_OVER)

    def facts(self, kind: str, found: Facts) -> Facts:
        told = Rule.facts(self, kind, found)
        return {**told, "value": found[self.signal]} if kind == RULE and self.signal in found else told

    def active(self, view: View) -> Mapping[str, Facts] | None:
        value = view.number(self.signal)
        if value is None:
            return None
        known = view.held.get(self.id)
        held = known is not None and (known.told or self.hold > 0)
        low = self.below is not None and (value < self.below or (held and value <= self.clears))
        high = self.above is not None and (value > self.above or (held and value >= self.clears))
        return {"": {self.signal: view.values[self.signal][0]}} if low or high else {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Geofence(Rule):
    """Holds while the vehicle is inside."""

    kind = "geofence"
    shape: Circle | Polygon
    drawn_at: int = 0
    """When it was drawn (epoch ms): a vehicle that was inside then did not enter it."""

    @property
    def paths(self) -> tuple[str, ...]:
        return (LATITUDE, LONGITUDE)

    def active(self, view: View) -> Mapping[str, Facts] | None:
        if view.fix is None:
            return None
        place = view.fix.place
        inside = self.shape.contains(place, MARGIN if self.id in view.held else 0.0)
        return {"": {"rule": self.id, LATITUDE: place.latitude, LONGITUDE: place.longitude}} if inside else {}

    def made(self, now: int, known: Rule | None) -> Rule:
        same = isinstance(known, Geofence) and known.shape == self.shape and known.enabled
        return replace(self, drawn_at=known.drawn_at if isinstance(known, Geofence) and same else now)

    def held_since(self, view: View) -> int | None:
        last = view.last_fix
        return last.at if last and last.at <= self.drawn_at and self.shape.contains(last.place) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class TroubleCode(Rule):
    """Holds for each code while the vehicle lists it."""

    kind = "trouble_code"

    @property
    def paths(self) -> tuple[str, ...]:
        return (TROUBLE_CODES,)

    def active(self, view: View) -> Mapping[str, Facts] | None:
        codes = view.fresh.get(TROUBLE_CODES)
        return {str(code): {"code": str(code)} for code in codes} if isinstance(codes, list | tuple) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargingComplete(Rule):
    """Holds from when charging that began below the charge limit stops at it, until the cable is pulled or it charges
    again. A top-up tells nothing: it begins close to the limit, at which a vehicle that has not moved since stopped
    before."""

    kind = "charging_complete"

    @property
    def paths(self) -> tuple[str, ...]:
        return (IS_CHARGING, CABLE)

    def active(self, view: View) -> Mapping[str, Facts] | None:
        charge, limit = view.number(STATE_OF_CHARGE), limit_of(view.number(CHARGE_LIMIT))
        if self.id in view.held:
            over = view.value(CABLE) is False or (view.value(IS_CHARGING) is True and not _tops_up(view, charge, limit))
            return {} if over else {"": {STATE_OF_CHARGE: charge or 0.0}}
        stopped = IS_CHARGING in view.before and view.before[IS_CHARGING][0] is True
        if not stopped or view.value(IS_CHARGING) is not False or not is_full(charge, limit):
            return {}
        began = view.charged_from
        if began is not None and (began >= limit or _tops_up(view, began, limit)):
            return {}
        return {"": {STATE_OF_CHARGE: charge or 0.0}}


def _tops_up(view: View, charge: float | None, limit: float) -> bool:
    """Whether charging that begins at a state of charge (%) only keeps a vehicle at its limit."""
    stayed = view.full_at >= 0 and view.moved_at <= view.full_at
    return stayed and charge is not None and charge >= limit - TOPPED_UP


@dataclass(frozen=True, slots=True, kw_only=True)
class MovingWhileOff(Rule):
    """Holds while the vehicle is seen to move after its systems went off, until it has stood for a while: towed, or
    stolen."""

    kind = "moving_while_off"

    @property
    def paths(self) -> tuple[str, ...]:
        return (SPEED, IS_MOVING, SYSTEM)

    def active(self, view: View) -> Mapping[str, Facts] | None:
        system = view.values.get(SYSTEM)
        if system is None or system[0] not in ("LOCK", "OFF"):
            return {}
        pauses = self.id in view.held and view.at - view.moved_at < RECENT
        return {"": {SYSTEM: system[0]}} if pauses or moves(view, system[1]) else {}


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOpen(Rule):
    """Holds while a door, window or lid of a standing vehicle is open."""

    kind = "left_open"
    open_from: float = OPEN_FROM

    @property
    def paths(self) -> tuple[str, ...]:
        return (*OPENINGS, SPEED, IS_MOVING, LATITUDE, LONGITUDE)

    def active(self, view: View) -> Mapping[str, Facts] | None:
        if moves(view, view.at - RECENT):
            return {}
        opened = [p for p in OPENINGS if (known := view.values.get(p)) and self._is_open(known[0])]
        return {"": {"open": opened}} if opened else {}

    def _is_open(self, value: Value) -> bool:
        return value is True or (
            isinstance(value, int | float) and not isinstance(value, bool) and value >= self.open_from
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Silent(Rule):
    """Holds once nothing has come from the vehicle for `hold` milliseconds. Time alone begins an episode."""

    kind = "silent"
    by_time_alone = True


DEFAULTS: tuple[Rule, ...] = (
    Threshold(id="battery_low", signal=STATE_OF_CHARGE, below=10.0, clears=15.0, name="battery_low"),
    TroubleCode(id="trouble_code", on=frozenset({"enter", "exit"})),
    ChargingComplete(id="charging_complete"),
    MovingWhileOff(id="moving_while_off"),
    LeftOpen(id="left_open", hold=10 * 60_000),
)
"""What a brand tells unless it says otherwise."""


def moves(view: View, since: int) -> bool:
    """Whether it moves faster than walking, forwards or backwards, by what was seen at or after `since` (epoch ms)."""
    speed = view.values.get(SPEED)
    if speed and speed[1] >= since:
        return abs(view.number(SPEED) or 0.0) > WALKING
    moving = view.values.get(IS_MOVING)
    if moving and moving[1] >= since:
        return moving[0] is True
    return view.moved_at >= max(since, view.at - JUST_NOW)
