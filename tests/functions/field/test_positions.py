"""Where cars say that they are."""

import pytest

from tests.functions.field.car import Car, drive, moment, parked, place, without

NOWHERE = {"latitude": 0.0, "longitude": 0.0}


async def test_a_single_fix_at_null_island_leaves_no_fence(car: Car) -> None:
    """traccar/traccar#2326: one position of 0, 0 between good ones."""
    await car.has_fence()
    await car.report(parked(0, 10, **place()), {4.5: NOWHERE})
    assert car.told == ["geofence_entered"]
    assert await car.place() == {"latitude": 48.0, "longitude": 11.0, "at": moment(10)}


async def test_a_trip_begins_at_the_first_real_fix(car: Car) -> None:
    """traccar/traccar#3673: at power-on the tracker says 0, 0, and the odometer starts with 7,000 miles."""
    await car.report({0: {"speed": 0.0, **NOWHERE}, 0.5: {"speed": 20.0, **NOWHERE}}, drive(1, 10))
    await car.wait(30)
    (trip,) = await car.trips()
    assert trip["distance"] == pytest.approx(10_600, rel=0.06)
    assert (await car.line(trip))[0] == [11.0, 48.0]


async def test_a_car_that_switched_off_its_receiver_stays_where_it_was_parked(car: Car) -> None:
    """townsmcp/mg-saic-ha#70: a car that is off reports latitude and longitude 0 with every update."""
    await car.report(parked(0, 2, **place()), parked(3, 40, every=5, **NOWHERE))
    assert await car.place() == {"latitude": 48.0, "longitude": 11.0, "at": moment(2)}


async def test_a_latitude_that_cannot_be_takes_its_longitude_along(car: Car) -> None:
    """skodaconnect/homeassistant-skodaconnect#233: latitude 134.2, longitude -161.1 from an underground garage."""
    await car.has_fence()
    await car.report(parked(0, 3, **place()), parked(4, 20, latitude=134.217726, longitude=-161.061275))
    assert car.told == ["geofence_entered"]
    assert await car.place() == {"latitude": 48.0, "longitude": 11.0, "at": moment(3)}


async def test_a_leap_of_four_thousand_kilometres_is_not_on_the_line(car: Car) -> None:
    """traccar/traccar#3342: a valid fix in Benin, five seconds after one in Munich."""
    await car.has_fence()
    await car.report(without(drive(0, 10), "speed"), {4.6: {"latitude": 10.0, "longitude": 3.002836}}, MOVES)
    await car.wait(30)
    (trip,) = await car.trips()
    assert trip["distance"] == pytest.approx(10_250, rel=0.05)
    assert all(latitude > 47 for _, latitude in await car.line(trip))
    assert car.told == ["geofence_entered", "geofence_left"]


MOVES = {0: {"moving": True}, 10.5: {"moving": False}}


async def test_an_old_fix_between_the_new_ones_lengthens_no_trip(car: Car) -> None:
    """traccar/traccar#1996: a tracker repeats one position of minutes ago between those of its way."""
    stale = {5 + n + 0.1: place(east=500) for n in range(5)}
    await car.report(without(drive(0, 10), "speed"), stale, MOVES)
    await car.wait(30)
    (trip,) = await car.trips()
    assert trip["distance"] == pytest.approx(10_250, rel=0.1)


async def test_a_receiver_that_wanders_around_a_parked_car_makes_no_trip(car: Car) -> None:
    """andreadegiovine/homeassistant-stellantis-vehicles#91: the position moves while the car is not used."""
    for minute in range(90):
        await car.report({minute: {"speed": 0.0, **place(east=minute * 37 % 160 - 80, north=minute * 53 % 140 - 70)}})
    await car.wait(120)
    assert await car.trips() == []


async def test_a_position_that_wavers_at_the_edge_of_a_fence_is_told_once(car: Car) -> None:
    """traccar/traccar#2189: enter and exit, again and again, of a device that does not move at all."""
    await car.has_fence(radius=100)
    for minute in range(40):
        await car.report({minute: {"speed": 0.0, **place(east=95 + (40 if minute % 2 else -40))}})
    assert car.told == ["geofence_entered"]


async def test_one_fix_down_the_road_does_not_leave_the_fence_of_a_parked_car(car: Car) -> None:
    """traccar/traccar#3609: a single position more than 50 m beyond the fence, and back."""
    await car.has_fence(radius=100)
    await car.report(parked(0, 20, **place()), {9.5: {"speed": 0.0, **place(east=180)}})
    assert car.told == ["geofence_entered"]


async def test_positions_that_were_stored_without_a_network_enter_no_fence_afterwards(car: Car) -> None:
    """vitalidze/traccar-web#1090: stored positions follow the newest one, and tell of a fence in and out."""
    await car.has_fence(radius=2_500)
    way = drive(0, 12)
    await car.report({0: way[0]}, {at: s for at, s in way.items() if at >= 8})
    before = list(car.told)
    for start, end in ((0.5, 3), (3, 5.5), (5.5, 8)):
        await car.upload(14, {at: s for at, s in way.items() if start <= at < end})
    await car.wait(40)
    assert car.told == before
    (trip,) = await car.trips()
    assert trip["distance"] == pytest.approx(12_250, rel=0.05)


async def test_the_start_of_a_drive_that_arrives_later_joins_it(car: Car) -> None:
    """teslamate-org/teslamate#2928: out of an underground garage, the first minutes of a drive are heard last."""
    way = drive(0, 12)
    await car.report({at: s for at, s in way.items() if at >= 4})
    await car.wait(30)
    (first,) = await car.trips()
    await car.upload(31, {at: s for at, s in way.items() if at < 4})
    await car.wait(34)
    (whole,) = await car.trips()
    assert (whole["id"], whole["endedAt"]) == (first["id"], first["endedAt"])
    assert (whole["startedAt"], whole["duration"]) == (moment(0), 720.0)


async def test_a_drive_without_positions_is_a_trip_without_a_line(car: Car) -> None:
    """teslamate-org/teslamate#3386: after an update the car says null for its position, and drives are lost."""
    lost = drive(0, 10, odometer=1_000_000, latitude=None, longitude=None)
    await car.report(lost)
    await car.wait(30)
    (trip,) = await car.trips()
    assert (trip["distance"], trip["duration"]) == (pytest.approx(10_250, rel=0.03), 600.0)
    assert (await car.line(trip), await car.place()) == ([], None)


async def test_a_car_on_a_ferry_has_moved_and_has_made_no_trip(car: Car) -> None:
    """teslamate-org/teslamate#425: a car that is hauled off changes its place without being driven."""
    await car.has_fence()
    await car.report(parked(0, 5, system="OFF", **place()))
    for minute in range(6, 66):
        await car.report({minute: {"speed": 0.0, "system": "OFF", **place(east=(minute - 5) * 400)}})
    await car.wait(90)
    assert car.told == ["geofence_entered", "geofence_left"]
    assert await car.trips() == []
    assert (await car.place() or {})["longitude"] > 11.3


async def test_a_car_that_reports_only_where_it_is_parked_is_there_at_once(car: Car) -> None:
    """msp1974/homeassistant-jlrincontrol#140: three places in a morning, each reported once, with a speed of 0."""
    await car.has_fence()
    seen = list[float]()
    for minute, kilometres in ((0, 0.0), (149, 24.0), (237, -1.5), (300, 0.0)):
        await car.report({minute: {"speed": 0.0, **place(east=kilometres * 1000)}})
        shown = await car.place()
        assert shown is not None
        assert shown["at"] == moment(minute)
        seen.append(shown["longitude"])
    assert seen[0] == seen[3] < seen[1]
    assert car.told == ["geofence_entered", "geofence_left", "geofence_entered"]
    assert await car.trips() == []


async def test_a_car_that_was_driven_without_a_network_is_where_its_odometer_brought_it(car: Car) -> None:
    """home-assistant/core#10124: the car is away, and its place is still the one of before the drive."""
    await car.report(drive(0, 10, odometer=1_000_000), parked(11, 2, odometer=1_010_250, **place(east=10_250)))
    await car.report({120: {"speed": 0.0, "odometer": 1_034_250, **place(east=34_250)}})
    shown = await car.place()
    assert shown is not None
    assert shown["at"] == moment(120)
