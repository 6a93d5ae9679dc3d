import json
from pathlib import Path

import msgspec
import pytest

from shared.codec.shapes import SHAPES, VEHICLES, Shapes, decoder
from shared.codec.signals import FILE, LONGEST_TEXT, catalogue, reading_type, sift


def test_every_signal_of_ours_is_a_leaf_of_the_specification(shared_data: Path) -> None:
    def leaves(nodes: dict[str, dict[str, object]], above: str = "") -> dict[str, dict[str, object]]:
        found: dict[str, dict[str, object]] = {}
        for name, node in nodes.items():
            children = node.get("children")
            if isinstance(children, dict):
                found |= leaves(children, f"{above}{name}.")
            else:
                found[above + name] = node
        return found

    specification = leaves(json.loads((shared_data / "vss-6.0.json").read_text()))
    for path, leaf in json.loads(FILE.read_text()).items():
        assert leaf.items() <= specification[path].items(), path


def test_what_a_connected_car_really_sends_is_known() -> None:
    assert len(catalogue()) >= 120


def test_a_type_that_is_not_supported_is_refused() -> None:
    with pytest.raises(ValueError, match="float\\[\\]"):
        reading_type({"datatype": "float[]"})


def test_a_text_reading_has_at_most_256_characters() -> None:
    path = "Vehicle.StartTime"
    assert sift({path: "x" * LONGEST_TEXT})[0]
    assert sift({path: "x" * (LONGEST_TEXT + 1)}) == ({}, 1, 0)


def test_vehicles_that_send_the_same_share_a_decoder() -> None:
    shapes, paths = Shapes(), ["Vehicle.Speed", "Vehicle.IsMoving"]
    for vehicle in ("a", "b"):
        shapes.learn(vehicle, paths)
    assert shapes.decoder("a") is shapes.decoder("b")
    assert shapes.decoder("c") is not shapes.decoder("a")


def test_as_many_vehicles_and_shapes_are_remembered_as_the_limits_say() -> None:
    shapes = Shapes()
    for number in range(VEHICLES + 1):
        shapes.learn(str(number), ["Vehicle.Speed"])
    assert shapes.decoder("0") is shapes.decoder("never seen")
    assert shapes.decoder("1") is shapes.decoder(str(VEHICLES))
    assert decoder.cache_info().maxsize == SHAPES


def test_a_decoder_takes_no_signal_that_it_does_not_know() -> None:
    body = b'{"specversion":"1.0","id":"1","source":"s","type":"automotive.telemetry.v1","sequence":"1",'
    body += b'"data":{"samples":[{"signals":{"Vehicle.Speed":1.0}}]}}'
    assert decoder(("Vehicle.Speed",))(body).sequence == "1"
    with pytest.raises(msgspec.ValidationError):
        decoder(("Vehicle.IsMoving",))(body)
    assert "Vehicle.Speed" in catalogue()
