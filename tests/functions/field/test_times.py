"""When cars say that they saw something."""

import pytest

from tests.examples import NOON
from tests.functions.field.car import MINUTE, Car, Timeline, drive, moment, parked, place

WEEKS = 7 * 24 * 60
"""Minutes of a week."""
GPS_EPOCH = 315_964_800_000
"""1980-01-06T00:00:00Z in epoch milliseconds: what a receiver starts from."""
SOC = "Vehicle.Powertrain.TractionBattery.StateOfCharge.Displayed"


async def test_a_receiver_of_before_the_week_rollover_drives_today(car: Car) -> None:
    """traccar/traccar#5029: positions of 2023 that are dated 1024 weeks back and an hour ahead."""
    car.clock_error = -1024 * WEEKS + 60
    await car.report(drive(0, 10))
    await car.wait(30)
    (trip,) = await car.trips()
    assert (trip["startedAt"], trip["duration"]) == (moment(0), 600.0)
    assert car.counted.skewed > 0


async def test_a_time_before_the_first_fix_hides_nothing(car: Car) -> None:
    """traccar/traccar#5434: at power-on the time is 1980-01-06, and the position 0, 0."""
    await car.report(parked(0, 2, soc=60.0))
    car.clock_error = (GPS_EPOCH - NOON) / MINUTE
    await car.report({3: {"soc": 1.0}, 4: {"soc": 1.0}})
    car.clock_error = 0
    await car.report({5: {"soc": 59.0}})
    assert (car.refused_messages, await car.value("soc")) == (["impossible_time"] * 2, 59.0)
    assert car.told == []


async def test_a_sample_of_1999_is_left_out_alone(car: Car) -> None:
    """traccar/traccar#4220: now and then a tracker sends a position from 1999, among those of today."""
    await car.upload(1, {-14_300_000: {"soc": 1.0}, 0: {"soc": 60.0}, 1: {"soc": 59.5}})
    assert (car.refused_messages, await car.value("soc")) == ([], 59.5)


async def test_a_date_years_ahead_does_not_stop_what_follows(car: Car) -> None:
    """vitalidze/traccar-web#1065: after one position of the year 2023 the marker stands still until then."""
    await car.report({0: {"soc": 60.0, **place()}})
    car.clock_error = 6 * 365 * 24 * 60
    await car.report({1: {"soc": 59.0, **place(east=100)}})
    car.clock_error = 0
    await car.report({2: {"soc": 58.0, **place(east=200)}})
    assert await car.value("soc") == 58.0
    assert (await car.place() or {})["at"] == moment(2)
    assert car.counted.skewed == 1


async def test_a_message_of_the_year_57050_is_parked_and_the_next_is_taken(car: Car) -> None:
    """openWB/core#2197: milliseconds that are taken for seconds; nothing newer for 55,000 years."""
    await car.send(0, {"samples": [{"time": "+57050-03-01T12:00:00Z", "signals": {SOC: 60.0}}]})
    await car.report({1: {"soc": 59.0}})
    assert (car.refused_messages, await car.value("soc")) == (["impossible_time"], 59.0)


async def test_a_time_as_a_number_is_no_time(car: Car) -> None:
    """wubbl0rz/FiatChamp#42: times as bare numbers, of which nobody knows whether they count seconds."""
    await car.send(0, {"samples": [{"time": 1795348800000, "signals": {SOC: 60.0}}]})
    assert (car.refused_messages, await car.value("soc")) == (["malformed_data"], None)


async def test_local_time_that_calls_itself_utc_is_brought_to_now(car: Car) -> None:
    """Hyundai-Kia-Connect/kia_uvo#1659: the car's local time with +00:00, two hours in the future."""
    car.clock_error = 120
    await car.report(drive(0, 10))
    await car.wait(30)
    (trip,) = await car.trips()
    assert (trip["startedAt"], trip["duration"]) == (moment(0), 600.0)


async def test_a_clock_that_is_an_hour_behind_still_enters_fences(car: Car) -> None:
    """Hyundai-Kia-Connect/hyundai_kia_connect_api#1096: every update is an hour behind."""
    await car.has_fence()
    car.clock_error = -60
    away: Timeline = {at: place(east=5_000 - 1_000 * at) for at in range(5)}
    await car.report(parked(-3, 2, every=0.5, **place(east=5_000)), away, parked(5, 6, **place()))
    assert car.told == ["geofence_entered"]


async def test_a_drive_that_is_sent_twice_is_driven_once(car: Car) -> None:
    """traccar/traccar#3454: each position comes a second time, with the attributes that were left out before."""
    for at, signals in drive(0, 10, odometer=1_000_000).items():
        await car.upload(at, {at: {k: v for k, v in signals.items() if k != "odometer"}})
        await car.upload(at, {at: signals})
    await car.wait(30)
    (trip,) = await car.trips()
    assert (trip["distance"], trip["distanceFrom"], trip["duration"]) == (
        pytest.approx(10_250, rel=0.03),
        "odometer",
        600.0,
    )


async def test_a_record_that_is_sent_for_ten_hours_stays_as_old_as_it_is(car: Car) -> None:
    """traccar/traccar-client-android#319: the very same position, every five minutes for more than ten hours."""
    await car.has_rule("low", kind="threshold", signal="soc", below=60, clears=65)
    for minute in range(0, 600, 5):
        await car.upload(minute, {0: {"speed": 30.0, "soc": 70.0, **place()}})
    await car.wait(610)
    assert (await car.place() or {})["at"] == moment(0)
    assert (await car.trips(), car.told) == ([], [])


async def test_two_samples_of_one_second_end_the_same_in_any_order(car: Car) -> None:
    """eclipse-archived/kuksa.val#88: times in whole seconds, so that several samples have the same."""
    await car.upload(0, {0: {"speed": 50.0, "soc": 70.0}})
    await car.upload(0, {0: {"speed": 52.0, "soc": 69.0}})
    once = await car.value("speed"), await car.value("soc")
    await car.upload(0, {0: {"speed": 50.0, "soc": 70.0}})
    assert (await car.value("speed"), await car.value("soc")) == once == (52.0, 70.0)


async def test_an_older_value_that_comes_again_changes_nothing(car: Car) -> None:
    """teslamate-org/teslamate#3436: the battery's level reverts to that of hours ago."""
    await car.report({0: {"soc": 80.0}, 60: {"soc": 55.0}})
    await car.upload(61, {0: {"soc": 80.0}})
    assert await car.value("soc") == 55.0


async def test_what_a_car_sends_again_after_a_reconnect_is_counted_as_it_was(car: Car) -> None:
    """teslamotors/fleet-telemetry#319: with a new connection all that was not acknowledged is sent once more."""
    way = drive(0, 10)
    await car.report(way)
    await car.upload(11, {at: s for at, s in way.items() if at >= 5})
    await car.wait(30)
    (trip,) = await car.trips()
    assert (trip["distance"], trip["duration"]) == (pytest.approx(10_250, rel=0.05), 600.0)
