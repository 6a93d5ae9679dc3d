"""Whoever follows a brand's vehicles ends up seeing what is stored, whichever instance answers."""

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.policy import Privacy
from shared.domain.sighting import Sighting
from shared.domain.tail import KEPT, OVERLAP, Mark, Tail

START = 1_795_348_800


def seen(vehicle: str, revision: int) -> Sighting:
    return Sighting(vehicle, revision, revision, {}, None, 0, Privacy())


class Store:
    """Vehicles by the second in which they were written. A look may miss what was written in the last seconds."""

    def __init__(self) -> None:
        self.held: dict[str, tuple[int, Sighting]] = {}

    def write(self, vehicle: str, second: int) -> None:
        revision = self.held[vehicle][1].revision + 1 if vehicle in self.held else 0
        self.held[vehicle] = second, seen(vehicle, revision)

    def since(self, second: int, now: int, late: int) -> list[tuple[int, Sighting]]:
        return [found for found in self.held.values() if second <= found[0] <= now - late]


class Instance:
    """Its clock goes so many seconds before the store's."""

    def __init__(self, name: str, now: int, ahead: int = 0) -> None:
        start, self._ahead = now + ahead - KEPT - 2 * OVERLAP, ahead
        self.tail = Tail(name, start, start)

    def look(self, store: Store, now: int, late: int) -> None:
        self.tail.take(store.since(self.tail.newest - OVERLAP, now, late), now + self._ahead)


class Follower:
    """Keeps what it was told, and reads everything anew when its mark has expired."""

    def __init__(self) -> None:
        self.view: dict[str, Sighting] = {}
        self.mark = Mark()
        self.begun = 0

    def ask(self, instance: Instance, store: Store) -> None:
        found = instance.tail.after(self.mark)
        if found is None:
            self.begun += 1
            self.view = {vehicle: sighting for vehicle, (_, sighting) in store.held.items()}
        for one in found or []:
            known = self.view.get(one.vehicle_id)
            if known is None or known.revision < one.revision:
                self.view[one.vehicle_id] = one
        self.mark = instance.tail.mark


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.integers(0, 4)),
        st.tuples(st.just("look"), st.integers(0, 1)),
        st.tuples(st.just("ask"), st.integers(0, 1)),
        st.tuples(st.just("pass"), st.integers(1, 90)),
    ),
    max_size=80,
)


@settings(max_examples=400)
@given(STEPS, st.lists(st.integers(0, OVERLAP - 1), min_size=80, max_size=80))
def test_a_follower_misses_nothing_whichever_instance_it_asks(steps: list[tuple[str, int]], late: list[int]) -> None:
    now, store, follower = START, Store(), Follower()
    instances = [Instance("one", now, OVERLAP), Instance("two", now, -OVERLAP)]
    for (what, which), behind in zip(steps, late, strict=False):
        match what:
            case "write":
                store.write(f"veh-{which}", now)
            case "look":
                instances[which].look(store, now, behind)
            case "ask":
                instances[which].look(store, now, behind)
                follower.ask(instances[which], store)
            case _:
                now += which
    now += OVERLAP
    for instance in instances:
        instance.look(store, now, 0)
        follower.ask(instance, store)
    assert follower.view == {vehicle: sighting for vehicle, (_, sighting) in store.held.items()}


def test_who_comes_back_within_a_minute_is_told_what_changed_and_later_begins_anew() -> None:
    store, instance, follower = Store(), Instance("one", START), Follower()
    instance.look(store, START, 0)
    follower.ask(instance, store)
    assert follower.begun == 1
    store.write("veh-1", START + 10)
    for second in range(10, KEPT):
        instance.look(store, START + second, 0)
    follower.ask(instance, store)
    assert (follower.begun, len(follower.view)) == (1, 1)
    old = follower.mark
    for second in range(KEPT, 3 * KEPT):
        store.write("veh-2", START + second)
        instance.look(store, START + second, 0)
    assert instance.tail.after(old) is not None  # the newest change of each vehicle is held as long as it is the newest
    other = Instance("two", START + 3 * KEPT)
    other.look(store, START + 3 * KEPT, 0)
    assert other.tail.after(old) is None
    assert "veh-1" not in instance.tail.changes, "a change is held for a minute and a little"


def test_what_is_known_already_is_not_told_again() -> None:
    store, instance = Store(), Instance("one", START)
    store.write("veh-1", START)
    instance.look(store, START, 0)
    mark = instance.tail.mark
    instance.look(store, START + 1, 0)
    assert instance.tail.after(mark) == []
    store.write("veh-1", START + 1)
    instance.look(store, START + 1, 0)
    assert instance.tail.after(mark) == [seen("veh-1", 1)]
