from hypothesis import given
from hypothesis import strategies as st

from shared.domain.window import SIZE, Window


def after(*sequences: int) -> Window:
    window = Window()
    for sequence in sequences:
        window = window.add(sequence)
    return window


def test_a_new_window_holds_nothing() -> None:
    assert not any(Window().holds(n) for n in range(100))


def test_what_was_added_is_held_and_its_neighbours_are_not() -> None:
    window = after(5, 9)
    assert [n for n in range(12) if window.holds(n)] == [5, 9]


def test_a_number_older_than_the_window_has_passed_and_changes_nothing() -> None:
    window = after(SIZE)
    assert window.passed(0)
    assert not window.passed(1)
    assert window.add(0) == window


@given(st.lists(st.integers(0, 300)))
def test_it_holds_just_what_was_added_within_its_size(sequences: list[int]) -> None:
    window, highest, held = Window(), -1, set[int]()
    for sequence in sequences:
        window = window.add(sequence)
        if highest - sequence < SIZE:
            held.add(sequence)
        highest = max(highest, sequence)
    recent = range(max(0, highest - SIZE + 1), highest + 1)
    assert [n for n in recent if window.holds(n)] == sorted(held & set(recent))
