"""Whether a sample shows that its vehicle moves."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from shared.domain.geo import Place, distance
from shared.domain.paths import IS_MOVING, SPEED
from shared.domain.telemetry import Value

MOVING = 3.0
"""km/h, forwards or backwards, above which a vehicle moves: what is reported of one at rest stays below."""
WENT_ON = 50.0
"""Metres from where it was that show that a vehicle which said that it moves still does: noise stays below."""
WENT_OFF = 100.0
"""The same for a vehicle that said nothing, or long ago that it rests."""
AWAKE = 60_000
"""Milliseconds without a sample in which a vehicle that reports on change is still awake."""
TRUSTED = 10 * 60_000
"""Milliseconds for which a vehicle that said that it rests is believed whatever its positions do."""


_NOTHING: Mapping[str, Any] = MappingProxyType({})


class Statement(NamedTuple):
    """What speed or IsMoving said last, and when (epoch ms)."""

    moving: bool
    at: int


def stated(readings: Mapping[str, Value]) -> bool | None:
    """What a sample says by itself: by its speed, or else by IsMoving; None if it has neither."""
    speed = readings.get(SPEED)
    if isinstance(speed, int | float) and not isinstance(speed, bool):
        return abs(speed) > MOVING
    moving = readings.get(IS_MOVING)
    return moving if isinstance(moving, bool) else None


type Signals = Mapping[str, tuple[Value, int]]
"""Each signal's value, and when it was seen (epoch ms)."""


def last_statement(
    values: Signals, fresh: Mapping[str, Value] = _NOTHING, before: Signals = _NOTHING
) -> Statement | None:
    """What speed or IsMoving said last; before a sample, where what it tells anew and what that replaced is given."""
    newest: Statement | None = None
    for path in (IS_MOVING, SPEED):
        known = before.get(path) if path in fresh else values.get(path)
        if known and (newest is None or known[1] >= newest.at):
            newest = Statement(bool(stated({path: known[0]})), known[1])
    return newest


def moved(
    readings: Mapping[str, Value],
    at: int,
    place: Place | None,
    last: Statement | None,
    anchor: Place | None,
    silence: int,
) -> bool | None:
    """Whether the vehicle moved up to this sample; None if that cannot be told.

    `last` is what it had stated before, `anchor` the place where it was found last, `silence` the milliseconds since
    the sample before. One that reports on change and says that it rests moved until now, unless it had fallen silent
    where it is."""
    said = stated(readings)
    if said is False and SPEED not in readings and last and last.moving:
        return silence <= AWAKE or (place is not None and anchor is not None and distance(anchor, place) >= WENT_ON)
    if said is not None or place is None or anchor is None:
        return said
    if last and not last.moving and at - last.at <= TRUSTED:
        return None
    enough = WENT_ON if last and last.moving else WENT_OFF
    return True if distance(anchor, place) >= enough else None
