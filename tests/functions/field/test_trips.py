"""When cars are driven, and how far."""

from typing import Any

import pytest

from tests.functions.field.car import Car, Timeline, drive, moment, parked, place, without


async def test_seconds_of_driving_in_a_car_that_is_parked_are_no_trip(car: Car) -> None:
    """teslamate-org/teslamate#577: a parked car is shown as driving, and a drive of 0 km in 0 min is listed."""
    blips: dict[float, Any] = {5.0: {"moving": True}, 5.2: {"moving": False}, 11.5: {"moving": True}}
    await car.report({0: {"moving": False, **place()}}, blips, {12.0: {"moving": False}, 20: place(east=3)})
    await car.wait(40)
    assert await car.trips() == []


async def test_parts_of_a_drive_that_are_streamed_again_are_no_trips_of_their_own(car: Car) -> None:
    """teslamate-org/teslamate#1996: old records of the stream become hundreds of short trips."""
    way = drive(0, 20)
    await car.report(way)
    await car.wait(30)
    (before,) = await car.trips()
    for start in (2, 7, 13):
        await car.upload(31 + start, {at: s for at, s in way.items() if start <= at < start + 2})
    await car.wait(60)
    assert await car.trips() == [before]


async def test_a_gate_that_is_opened_and_closed_is_a_part_of_the_trip(car: Car) -> None:
    """bassmaster187/TeslaLogger#128: the car goes off while its driver opens a gate, and one trip becomes three."""
    through: Timeline = {13.0: {"speed": 6.0}, 13.2: {"speed": 6.0}}
    await car.report(drive(0, 10), parked(10.5, 2, system="OFF"), through, parked(13.5, 2, system="OFF"))
    await car.report({16: {"speed": 40.0}, 16.6: {"speed": 40.0}, 17.2: {"speed": 40.0}, 17.4: {"speed": 0.0}})
    await car.wait(40)
    (trip,) = await car.trips()
    assert (trip["startedAt"], trip["endedAt"]) == (moment(0), moment(17.2))


async def test_an_errand_parts_two_trips(car: Car) -> None:
    """ClutchEngineering/Pelican#27: there and back, with the car off in between, are merged into one trip."""
    back = drive(40, 10)
    await car.report(drive(0, 10), parked(11, 28, every=5), back)
    await car.wait(70)
    assert [(t["startedAt"], t["duration"]) for t in await car.trips()] == [(moment(0), 600), (moment(40), 600)]


async def test_a_car_that_is_shunted_has_made_no_trip(car: Car) -> None:
    """traccar/traccar#2251: two short movements in a long parking, which are too small to be trips."""
    shunt: dict[float, Any] = {20 + n * 0.1: {"speed": 6.0, **place(east=10 * n)} for n in range(5)}
    again: dict[float, Any] = {24 + n * 0.1: {"speed": 6.0, **place(east=40 - 10 * n)} for n in range(5)}
    await car.report(parked(0, 20, **place()), parked(20.5, 3.4, every=0.2, **place(east=40)), shunt, again)
    await car.report(parked(24.5, 10, **place()))
    await car.wait(60)
    assert await car.trips() == []


async def test_speed_is_believed_before_a_flag_that_says_the_opposite(car: Car) -> None:
    """kvanbiesen/bmw-cardata-ha#154: the state of motion is the opposite of what the car does."""
    await car.report(parked(0, 10, moving=True), drive(11, 10, moving=False), parked(22, 20, moving=True))
    await car.wait(60)
    (trip,) = await car.trips()
    assert (trip["startedAt"], trip["duration"]) == (moment(11), 600.0)


async def test_motion_that_is_always_reported_makes_no_trip_of_a_parked_car(car: Car) -> None:
    """stanleyhuangyc/Freematics#208: `motion` is true also while the car is parked and off."""
    await car.report(parked(0, 120, moving=True, **place()))
    await car.wait(150)
    assert await car.trips() == []


async def test_a_trip_ends_though_the_car_falls_silent_with_its_ignition(car: Car) -> None:
    """traccar/traccar#3248: a device without a battery is gone at ignition off, and the stop is never seen."""
    await car.report({at: signals for at, signals in drive(0, 10).items() if at <= 10})
    await car.wait(16)
    assert await car.trips() == [], "it may go on"
    await car.wait(20)
    (trip,) = await car.trips()
    assert trip["endedAt"] == moment(10)


async def test_messages_that_are_lost_leave_one_trip_and_are_counted(car: Car) -> None:
    """teslamotors/fleet-telemetry#246: what a car sends during an outage of the server is gone."""
    way = drive(0, 12, odometer=1_000_000)
    await car.report({at: signals for at, signals in way.items() if at <= 5})
    car.lose(5)
    await car.report({at: signals for at, signals in way.items() if at >= 8})
    await car.wait(30)
    (trip,) = await car.trips()
    assert (trip["distance"], trip["duration"]) == (pytest.approx(12_250, rel=0.03), 720.0)
    assert (await car.state())["sequence"]["missing"] == 5


async def test_one_signal_in_each_message_makes_a_whole_trip(car: Car) -> None:
    """teslamotors/fleet-telemetry#205: from one day on each message holds a single field."""
    second = 1 / 60
    for at, signals in drive(0, 10, odometer=1_000_000).items():
        for number, (name, value) in enumerate(signals.items()):
            await car.report({at + number * second: {name: value}})
    await car.wait(30)
    (trip,) = await car.trips()
    assert trip["distance"] == pytest.approx(10_250, rel=0.05)
    assert (await car.line(trip))[-1][0] == pytest.approx(11.134, abs=0.007)


# ---- odometers


async def test_an_odometer_that_is_zero_while_the_car_is_off_counts_no_kilometre(car: Car) -> None:
    """Hyundai-Kia-Connect/kia_uvo#477: after an update the odometer is 0 whenever the engine is off."""
    off = parked(11, 28, every=4, odometer=0)
    await car.report(
        parked(-4, 3.5, every=0.5, odometer=0), drive(0, 10, odometer=1_000_000), {0: {"odometer": 0}}, off
    )
    await car.report(drive(40, 10, odometer=1_010_000), {50: {"odometer": 0}}, parked(51, 10, odometer=0))
    await car.wait(90)
    assert [t["distance"] for t in await car.trips()] == [pytest.approx(10_250, rel=0.05)] * 2


async def test_an_odometer_that_falls_back_on_parking_counts_no_kilometre(car: Car) -> None:
    """Hyundai-Kia-Connect/kia_uvo#594: right while driving, an old value as soon as the car is parked."""
    off = parked(11, 28, every=4, odometer=900_000)
    await car.report(parked(-4, 3.5, every=0.5, odometer=900_000), drive(0, 10, odometer=1_000_000), off)
    await car.report(drive(40, 10, odometer=1_010_000), {40: {"odometer": 900_000}}, parked(51, 10, odometer=900_000))
    await car.wait(90)
    assert [t["distance"] for t in await car.trips()] == [pytest.approx(10_250, rel=0.05)] * 2


async def test_an_odometer_that_stands_still_while_driving_is_not_gone_by(car: Car) -> None:
    """Hyundai-Kia-Connect/hyundai_kia_connect_api#65: position and charge go on, the odometer only when parked."""
    way = without(drive(0, 10), "odometer")
    await car.report({at: {**s, "odometer": 17_390_800} for at, s in way.items()}, {12: {"odometer": 17_400_800}})
    await car.wait(40)
    (trip,) = await car.trips()
    assert trip["distance"] == pytest.approx(10_250, rel=0.05)


async def test_kilometres_of_which_nothing_was_heard_are_no_trip(car: Car) -> None:
    """teslamate-org/teslamate#2928: a whole drive is missing, and the odometer is 58 km further on."""
    await car.report(parked(0, 5, odometer=947_000, **place()), parked(720, 5, odometer=1_005_000, **place(58_000)))
    await car.wait(760)
    assert await car.trips() == []
    assert await car.value("odometer") == 1_005_000


async def test_an_odometer_in_miles_does_not_shorten_a_trip(car: Car) -> None:
    """mikrohard/hass-vw-eu-data-act#4: the odometer counts miles under a name that says kilometres."""
    way = drive(0, 10)
    miles = {at: {"odometer": round(43_531_000 + at * 1000 / 1.609344)} for at in way}
    await car.report(way, miles)
    await car.wait(40)
    (trip,) = await car.trips()
    assert trip["distance"] == pytest.approx(10_250, rel=0.05)


async def test_metres_that_are_taken_for_kilometres_are_refused(car: Car) -> None:
    """pypolestar/polestar_api#64: 23,022 km are shown as 37 million."""
    for at, signals in drive(0, 10, odometer=23_022_000).items():
        await car.upload(at, {at: signals}, dataschema="urn:vss:4")
    await car.wait(40)
    (trip,) = await car.trips()
    assert (trip["distance"], trip["distanceFrom"]) == (pytest.approx(10_250, rel=0.05), "speed")
    assert (await car.value("odometer"), car.counted.refused) == (None, 22)


async def test_a_position_of_years_ago_at_null_island_lengthens_nothing(car: Car) -> None:
    """vitalidze/traccar-web#186: positions of 2011 at 0, 0 make 161,600 km into 205,629 km in a morning."""
    way = drive(0, 10)
    await car.report({at: signals for at, signals in way.items() if at <= 5})
    car.clock_error = -15 * 365 * 24 * 60
    await car.report({5.25: {"speed": 0.0, "odometer": 606_528, "latitude": 0.0, "longitude": 0.0}})
    car.clock_error = 0
    await car.report({at: signals for at, signals in way.items() if at > 5})
    await car.wait(40)
    (trip,) = await car.trips()
    assert (trip["distance"], trip["duration"]) == (pytest.approx(10_250, rel=0.05), 600.0)
    assert await car.value("odometer") is None


# ---- fuel


async def test_fuel_is_counted_in_litres_when_the_percentage_is_frozen(car: Car) -> None:
    """jnxxx/homeassistant-connectedcars_io#19: the tank is always 100 % full, whatever litres are left."""
    litres = {at: {"fuel": 40.0 - at * 0.15, "tank": 100} for at in drive(0, 10)}
    await car.report(drive(0, 10), litres)
    await car.wait(40)
    (trip,) = await car.trips()
    assert trip["fuel"] == pytest.approx(1.5, abs=0.1)


async def test_a_drive_between_two_reports_at_rest_is_no_trip_and_its_end_is_shown(car: Car) -> None:
    """townsmcp/mg-saic-ha#311: a drive that no poll fell into; only the odometer went on."""
    for minute, kilometres in ((0, 0), (90, 12)):
        await car.report(
            {minute: {"speed": 0.0, "odometer": 1_000_000 + kilometres * 1000, **place(kilometres * 1000)}}
        )
    await car.wait(120)
    shown = await car.place()
    assert shown is not None
    assert (shown["at"], await car.value("odometer"), await car.trips()) == (moment(90), 1_012_000, [])
