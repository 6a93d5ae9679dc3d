"""Values that are none, in signals of which most are right."""

from typing import Any

import pytest

from tests.functions.field.car import PATHS, Car, drive

FRESH = {"speed": 50.0}
"""A neighbour of the reading that is refused: it is taken in."""


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        pytest.param("soc", 64.0, 65_535.0, id="evcc-io/evcc#14885"),
        pytest.param("soc", 64.0, 102.0, id="townsmcp/mg-saic-ha#28"),
        pytest.param("tank", 40, -5, id="itchannel/fordpass-ha#101"),
        pytest.param("tank", 40, 104, id="itchannel/fordpass-ha#554"),
        pytest.param("odometer", 20_861_000, "--", id="developerfromjokela/opencarwings#17"),
        pytest.param("odometer", 20_861_000, None, id="bassmaster187/TeslaLogger#25"),
        pytest.param("window", 0, "Fully_closed_position", id="itchannel/fordpass-ha#56"),
        pytest.param("hood", False, None, id="DurgNomis-drol/ha_toyota#244"),
        pytest.param("lock", True, "INVALID", id="skodaconnect/homeassistant-myskoda#84"),
        pytest.param("tyre_low", False, "STATUS_LOW", id="itchannel/fordpass-ha#208"),
    ],
)
async def test_a_value_that_is_none_leaves_the_last_one_and_its_neighbours(
    car: Car, name: str, good: Any, bad: Any
) -> None:
    await car.report({0: {name: good}, 1: {name: bad, **FRESH}})
    state = await car.state()
    assert {path: reading["value"] for path, reading in state["signals"].items()} == {
        PATHS[name]: good,
        PATHS["speed"]: 50.0,
    }
    assert (car.counted.refused, car.refused_messages) == (1, [])


async def test_a_word_that_is_new_to_us_spoils_nothing_else(car: Car) -> None:
    """home-assistant/core#71559: a new state of charging, and none of the car's entities is set up any more."""
    await car.brand_knows("status", datatype="string", allowed=["CHARGING", "FULLY_CHARGED"])
    await car.report({0: {"status": "CHARGING", "soc": 79.0}, 1: {"status": "TARGET_REACHED", "soc": 80.0}})
    assert (await car.value("status"), await car.value("soc")) == ("CHARGING", 80.0)


async def test_not_a_number_is_no_number(car: Car) -> None:
    """evcc-io/evcc#8064: NaN over MQTT."""
    await car.report({0: {"soc": 64.0}, 1: {"soc": "NaN", **FRESH}, 2: {"soc": float("nan"), "speed": 60.0}})
    assert (await car.value("soc"), await car.value("speed")) == (64.0, 50.0)
    assert (car.counted.refused, car.refused_messages) == (1, ["not_json"])


async def test_numbers_that_come_as_text_make_a_trip(car: Car) -> None:
    """teslamotors/fleet-telemetry#205: every value is a text, like "20.027"."""
    texts = {at: {k: str(v) for k, v in s.items()} for at, s in drive(0, 10, odometer=1_000_000, soc=50.5).items()}
    await car.report(texts)
    await car.wait(30)
    (trip,) = await car.trips()
    assert (trip["distance"], trip["socTo"]) == (pytest.approx(10_250, rel=0.03), 50.5)


@pytest.mark.parametrize(
    ("name", "leaf", "good", "bad"),
    [
        pytest.param(
            "range", {"datatype": "uint32", "unit": "m", "max": 800_000}, 180_000, 2_047_000, id="meatpiHQ/wican-fw#750"
        ),
        pytest.param(
            "tyre",
            {"datatype": "uint16", "unit": "kPa", "max": 600},
            255,
            3_275,
            id="msp1974/homeassistant-jlrincontrol#35",
        ),
        pytest.param(
            "outside",
            {"datatype": "float", "unit": "celsius", "min": -60, "max": 60},
            21.5,
            -128.0,
            id="townsmcp/mg-saic-ha#79",
        ),
    ],
)
async def test_a_brand_says_which_of_its_values_cannot_be(
    car: Car, name: str, leaf: dict[str, Any], good: float, bad: float
) -> None:
    await car.brand_knows(name, type="sensor", **leaf)
    await car.report({0: {name: good}, 1: {name: bad, **FRESH}})
    assert (await car.value(name), await car.value("speed"), car.counted.refused) == (good, 50.0, 1)
