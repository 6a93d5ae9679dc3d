import json
from pathlib import Path

import msgspec
import pytest

from shared.codec import vspec
from shared.codec.shapes import VEHICLES, Shapes
from shared.codec.signals import FOLDER, LONGEST_LIST, LONGEST_TEXT, reading_type, shipped, vocabulary
from shared.domain.signals import Leaf, Release
from shared.errors import Malformed

OURS = vocabulary(Release())


def specification(shared_data: Path) -> dict[str, Leaf]:
    tree = json.loads((shared_data / "vss-6.0.json").read_text())
    return {path: leaf for path, leaf in vspec.read(tree).items() if leaf is not None}


def test_every_signal_of_ours_is_a_leaf_of_the_specification(shared_data: Path) -> None:
    known = specification(shared_data)
    for path, ours in shipped().items():
        assert ours == known[path], path


def test_every_older_name_leads_to_a_signal_of_today_and_is_none_itself(shared_data: Path) -> None:
    known = specification(shared_data)
    stored = json.loads((FOLDER / "aliases.json").read_text())
    renamed = {old: alias["path"] for old, alias in stored["paths"].items()}
    assert set(renamed.values()) <= shipped().keys()
    deprecated = {old for old in renamed if old in known}
    assert all(old.endswith(".Tire.Temperature") for old in deprecated)
    for counted in stored["units"].values():
        assert all(path == alias["path"] and path in shipped() for path, alias in counted.items())


@pytest.mark.parametrize(
    ("value", "fits"),
    [("12.5", True), ("nan", False), ("inf", False), (" 1", False), (True, False), ("1e999", False), ("1_0", False)],
)
def test_a_value_that_can_mean_but_one_number_is_taken_for_it(value: object, fits: bool) -> None:
    assert (OURS.sift({"Vehicle.Speed": value})[1] == 0) is fits


def test_lists_have_values_of_their_type_and_no_more_than_the_limit() -> None:
    path = "Vehicle.Diagnostics.DTCList"
    assert OURS.sift({path: ["P0420"] * LONGEST_LIST})[0]
    bad: list[object] = [["P0420"] * (LONGEST_LIST + 1), [1], "P0420", {}]
    for wrong in bad:
        assert OURS.sift({path: wrong}) == ({}, 1, 0)


@pytest.mark.parametrize("branch", ["Vehicle.CurrentLocation", "Vehicle.Cabin.Infotainment.Navigation.DestinationSet"])
@pytest.mark.parametrize(("latitude", "longitude"), [(134.2, 11.0), (48.0, None), (48.0, "east"), (91, 181)])
def test_of_a_position_both_halves_are_refused_or_none(branch: str, latitude: object, longitude: object) -> None:
    halves = {f"{branch}.Latitude": latitude, f"{branch}.Longitude": longitude}
    assert OURS.sift({**halves, "Vehicle.Speed": 1.0}) == ({"Vehicle.Speed": 1.0}, 2, 0)
    assert OURS.sift({f"{branch}.Latitude": 48.0}) == ({f"{branch}.Latitude": 48.0}, 0, 0)


def test_what_a_connected_car_really_sends_is_known() -> None:
    assert len(shipped()) >= 120


def test_a_type_that_is_not_supported_is_refused() -> None:
    with pytest.raises(Malformed, match="struct"):
        reading_type(Leaf("struct"))


def test_a_text_reading_has_at_most_256_characters() -> None:
    path = "Vehicle.StartTime"
    assert OURS.sift({path: "x" * LONGEST_TEXT})[0]
    assert OURS.sift({path: "x" * (LONGEST_TEXT + 1)}) == ({}, 1, 0)


def test_vehicles_that_send_the_same_share_a_decoder() -> None:
    shapes, paths = Shapes(OURS), ["Vehicle.Speed", "Vehicle.IsMoving"]
    for vehicle in ("a", "b"):
        shapes.learn(vehicle, paths)
    assert shapes.of("a") is shapes.of("b")
    assert shapes.of("c") is not shapes.of("a")


def test_as_many_vehicles_and_shapes_are_remembered_as_the_limits_say() -> None:
    shapes = Shapes(OURS)
    for number in range(VEHICLES + 1):
        shapes.learn(str(number), ["Vehicle.Speed"])
    assert shapes.of("0") is shapes.of("never seen")
    assert shapes.of("1") is shapes.of(str(VEHICLES))


def test_a_decoder_takes_no_signal_that_it_does_not_know() -> None:
    body = b'{"specversion":"1.0","id":"1","source":"s","type":"automotive.telemetry.v1","sequence":"1",'
    body += b'"data":{"samples":[{"signals":{"Vehicle.Speed":1.0}}]}}'
    shapes = Shapes(OURS)
    shapes.learn("knows", ["Vehicle.Speed"])
    shapes.learn("does not", ["Vehicle.IsMoving"])
    assert shapes.of("knows").decode(body).sequence == "1"
    with pytest.raises(msgspec.ValidationError):
        shapes.of("does not").decode(body)
