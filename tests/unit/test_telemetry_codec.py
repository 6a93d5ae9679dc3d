import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.codec.signals import vocabulary
from shared.codec.telemetry import LARGEST, MOST_READINGS, Decoder
from shared.domain.paths import LATITUDE, LONGITUDE, ODOMETER
from shared.domain.signals import Release
from shared.domain.telemetry import OLDEST, Telemetry
from shared.errors import Code, Malformed
from tests.examples import NOON, VEHICLE, cloud_event, encoded, with_signals

TRACE = f"00-{'a' * 32}-{'b' * 16}-01"
DECODER = Decoder(vocabulary(Release()))


def read(body: bytes) -> Telemetry:
    return DECODER.decode(VEHICLE, body, NOON)


def reason(body: bytes) -> Code:
    with pytest.raises(Malformed) as caught:
        read(body)
    return caught.value.code


def sampled(**sample: Any) -> bytes:
    return encoded(cloud_event(data={"samples": [{"signals": {"Vehicle.Speed": 1.0}} | sample]}))


def test_a_message_is_read() -> None:
    telemetry = read(encoded(cloud_event(sequence="1234", traceparent=TRACE)))
    assert (telemetry.vehicle_id, telemetry.sequence, telemetry.traceparent) == (VEHICLE, 1234, TRACE)
    assert telemetry.samples[0] == (NOON, {"Vehicle.Speed": 52.3})
    assert telemetry.census == (1, 1, 0, 0, 0, 0)


def test_the_second_message_of_a_vehicle_reads_as_the_first() -> None:
    body = with_signals(Speed=1.5, IsMoving=True, LowVoltageSystemState="ON", TraveledDistance=7)
    assert read(body) == read(body)


BAD = {
    "not JSON": (b"junk", Code.NOT_JSON),
    "nothing": (b"", Code.NOT_JSON),
    "NaN": (b'{"specversion": NaN}', Code.NOT_JSON),
    "ten thousand deep": (b"[" * 10_000 + b"]" * 10_000, Code.NOT_JSON),
    "a lone surrogate": (encoded(cloud_event()).replace(b"message-1", b"\\ud800"), Code.NOT_JSON),
    "a byte that is no UTF-8": (encoded(cloud_event()).replace(b"message-1", b"\xff\xfe"), Code.NOT_JSON),
    "a raw NUL": (encoded(cloud_event()).replace(b"message-1", b"\x00"), Code.NOT_JSON),
    "256 KB and a byte": (b" " * LARGEST + b"1", Code.TOO_LARGE),
    "256 KB of a number": (b"1" * LARGEST, Code.NOT_JSON),
    "no object": (b"[]", Code.NOT_CLOUDEVENT),
    "another specification": (encoded(cloud_event(specversion="0.3")), Code.NOT_CLOUDEVENT),
    "no id": (encoded(cloud_event(id="")), Code.NOT_CLOUDEVENT),
    "an id that is no text": (encoded(cloud_event(id=7)), Code.NOT_CLOUDEVENT),
    "an endless id": (encoded(cloud_event(id="x" * 129)), Code.NOT_CLOUDEVENT),
    "no sequence": (encoded(cloud_event(sequence=None)), Code.NOT_CLOUDEVENT),
    "a sequence below zero": (encoded(cloud_event(sequence="-1")), Code.NOT_CLOUDEVENT),
    "a sequence in other digits": (encoded(cloud_event(sequence="١٢")), Code.NOT_CLOUDEVENT),
    "a sequence too long": (encoded(cloud_event(sequence="1" * 19)), Code.NOT_CLOUDEVENT),
    "another type": (encoded(cloud_event(type="com.example.other")), Code.UNKNOWN_TYPE),
    "another vehicle": (encoded(cloud_event(source="/vehicles/veh-0002")), Code.SPOOFED_SOURCE),
    "a longer name": (encoded(cloud_event(source=f"/vehicles/{VEHICLE}0")), Code.SPOOFED_SOURCE),
    "no data": (encoded(cloud_event(data=None)), Code.MALFORMED_DATA),
    "no samples": (encoded(cloud_event(data={"samples": []})), Code.MALFORMED_DATA),
    "a sample that is none": (encoded(cloud_event(data={"samples": [1]})), Code.MALFORMED_DATA),
    "signals that are none": (sampled(signals=[1]), Code.MALFORMED_DATA),
    "a time that is a number": (sampled(time=1795348800), Code.MALFORMED_DATA),
    "a day that no calendar holds": (sampled(time="2000-03-00T13:34:23Z"), Code.IMPOSSIBLE_TIME),
    "a time without a zone": (sampled(time="2026-11-22T12:00:00"), Code.IMPOSSIBLE_TIME),
    "a sample older than any buffer": (sampled(time="2026-10-23T11:59:59.999Z"), Code.IMPOSSIBLE_TIME),
    "1970": (sampled(time="1970-01-01T00:00:00Z"), Code.IMPOSSIBLE_TIME),
    "the last millisecond of 1999": (sampled(time="1999-12-31T23:59:59.999Z"), Code.IMPOSSIBLE_TIME),
    "five thousand signals": (with_signals(**{f"x{n}": n for n in range(5000)}), Code.TOO_MANY_READINGS),
    "too many samples": (encoded(cloud_event(data={"samples": [{"signals": {}}] * 601})), Code.TOO_MANY_READINGS),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_message_is_refused_for_its_reason(name: str) -> None:
    body, code = BAD[name]
    assert reason(body) is code


@pytest.mark.parametrize("name", BAD)
def test_and_also_when_the_vehicle_has_sent_good_ones_before(name: str) -> None:
    read(with_signals(Speed=1.0))
    body, code = BAD[name]
    assert reason(body) is code


def test_a_limit_is_reached_with_its_last_reading() -> None:
    assert read(with_signals(**{f"x{n}": n for n in range(MOST_READINGS)})).unknown == MOST_READINGS
    assert reason(with_signals(**{f"x{n}": n for n in range(MOST_READINGS + 1)})) is Code.TOO_MANY_READINGS


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("Speed", "fast"),
        ("Speed", True),
        ("Speed", None),
        ("Speed", [1]),
        ("IsMoving", 2),
        ("Speed", "nan"),
        ("Speed", "1e999"),
        ("TraveledDistance", 1.5),
        ("TraveledDistance", -1),
        ("TraveledDistance", 2**32),
        ("CurrentLocation.Latitude", 90.1),
        ("Powertrain.TractionBattery.StateOfCharge.Displayed", 100.5),
        ("LowVoltageSystemState", "SLEEPING"),
        ("StartTime", "a" * 257),
        ("StartTime", "nul\x00"),
    ],
)
def test_a_reading_that_does_not_fit_is_left_out_alone(path: str, value: object) -> None:
    telemetry = read(with_signals(**{path: value, "Exterior.Humidity": 40.0}))
    assert telemetry.samples[0].readings == {"Vehicle.Exterior.Humidity": 40.0}
    assert telemetry.census == (1, 2, 1, 0, 0, 0)


def test_a_whole_number_is_a_float_too() -> None:
    assert read(with_signals(Speed=52)).samples[0].readings == {"Vehicle.Speed": 52.0}


def test_signals_that_we_do_not_know_are_counted_and_ignored() -> None:
    telemetry = read(with_signals(Speed=1.0, FluxCapacitor=88))
    assert (telemetry.samples[0].readings, telemetry.unknown) == ({"Vehicle.Speed": 1.0}, 1)


def test_a_new_signal_of_a_vehicle_is_read_as_well() -> None:
    read(with_signals(Speed=1.0))
    assert set(read(with_signals(IsMoving=True, Speed=1.0)).samples[0].readings) == {
        "Vehicle.Speed",
        "Vehicle.IsMoving",
    }


@pytest.mark.parametrize(
    ("sample", "at", "skewed"),
    [
        ({}, NOON, 1),
        ({"time": "2026-11-22T12:01:00Z"}, NOON + 60_000, 0),
        ({"time": "2026-11-22T12:01:00.001Z"}, NOON, 1),
        ({"time": "2026-11-22T13:00:00+01:00"}, NOON, 0),
        ({"time": "2026-10-23T12:00:00Z"}, NOON - OLDEST, 0),
        ({"time": "2007-04-06T07:30:00Z"}, NOON, 1),
        ({"time": "1987-08-21T07:30:00Z"}, NOON, 1),
        ({"time": "2026-11-22T11:59:59.123Z"}, NOON - 877, 0),
    ],
)
def test_the_hubs_clock_is_believed_where_the_vehicles_is_missing_or_ahead(
    sample: dict[str, str], at: int, skewed: int
) -> None:
    telemetry = read(sampled(**sample))
    assert (telemetry.samples[0].at, telemetry.skewed) == (at, skewed)


@given(st.binary(max_size=300))
def test_no_bytes_raise_anything_but_a_reason(body: bytes) -> None:
    with pytest.raises(Malformed):
        read(body)


texts = st.text(max_size=5)
anything = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.integers() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from(sorted(cloud_event())), anything)
def test_no_attribute_of_any_kind_raises_anything_but_a_reason(name: str, value: object) -> None:
    try:
        read(json.dumps(cloud_event(**{name: value})).encode(errors="surrogatepass"))
    except Malformed as error:
        assert error.code in Code


@given(st.dictionaries(st.sampled_from(["Vehicle.Speed", "Vehicle.IsMoving", "Vehicle.Unknown", "x"]), anything))
def test_every_reading_is_kept_refused_or_unknown(signals: dict[str, Any]) -> None:
    body = json.dumps(cloud_event(data={"samples": [{"signals": signals}]})).encode()
    try:
        telemetry = read(body)
    except Malformed as error:
        assert error.code is Code.NOT_JSON
        return
    kept = len(telemetry.samples[0].readings)
    assert kept + telemetry.refused + telemetry.unknown == telemetry.readings == len(signals)


def times_of(*times: str | None) -> tuple[list[int], int, int]:
    """Milliseconds before noon of the samples of one message that arrives at noon; how often the vehicle's clock was
    overruled, and how many readings were refused."""
    samples = [{"signals": {"Vehicle.Speed": 1.0}} | ({"time": time} if time else {}) for time in times]
    telemetry = read(encoded(cloud_event(data={"samples": samples})))
    return [NOON - s.at for s in telemetry.samples], telemetry.skewed, telemetry.refused


def test_a_clock_that_is_ahead_keeps_the_distance_between_the_samples_of_a_message() -> None:
    assert times_of("2026-11-22T13:59:50Z", "2026-11-22T14:00:00Z") == ([10_000, 0], 2, 0)


def test_a_clock_that_fell_back_by_1024_weeks_keeps_it_too() -> None:
    assert times_of("2007-04-06T07:29:50Z", "2007-04-06T07:30:00Z") == ([10_000, 0], 2, 0)


def test_one_time_that_cannot_be_is_that_of_arrival_and_moves_no_other() -> None:
    assert times_of("2026-11-22T11:59:50Z", "2036-11-22T12:00:00Z", None) == ([10_000, 0, 0], 2, 0)


def test_a_sample_that_is_too_old_is_left_out_alone() -> None:
    assert times_of("2026-11-22T11:59:50Z", "2020-01-01T00:00:00Z") == ([10_000], 0, 1)


PLACEHOLDERS: dict[str, dict[str, Any]] = {
    "an odometer of 32 ones": {ODOMETER: 4_294_967_295},
    "the same in tenths": {ODOMETER: 429_496_729},
    "a tyre pressure of 16 ones": {"Vehicle.Chassis.Axle.Row1.Wheel.Left.Tire.Pressure": 65_535},
    "the least torque": {"Vehicle.Powertrain.ElectricMotor.Torque": -32_768},
    "0, 0": {LATITUDE: 0.0, LONGITUDE: 0.0},
    "0, 11": {LATITUDE: 0.0, LONGITUDE: 11.0},
    "48, 0": {LATITUDE: 48.0, LONGITUDE: 0.0},
    "a hair beside 0, 0": {LATITUDE: 0.0131072, LONGITUDE: 0.0131072},
    "a latitude of 0 that comes alone": {LATITUDE: 0.0},
}


@pytest.mark.parametrize("name", PLACEHOLDERS)
def test_a_placeholder_is_refused_alone_and_counted_on_the_slow_way_and_on_the_fast_one(name: str) -> None:
    decoder, body = Decoder(vocabulary(Release())), {**PLACEHOLDERS[name], "Vehicle.Speed": 1.0}
    message = encoded(cloud_event(data={"samples": [{"time": "2026-11-22T12:00:00Z", "signals": body}]}))
    for _ in range(2):
        telemetry = decoder.decode(VEHICLE, message, NOON)
        assert telemetry.samples[0].readings == {"Vehicle.Speed": 1.0}
        assert (telemetry.readings, telemetry.refused) == (len(body), len(PLACEHOLDERS[name]))
