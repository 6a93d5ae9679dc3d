"""No number, date or text that a caller writes is more than what reads it can hold: attacks 20 and 22."""

import base64
import json
from typing import Any

import pytest

from functions import brands, garage, inbox, privacy, sales, sightings, states
from shared.codec import messages
from shared.codec.answers import moment
from shared.codec.lifecycle import read as read_connection
from shared.codec.signals import reading_type, vocabulary
from shared.codec.vspec import MOST_ALLOWED, SAFE
from shared.domain.inbox import Turn
from shared.domain.kinds import Channel
from shared.domain.notification import Notification
from shared.domain.person import PersonId
from shared.domain.series import series
from shared.domain.signals import Leaf, Release
from shared.domain.telemetry import Sample
from shared.errors import Code, Malformed
from tests.attacks.fuzz.events import HANDLERS
from tests.examples import BRAND, NOON, VEHICLE
from tests.functions.conftest import Answer, ask
from tests.functions.test_events import ingest, low, message, outcomes, received
from tests.functions.test_events import state as stored
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
    assert (len(stored(world).signals), world.ledgers.shelf.held["telemetry-3"].value.census.refused) == (1, 1)


@pytest.mark.parametrize("number", [1e308, -1e308, 1.7976931348623157e308])
def test_the_mean_of_numbers_is_finite_as_they_are(number: float) -> None:
    samples = [Sample(at, {PATH: number}) for at in range(7)]
    (point,) = series(samples, PATH, 1_000)
    assert point.mean == pytest.approx(number)
    mixed = [Sample(0, {PATH: number}), Sample(1, {PATH: number}), Sample(2, {PATH: -number})]
    (point,) = series(mixed, PATH, 1_000)
    assert abs(point.mean or 0.0) <= abs(number)


# ---- times

EXTREME = ["0001-01-01T00:00:00Z", "0001-01-01T00:00:00+23:59", "1969-12-31T23:59:59Z", "9999-12-31T23:59:59-23:59"]
EXTREME += ["9999-12-31T23:59:59Z", "9990-01-01T00:00:01Z", "2026-11-22T12:00:00", "Infinity", "1e999", "9" * 5_000]


@pytest.mark.parametrize("time", EXTREME)
async def test_a_time_beyond_the_years_that_are_reckoned_with_is_refused(world: MemoryWorld, time: str) -> None:
    for name in ("from", "to"):
        for handler in (states.list_trips, states.list_charges, states.read_history):
            query = {name: time, "path": PATH}
            answer = await ask(handler, query=query, vehicle_id=VEHICLE)
            assert (answer.status, answer.code) == (400, Code.INVALID_QUERY)
    bodies = {
        privacy.change_privacy: {"mode": "offline", "until": time},
        garage.invite_member: {"role": "guest", "endsAt": time},
        sales.grant_feature: {"feature": "sharing", "endsAt": time},
        sales.subscribe_vehicle: {"plan": "tried", "startsAt": time},
    }
    for handler, body in bodies.items():
        assert (await ask(handler, body=body, vehicle_id=VEHICLE)).code == Code.INVALID_BODY


async def test_the_last_year_that_is_reckoned_with_can_be_granted_and_excluded(world: MemoryWorld) -> None:
    time = "9990-01-01T00:00:00Z"
    given = await ask(sales.grant_feature, body={"feature": "sharing", "endsAt": time}, vehicle_id=VEHICLE)
    kept = await ask(privacy.change_privacy, body={"mode": "offline", "until": time}, vehicle_id=VEHICLE)
    assert (given.status, kept.status) == (201, 200)
    assert given.body["endsAt"] == kept.body["until"] == "9990-01-01T00:00:00.000Z"


@pytest.mark.parametrize("time", ["9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59", "1969-12-31T23:59:59Z"])
def test_a_connection_at_an_impossible_time_is_parked(time: str) -> None:
    said = {"opType": "deviceConnected", "operationTimestamp": time}
    with pytest.raises(Malformed):
        read_connection(said, b'{"sequenceNumber": "01"}')


def test_every_moment_can_be_written() -> None:
    assert [moment(at)[:4] for at in (10**30, 10**14 * 9, -(10**30))] == ["9999", "9999", "0001"]


# ---- queues


@pytest.mark.parametrize("queue", ["notifications", "deliveries", "wake"])
@pytest.mark.parametrize("name", ["at", "attempt", "kind", "id", "brand", "named", "facts", "generation", "userId"])
@pytest.mark.parametrize(
    "wrong", ["Infinity", "NaN", "1e999", "9" * 5_000, "-1", '"' + "x" * 3_000 + '"', '"\\ud800"', "[[]]"]
)
async def test_a_message_that_is_nearly_right_is_parked_or_done(
    world: MemoryWorld, queue: str, name: str, wrong: str
) -> None:
    told = Notification("n-1", "silent", VEHICLE, BRAND, NOON, {})
    encoded = {
        "notifications": messages.encode_notification(told, 0),
        "deliveries": messages.encode_turn(Turn(PersonId(BRAND, "user-ada"), "item", Channel.EMAIL), 0),
        "wake": messages.encode_wake(f"{BRAND}:user-ada", NOON, True),
    }
    whole = json.loads(encoded[queue])
    holder = whole if name in whole else whole["content"]
    if name not in holder:
        return
    holder[name] = "@"
    await HANDLERS[queue](message(json.dumps(whole).replace('"@"', wrong)))
    assert set(world.parking.reasons) <= {"malformed_message"}


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
