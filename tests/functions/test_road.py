"""What cars really send, and the right answer: one test for each case that was seen to go wrong, with its numbers."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from shared.domain.conditions import CONFIRM
from shared.domain.folding import FIRES_WITHIN
from shared.domain.trip_settings import TripSettings
from tests.examples import BRAND
from tests.functions.field.car import MINUTE, Car, Timeline, drive, moment, parked, place, without
from tests.functions.field.conftest import car

__all__ = ["car"]
SECOND = 1 / 60


def seconds(readings: Mapping[float, Mapping[str, Any]]) -> Timeline:
    """By the second instead of by the minute."""
    return {at * SECOND: signals for at, signals in readings.items()}


# ---- positions


async def test_a_longitude_that_comes_alone_goes_with_the_last_latitude(car: Car) -> None:
    await car.has_fence()
    way: dict[float, Any] = {n: {"longitude": 11.01 - n * 0.01} for n in range(1, 4)}
    await car.report({-1: {"latitude": 48.0, "longitude": 11.02}, 0: {"longitude": 11.01}}, way)
    assert car.told == ["geofence_entered", "geofence_left"]
    seen = await car.place()
    assert seen is not None
    assert (seen["latitude"], seen["longitude"], seen["at"]) == (48.0, pytest.approx(10.98), moment(3))


async def test_latitude_and_longitude_in_alternating_samples_are_positions_and_a_line(car: Car) -> None:
    await car.has_fence()
    split: dict[float, Any] = {}
    for n in range(121):
        where = place(east=-3_000 + n * 50, north=-30 + n / 2)
        name = "latitude" if n % 2 else "longitude"
        split[n * 3 * SECOND] = {name: where[name], "speed": 60.0}
    await car.report(split, {6.2: {"speed": 0.0}})
    await car.wait(20)
    assert car.told == ["geofence_entered", "geofence_left"]
    (trip,) = await car.trips()
    line = await car.line(trip)
    assert len(line) > 50
    assert all(latitude == pytest.approx(48.0, abs=0.0004) for _, latitude in line), "it went straight on"


async def test_a_latitude_that_is_older_than_ten_minutes_makes_no_position(car: Car) -> None:
    await car.report({0: {"latitude": 48.0, "longitude": 11.0}, 11: {"longitude": 11.5}})
    seen = await car.place()
    assert seen is not None
    assert (seen["longitude"], seen["at"]) == (11.0, moment(0))


NO_FIXES = ((0.0, 0.0), (0.0, 11.0), (48.0, 0.0), (0.0131072, 0.0131072))


@pytest.mark.parametrize("fix", NO_FIXES)
@pytest.mark.parametrize("first", [True, False])
async def test_a_receiver_without_a_fix_is_nowhere(car: Car, fix: tuple[float, float], first: bool) -> None:
    circle = {"latitude": fix[0], "longitude": fix[1], "radius": 1000}
    await car.has_rule("nowhere", kind="geofence", on=["enter", "exit"], circle=circle)
    nowhere = {at / 10: {"latitude": fix[0], "longitude": fix[1], "moving": True} for at in range(100)}
    known: Timeline = {} if first else {-1: place()}
    await car.report(known, nowhere)
    await car.wait(30)
    assert (car.told, await car.trips()) == ([], [])
    seen = await car.place()
    assert seen is None if first else seen and seen["at"] == moment(-1)
    assert car.counted.refused == 200


async def test_a_fence_that_is_drawn_around_a_parked_car_tells_only_that_it_left(car: Car) -> None:
    await car.report(parked(0, 5, **place()))
    await car.has_fence()
    await car.report(parked(6, 5, **place(east=3)))
    assert car.told == []
    await car.report(drive(12, 5))
    assert car.told == ["geofence_left"]


# ---- distances


def counting(values: Mapping[float, int]) -> Timeline:
    return {at: {"odometer": value} for at, value in values.items()}


def at_one_hertz(minutes: int, metres: float = 1000.0) -> Iterator[tuple[float, dict[str, Any]]]:
    """At an even speed, so many metres a minute, and the standing seconds around it."""
    for n in range(-5, minutes * 60 + 6):
        moving = 0 <= n <= minutes * 60
        yield n * SECOND, {"speed": metres * 60 / 1000 if moving else 0.0}


async def test_an_odometer_that_saturates_does_not_end_the_distance(car: Car) -> None:
    way = dict(at_one_hertz(10))
    full = {at: min(6_553_500, 6_553_300 + 100 * int(max(0.0, at) * 10)) for at in way if at < 11}
    await car.report(way, counting(full))
    await car.wait(30)
    (trip,) = await car.trips()
    assert trip["distance"] == pytest.approx(10_000, rel=0.02)
    assert trip["distanceFrom"] == "speed"


@pytest.mark.parametrize("placeholder", [4_294_967_295, 429_496_729])
async def test_an_odometer_that_is_not_known_is_refused_and_counted(car: Car, placeholder: int) -> None:
    way = drive(0, 10, odometer=1_000_000)
    await car.report(way, {at: {"odometer": placeholder} for at in (3, 6)})
    await car.wait(30)
    (trip,) = await car.trips()
    assert (trip["distance"], trip["distanceFrom"]) == (10_250, "odometer")
    assert (car.counted.refused, await car.value("odometer")) == (2, 1_010_250)


async def test_an_odometer_once_in_five_minutes_is_filled_up_from_speed(car: Car) -> None:
    way = dict(at_one_hertz(14))
    rarely: dict[float, int] = {at: round(1_000_000 + at * 1000) for at in (2, 7, 12)}
    await car.report(way, counting(rarely))
    await car.wait(30)
    (trip,) = await car.trips()
    assert trip["distance"] == pytest.approx(14_000, rel=0.01)


# ---- charge


async def test_a_percentage_that_drops_out_is_shown_and_not_told(car: Car) -> None:
    await car.report(seconds({0: {"soc": 78.0}, 5: {"soc": 0.0}}))
    assert await car.value("soc") == 0.0
    await car.report(seconds({10: {"soc": 78.0}}))
    await car.wait(10)
    assert car.told == []


async def test_a_low_charge_is_told_after_ten_minutes_without_a_second_reading(car: Car) -> None:
    await car.report(seconds({0: {"soc": 9.0}}))
    assert car.told == []
    await car.wait(2 + CONFIRM / MINUTE)
    assert car.told == ["battery_low"]


def charging(start: float, end: float, soc: tuple[float, float], **more: Any) -> Timeline:
    return {
        start: {"charging": True, "soc": soc[0], "limit": 80, "capacity": 60, **more},
        end: {"charging": False, "soc": soc[1], **more},
    }


@pytest.mark.parametrize("cable", [{"cable": True}, {}])
async def test_a_vehicle_that_is_topped_up_is_complete_once(car: Car, cable: dict[str, Any]) -> None:
    await car.report(charging(0, 30, (79.0, 80.0), **cable))
    for n in range(1, 5):
        await car.report(charging(n * 120, n * 120 + 10, (79.0, 80.0), **cable))
    await car.wait(600)
    assert car.told == ["charging_complete"]


async def test_charging_that_begins_above_the_limit_is_never_complete(car: Car) -> None:
    await car.report(charging(0, 30, (85.0, 86.0), cable=True))
    assert car.told == []


async def test_pauses_with_the_cable_in_are_pauses_of_one_charge(car: Car) -> None:
    for n in range(7):
        await car.report(charging(n * 50, n * 50 + 30, (20.0 + n * 5, 25.0 + n * 5), cable=True))
    await car.report({340: {"cable": False}})
    await car.wait(400)
    (charge,) = await car.charges()
    assert (charge["pauses"], charge["paused"], charge["duration"]) == (6, 6 * 1200.0, 330 * 60.0)
    assert charge["energy"] == pytest.approx(0.35 * 60)


async def test_a_charge_that_is_reported_on_change_lasts_as_long_as_it_did(car: Car) -> None:
    hourly: dict[float, Any] = {hour * 60: {"soc": 20.0 + 6 * hour} for hour in range(9)}
    await car.report({0: {"charging": True, "capacity": 60}}, hourly, {480: {"charging": False, "soc": 68.0}})
    await car.wait(500)
    (charge,) = await car.charges()
    assert (charge["duration"], charge["energy"]) == (28_800.0, 28.8)


async def test_a_charge_goes_on_through_a_night_without_a_word(car: Car) -> None:
    night: dict[float, Any] = {
        0: {"charging": True, "soc": 20.0, "capacity": 60},
        480: {"charging": False, "soc": 68.0},
    }
    await car.report(night)
    await car.wait(490)
    (charge,) = await car.charges()
    assert (charge["duration"], charge["energy"]) == (28_800.0, 28.8)


async def test_a_cable_that_seems_pulled_for_a_minute_parts_no_charge(car: Car) -> None:
    on = {"charging": True, "cable": True, "capacity": 60}
    await car.report({0: {**on, "soc": 20.0}, 30: {"cable": False}, 31: {**on, "soc": 30.0}, 60: {**on, "soc": 40.0}})
    await car.report({61: {"charging": False, "soc": 40.0}, 62: {"cable": False}})
    await car.wait(120)
    (charge,) = await car.charges()
    assert (charge["duration"], charge["energy"]) == (61 * 60.0, 12.0)


# ---- trips


async def test_a_vehicle_without_a_speed_makes_a_trip_over_a_silence_that_is_told(car: Car) -> None:
    way: dict[float, Any] = {n * SECOND: place(east=n * 15.0) for n in range(600) if not 200 <= n < 380}
    await car.report({-SECOND: {"moving": True, **place(east=-15.0)}}, way, {10: {"moving": False, **place(east=9000)}})
    await car.wait(30)
    (trip,) = await car.trips()
    assert (trip["startedAt"], trip["endedAt"]) == (moment(-SECOND), moment(10))
    assert (trip["distance"], trip["distanceFrom"]) == (pytest.approx(9_015, rel=0.01), "position")
    assert trip["bridged"] == pytest.approx(181.0)


async def test_no_unfinished_trip_is_listed_while_charging_data_comes_late(car: Car) -> None:
    await car.report({-40: {"charging": True, "soc": 50.0}})
    ended = list[str]()
    for at, signals in drive(0, 15).items():
        await car.report({at: signals})
        if at in (3, 6, 9):
            await car.upload(at + 0.1, {-30 + at: {"soc": 55.0 + at, "charging": at < 9}})
        ended += [trip["endedAt"] for trip in await car.trips()]
    for minute in range(16, 60):
        await car.wait(minute)
        ended += [trip["endedAt"] for trip in await car.trips()]
    assert set(ended) == {moment(15)}


@pytest.mark.parametrize("start", [0.0, 0.3, 0.9])
async def test_a_trip_is_listed_within_two_minutes_after_five_at_rest(car: Car, start: float) -> None:
    await car.report(drive(start, 10), parked(start + 11, 6))
    assert len(await car.trips()) == 1


@pytest.mark.parametrize("start", [0.0, 0.3, 0.9])
async def test_a_trip_of_a_vehicle_gone_silent_is_listed_within_two_minutes_after_seven(car: Car, start: float) -> None:
    await car.report({at: signals for at, signals in drive(start, 10).items() if at <= start + 10})
    await car.wait(start + 19)
    assert len(await car.trips()) == 1


async def test_a_trip_that_was_uploaded_late_is_listed_once_nothing_more_of_it_came_for_two_minutes(car: Car) -> None:
    way = drive(0, 10)
    await car.upload(180, way)
    await car.wait(184)
    assert [trip["endedAt"] for trip in await car.trips()] == [moment(10)]


@pytest.mark.parametrize("every", [5.0, 5.2, 6.5])
async def test_a_vehicle_that_reports_each_five_minutes_or_so_makes_one_trip(car: Car, every: float) -> None:
    listed = list[str]()
    for at, signals in drive(0, every * 6, odometer=1_000_000, every=every).items():
        await car.report({at: signals})
        listed += [trip["endedAt"] for trip in await car.trips()]
    await car.wait(every * 7 + 10)
    (trip,) = await car.trips()
    assert (trip["endedAt"], trip["distance"]) == (moment(every * 6), pytest.approx(every * 6_000, rel=0.01))
    assert set(listed) <= {moment(every * 6)}, "none was listed while it went on"


async def test_a_stop_of_six_minutes_without_a_word_parts_two_trips(car: Car) -> None:
    there = {at: signals for at, signals in drive(0, 10, odometer=1_000_000).items() if at <= 10}
    away = {16 + at: {**signals, **place(east=10_100 + at * 1000)} for at, signals in drive(0, 10).items()}
    await car.report(there, without(away, "odometer"))
    await car.wait(60)
    assert [trip["startedAt"] for trip in await car.trips()] == [moment(0), moment(16)]


async def test_a_speed_that_wavers_at_rest_is_no_trip(car: Car) -> None:
    noise: dict[float, Any] = {n * SECOND: {"speed": 1.2 if n % 3 == 0 else 0.0} for n in range(1800)}
    await car.report(noise)
    await car.wait(60)
    assert await car.trips() == []


async def test_a_speed_that_wavers_at_rest_lengthens_no_trip(car: Car) -> None:
    noise: dict[float, Any] = {12 + n / 6: {"speed": 1.2 if n % 3 == 0 else 0.0} for n in range(120)}
    await car.report(drive(0, 10), noise)
    await car.wait(60)
    (trip,) = await car.trips()
    assert trip["endedAt"] == moment(10)


async def test_a_trip_that_is_listed_stays_until_what_it_grew_to_is_over(car: Car) -> None:
    way = drive(0, 30)
    await car.report({at: signals for at, signals in way.items() if at <= 10})
    await car.wait(20)
    (listed,) = await car.trips()
    await car.upload(20, {at: signals for at, signals in way.items() if 10 < at <= 20})
    await car.report({at: signals for at, signals in way.items() if 20 < at <= 25})
    await car.upload(25, {5.2: {"soc": 60.0}})
    await car.report({at: signals for at, signals in way.items() if at > 25})
    await car.wait(33)
    assert await car.trips() == [listed], "it goes on"
    await car.wait(45)
    (grown,) = await car.trips()
    assert (grown["id"], grown["endedAt"]) == (listed["id"], moment(30))


async def test_a_brand_says_what_counts_as_a_trip(car: Car) -> None:
    way = without(drive(0, 1.5, every=0.1), "latitude", "longitude")
    car.world.brands.trips[BRAND] = TripSettings(metres=2_000.0, seconds=60)
    await car.report(way)
    await car.wait(20)
    assert await car.trips() == []
    car.world.brands.trips[BRAND] = TripSettings(metres=1_000.0, seconds=60)
    await car.report({30 + at: signals for at, signals in way.items()})
    await car.wait(60)
    assert len(await car.trips()) == 1


async def test_reversing_is_a_trip_and_moving_while_off(car: Car) -> None:
    back: dict[float, Any] = {n / 6: {"speed": -20.0, "system": "OFF"} for n in range(13)}
    await car.report({-1: {"speed": 0.0, "system": "OFF"}}, back, {2.2: {"speed": 0.0}})
    await car.wait(20)
    assert car.told == ["moving_while_off"]
    (trip,) = await car.trips()
    assert trip["distance"] == pytest.approx(20 / 3.6 * 120, rel=0.1)


@pytest.mark.parametrize(("position", "told"), [(1, []), (4, []), (5, ["left_open"])])
async def test_a_window_counts_as_open_from_five_percent(car: Car, position: int, told: list[str]) -> None:
    await car.report(parked(0, 12, window=position))
    await car.wait(15)
    assert car.told == told


async def test_a_vehicle_says_from_where_a_window_counts_as_open(car: Car) -> None:
    await car.has_rule("left_open", kind="left_open", holdSeconds=600, openFrom=20)
    await car.report(parked(0, 12, window=15))
    await car.wait(15)
    assert car.told == []


# ---- clocks


async def test_a_clock_that_is_two_hours_behind_is_flagged_and_rules_run(car: Car) -> None:
    car.clock_error = -120
    await car.report({0: {"soc": 50.0}, 1: {"soc": 5.0}, 2: {"soc": 5.0}})
    state = await car.state()
    assert (car.told, state["flags"], state["clockOffset"]) == (["battery_low"], ["clock_offset"], 7200.0)
    assert state["signals"]["Vehicle.Powertrain.TractionBattery.StateOfCharge.Displayed"]["at"] == moment(-118)


async def test_a_clock_that_is_put_right_is_flagged_no_more(car: Car) -> None:
    car.clock_error = -120
    await car.report({0: {"soc": 50.0}, 1: {"soc": 50.0}})
    car.clock_error = 0
    await car.report({2: {"soc": 50.0}})
    assert (await car.state())["flags"] == []


@pytest.mark.parametrize("pace", [0.01, 0.1, 0.5])
async def test_an_upload_of_a_buffer_tells_nothing(car: Car, pace: float) -> None:
    for n in range(40):
        await car.upload(120 + n * pace, {n: {"soc": 50.0 if n < 10 else 5.0}})
    assert FIRES_WITHIN < 80 * MINUTE, "all of them are too old"
    assert (car.told, (await car.state())["flags"]) == ([], [])


async def test_a_receiver_whose_weeks_began_anew_reports_now_and_is_counted(car: Car) -> None:
    await car.send(1, {"samples": [{"time": "2007-04-06T03:00:00Z", "signals": {"Vehicle.Speed": 30.0}}]})
    state = await car.state()
    assert (state["newestAt"], car.counted.skewed) == (moment(1), 1)


async def test_a_sample_older_than_thirty_days_is_none(car: Car) -> None:
    await car.upload(0, {-30 * 24 * 60 - 1: {"soc": 1.0}, -1: {"soc": 60.0}})
    assert (car.refused_messages, car.counted.refused, await car.value("soc")) == ([], 1, 60.0)
    await car.upload(1, {-31 * 24 * 60: {"soc": 1.0}})
    assert car.refused_messages == ["impossible_time"]
