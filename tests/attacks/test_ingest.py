"""A vehicle that means harm through what it sends: it costs little, fills nobody's inbox and holds nobody up."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from shared.codec import shapes
from shared.codec.signals import Vocabulary, vocabulary
from shared.codec.states import state, state_document
from shared.domain import allowance, episodes, size
from shared.domain.allowance import A_DAY, A_MINUTE, Allowance, Tally
from shared.domain.episodes import MOST_SUBJECTS, Told
from shared.domain.history import Chunk, day_of
from shared.domain.ledger import Ledger
from shared.domain.paths import LATITUDE, LONGITUDE, SPEED, SYSTEM, TROUBLE_CODES
from shared.domain.rules import View
from shared.domain.signals import Leaf, Release
from shared.domain.telemetry import Position
from shared.domain.vehicle import VehicleState
from shared.errors import Unavailable
from shared.use_cases import batch_budget
from shared.use_cases.ingest import Arrival
from tests.examples import BOOK, NOON, PROFILE, VEHICLE, cloud_event, encoded
from tests.memory import MemoryWorld

MINUTE, DAY = 60_000, 86_400_000
PARTITION = "0"


def sample(at: int, signals: Mapping[str, Any]) -> dict[str, Any]:
    return {"time": datetime.fromtimestamp(at / 1000, UTC).isoformat(), "signals": dict(signals)}


def message(sequence: int, samples: Sequence[dict[str, Any]], device: str = VEHICLE) -> bytes:
    data = {"samples": list(samples)}
    return encoded(cloud_event(sequence=str(sequence), data=data, source=f"/vehicles/{device}"))


def arrival(position: int, body: bytes, at: int = NOON, device: str = VEHICLE) -> Arrival:
    return Arrival(Position(position, at, PARTITION), device, body)


async def take_in(world: MemoryWorld, *arrivals: Arrival) -> None:
    await world.ingest.batch(PARTITION, arrivals, world.clock)


def codes(turn: int, count: int = 250) -> list[str]:
    """Trouble codes that no other turn has."""
    return [f"{turn:02}X{number:03}" for number in range(count)]


def flood(sequence: int, at: int, samples: int = 12) -> bytes:
    """The message of the attack: each sample lists other codes than the one before."""
    seen = [sample(at - samples * 1000 + n * 1000, {TROUBLE_CODES: codes(sequence * 20 + n)}) for n in range(samples)]
    return message(sequence, seen)


def held(world: MemoryWorld, device: str = VEHICLE) -> VehicleState:
    return world.states.shelf.held[device].value


def ledger(world: MemoryWorld) -> Ledger:
    return world.ledgers.shelf.held[f"telemetry-{PARTITION}"].value


def kinds(world: MemoryWorld) -> Counter[str]:
    return Counter(told.kind for told in world.notifications.contents)


# ---- notifications


async def test_a_message_of_thousands_of_codes_raises_as_many_notifications_as_a_minute_has(world: MemoryWorld) -> None:
    body = flood(1, NOON)
    assert len(body) < 28 * 1024
    await take_in(world, arrival(0, body))
    assert kinds(world) == {"trouble_code_opened": A_MINUTE, "notifications_limited": 1}
    assert len(held(world).episodes) == MOST_SUBJECTS
    assert ledger(world).outcomes == {"applied": 1}
    assert ledger(world).census.limited > 2_000


async def test_a_day_of_floods_raises_as_many_notifications_as_a_day_has_and_says_so_once(world: MemoryWorld) -> None:
    for minute in range(30):
        await take_in(world, arrival(minute, flood(minute + 1, NOON + minute * MINUTE), NOON + minute * MINUTE))
    assert kinds(world).total() == A_DAY + 1
    assert kinds(world)["notifications_limited"] == 1
    at = NOON + DAY
    await take_in(world, arrival(30, flood(31, at), at))
    assert kinds(world).total() == A_DAY + 1 + A_MINUTE + 1


async def test_who_steals_a_car_cannot_hide_it_in_a_flood(world: MemoryWorld) -> None:
    await take_in(world, arrival(0, flood(1, NOON)))
    seen = [sample(NOON + 1000, {SYSTEM: "OFF"}), sample(NOON + 2000, {SPEED: 30.0})]
    await take_in(world, arrival(1, message(2, seen), NOON + 2000))
    assert kinds(world)["moving_while_off"] == 1


async def test_the_same_flood_in_other_batches_or_again_raises_the_same(world: MemoryWorld) -> None:
    other = MemoryWorld(world.clock)
    other.states.shelf.commit(VEHICLE, held(world), None)
    other.profiles.shelf.commit(VEHICLE, PROFILE, None)
    other.rules.held = world.rules.held
    events = [arrival(n, flood(n + 1, NOON + n * 20_000), NOON + n * 20_000) for n in range(8)]
    await take_in(world, *events)
    for event in events:
        await take_in(other, event, event)
    assert world.notifications.contents == other.notifications.contents
    assert held(world).allowance == held(other).allowance


def test_an_event_that_is_taken_in_again_later_opens_no_minute_of_its_own() -> None:
    now, told = Tally(), [Told("trouble_code_opened", "f", NOON, {})]
    for _ in range(A_MINUTE):
        now = now.more(NOON) or now
    assert now.more(NOON - 5 * MINUTE) is None
    assert Allowance(now).admit(told, NOON - 5 * MINUTE)[1][0].kind == "notifications_limited"


def test_the_limits_are_those_that_the_docs_name() -> None:
    assert (A_MINUTE, A_DAY, episodes.MOST_SUBJECTS) == (30, 300, 100)
    assert (size.TEXTS, size.SIGNALS) == (32 * 1024, 384 * 1024)
    assert batch_budget.MOST_BYTES == 16 * 1024 * 1024
    assert (batch_budget.MOST_SAMPLES, batch_budget.MOST_ENTRIES) == (40_000, 2_000)
    assert allowance.LIMITED == "notifications_limited"


async def test_a_state_of_before_there_were_limits_is_read(world: MemoryWorld) -> None:
    await take_in(world, arrival(0, flood(1, NOON)))
    stored = json.loads(json.dumps(state_document(held(world))))
    assert state(stored).allowance == held(world).allowance != Allowance()
    del stored["allowance"]
    assert state(stored).allowance == Allowance()


# ---- what is stored


class _Store:
    """Refuses what Cosmos DB refuses: a document of more than 2 MB."""

    def __init__(self, world: MemoryWorld, monkeypatch: pytest.MonkeyPatch) -> None:
        self.largest, commit = 0, world.states.commit

        async def sized(state: VehicleState, version: str | None) -> str:
            self.largest = max(self.largest, len(json.dumps(state_document(state))))
            return await commit(state, version)

        monkeypatch.setattr(world.states, "commit", sized)


TEXTS = Leaf("string[]")


async def test_however_much_text_a_vehicle_sends_its_state_stays_below_half_of_what_the_store_takes(
    world: MemoryWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"Vehicle.Cabin.Note{number}" for number in range(400)]
    world.vocabularies.held["aurora"] = Release(None, dict.fromkeys(names, TEXTS) | {SPEED: Leaf("float")})
    store = _Store(world, monkeypatch)
    for turn in range(60):
        text = chr(0x1F600) * 50
        signals = {name: [text] * 20 for name in names[turn * 6 : turn * 6 + 6]}
        at = NOON + turn * 1000
        await take_in(world, arrival(turn, message(turn + 1, [sample(at, signals)]), at))
    assert store.largest < 1_000_000
    assert ledger(world).outcomes == {"applied": 60}
    assert ledger(world).census.limited > 0
    await take_in(world, arrival(60, message(61, [sample(NOON + MINUTE, {SPEED: 1.0})]), NOON + MINUTE))
    assert len(held(world).signals) > 20


async def test_a_text_beyond_what_a_message_may_hold_is_left_out_alone(world: MemoryWorld) -> None:
    listed = [f"{n:03}" + "x" * 240 for n in range(150)]
    signals = {TROUBLE_CODES: listed, SPEED: 52.0}
    await take_in(world, arrival(0, message(1, [sample(NOON, signals)])))
    assert held(world).signals.keys() == {SPEED}
    assert (ledger(world).outcomes, ledger(world).census.refused) == ({"applied": 1}, 1)


async def test_a_chunk_of_texts_is_closed_when_it_is_full(world: MemoryWorld) -> None:
    for turn in range(20):
        at = NOON + turn * 1000
        signals = {TROUBLE_CODES: [f"{turn}{n:03}" + "y" * 200 for n in range(30)]}
        await take_in(world, arrival(turn, message(turn + 1, [sample(at, signals)]), at))
    assert len(world.histories.chunks) >= 19
    assert len(json.dumps(state_document(held(world)))) < 50_000


# ---- work


async def test_weighing_codes_copies_the_episodes_once_a_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    class Watched(dict[str, Any]):
        copies = 0

        def __iter__(self) -> Any:
            Watched.copies += 1
            return super().__iter__()

    monkeypatch.setattr(episodes, "dict", Watched, raising=False)
    listed = codes(1)
    view = View({TROUBLE_CODES: (listed, NOON)}, {TROUBLE_CODES: listed}, {}, {}, NOON)
    after, told, beyond = episodes.weigh(BOOK, {}, view, True)
    assert (len(after), len(told), beyond) == (MOST_SUBJECTS, MOST_SUBJECTS, 150)
    assert Watched.copies < 10


def test_a_vehicle_that_sends_other_signals_each_time_has_few_decoders_made_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made, real = list[int](), shapes._shape

    def counted(words: Vocabulary, paths: tuple[str, ...]) -> shapes.Shape:
        made.append(len(paths))
        return real(words, paths)

    monkeypatch.setattr(shapes, "_shape", counted)
    words = vocabulary(Release())
    learning, paths = shapes.Shapes(words), list(words.types)
    for count in range(1, 200):
        learning.learn(VEHICLE, paths[:count])
    assert len(made) <= shapes.LEARNT + 1


# ---- neighbours


async def neighbours(world: MemoryWorld, count: int) -> list[str]:
    names = [f"veh-n{number}" for number in range(count)]
    for name in names:
        world.states.shelf.commit(name, VehicleState(name, PROFILE.policy()), None)
    return names


async def test_who_sends_little_is_written_before_who_sends_much(
    world: MemoryWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    names, order, commit = await neighbours(world, 80), list[str](), world.states.commit

    async def noted(state: VehicleState, version: str | None) -> str:
        order.append(state.vehicle_id)
        return await commit(state, version)

    monkeypatch.setattr(world.states, "commit", noted)
    batch = [arrival(n, flood(n + 1, NOON + n)) for n in range(20)]
    batch += [
        arrival(20 + n, message(1, [sample(NOON, {SPEED: 1.0})], name), device=name) for n, name in enumerate(names)
    ]
    await take_in(world, *batch)
    assert set(order[:80]) == set(names)
    assert set(order[80:]) == {VEHICLE}


async def test_a_batch_ends_however_much_one_vehicle_sent_and_what_is_beyond_is_parked_in_order(
    world: MemoryWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_budget, "SLICE", 4_000)
    monkeypatch.setattr(batch_budget, "MOST_BYTES", 12_000)
    (neighbour,) = await neighbours(world, 1)
    bodies = [message(n + 1, [sample(NOON + n, {SPEED: float(n)})] * 20) for n in range(40)]
    batch = [arrival(n, body) for n, body in enumerate(bodies)]
    batch += [arrival(40, message(1, [sample(NOON, {SPEED: 1.0})], neighbour), device=neighbour)]
    await take_in(world, *batch)
    parked = list(world.parking.held.values())
    assert {p.reason for p in parked} == {"too_much_at_once"}
    assert ledger(world).balanced
    assert ledger(world).outcomes == {"applied": 41 - len(parked), "parked": len(parked)}
    taken = 40 - len(parked)
    assert held(world).signals[SPEED].value == float(taken - 1)
    assert [p.key for p in parked] == [f"{PARTITION}-{n}" for n in range(taken, 40)]
    for n in range(taken, 40):
        assert (await world.ingest.replay(arrival(-1, bodies[n]), world.clock)).value == "applied"
    assert held(world).signals[SPEED].value == 39.0


@pytest.mark.parametrize(("limit", "most"), [("MOST_SAMPLES", 40), ("MOST_ENTRIES", 4)])
async def test_samples_and_what_follows_from_them_are_limited_too(
    world: MemoryWorld, monkeypatch: pytest.MonkeyPatch, limit: str, most: int
) -> None:
    monkeypatch.setattr(batch_budget, "SLICE", 3_000)
    monkeypatch.setattr(batch_budget, limit, most)
    await take_in(world, *[arrival(n, flood(n + 1, NOON, samples=2)) for n in range(60)])
    assert Counter(p.reason for p in world.parking.held.values())["too_much_at_once"] > 30
    assert ledger(world).balanced


async def test_much_that_is_owed_is_written_in_parts_that_the_store_takes(
    world: MemoryWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = _Store(world, monkeypatch)
    place = {LATITUDE: 48.1, LONGITUDE: 11.5, SPEED: 52.25}
    batch = [
        arrival(m, message(m + 1, [sample(NOON - 900_000 + 100 * m + n % 2 * 700_000, place) for n in range(600)]))
        for m in range(40)
    ]
    await take_in(world, *batch)
    assert store.largest < 1_000_000
    taken = ledger(world).outcomes
    assert taken["applied"] + taken.get("parked", 0) == 40
    assert taken["applied"] >= 3, "one chunk a sample: the budget of a batch is soon spent"
    assert all(isinstance(chunk, Chunk) for chunk in world.histories.chunks.values())


async def test_of_chunks_that_are_stored_at_once_those_that_failed_come_again(
    world: MemoryWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    put, puts = world.histories.put, Counter[str]()

    async def sometimes(chunk: Chunk) -> None:
        puts[chunk.id] += 1
        if len(puts) == 20 and puts[chunk.id] == 1:
            raise Unavailable("away")
        await put(chunk)

    monkeypatch.setattr(world.histories, "put", sometimes)
    body = message(1, [sample(NOON - 1_000 * n - n % 2 * 700_000, {SPEED: 1.0}) for n in range(60)])
    with pytest.raises(Unavailable):
        await take_in(world, arrival(0, body))
    await take_in(world, arrival(0, body))
    assert len(puts) > 50
    assert world.histories.chunks.keys() == {(VEHICLE, day_of(NOON - 1), id) for id in puts}
    assert [told.kind for told in held(world).outbox if not isinstance(told, Chunk)] == []


# ---- repeats


async def test_a_crash_between_the_write_and_the_ledger_is_not_counted_as_a_duplicate_of_the_vehicle(
    world: MemoryWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = [arrival(n, message(n + 1, [sample(NOON + n, {SPEED: float(n)})]), NOON + n) for n in range(5)]

    async def crash(*_: object) -> str:
        raise Unavailable("the process is gone")

    with monkeypatch.context() as crashing:
        crashing.setattr(world.ledgers, "commit", crash)
        with pytest.raises(Unavailable):
            await take_in(world, *batch)
    await take_in(world, *batch)
    assert (ledger(world).outcomes, ledger(world).accepted) == ({"redelivered": 5}, 5)
    assert ledger(world).balanced
    again = message(5, [sample(NOON + 4, {SPEED: 4.0})])
    await take_in(world, arrival(5, again, NOON + 9))
    assert ledger(world).outcomes == {"redelivered": 5, "duplicate": 1}


async def test_a_stretch_that_our_reader_gives_twice_is_counted_as_it_ended_first(world: MemoryWorld) -> None:
    events = [arrival(n, message(n + 1, [sample(NOON + n, {SPEED: float(n)})]), NOON + n) for n in range(6)]
    await take_in(world, *events[:4], *events[2:])
    assert ledger(world).outcomes == {"applied": 6}
