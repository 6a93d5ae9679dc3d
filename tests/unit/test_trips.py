from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest

from local.fleet.drives import is_time, recorded
from shared.domain.charges import charges
from shared.domain.geo import Place
from shared.domain.movement import positions
from shared.domain.paths import BATTERY, IS_CHARGING, IS_MOVING, LATITUDE, LONGITUDE, ODOMETER, SPEED, STATE_OF_CHARGE
from shared.domain.rules import View
from shared.domain.span import Known, Span
from shared.domain.telemetry import Sample, Value
from shared.domain.track import LOOKS, PATIENCE, SPANS, STOP, Track
from shared.domain.trips import POINTS, trips
from tests.examples import NOON, VEHICLE

MINUTE = 60_000
DRIVES = ("T1_06_30_2021_1", "T3_04_26_2021_2", "T3_05_25_2021_1", "T3_06_07_2021")


def sample(second: float, readings: dict[str, Value]) -> Sample:
    return Sample(NOON + int(second * 1000), readings)


def driving(start: int, end: int, **more: Value) -> list[Sample]:
    """At 36 km/h, which is ten metres a second."""
    return [sample(second, {SPEED: 36.0, **more}) for second in range(start, end + 1)]


def resting(at: int) -> Sample:
    return Sample(at, {SPEED: 0.0})


def parked(start: int, end: int) -> list[Sample]:
    return [sample(second, {SPEED: 0.0}) for second in range(start, end + 1, 10)]


def test_a_stop_of_five_minutes_parts_two_trips_and_a_shorter_one_does_not() -> None:
    short = [*driving(0, 60), *parked(61, 300), *driving(301, 360)]
    assert [trip.span for trip in trips(VEHICLE, short, None, [])] == [Span(NOON, NOON + 360_000)]
    long = [*driving(0, 60), *parked(61, 400), *driving(401, 470)]
    assert len(trips(VEHICLE, long, None, [])) == 2


def test_a_trip_goes_by_the_odometer_then_by_speed_then_by_position() -> None:
    counted = [sample(s, {SPEED: 36.0, ODOMETER: 5_000 + s * 9}) for s in range(101)]
    assert (trips(VEHICLE, counted, None, [])[0].distance, trips(VEHICLE, counted, None, [])[0].taken_from) == (
        900,
        "odometer",
    )
    (by_speed,) = trips(VEHICLE, driving(0, 100), None, [])
    assert (round(by_speed.distance), by_speed.taken_from) == (1000, "speed")
    placed = [
        sample(s, {"Vehicle.IsMoving": True, LATITUDE: 48 + s * 10 / 111_195, LONGITUDE: 11.0}) for s in range(101)
    ]
    (by_place,) = trips(VEHICLE, placed, None, [])
    assert (round(by_place.distance, -1), by_place.taken_from) == (1000, "position")


def test_an_odometer_that_leaps_is_not_believed() -> None:
    leaping = [sample(s, {SPEED: 36.0, ODOMETER: 5_000 if s < 50 else 9_000_000}) for s in range(101)]
    assert trips(VEHICLE, leaping, None, [])[0].taken_from == "speed"


def test_energy_is_told_where_the_battery_is_known() -> None:
    way = [sample(0, {STATE_OF_CHARGE: 80.0}), *driving(10, 100), sample(100, {SPEED: 36.0, STATE_OF_CHARGE: 75.0})]
    assert trips(VEHICLE, way, None, [])[0].energy is None
    trip = trips(VEHICLE, way, 60.0, [])[0]
    assert trip.energy == pytest.approx(3.0)
    assert trip.soc == (80.0, 75.0)


def test_a_trip_that_grew_keeps_its_id() -> None:
    (first,) = trips(VEHICLE, driving(60, 120), None, [])
    (grown,) = trips(VEHICLE, driving(0, 120), None, [Known(first.id, first.span)])
    assert (grown.id, grown.span.start) == (first.id, NOON)


def test_a_charge_runs_from_the_first_yes_to_the_no() -> None:
    said = [(0, 40.0, True), (600, 50.0, True), (1200, 60.0, False), (1800, 60.0, False)]
    way = [sample(at, {IS_CHARGING: yes, STATE_OF_CHARGE: soc}) for at, soc, yes in said]
    (charge,) = charges(VEHICLE, way, 50.0, [])
    assert (charge.span, charge.soc, charge.energy) == (Span(NOON, NOON + 1_200_000), (40.0, 60.0), 10.0)


def test_a_receiver_that_stands_still_and_then_catches_up_is_followed_and_one_that_is_lost_is_not() -> None:
    frozen = [sample(s, {LATITUDE: 48.0 + (s // 10) * 0.002, LONGITUDE: 11.0}) for s in range(60)]
    lost = [sample(60, {LATITUDE: 0.0, LONGITUDE: 0.0}), sample(61, {LATITUDE: -33.0, LONGITUDE: 151.0})]
    back = [sample(62, {LATITUDE: 48.012, LONGITUDE: 11.0})]
    assert [fix.place.latitude for fix in positions([*frozen, *lost, *back])] == pytest.approx(
        [48.0, 48.002, 48.004, 48.006, 48.008, 48.01, 48.012]
    )


def test_positions_that_agree_with_each_other_are_believed_in_the_end() -> None:
    first = [sample(0, {LATITUDE: 10.0, LONGITUDE: 10.0})]
    true = [sample(s, {LATITUDE: 48.0 + s * 0.0001, LONGITUDE: 11.0}) for s in range(1, 200)]
    assert positions([*first, *true])[-1].place == Place(48.0199, 11.0)
    placed = [Sample(s.at, {**s.readings, "Vehicle.IsMoving": True}) for s in (*first, *true)]
    assert trips(VEHICLE, placed, None, [])[0].distance < 2_500, "the leap between them is no way that was driven"


def test_a_line_has_at_most_so_many_points() -> None:
    way = [sample(s, {SPEED: 100.0, LATITUDE: 48 + s * 0.00025, LONGITUDE: 11.0}) for s in range(3_000)]
    line = trips(VEHICLE, way, None, [])[0].line
    assert (len(line), line[0].latitude) == (POINTS, 48.0)
    assert line[-1].latitude == pytest.approx(48.74975)


@pytest.fixture(params=DRIVES)
def drive(request: pytest.FixtureRequest, shared_data: Path) -> list[Sample]:
    end, path = datetime(2026, 11, 22, 12, tzinfo=UTC), shared_data / "drives" / f"{request.param}.csv"
    rows = [row for row in recorded(path, end) if is_time(row.time)]
    return [Sample(int(datetime.fromisoformat(row.time).timestamp() * 1000), row.signals) for row in rows]


def integral(drive: list[Sample]) -> float:
    """Metres, by speed over time."""
    return sum(float(str(b.readings[SPEED])) / 3.6 * (b.at - a.at) / 1000 for a, b in pairwise(drive))


def test_a_recorded_drive_is_one_trip_of_the_length_that_its_speed_says(drive: list[Sample]) -> None:
    (trip,) = trips(VEHICLE, drive, 6.1, [])
    assert trip.distance == pytest.approx(integral(drive), rel=0.01)
    assert len(trip.line) > 50
    assert trip.soc[0] is not None
    assert trip.soc[1] is not None
    assert trip.energy == pytest.approx((trip.soc[0] - trip.soc[1]) / 100 * 6.1)
    assert trip.energy is not None
    assert 0.05 < trip.energy / (trip.distance / 1000) < 0.2, "kWh a kilometre of a very small car"


def test_an_odometer_once_in_five_minutes_is_filled_up_from_speed(drive: list[Sample]) -> None:
    """Of another drive of this car only 9,137 m of 14,146 were counted: from the first reading to the last."""
    counted, metres, told_at = list[Sample](), 1_000_000.0, drive[0].at - 120_000
    for n, seen in enumerate(drive):
        metres += integral(drive[max(0, n - 1) : n + 1])
        if seen.at - told_at >= 300_000:
            told_at, seen = seen.at, Sample(seen.at, {**seen.readings, ODOMETER: round(metres)})
        counted.append(seen)
    (trip,) = trips(VEHICLE, counted, 6.1, [])
    assert trip.distance == pytest.approx(integral(drive), rel=0.01)


def test_without_speed_its_positions_say_the_same_within_ten_percent(drive: list[Sample]) -> None:
    blind = [Sample(s.at, {p: v for p, v in s.readings.items() if p != SPEED}) for s in drive]
    (trip,) = trips(VEHICLE, blind, 6.1, [])
    assert trip.taken_from == "position"
    assert trip.distance == pytest.approx(integral(drive), rel=0.10)


# ---- what the newest samples tell


def shown(at: int, **fresh: Value) -> View:
    """A sample as the newest of its vehicle."""
    readings = {SPEED if name == "speed" else IS_MOVING: value for name, value in fresh.items()}
    return View({path: (value, at) for path, value in readings.items()}, readings, {}, {}, at)


def test_a_journey_is_over_after_five_minutes_at_rest() -> None:
    track = Track().follow(shown(NOON, speed=50.0)).follow(shown(NOON + MINUTE, speed=50.0))
    assert track.follow(shown(NOON + MINUTE + STOP, speed=0.0)).outdated == ()
    over = track.follow(shown(NOON + MINUTE + STOP + 1, speed=0.0))
    assert (over.journey, over.outdated) == (None, (Span(NOON, NOON + MINUTE),))


def test_reversing_is_moving() -> None:
    assert Track().follow(shown(NOON, speed=-20.0)).journey == Span(NOON, NOON)


def test_a_journey_of_a_vehicle_gone_silent_is_over_by_time_alone() -> None:
    track = Track().follow(shown(NOON, speed=50.0))
    over = NOON + STOP + PATIENCE
    assert track.elapse(NOON + MINUTE, over - 1) == track
    assert track.elapse(NOON + MINUTE, over).outdated == (Span(NOON, NOON),)
    due = track.next_moment(NOON + MINUTE)
    assert due is not None
    assert over <= due < over + LOOKS


def test_a_journey_that_was_uploaded_late_is_over_once_nothing_more_of_it_came_for_two_minutes() -> None:
    track, heard_at = Track().follow(shown(NOON, speed=50.0)), NOON + 3 * 60 * MINUTE
    assert track.elapse(heard_at, heard_at + PATIENCE - 1) == track
    assert track.elapse(heard_at, heard_at + PATIENCE).journey is None


def test_the_moment_to_look_at_a_journey_moves_once_a_minute_only() -> None:
    moments = {Track(Span(NOON, NOON + s * 1000)).next_moment(NOON + s * 1000) for s in range(900)}
    assert len(moments) <= 16


def test_a_late_sample_has_what_it_belongs_to_derived_unless_that_is_under_way() -> None:
    late = resting(NOON - 6 * MINUTE)
    outdated = (Span(late.at, late.at),)
    assert Track().touch(late, NOON).outdated == outdated
    assert Track(journey=Span(NOON, NOON)).touch(late, NOON).outdated == outdated
    assert Track(journey=Span(late.at - MINUTE, NOON)).touch(late, NOON).outdated == ()


def test_a_sample_that_is_a_little_late_is_derived_with_its_neighbours_unless_it_shows_anything() -> None:
    late = resting(NOON - MINUTE)
    outdated = (Span(late.at, late.at),)
    assert Track().touch(late, NOON).outdated == ()
    assert Track(closed=NOON).touch(late, NOON).outdated == outdated
    assert Track().touch(Sample(late.at, {IS_CHARGING: True}), NOON).outdated == outdated


def test_a_sample_that_is_a_little_late_and_shows_that_the_vehicle_moves_belongs_to_the_journey_under_way() -> None:
    late = Sample(NOON - MINUTE, {SPEED: 50.0})
    assert Track().touch(late, NOON).journey == Span(late.at, late.at)
    assert Track(journey=Span(NOON, NOON)).touch(late, NOON).journey == Span(late.at, NOON)


def test_spans_that_touch_become_one_and_there_are_never_too_many() -> None:
    track = Track(closed=NOON)
    for number in range(100):
        at = NOON - number * 3_600_000
        track = track.touch(resting(at), NOON + 1).touch(resting(at - MINUTE), NOON + 1)
    assert len(track.outdated) == SPANS
    assert (track.outdated[0].start, track.outdated[-1].end) == (NOON - 99 * 3_600_000 - MINUTE, NOON)


def test_the_battery_of_the_vehicle_is_found_where_it_said_so() -> None:
    way = [sample(0, {STATE_OF_CHARGE: 50.0, BATTERY + "NetCapacity": 40}), *driving(0, 60)]
    assert trips(VEHICLE, [*way, sample(60, {SPEED: 1.5, STATE_OF_CHARGE: 49.0})], None, [])[0].energy == pytest.approx(
        0.4
    )
