"""When cars charge, and how much."""

import pytest

from tests.functions.field.car import Car, Timeline, drive, moment, parked

HOUR = 60


def charging(start: float, minutes: float, soc: tuple[float, float], every: float = 5) -> Timeline:
    """At an even pace from one percentage to the other, in a battery of 60 kWh; the last says that it is over."""
    steps = int(minutes / every)
    gained = (soc[1] - soc[0]) / steps
    always = {"speed": 0.0, "cable": True, "capacity": 60}
    return {start + n * every: {"charging": n < steps, "soc": soc[0] + n * gained, **always} for n in range(steps + 1)}


async def test_a_night_between_two_charges_counts_nothing_twice(car: Car) -> None:
    """bassmaster187/TeslaLogger#1507: surplus charging stops overnight; the second charge has the kWh of both."""
    await car.report(charging(0, 120, (20, 40)), charging(12 * HOUR, 120, (40, 50)), {15 * HOUR: {"cable": False}})
    await car.wait(16 * HOUR)
    assert sum(c["energy"] for c in await car.charges()) == pytest.approx(18.0)


async def test_a_charge_that_stops_and_starts_each_minute_is_one(car: Car) -> None:
    """openvehicles/Open-Vehicle-Monitoring-System-3#584: `charge stopped` every twenty seconds, while it goes on."""
    on = charging(0, 60, (50, 60), every=0.5)
    off = {n + 0.25: {"charging": False} for n in range(59)}
    await car.report(on, off, {70: {"cable": False}})
    await car.wait(90)
    (charge,) = await car.charges()
    assert (charge["energy"], charge["startedAt"], charge["endedAt"]) == (6.0, moment(0), moment(60))
    assert car.told == []


async def test_braking_is_no_charge(car: Car) -> None:
    """openvehicles/Open-Vehicle-Monitoring-System-3#358: a car that recuperates says that it charges."""
    braking = {at: {"charging": at % 2 == 0, "soc": 60.0 - at / 10, "capacity": 60} for at in drive(0, 20)}
    await car.report(drive(0, 20), braking, {21: {"charging": False}})
    await car.wait(50)
    assert (await car.charges(), len(await car.trips()), car.told) == ([], 1, [])


async def test_charging_without_a_cable_is_no_charge(car: Car) -> None:
    """kerniger/leapmotor-ha#61: right after parking the car says that it charges, with no cable in."""
    await car.report(parked(0, 5, cable=False, soc=60.0, capacity=60, charging=False))
    await car.report({6: {"charging": True}, 8: {"charging": True, "soc": 60.0}, 9: {"charging": False}})
    await car.report(parked(10, 20, cable=False, soc=60.0))
    await car.wait(60)
    assert await car.charges() == []


async def test_a_charge_that_is_never_said_to_end_ends_with_the_next_drive(car: Car) -> None:
    """WulfgarW/homeassistant-pycupra#68: `charging` stays on until the car is unplugged."""
    stuck = parked(65, 60, every=10, charging=True, soc=60.0)
    on = {at: s for at, s in charging(0, 60, (50, 60)).items() if s.get("charging")}
    await car.report(on, stuck, drive(130, 10, soc=59.0))
    await car.report(charging(300, 60, (50, 60)), {365: {"cable": False}})
    await car.wait(400)
    first, second = await car.charges()
    assert first["endedAt"] <= moment(130)
    assert (first["energy"], second["energy"]) == (pytest.approx(6.0), pytest.approx(6.0))


async def test_a_plug_that_follows_the_current_counts_no_energy_twice(car: Car) -> None:
    """jkaberg/hass-byd-vehicle#76: with the end of a charge the plug is out, though the cable is in."""
    for start, soc in ((0, (50, 60)), (90, (60, 70)), (180, (70, 80))):
        await car.report(charging(start, 60, soc), {start + 60.5: {"cable": False}})
    await car.wait(300)
    assert sum(c["energy"] for c in await car.charges()) == pytest.approx(18.0)


async def test_a_cable_that_flickers_while_it_charges_cuts_no_charge(car: Car) -> None:
    """jkaberg/hass-byd-vehicle#38: the state of the connection is 0 and 1 at random."""
    on = charging(0, 60, (50, 60), every=1)
    flickering = {at: {"cable": round(at) % 3 != 1} for at in on if 0 < at < 60}
    await car.report(on, flickering, {61: {"cable": False}})
    await car.wait(120)
    (charge,) = await car.charges()
    assert (charge["energy"], charge["duration"]) == (6.0, 3600.0)


async def test_a_car_that_is_unheard_while_charging_has_made_one_charge(car: Car) -> None:
    """teslamate-org/teslamate#3892: the car is offline for the better part of a charge."""
    on = {at: s for at, s in charging(0, 240, (20, 60)).items() if at <= 60 or at >= 200}
    await car.report(on, {241: {"cable": False}})
    await car.wait(300)
    (charge,) = await car.charges()
    assert (charge["energy"], charge["duration"]) == (24.0, 14_400.0)


async def test_a_charge_whose_percentage_comes_late_gets_its_energy(car: Car) -> None:
    """evcc-io/evcc#33138: the charge stays at 30 % in the data for hours, while the car is at 65 %."""
    on = charging(0, 120, (30, 65))
    await car.report({at: {**s, "soc": 30.0} for at, s in on.items()})
    await car.wait(125)
    await car.upload(130, {at + 0.01: {"soc": s["soc"]} for at, s in on.items() if at < 120})
    await car.upload(130, {119.9: {"soc": 65.0}, 120: {"soc": 65.0}})
    await car.report({131: {"cable": False}})
    await car.wait(150)
    (charge,) = await car.charges()
    assert charge["energy"] == pytest.approx(21.0)


async def test_energy_that_is_stuck_at_first_is_whole_at_the_end(car: Car) -> None:
    """teslamate-org/teslamate#4243: the energy stays as it was for the first 37 minutes of a charge."""
    on = charging(0, 120, (62, 80))
    energy = {at: {"energy": 37.2 if at <= 37 else 37.2 + at * 0.09} for at in on}
    await car.report(on, energy, {125: {"cable": False}})
    await car.wait(150)
    (charge,) = await car.charges()
    assert charge["energy"] == pytest.approx(10.8)


async def test_energy_that_steps_back_is_counted_from_end_to_end(car: Car) -> None:
    """teslamotors/vehicle-command#224: 3.291, 3.270, 3.417 kWh; the counter steps back while charging."""
    on = charging(0, 60, (50, 60))
    steps = (0.0, 0.7, 1.4, 2.1, 2.0, 2.9, 3.6, 3.5, 4.4, 5.1, 5.0, 5.7, 6.0)
    await car.report(on, {at * 5: {"energy": 30 + step} for at, step in enumerate(steps)}, {65: {"cable": False}})
    await car.wait(90)
    (charge,) = await car.charges()
    assert charge["energy"] == pytest.approx(6.0)


async def test_a_charge_takes_in_no_less_than_nothing(car: Car) -> None:
    """teslamate-org/teslamate#118: in the cold, the energy that was added falls by half a kWh while charging."""
    await car.report(charging(0, 60, (80, 79)), {65: {"cable": False}})
    await car.wait(90)
    assert [charge["energy"] for charge in await car.charges()] == [0.0]


async def test_energy_that_was_lost_before_a_charge_is_not_taken_from_it(car: Car) -> None:
    """bassmaster187/TeslaLogger#1553: the counter falls while the car sleeps, and the next charge is negative."""
    on = charging(0, 60, (60, 65))
    energy = {at: {"energy": 36.0 + at / 20} for at in on if at >= 5}
    await car.report({-240: {"energy": 40.0}}, on, energy, {65: {"cable": False}})
    await car.wait(90)
    (charge,) = await car.charges()
    assert charge["energy"] == pytest.approx(3.0, abs=0.3)


async def test_a_percentage_that_drops_out_at_the_start_adds_no_energy(car: Car) -> None:
    """evcc-io/evcc#26889: 33 %, then 0 %, and the car is charged as if it had been empty."""
    await car.report(parked(-20, 10, soc=33.0, capacity=60), {-5: {"soc": 0.0}})
    on = {at: s for at, s in charging(0, 60, (34, 44)).items() if at > 0}
    await car.report({0: {"charging": True, "cable": True}, 0.2: {"soc": 34.0}}, on, {65: {"cable": False}})
    await car.wait(90)
    (charge,) = await car.charges()
    assert charge["energy"] == pytest.approx(6.0, abs=0.7)


# ---- what is told


async def test_a_car_that_is_full_is_told_once_though_it_starts_again_on_unlocking(car: Car) -> None:
    """evcc-io/evcc#4460: charged to its limit at night, and `finished` again when the cable is unlocked."""
    await car.report(charging(0, 200, (50, 90)), {1: {"limit": 90}})
    morning = 12 * HOUR
    again = {morning: {"charging": True, "soc": 90.0}, morning + 0.3: {"charging": False, "soc": 90.0}}
    flicker = {morning + 0.5: {"cable": False}, morning + 0.6: {"cable": True}, morning + 0.8: {"cable": False}}
    await car.report(again, flicker)
    await car.wait(morning + 30)
    assert car.told == ["charging_complete"]


async def test_a_plug_that_follows_the_current_tells_of_a_full_car_once(car: Car) -> None:
    """home-assistant/core#137991: the cable is `disconnected` whenever charging stops."""
    await car.report(charging(0, 60, (60, 80)), {1: {"limit": 80}, 60.2: {"cable": False}})
    for start in (120, 180, 240):
        await car.report(charging(start, 10, (79, 80)), {start + 10.2: {"cable": False}})
    await car.wait(300)
    assert car.told == ["charging_complete"]


@pytest.mark.parametrize(("full", "told"), [(100, ["charging_complete"]), (60, [])])
async def test_a_limit_of_zero_is_no_limit(car: Car, full: int, told: list[str]) -> None:
    """vide/matedroid#276: the limit is 0 % until it is set for the first time."""
    await car.report({-1: {"limit": 0}}, charging(0, 120, (40, full)))
    await car.wait(180)
    assert car.told == told


async def test_a_car_without_a_limit_is_complete_when_it_is_full(car: Car) -> None:
    """skodaconnect/homeassistant-myskoda#1021: the limit is not available in this car."""
    await car.report({-1: {"limit": None}}, charging(0, 120, (40, 100)), {125: {"cable": False}})
    await car.wait(180)
    assert car.told == ["charging_complete"]
