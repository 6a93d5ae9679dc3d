"""No number, date or text that a caller writes is more than what reads it can hold: attacks 20 and 22."""

import base64
import json
from typing import Any

import pytest

from functions import brands, inbox, sightings
from shared.codec.signals import reading_type, vocabulary
from shared.codec.vspec import MOST_ALLOWED, SAFE
from shared.domain.signals import Leaf, Release
from shared.errors import Code
from tests.examples import BRAND
from tests.functions.conftest import Answer, ask
from tests.functions.test_events import ingest, low, outcomes, received, state
from tests.memory import MemoryWorld

PATH = "Vehicle.Private.Number"


async def overlaid(raw: str | bytes, handler: Any = brands.overlay_signals) -> Answer:
    return await ask(handler, body=raw.encode() if isinstance(raw, str) else raw)


def leaf(datatype: str, **facts: Any) -> str:
    return json.dumps({PATH: {"type": "sensor", "datatype": datatype, **facts}})


@pytest.mark.parametrize("datatype", ["uint8", "int64", "uint64", "float", "double", "int32[]"])
@pytest.mark.parametrize("bound", [SAFE + 1, -SAFE - 1, 2**63, 10**30, 10**400, True, "1"])
async def test_a_bound_that_json_does_not_hold_exactly_is_refused(
    world: MemoryWorld, datatype: str, bound: object
) -> None:
    for name in ("min", "max"):
        for handler in (brands.overlay_signals, brands.load_signals):
            assert (await overlaid(leaf(datatype, **{name: bound}), handler)).code == Code.INVALID_SIGNALS
    assert world.vocabularies.held == {}


@pytest.mark.parametrize("number", ["1e999", "-1e999", "1E400"])
async def test_a_bound_that_is_not_finite_is_refused(world: MemoryWorld, number: str) -> None:
    for datatype in ("float", "int8"):
        raw = leaf(datatype, max=0).replace('"max": 0', f'"max": {number}')
        assert (await overlaid(raw)).code == Code.INVALID_SIGNALS


@pytest.mark.parametrize("number", ["NaN", "Infinity", "9" * 5_000])
async def test_what_is_no_number_of_json_is_no_json(world: MemoryWorld, number: str) -> None:
    raw = leaf("float", max=0).replace('"max": 0', f'"max": {number}')
    assert (await overlaid(raw)).code == Code.INVALID_BODY


async def test_the_largest_bounds_hold_and_their_readings_are_taken_in(world: MemoryWorld) -> None:
    for datatype in ("int64", "uint64", "double"):
        assert (await overlaid(leaf(datatype, min=-SAFE, max=SAFE))).status == 200
        leaves = world.vocabularies.held[BRAND]
        assert vocabulary(leaves).sift({PATH: SAFE})[0] == {PATH: SAFE}
        assert vocabulary(leaves).sift({PATH: SAFE * 2})[1] == 1


def test_a_larger_bound_that_was_stored_before_still_makes_a_vocabulary() -> None:
    for least, most in ((-(10**30), 10**30), (-1e300, 1e300), (0, 2**64)):
        for datatype in ("uint64", "int64", "int8", "double"):
            known = vocabulary(Release(overlay={PATH: Leaf(datatype, None, least, most)}))
            assert known.sift({PATH: 5})[0] == {PATH: 5}
            assert reading_type(known.leaves[PATH]) is not None


async def test_texts_of_an_overlay_have_limits(world: MemoryWorld) -> None:
    for facts in ({"unit": "u" * 257}, {"allowed": ["a"] * (MOST_ALLOWED + 1)}, {"allowed": ["a" * 257]}):
        assert (await overlaid(leaf("string", **facts))).code == Code.INVALID_SIGNALS


# ---- readings


@pytest.mark.parametrize("release", ["urn:vss:4", "urn:vss:5", "urn:vss:6"])
@pytest.mark.parametrize("number", ["1e308", "-1e308", "1" + "0" * 300, "-1" + "0" * 300])
async def test_a_reading_that_overflows_is_refused_alone(world: MemoryWorld, number: str, release: str) -> None:
    """Also where an older release counts in another unit, so that the number is reckoned with."""
    body = low(1, soc=50, dataschema=release)
    await ingest(
        received(0, body.replace(b'"signals":{', b'"signals":{"Vehicle.TraveledDistance":' + number.encode() + b","))
    )
    assert (outcomes(world), world.parking.reasons) == ({"applied": 1}, [])
    assert (len(state(world).signals), world.ledgers.shelf.held["telemetry-3"].value.census.refused) == (1, 1)


# ---- marks


@pytest.mark.parametrize(
    "raw",
    [
        '["a",Infinity,0,{}]',
        '["a",-Infinity,0,{}]',
        '["a",NaN,0,{}]',
        '["a",1e999,0,{}]',
        '["a",0,1e999,{}]',
        '["a",0,0,{"v":Infinity}]',
        '["a",0,0,{"v":1e999}]',
        '["a",' + "9" * 5_000 + ",0,{}]",
        '["a",' + "9" * 400 + ",0,{}]",
        '["\\ud800",0,0,{}]',
        '["a",0,0,{"\\ud800":1}]',
        '["a",true,0,{}]',
        "[" * 5_000,
        "[Infinity,[]]",
        "[1e999,[]]",
        "[" + "9" * 400 + ",[]]",
        '[1,["\\ud800"]]',
        "[1,[[]]]",
        "[true,[]]",
    ],
)
async def test_a_mark_that_was_never_given_out_is_refused(world: MemoryWorld, raw: str) -> None:
    mark = base64.urlsafe_b64encode(raw.encode()).decode().rstrip("=")
    for handler, token in ((sightings.read_sightings, "operator"), (inbox.read_inbox, "ada")):
        answer = await ask(handler, token, query={"after": mark})
        assert (answer.status, answer.code) == (400, Code.INVALID_CURSOR)
