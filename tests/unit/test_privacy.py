import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.folding import fold, observe
from shared.domain.paths import STATE_OF_CHARGE
from shared.domain.policy import FORGOTTEN_AFTER, REMEMBERED, Exclusion, Mode, Privacy, visible
from shared.domain.telemetry import Event, Sample, Telemetry, Value
from shared.domain.vehicle import Outcome, VehicleState
from tests.examples import BOOK, NOON, STATE, VEHICLE, event, owed

LATITUDE = "Vehicle.CurrentLocation.Latitude"
NOT_PLACES = frozenset({"Vehicle.Speed", STATE_OF_CHARGE})
MINUTE = 60_000


def sent(at: int, **readings: Value) -> Event:
    samples = (Sample(at, {f"Vehicle.{name}": value for name, value in readings.items()}),)
    return Event(Telemetry(VEHICLE, 1, samples, not_places=NOT_PLACES), at)


POSITION = sent(NOON + 1000, **{"CurrentLocation.Latitude": 48.0})
POSITION_AND_SPEED = sent(NOON, Speed=50.0, **{"CurrentLocation.Latitude": 48.0})


def private(*exclusions: Exclusion, floor: int = 0) -> VehicleState:
    """The vehicle with these intervals."""
    return VehicleState(STATE.vehicle_id, STATE.policy._replace(privacy=Privacy(exclusions, floor)))


OFFLINE = private(Exclusion(Mode.OFFLINE, NOON, NOON + MINUTE))


def test_what_was_seen_while_offline_is_suppressed_and_leaves_no_trace() -> None:
    assert observe(OFFLINE, event(30, soc=5), BOOK) == (OFFLINE, Outcome.SUPPRESSED)


def test_what_was_seen_before_and_arrives_while_offline_is_suppressed_too() -> None:
    assert observe(OFFLINE, event(-10, sequence=1, soc=5, arrived=NOON + 1), BOOK)[1] is Outcome.SUPPRESSED


def test_what_was_seen_while_offline_and_is_uploaded_days_later_is_suppressed() -> None:
    late = event(59, soc=5, arrived=NOON + 5 * 86_400_000)
    assert observe(OFFLINE, late, BOOK)[1] is Outcome.SUPPRESSED


@pytest.mark.parametrize(
    ("second", "outcome"), [(-1, "applied"), (0, "suppressed"), (59, "suppressed"), (60, "applied")]
)
def test_an_interval_begins_at_its_start_and_is_over_at_its_end(second: int, outcome: str) -> None:
    assert observe(OFFLINE, event(second, sequence=100 + second, soc=50), BOOK)[1].value == outcome


def test_without_position_the_rest_is_taken_in() -> None:
    state, outcome = observe(private(Exclusion(Mode.NO_POSITION, NOON)), POSITION_AND_SPEED, BOOK)
    assert outcome is Outcome.APPLIED
    assert list(state.signals) == ["Vehicle.Speed"]
    assert [list(sample.readings) for sample in state.open.samples] == [["Vehicle.Speed"]]


def test_a_position_alone_is_suppressed() -> None:
    assert observe(private(Exclusion(Mode.NO_POSITION, NOON)), POSITION, BOOK)[1] is Outcome.SUPPRESSED


def test_no_rule_sees_what_is_excluded() -> None:
    state, outcomes = fold(OFFLINE, [event(1, soc=5), event(2, soc=3), event(61, soc=20)], BOOK)
    assert (owed(state), [o.value for o in outcomes]) == ([], ["suppressed", "suppressed", "applied"])


def test_of_two_modes_the_stricter_holds() -> None:
    privacy = Privacy((Exclusion(Mode.NO_POSITION, 0, 10), Exclusion(Mode.OFFLINE, 10, 20)))
    assert privacy.mode(5) is Mode.NO_POSITION
    assert privacy.mode(5, 15) is Mode.OFFLINE
    assert privacy.mode(20) is Mode.FULL


def test_a_change_ends_the_mode_before_and_leaves_the_past_excluded() -> None:
    privacy = Privacy().changed(Mode.OFFLINE, 100, None, 90).changed(Mode.NO_POSITION, 200, 300, 190)
    assert privacy.exclusions == (Exclusion(Mode.OFFLINE, 100, 200), Exclusion(Mode.NO_POSITION, 200, 300))
    assert privacy.changed(Mode.FULL, 250, None, 240).mode(150) is Mode.OFFLINE
    assert privacy.changed(Mode.FULL, 250, None, 240).mode(250) is Mode.FULL


def test_what_ended_a_month_ago_is_forgotten_and_nothing_as_old_is_taken_in_any_more() -> None:
    old = Privacy().changed(Mode.OFFLINE, 100, 200, 90)
    new = old.changed(Mode.NO_POSITION, 300 + FORGOTTEN_AFTER, None, 201 + FORGOTTEN_AFTER)
    assert (len(new.exclusions), new.floor) == (1, 200)
    assert new.mode(150) is new.mode(50) is Mode.OFFLINE
    assert new.mode(200) is Mode.FULL


def test_as_many_intervals_are_remembered_as_the_limit_says() -> None:
    privacy = Privacy()
    for number in range(REMEMBERED + 1):
        privacy = privacy.changed(Mode.OFFLINE, number * 10, number * 10 + 5, number * 10)
    assert (len(privacy.exclusions), privacy.floor) == (REMEMBERED, 5)


def test_a_vehicle_is_not_held_while_an_exclusion_is_open_or_lies_ahead() -> None:
    assert Privacy((Exclusion(Mode.OFFLINE, 0),)).pending(100)
    assert Privacy((Exclusion(Mode.OFFLINE, 200, 300),)).pending(100)
    assert not Privacy((Exclusion(Mode.OFFLINE, 0, 100),)).pending(100)


changes = st.lists(st.tuples(st.sampled_from(Mode), st.integers(1, 50), st.integers(1, 80) | st.none()), max_size=100)


@given(changes, st.integers(0, 3000))
def test_whatever_is_changed_later_a_moment_that_was_excluded_stays_so(
    steps: list[tuple[Mode, int, int | None]], at: int
) -> None:
    privacy, now, was = Privacy(), 0, Mode.FULL
    for mode, after, lasts in steps:
        now += after
        begins = now + 20
        before = privacy.mode(at)
        privacy = privacy.changed(mode, begins, begins + lasts if lasts and mode is not Mode.FULL else None, now)
        if at < begins:
            was = before
            strictness = [Mode.FULL, Mode.NO_POSITION, Mode.OFFLINE]
            assert strictness.index(privacy.mode(at)) >= strictness.index(was)


@given(st.lists(st.tuples(st.integers(0, 99), st.booleans()), max_size=20), st.integers(0, 120))
def test_nothing_visible_lies_in_an_interval(samples: list[tuple[int, bool]], arrived_at: int) -> None:
    privacy = Privacy((Exclusion(Mode.OFFLINE, 20, 40), Exclusion(Mode.NO_POSITION, 60)))
    made = [Sample(at, {LATITUDE: 1.0} if position else {"Vehicle.Speed": 1.0}) for at, position in samples]
    shown, hidden = visible(privacy, made, arrived_at, NOT_PLACES)
    for at, readings in shown:
        assert privacy.mode(at, arrived_at) is not Mode.OFFLINE
        assert privacy.mode(at, arrived_at) is Mode.FULL or LATITUDE not in readings
    assert hidden == (len(shown) < len(made))
