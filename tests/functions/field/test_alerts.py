"""What owners are told, and what not."""

from typing import Any

import pytest

from tests.functions.field.car import Car, parked


async def test_a_tyre_that_says_nothing_once_is_not_flat(car: Car) -> None:
    """SAIC-iSmart-API/saic-python-mqtt-gateway#5: the pressure of all tyres is 0 now and then."""
    await car.has_rule("tyre", kind="threshold", signal="tyre", below=180, clears=200, name="tyre_low")
    await car.report(parked(0, 20, every=5, tyre=270), {5.1: {"tyre": 0}, 5.3: {"tyre": 270}})
    await car.report({20.1: {"tyre": 0}, 20.3: {"tyre": 270}})
    await car.wait(40)
    assert car.told == []


async def test_a_temperature_that_overflows_is_told_once(car: Car) -> None:
    """openvehicles/Open-Vehicle-Monitoring-System#57: the motor's temperature flips from 125 to -125 degrees."""
    rule = {"kind": "threshold", "signal": "motor", "above": 120, "clears": 100, "name": "hot"}
    await car.has_rule("hot", on=["enter", "exit"], **rule)
    hot = {at / 6: {"motor": 125.0} for at in range(60)}
    await car.report(hot, {at: {"motor": -125.0} for at in (3, 5, 7)})
    assert car.told == ["hot"]


async def test_a_percentage_that_leaps_at_the_start_of_a_charge_is_not_told(car: Car) -> None:
    """evcc-io/evcc#28100: with the start of a charge the state of charge is 100 % for a moment."""
    await car.has_rule("full", kind="threshold", signal="soc", above=95, clears=90, name="full")
    await car.report({0: {"soc": 70.0}, 1: {"soc": 70.0, "charging": True, "cable": True}, 1.5: {"soc": 100.0}})
    await car.report({2: {"soc": 70.0}, 10: {"soc": 71.0}})
    assert car.told == []


async def test_a_percentage_of_zero_now_and_then_is_not_told(car: Car) -> None:
    """evcc-io/evcc#656: the maker's cloud says 0 % sporadically, and the car is charged from the grid at once."""
    zero, back = {at: {"soc": 0.0} for at in (35.0, 95.0, 155.0)}, {at: {"soc": 52.0} for at in (35.2, 95.2, 155.2)}
    await car.report(parked(0, 180, every=10, soc=52.0), zero, back)
    await car.wait(200)
    assert car.told == []


async def test_a_car_that_says_zero_while_asleep_is_told_once(car: Car) -> None:
    """openvehicles/Open-Vehicle-Monitoring-System-3#146: half an hour after parking the charge is 0 %, until it wakes.

    Nothing tells such a zero from an empty battery, so it is believed: once."""
    await car.report(parked(0, 30, soc=88.0), parked(31, 600, every=10, soc=0.0), parked(640, 10, soc=88.0))
    assert car.told == ["battery_low"]


async def test_a_door_that_is_ajar_for_moments_is_not_left_open(car: Car) -> None:
    """itchannel/fordpass-ha#211: a closed door is `ajar` by turns, as long as the car is in the network at home."""
    await car.report(parked(0, 60, every=2, door=False), {at + 1: {"door": True} for at in range(0, 60, 2)})
    await car.wait(90)
    assert car.told == []


async def test_of_windows_without_a_sensor_only_the_open_one_is_told(car: Car) -> None:
    """itchannel/fordpass-ha#242: one window is open in part; of the rear ones the position is `Undefined`."""
    await car.report(parked(0, 15, window=40, rear_window="Undefined window position"))
    assert [(n.kind, n.facts["open"]) for n in car.world.notifications.contents] == [
        ("left_open", ["Vehicle.Cabin.Door.Row1.DriverSide.Window.Position"])
    ]


async def test_a_code_that_every_car_has_is_told_once(car: Car) -> None:
    """gburlingame/ioniq-app#22: P0C17 is listed for good, in every car of the model."""
    await car.report(parked(0, 600, every=5, codes=["P0C17"]))
    assert car.told == ["trouble_code_opened"]


@pytest.mark.parametrize(("minutes", "told"), [(1, []), (10, ["trouble_code_opened", "trouble_code_closed"])])
async def test_a_code_of_a_standing_engine_is_told_if_it_lasts_as_the_brand_says(
    car: Car, minutes: int, told: list[str]
) -> None:
    """cedricp/ddt4all#181: the alternator has a fault whenever the engine stands, gone as soon as it runs."""
    await car.has_rule("trouble_code", kind="trouble_code", on=["enter", "exit"], holdSeconds=180)
    listed: dict[float, Any] = {at / 2: {"codes": ["P0620"]} for at in range(minutes * 2)}
    await car.report({-1: {"codes": []}}, listed, {minutes: {"codes": []}})
    await car.wait(30)
    assert car.told == told
