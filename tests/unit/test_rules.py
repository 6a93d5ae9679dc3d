import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.codec.bodies import parse
from shared.codec.requests import PutRule
from shared.codec.rules import rule_document, rules, stored_rule
from shared.domain import folding
from shared.domain.conditions import (
    CONFIRM,
    ChargingComplete,
    Geofence,
    LeftOpen,
    MovingWhileOff,
    Silent,
    Threshold,
    TroubleCode,
)
from shared.domain.folding import passed
from shared.domain.geo import Circle, Place, Polygon, distance
from shared.domain.paths import (
    CABLE,
    CHARGE_LIMIT,
    IS_CHARGING,
    LATITUDE,
    LONGITUDE,
    OPENINGS,
    STATE_OF_CHARGE,
    SYSTEM,
    TROUBLE_CODES,
)
from shared.domain.rules import Book, Rule
from shared.domain.telemetry import Event, Sample, Telemetry, Value
from shared.domain.vehicle import Reading, VehicleState
from shared.errors import Malformed
from tests.examples import NOON, STATE, VEHICLE, owed

BOTH = frozenset({"enter", "exit"})
HOUR = 3_600_000
CENTRE = Place(48.0, 11.0)
HOME = Geofence(id="home", shape=Circle(CENTRE, 500.0), on=BOTH)


def seen(second: int, readings: dict[str, Value]) -> Event:
    at = NOON + second * 1000
    return Event(Telemetry(VEHICLE, second + 1_000, (Sample(at, readings),)), at)


def drive(rule: Rule, *samples: dict[str, Value], every: int = 1) -> VehicleState:
    events = [seen(number * every, readings) for number, readings in enumerate(samples)]
    return folding.fold(STATE, events, Book((rule,)))[0]


def told(state: VehicleState) -> list[str]:
    return [notification.kind for notification in owed(state)]


def north(metres: float) -> dict[str, Value]:
    """So far north of the centre."""
    return {LATITUDE: CENTRE.latitude + metres / 111_195, LONGITUDE: CENTRE.longitude}


# ---- thresholds


def test_a_reading_above_a_threshold_is_told_until_it_is_past_the_other_side() -> None:
    hot = Threshold(id="hot", signal="Vehicle.Speed", above=120.0, clears=100.0, name="speeding", on=BOTH, confirm=0)
    speeds: list[dict[str, Value]] = [{"Vehicle.Speed": s} for s in (119.0, 121.0, 110.0, 121.0, 99.0, 130.0)]
    assert told(drive(hot, *speeds)) == ["rule_triggered", "rule_triggered_over", "rule_triggered"]


def low(*charges: float, every: int = 5) -> list[str]:
    rule = Threshold(id="low", signal=STATE_OF_CHARGE, below=10.0, clears=15.0, name="battery_low")
    readings: list[dict[str, Value]] = [{STATE_OF_CHARGE: charge} for charge in charges]
    return told(drive(rule, *readings, every=every))


def test_a_reading_beyond_a_threshold_is_told_once_a_second_one_confirms_it() -> None:
    assert low(78, 0, 78) == [], "a sensor that drops out"
    assert low(14, 0, 14, 14) == [], "nor does a reading that would only keep an episode going confirm it"
    assert low(78, 9) == []
    assert low(78, 9, 9) == ["battery_low"]


def test_a_reading_beyond_a_threshold_is_told_by_time_alone_when_no_second_one_comes() -> None:
    rule = Threshold(id="low", signal=STATE_OF_CHARGE, below=10.0, clears=15.0, name="battery_low")
    state, book = drive(rule, {STATE_OF_CHARGE: 9.0}), Book((rule,))
    assert state.scheduled(book, NOON, 0).due == NOON + CONFIRM
    assert told(passed(state, book, NOON + CONFIRM - 1)) == []
    assert told(passed(state, book, NOON + CONFIRM)) == ["battery_low"]


def test_a_condition_that_has_to_last_is_told_only_once_it_has() -> None:
    slow = Threshold(id="slow", signal="Vehicle.Speed", above=120.0, clears=120.0, hold=10_000)
    fast: dict[str, Value] = {"Vehicle.Speed": 130.0}
    assert told(drive(slow, *[fast] * 10)) == []
    assert told(drive(slow, *[fast] * 11)) == ["rule_triggered"]
    assert told(drive(slow, *[fast] * 9, {"Vehicle.Speed": 100.0}, *[fast] * 9)) == []
    assert owed(drive(slow, *[fast] * 12))[0].at == NOON


def test_what_has_to_last_is_told_by_time_alone_when_nothing_more_comes() -> None:
    slow = Threshold(id="slow", signal="Vehicle.Speed", above=120.0, clears=120.0, hold=10_000)
    state, book = drive(slow, {"Vehicle.Speed": 130.0}), Book((slow,))
    assert state.scheduled(book, NOON, 0).due == NOON + 10_000
    assert told(passed(state, book, NOON + 9_999)) == []
    after = passed(state, book, NOON + 10_000)
    assert (told(after), after.committed) == (["rule_triggered"], 1)
    assert passed(after, book, NOON + 99_000).outbox == after.outbox


# ---- geofences


def test_a_fence_is_entered_and_left_once() -> None:
    way = [north(m) for m in (2000, 1000, 600, 400, 0, 400, 600, 2000)]
    assert told(drive(HOME, *way, every=30)) == ["geofence_entered", "geofence_left"]


def test_a_position_that_wavers_at_the_edge_is_one_episode() -> None:
    way = [north(490 + 20 * (n % 2)) for n in range(20)]
    assert told(drive(HOME, *way)) == ["geofence_entered"]


@pytest.mark.parametrize("wrong", [{LATITUDE: 0.0, LONGITUDE: 0.0}, north(40_000), {LATITUDE: 48.0}])
def test_a_position_that_cannot_be_is_not_believed(wrong: dict[str, Value]) -> None:
    assert told(drive(HOME, north(100), wrong, north(90))) == ["geofence_entered"]


def test_a_long_way_in_a_long_time_is_believed() -> None:
    assert told(drive(HOME, north(100), north(40_000), every=1_200)) == ["geofence_entered", "geofence_left"]


def test_only_the_exit_is_told_where_only_that_was_asked_for() -> None:
    leaving = Geofence(id="work", shape=Circle(CENTRE, 500.0), on=frozenset({"exit"}))
    assert told(drive(leaving, north(0), north(900))) == ["geofence_left"]


SQUARE = Polygon((Place(0, 0), Place(0, 1), Place(1, 1), Place(1, 0)))


@pytest.mark.parametrize(
    ("place", "inside"),
    [(Place(0.5, 0.5), True), (Place(0.5, 1.5), False), (Place(-0.5, 0.5), False), (Place(2.0, 2.0), False)],
)
def test_a_place_is_inside_a_polygon_or_not(place: Place, inside: bool) -> None:
    assert SQUARE.contains(place) is inside


def test_a_polygon_may_be_hollow() -> None:
    hollow = Polygon(
        (Place(0, 0), Place(0, 3), Place(1, 3), Place(1, 1), Place(2, 1), Place(2, 3), Place(3, 3), Place(3, 0))
    )
    assert not hollow.contains(Place(1.5, 2.0))
    assert hollow.contains(Place(1.5, 0.5))


def test_a_margin_reaches_as_far_beyond_an_edge_as_it_says() -> None:
    just_out = Place(0.5, 1.0 + 40 / 111_195)
    assert not SQUARE.contains(just_out)
    assert SQUARE.contains(just_out, margin=50)
    assert not SQUARE.contains(just_out, margin=30)


def test_a_shape_that_was_stored_is_read_as_it_is_whatever_is_asked_of_new_ones() -> None:
    line = [{"latitude": n, "longitude": n} for n in range(3)]
    stored = {"id": "line", "kind": "geofence", "polygon": line}
    (rule,) = rules([stored])
    assert rule_document(rule)["polygon"] == line
    with pytest.raises(Malformed, match="one line"):
        parse(PutRule, json.dumps(stored).encode())


@given(st.floats(-0.9, 0.9), st.floats(-0.9, 0.9))
def test_within_a_circle_is_within_its_radius(latitude: float, longitude: float) -> None:
    place = Place(latitude, longitude)
    assert Circle(Place(0, 0), 50_000).contains(place) == (distance(Place(0, 0), place) <= 50_000)


# ---- the other kinds

CODES: list[list[str]] = [[], ["P0420"], ["P0420", "B0001"], ["B0001"], ["B0001"]]


def test_each_trouble_code_is_opened_and_closed_for_itself() -> None:
    rule = TroubleCode(id="trouble_code", on=BOTH)
    listed: list[dict[str, Value]] = [{TROUBLE_CODES: codes} for codes in CODES]
    state = drive(rule, *listed)
    assert [(n.kind, n.facts["code"]) for n in owed(state)] == [
        ("trouble_code_opened", "P0420"),
        ("trouble_code_opened", "B0001"),
        ("trouble_code_closed", "P0420"),
    ]


def charge(soc: float, charging: bool, **more: Value) -> dict[str, Value]:
    return {STATE_OF_CHARGE: soc, IS_CHARGING: charging, CHARGE_LIMIT: 80, **more}


def plugged(soc: float, charging: bool) -> dict[str, Value]:
    return charge(soc, charging, **{CABLE: True})


@pytest.mark.parametrize(
    ("way", "kinds"),
    [
        ([charge(70, True), charge(80, False), charge(80, False)], ["charging_complete"]),
        ([charge(70, True), charge(75, False)], []),
        ([charge(80, False)], []),
        ([charge(79, True), charge(80, False), *[charge(79, True), charge(80, False)] * 4], ["charging_complete"]),
        ([charge(85, True), charge(85, False)], []),
        ([charge(80, True), charge(80, False)], []),
        (
            [plugged(79, True), plugged(80, False), {CABLE: False}, plugged(79, True), plugged(80, False)],
            ["charging_complete"],
        ),
        (
            [
                plugged(79, True),
                plugged(80, False),
                {CABLE: False, "Vehicle.Speed": 9.0},
                plugged(79, True),
                plugged(80, False),
            ],
            ["charging_complete"] * 2,
        ),
        (
            [charge(79, True), charge(80, False), {"Vehicle.Speed": 50.0}, charge(78, True), charge(80, False)],
            ["charging_complete"] * 2,
        ),
        ([charge(79, True), charge(80, False), charge(60, True), charge(80, False)], ["charging_complete"] * 2),
        ([charge(79, True), charge(80, False), charge(80, False, **{CABLE: False})], ["charging_complete"]),
    ],
)
def test_charging_is_complete_when_it_stops_at_the_limit(way: list[dict[str, Value]], kinds: list[str]) -> None:
    assert told(drive(ChargingComplete(id="charged"), *way)) == kinds


def test_moving_while_everything_is_off_is_told_and_while_it_is_on_not() -> None:
    rule = MovingWhileOff(id="towed")
    for system, kinds in (("OFF", ["moving_while_off"]), ("LOCK", ["moving_while_off"]), ("ON", []), ("ACC", [])):
        assert told(drive(rule, {SYSTEM: system}, {"Vehicle.Speed": 12.0}, {"Vehicle.Speed": 12.0})) == kinds
    assert told(drive(rule, {SYSTEM: "OFF"}, {"Vehicle.Speed": 3.0})) == []
    assert told(drive(rule, {SYSTEM: "OFF", "Vehicle.Speed": -20.0})) == ["moving_while_off"], "reversing is moving"


def test_a_speed_from_before_the_systems_went_off_is_no_movement_while_they_are() -> None:
    assert told(drive(MovingWhileOff(id="towed"), {"Vehicle.Speed": 12.0}, {SYSTEM: "LOCK"})) == []


def test_a_window_left_open_is_told_after_its_time_and_not_while_driving() -> None:
    rule, window = LeftOpen(id="open", hold=600_000), "Vehicle.Cabin.Door.Row1.DriverSide.Window.Position"
    parked: dict[str, Value] = {"Vehicle.Speed": 0.0, window: 30}
    state = drive(rule, parked)
    assert told(state) == []
    assert owed(passed(state, Book((rule,)), NOON + 600_000))[0].facts == {"open": [window]}
    assert told(passed(drive(rule, parked, {window: 0}), Book((rule,)), NOON + 900_000)) == []
    assert told(passed(drive(rule, {"Vehicle.Speed": 50.0, window: 30}), Book((rule,)), NOON + 900_000)) == []
    assert told(passed(drive(rule, {"Vehicle.Speed": 0.0, window: 1}), Book((rule,)), NOON + 900_000)) == []


def test_a_door_that_is_opened_long_after_the_last_speed_is_one_of_a_standing_vehicle() -> None:
    rule, door = LeftOpen(id="open", hold=600_000), OPENINGS[0]
    state = drive(rule, {"Vehicle.Speed": 12.0}, {door: True}, every=600)
    assert told(passed(state, Book((rule,)), NOON + 1_200_000)) == ["left_open"]


def test_a_fence_that_is_drawn_around_a_vehicle_is_not_entered_but_left() -> None:
    def parked_at(metres: float, *way: float) -> list[str]:
        parked, _ = folding.fold(STATE, [seen(0, north(metres))], Book())
        events = [seen(number * 600, north(m)) for number, m in enumerate(way, 1)]
        return told(folding.fold(parked, events, Book((HOME.made(NOON + 5_000, None),)))[0])

    assert parked_at(0, 10, 20) == []
    assert parked_at(0, 10, 5_000) == ["geofence_left"]
    assert parked_at(0, 5_000) == ["geofence_left"], "its first position afterwards lies outside"
    assert parked_at(5_000, 5_000, 0) == ["geofence_entered"]


def test_a_fence_that_is_written_again_unchanged_was_drawn_when_it_was_first() -> None:
    drawn = HOME.made(NOON, None)
    assert HOME.made(NOON + HOUR, drawn) == drawn
    assert replace(HOME, shape=SQUARE).made(NOON + HOUR, drawn) == replace(HOME, shape=SQUARE, drawn_at=NOON + HOUR)


def test_what_does_not_hold_any_more_is_not_told_by_time_alone() -> None:
    rule, door = LeftOpen(id="open", hold=600_000), OPENINGS[0]
    opened = drive(rule, {"Vehicle.Speed": 0.0, door: True})
    closed = replace(opened, signals={**opened.signals, door: Reading(False, NOON + 1_000)})
    after = passed(closed, Book((rule,)), NOON + 600_000)
    assert (told(after), after.episodes) == ([], {})


def test_silence_is_told_by_time_alone_and_over_with_the_next_message() -> None:
    rule = Silent(id="silent", hold=2 * HOUR, on=BOTH)
    book, state = Book((rule,)), drive(rule, {"Vehicle.Speed": 0.0})
    due = state.scheduled(book, NOON, 0).due
    assert due is not None
    assert NOON + HOUR < due <= NOON + 2 * HOUR, "early, never late"
    assert told(passed(state, book, NOON + 2 * HOUR - 1)) == []
    silent = passed(state, book, NOON + 2 * HOUR)
    assert told(silent) == ["silent"]
    assert told(passed(silent, book, NOON + 9 * HOUR)) == ["silent"]
    heard, _ = folding.fold(silent, [seen(10_000, {"Vehicle.Speed": 0.0})], book)
    assert told(heard) == ["silent", "silent_over"]


def test_an_event_moves_the_due_time_of_a_silence_only_from_hour_to_hour() -> None:
    book = Book((Silent(id="silent", hold=24 * HOUR),))
    state, dues = STATE, set()
    for second in range(0, 7_200, 60):
        state, _ = folding.fold(state, [seen(second, {"Vehicle.Speed": 0.0})], book)
        state = state.handed_on(state.outbox)
        dues.add(state.scheduled(book, NOON + second * 1000, 0).due)
    assert len(dues) <= 3


# ---- whose rules hold


def test_a_vehicles_own_rule_takes_the_place_of_the_brands_also_to_switch_it_off() -> None:
    brand = (HOME, TroubleCode(id="codes"))
    assert Book.of(brand, (TroubleCode(id="codes", enabled=False),)).rules == (HOME,)
    assert len(Book.of(brand, (LeftOpen(id="open"),)).rules) == 3


ANY: list[Rule] = [
    HOME,
    Geofence(id="yard", shape=SQUARE, on=frozenset({"exit"}), hold=5_000, enabled=False),
    Threshold(id="low", signal=STATE_OF_CHARGE, below=10.0, clears=15.0, name="battery_low"),
    Threshold(id="hot", signal="Vehicle.Speed", above=120.5, clears=100.0),
    TroubleCode(id="codes", on=BOTH),
    ChargingComplete(id="charged"),
    MovingWhileOff(id="towed"),
    LeftOpen(id="open", hold=600_000, open_from=20.0),
    replace(HOME, id="drawn", drawn_at=NOON),
    Silent(id="silent", hold=24 * HOUR),
]


@pytest.mark.parametrize("rule", ANY, ids=lambda rule: rule.id)
def test_a_rule_comes_back_as_it_was_written(rule: Rule) -> None:
    assert rules([stored_rule(rule)]) == (rule,)


@given(st.lists(st.sampled_from([-1, 0, 1]), min_size=1, max_size=60), st.integers(1, 9))
def test_the_same_episodes_are_told_under_any_split_into_batches(moves: list[int], size: int) -> None:
    metres, events = 700.0, []
    for number, move in enumerate(moves):
        metres += move * 150
        events.append(seen(number * 5, north(metres)))
    book, state = Book((HOME,)), STATE
    whole = folding.fold(STATE, events, book)[0]
    for start in range(0, len(events), size):
        state, _ = folding.fold(state, events[start : start + size], book)
    assert owed(state) == owed(whole)


def test_what_is_told_names_the_rule_or_code() -> None:
    facts: Any = owed(drive(HOME, north(0)))[0].facts
    assert facts["rule"] == "home"
