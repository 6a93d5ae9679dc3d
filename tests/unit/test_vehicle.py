from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain import folding
from shared.domain.folding import FIRES_WITHIN
from shared.domain.rules import Episode
from shared.domain.telemetry import Event
from shared.domain.vehicle import Outcome, VehicleState
from tests.examples import BOOK, NOON, STATE, VEHICLE, at, event, owed

FORGETFUL = replace(STATE, policy=STATE.policy._replace(history_days=0))
"""A vehicle whose samples are not kept."""


def fold(state: VehicleState, events: list[Event]) -> tuple[VehicleState, list[Outcome]]:
    return folding.fold(state, events, BOOK)


def observe(state: VehicleState, event: Event) -> tuple[VehicleState, Outcome]:
    return folding.observe(state, event, BOOK)


def after(*events: Event) -> VehicleState:
    return fold(STATE, list(events))[0]


def kinds(state: VehicleState) -> list[str]:
    return [n.kind for n in owed(state)]


def test_a_battery_falling_below_ten_percent_is_told() -> None:
    assert kinds(after(event(0, soc=50), event(1, soc=9.9))) == ["battery_low"]


def test_at_just_ten_percent_nothing_is_told() -> None:
    assert kinds(after(event(0, soc=10.0))) == []


def test_a_value_that_wavers_around_the_threshold_is_one_episode() -> None:
    assert len(after(*(event(n, soc=9 + n % 5) for n in range(20))).outbox) == 1


def test_charged_above_fifteen_and_low_again_is_another_episode() -> None:
    state = after(event(0, soc=9), event(1, soc=15.1), event(2, soc=9))
    assert len({n.id for n in state.outbox}) == 2
    assert state.episodes == {"battery_low": Episode(NOON + 2000, True)}
    assert state.committed == 2


def test_just_fifteen_percent_does_not_end_the_episode() -> None:
    assert len(after(event(0, soc=9), event(1, soc=15.0), event(2, soc=9)).outbox) == 1


def test_the_same_episode_has_the_same_id_however_it_is_batched() -> None:
    events = [event(n, soc=20 - n) for n in range(12)]
    whole = after(*events)
    state = STATE
    for single in events:
        state, _ = fold(state, [single])
    assert [n.id for n in whole.outbox] == [n.id for n in state.outbox]


def test_a_sample_older_than_the_newest_known_begins_no_episode() -> None:
    assert kinds(after(event(10, soc=50), event(5, soc=9))) == []


def test_a_sample_too_old_at_arrival_begins_no_episode_but_a_later_one_may() -> None:
    late = event(0, soc=9, arrived=NOON + FIRES_WITHIN + 1)
    assert kinds(after(late)) == []
    assert kinds(after(late, event(1, soc=9))) == ["battery_low"]


def test_a_sample_just_young_enough_begins_one() -> None:
    assert kinds(after(event(0, soc=9, arrived=NOON + FIRES_WITHIN))) == ["battery_low"]


def test_the_newest_reading_wins_whatever_comes_last() -> None:
    state = after(event(5, Speed=50.0), event(3, Speed=30.0, IsMoving=True))
    assert {path: tuple(r) for path, r in state.signals.items()} == {
        "Vehicle.Speed": (50.0, NOON + 5000),
        "Vehicle.IsMoving": (True, NOON + 3000),
    }


def test_a_message_that_brings_nothing_newer_is_applied_for_its_history_alone() -> None:
    assert observe(after(event(5, Speed=50.0)), event(3, Speed=30.0))[1] is Outcome.APPLIED


def test_where_no_history_is_kept_a_message_that_brings_nothing_newer_is_stale() -> None:
    state, _ = fold(FORGETFUL, [event(5, Speed=50.0)])
    assert observe(state, event(3, Speed=30.0))[1] is Outcome.STALE


def test_a_repeated_sequence_number_is_a_duplicate() -> None:
    state = after(event(5, Speed=50.0))
    assert observe(state, event(9, sequence=5, Speed=1.0)) == (state, Outcome.DUPLICATE)


def test_an_event_at_a_position_already_read_is_redelivered() -> None:
    state = after(at(7, event(5, Speed=50.0)))
    assert fold(state, [at(7, event(5, sequence=99, Speed=1.0))]) == (state, [Outcome.REDELIVERED])


def test_a_stretch_that_a_batch_holds_twice_is_redelivered_the_second_time() -> None:
    events = [at(n, event(n, Speed=float(n))) for n in range(200)]
    state, outcomes = fold(STATE, [*events[:150], *events[20:]])
    assert state == after(*events)
    assert (outcomes.count(Outcome.APPLIED), outcomes.count(Outcome.REDELIVERED)) == (200, 130)


def test_a_recreated_hub_that_counts_anew_is_read_on() -> None:
    state = after(at(700, event(5, Speed=50.0)))
    _, outcomes = fold(state, [at(0, event(6, Speed=1.0))])
    assert outcomes == [Outcome.APPLIED]


def test_a_message_older_than_the_window_only_fills_what_is_not_known_newer() -> None:
    state = after(event(100, Speed=50.0))
    late, outcome = observe(state, event(1, Speed=1.0, IsMoving=True, soc=5))
    assert outcome is Outcome.APPLIED
    assert late.signals["Vehicle.Speed"].value == 50.0
    assert late.signals["Vehicle.IsMoving"].value is True
    assert (late.window, owed(late)) == (state.window, [])


def test_nothing_new_leaves_the_very_same_state_so_that_nothing_is_written() -> None:
    state, _ = fold(FORGETFUL, [event(100, Speed=50.0)])
    assert fold(state, [event(100, Speed=50.0), event(1, Speed=1.0)])[0] is state


def test_what_was_handed_on_leaves_the_outbox_and_with_the_last_one_the_time_at_which_it_is_looked_after() -> None:
    state = after(event(0, soc=9), event(1, soc=20), event(2, soc=9)).scheduled(BOOK, NOON, 1000)
    first, second = state.outbox
    assert (state.owed, state.due) == (NOON + 1000, NOON + 1000)
    assert state.handed_on([first]).outbox == (second,)
    assert state.handed_on([first]).scheduled(BOOK, NOON + 500, 1000).due == NOON + 1000
    left = state.handed_on([first, second]).scheduled(BOOK, NOON + 500, 1000)
    assert (left.outbox, left.owed, left.due) == ((), None, left.open_until)


def test_a_notification_names_the_vehicle_its_brand_the_fact_and_the_time() -> None:
    told = owed(after(event(3, soc=8.5)))[0]
    assert (told.vehicle_id, told.brand, told.at) == (VEHICLE, "aurora", NOON + 3000)
    assert list(told.facts.values()) == [8.5]


histories = st.lists(
    st.builds(event, st.integers(0, 200), st.integers(0, 400), soc=st.floats(0, 100)),
    unique_by=lambda e: e.telemetry.sequence,
    max_size=40,
)


@given(histories, st.randoms())
def test_any_order_of_the_same_messages_gives_the_same_signals(history: list[Event], random: object) -> None:
    shuffled = list(history)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert after(*history).signals == after(*shuffled).signals


@given(histories)
def test_any_message_may_come_again(history: list[Event]) -> None:
    state = after(*history)
    again, _ = fold(state, history)
    assert (again.signals, owed(again), again.episodes) == (state.signals, owed(state), state.episodes)


@given(histories, st.integers(1, 7))
def test_any_split_into_batches_gives_the_same_state(history: list[Event], size: int) -> None:
    state = STATE
    for start in range(0, len(history), size):
        state, _ = fold(state, history[start : start + size])
    assert state == after(*history)


@pytest.mark.parametrize("value", [False, "low"])
def test_a_value_that_is_no_number_holds_no_threshold(value: bool | str) -> None:
    assert kinds(after(event(0, soc=value))) == []
