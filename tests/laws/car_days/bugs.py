"""Known ways to get this wrong, each with a car that brings it out."""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any
from unittest.mock import patch

from shared.domain import conditions, motion
from shared.domain.clock_offset import ClockOffset
from shared.domain.location import Fix, fix_in
from shared.domain.paths import LATITUDE, LONGITUDE, SPEED
from shared.domain.rules import Rule
from shared.domain.span import Span
from shared.domain.track import Track
from shared.domain.travel import Travel
from shared.domain.trip_settings import TripSettings
from shared.domain.vehicle import VehicleState
from shared.ports import Histories
from shared.use_cases import wake as waking
from shared.use_cases.derive import derive
from tests.laws.car_days import run
from tests.laws.car_days.profiles import Profile


@dataclass(frozen=True, slots=True)
class Bug:
    """How to plant it, and how a car reports that suffers from it."""

    plant: Callable[[ExitStack], None]
    profile: Profile


@contextmanager
def planted(name: str) -> Iterator[None]:
    with ExitStack() as stack:
        BUGS[name].plant(stack)
        yield


def _everywhere(stack: ExitStack, name: str, value: object) -> None:
    """Under this name in every module of the product that has it."""
    for module in [m for n, m in sys.modules.items() if n.startswith("shared.")]:
        if name in vars(module):
            stack.enter_context(patch.object(module, name, value))


def _named(name: str, value: object) -> Callable[[ExitStack], None]:
    return lambda stack: _everywhere(stack, name, value)


def _of(owner: type, name: str, value: Any) -> Callable[[ExitStack], None]:
    return lambda stack: stack.enter_context(patch.object(owner, name, value)) and None


def _rules(change: Callable[[Rule], Rule]) -> Callable[[ExitStack], None]:
    changed = tuple(map(change, conditions.DEFAULTS))

    def plant(stack: ExitStack) -> None:
        stack.enter_context(patch.object(run, "DEFAULTS", changed))

    return plant


def _forwards(readings: Any) -> bool | None:
    """`motion.stated` for a speed that is never below 0."""
    return readings[SPEED] > motion.MOVING if SPEED in readings else None


def _without_confirmation(rule: Rule) -> Rule:
    return replace(rule, confirm=0) if isinstance(rule, conditions.Threshold) else rule


def _open_from_one(rule: Rule) -> Rule:
    return replace(rule, open_from=1.0) if isinstance(rule, conditions.LeftOpen) else rule


def _null_island(stack: ExitStack) -> None:
    _everywhere(stack, "placeholders", lambda readings: [])
    _everywhere(stack, "is_place", lambda place: True)


def _hasty(stack: ExitStack) -> None:
    """Whatever was silent for half a minute is derived, and as if it were over."""

    async def at_once(state: VehicleState, span: Span, histories: Histories, settings: TripSettings, now: int) -> bool:
        return await derive(state, span, histories, settings, now + 3_600_000)

    stack.enter_context(patch.object(waking, "derive", at_once))
    stack.enter_context(patch.object(Track, "_over_at", staticmethod(lambda _, heard_at, __: heard_at + 30_000)))


def _trusted_odometer(stack: ExitStack) -> None:
    stack.enter_context(patch.object(Travel, "_is_plausible", lambda *_: True))
    stack.enter_context(patch.object(Travel, "_agrees", lambda *_: True))


def _together(signals: Any) -> Fix | None:
    """`location.fix_in` for a latitude and a longitude of the same sample."""
    found = fix_in(signals)
    return found if found and signals[LATITUDE][1] == signals[LONGITUDE][1] else None


BUGS = {
    "reversing_is_no_movement": Bug(_named("stated", _forwards), Profile(interval=1)),
    "a_stop_of_a_minute_parts_trips": Bug(_named("STOP", 60_000), Profile()),
    "pauses_part_charges": Bug(_named("PAUSE", 60_000), Profile()),
    "one_reading_is_enough": Bug(_rules(_without_confirmation), Profile(interval=1, charge="dropouts")),
    "null_island_is_a_place": Bug(_null_island, Profile(receiver="null_island")),
    "the_odometer_is_always_right": Bug(_trusted_odometer, Profile(odometer="resetting", interval=1)),
    "what_goes_on_is_listed": Bug(_hasty, Profile(interval=60)),
    "every_sample_behind_is_old": Bug(_of(ClockOffset, "follow", lambda self, *_: self), Profile(clock="behind")),
    "a_seal_that_gives_is_an_open_window": Bug(_rules(_open_from_one), Profile()),
    "a_speed_that_wavers_is_a_drive": Bug(_named("MOVING", 0.5), Profile(rest="heartbeats")),
    "what_comes_late_changes_nothing": Bug(
        _of(Track, "touch", lambda self, *_: self), Profile(network="offline_newest_first")
    ),
    "a_leap_is_a_way": Bug(_named("_reach", lambda _: 1e9), Profile(receiver="jumping", interval=1)),
    "each_top_up_is_complete": Bug(_named("_tops_up", lambda *_: False), Profile()),
    "halves_are_no_fix": Bug(_named("fix_in", _together), Profile(receiver="split")),
    "a_lost_count_of_weeks_is_believed": Bug(_named("ROLLOVER", 10**18), Profile(clock="rollover")),
}
