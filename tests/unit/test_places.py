"""Which signals tell a place."""

import json
from collections import Counter
from pathlib import Path

import pytest

from shared.codec import vspec
from shared.codec.places import STORED, decision, leaves_of
from shared.codec.signals import FOLDER, shipped, tells_place, vocabulary
from shared.codec.telemetry import Decoder
from shared.domain.policy import Exclusion, Mode, Privacy, visible
from shared.domain.signals import Leaf, Release
from shared.domain.telemetry import Sample, Value
from shared.errors import Code, Malformed
from tests.examples import NOON, VEHICLE, with_signals

CHARGING = "Vehicle.Powertrain.TractionBattery.Charging."
NAVIGATION = "Vehicle.Cabin.Infotainment.Navigation."
PRIVATE = Privacy((Exclusion(Mode.NO_POSITION, NOON),))


def decided() -> Counter[str]:
    """How often the file decides each path."""
    stored = json.loads(STORED.read_text())
    return Counter(path for groups in stored.values() for path in leaves_of(groups))


def test_every_leaf_of_the_specification_is_decided_exactly_once_and_nothing_else_is(shared_data: Path) -> None:
    leaves = vspec.read(json.loads((shared_data / "vss-6.0.json").read_text()))
    assert len(leaves) == 1267
    assert decided() == Counter(leaves.keys())


def test_every_signal_of_ours_is_decided_exactly_once() -> None:
    counted = decided()
    assert {path: counted[path] for path in shipped()} == dict.fromkeys(shipped(), 1)


@pytest.mark.parametrize(
    "path",
    [
        *(f"Vehicle.CurrentLocation.{name}" for name in ("Latitude", "Longitude", "Altitude", "Heading", "Timestamp")),
        "Vehicle.CurrentLocation.GNSSReceiver.FixType",
        *(f"{NAVIGATION}DestinationSet.{axis}" for axis in ("Latitude", "Longitude")),
        *(f"{CHARGING}Location.{name}" for name in ("Latitude", "Longitude", "Altitude")),
        CHARGING + "EvseId",
        "Vehicle.Exterior.LightIntensity",
        "Vehicle.Cabin.Infotainment.Media.Played.URI",
    ],
)
def test_what_tells_where_a_vehicle_is_goes_charges_or_listens_is_a_place(path: str) -> None:
    assert decision(path) is True


@pytest.mark.parametrize(
    "path",
    [
        "Vehicle.Speed",
        "Vehicle.TraveledDistance",
        "Vehicle.Exterior.AirTemperature",
        "Vehicle.VehicleIdentification.LicensePlate",
        NAVIGATION + "Volume",
        CHARGING + "IsCharging",
    ],
)
def test_what_could_be_seen_anywhere_is_no_place(path: str) -> None:
    assert decision(path) is False


def test_a_signal_that_nobody_decided_counts_as_a_place() -> None:
    bay = "Vehicle.Cabin.ParkingBay"
    assert decision(bay) is None
    assert bay not in vocabulary(Release(None, {bay: Leaf("string")})).not_places


def test_an_overlay_says_of_its_own_signals_whether_they_are_places() -> None:
    mood, bay = "Vehicle.Mood", "Vehicle.ParkingBay"
    overlay = {mood: Leaf("string", place=False), bay: Leaf("string", place=True)}
    assert vocabulary(Release(None, overlay)).not_places & {mood, bay} == {mood}


def test_an_overlay_makes_a_place_of_what_is_none_but_never_the_other_way_round() -> None:
    assert tells_place("Vehicle.Trailer.IsConnected", Leaf("boolean", place=True))
    assert tells_place("Vehicle.CurrentLocation.Latitude", Leaf("double", place=False))


@pytest.mark.parametrize(
    ("path", "said", "detail"),
    [
        ("Latitude", False, "Vehicle.CurrentLocation.Latitude: tells a place, so that place cannot be false"),
        ("Bay", "no", "Vehicle.CurrentLocation.Bay: place is neither true nor false"),
        ("Bay", 0, "Vehicle.CurrentLocation.Bay: place is neither true nor false"),
    ],
)
def test_what_an_overlay_cannot_say_of_a_place_is_refused_by_name(path: str, said: object, detail: str) -> None:
    leaf = {"datatype": "double", "place": said}
    with pytest.raises(Malformed) as caught:
        vspec.read({"Vehicle": {"children": {"CurrentLocation": {"children": {path: leaf}}}}})
    assert (caught.value.code, caught.value.detail) == (Code.INVALID_SIGNALS, detail)


def test_an_older_name_is_decided_as_the_one_of_today() -> None:
    renamed = json.loads((FOLDER / "aliases.json").read_text())["paths"]
    older = vocabulary(Release({old: Leaf("float") for old in renamed}))
    assert older.not_places == {old for old, alias in renamed.items() if decision(alias["path"]) is False}
    assert "Vehicle.OBD.Speed" in older.not_places


@pytest.mark.parametrize("message", ["the first of a vehicle", "the second"])
def test_what_a_decoder_reads_carries_the_decisions_of_its_vocabulary(message: str) -> None:
    decoder = Decoder(vocabulary(Release(None, {"Vehicle.Mood": Leaf("string", place=False)})))
    for _ in range(1 if message == "the first of a vehicle" else 2):
        telemetry = decoder.decode(VEHICLE, with_signals(**{"Mood": "CALM", "CurrentLocation.Latitude": 48.0}), NOON)
    shown, hidden = visible(PRIVATE, telemetry.samples, NOON, telemetry.not_places)
    assert (shown, hidden) == ([Sample(NOON, {"Vehicle.Mood": "CALM"})], True)


def test_without_decisions_everything_counts_as_a_place() -> None:
    readings: dict[str, Value] = {"Vehicle.Speed": 50.0}
    assert visible(PRIVATE, [Sample(NOON, readings)], NOON, frozenset()) == ([], True)
