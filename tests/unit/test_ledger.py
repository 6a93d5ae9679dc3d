from hypothesis import given
from hypothesis import strategies as st

from shared.domain.ledger import Counted, Ledger, count
from shared.domain.telemetry import Census, Position
from shared.domain.vehicle import Outcome


def entry(sequence: int, outcome: Outcome = Outcome.APPLIED, reason: str | None = None, at: int = 0) -> Counted:
    return Counted(Position(sequence, at or sequence), outcome, reason, Census(1, 2, 0, 0, 0))


def test_a_batch_is_counted_by_outcome_and_reason() -> None:
    book = count(Ledger("telemetry-0"), [entry(0), entry(1, Outcome.PARKED, "not_json")])
    assert (book.accepted, dict(book.outcomes)) == (2, {"applied": 1, "parked": 1})
    assert dict(book.reasons) == {"not_json": 1}
    assert book.census == Census(2, 4, 0, 0, 0)
    assert book.balanced


def test_a_position_is_counted_once_however_often_it_comes() -> None:
    book = count(Ledger("x"), [entry(0), entry(1)])
    assert count(book, [entry(0), entry(1)]) is book
    assert count(book, [entry(1), entry(2)]).accepted == 3


def test_a_position_that_nobody_accounted_for_unbalances_the_books() -> None:
    book = count(Ledger("x"), [entry(0), entry(1)])
    assert not count(book, [entry(3)]).balanced


def test_a_recreated_hub_is_counted_on() -> None:
    book = count(Ledger("x"), [entry(500)])
    again = count(book, [entry(0, at=1000), entry(1, at=1001)])
    assert (again.accepted, again.balanced) == (3, True)


@given(st.integers(1, 60), st.lists(st.tuples(st.integers(1, 20), st.integers(0, 10)), max_size=8))
def test_a_batch_that_holds_a_stretch_twice_counts_it_once(total: int, steps: list[tuple[int, int]]) -> None:
    events, batch, start = [entry(n) for n in range(total)], list[Counted](), 0
    for forward, back in [*steps, (total, 0)]:
        batch += events[start : start + forward]
        start = max(0, start + forward - back)
    assert count(Ledger("x"), batch) == count(Ledger("x"), events)


@given(st.integers(1, 60), st.lists(st.integers(1, 9)), st.integers(0, 5))
def test_any_batches_with_any_rewinds_count_the_same(total: int, sizes: list[int], rewind: int) -> None:
    events = [entry(n) for n in range(total)]
    book, start = Ledger("x"), 0
    for size in [*sizes, total]:
        book = count(book, events[max(0, start - rewind) : start + size])
        start += size
    assert book == count(Ledger("x"), events)
