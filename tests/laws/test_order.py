"""Whatever the network does to a vehicle's messages, the same signal map and the same history come of them."""

import os
from collections.abc import Iterator
from random import Random

from shared.domain.folding import fold
from shared.domain.history import Chunk, merged
from shared.domain.telemetry import Event, Position, Sample, Telemetry, Value
from shared.domain.vehicle import Reading, VehicleState
from tests.examples import BOOK, NOON, PROFILE

EVENTS = 1_000_000 if os.environ.get("PROVE") else 20_000
OF_ONE = 10_000
"""Events of one vehicle."""
REPEATED, DISPLACED = 0.3, 0.2
FARTHEST = 300
"""Places by which a message comes too late at most: far beyond the window of 64."""


def messages(random: Random, count: int) -> list[Telemetry]:
    """As the vehicle sent them: a sample or two each; now and then two at the very same time."""
    made, at = [], NOON
    for sequence in range(count):
        at += random.choice((0, 1000, 1000, 1000, 5000))
        samples = [Sample(at + n * 100, readings(random)) for n in range(random.choice((1, 1, 1, 2)))]
        made.append(Telemetry(PROFILE.vehicle_id, sequence, samples))
    return made


def readings(random: Random) -> dict[str, Value]:
    paths = random.sample(range(12), 4)
    return {f"Vehicle.S{n}": random.choice((random.random(), random.random() < 0.5, "text")) for n in paths}


def disturbed(random: Random, sent: list[Telemetry]) -> list[Telemetry]:
    """Three of ten come again, two of ten too late; nothing is missing."""
    placed = [(place + random.randrange(FARTHEST) * (random.random() < DISPLACED), m) for place, m in enumerate(sent)]
    placed += [(place + random.randrange(FARTHEST), m) for place, m in enumerate(sent) if random.random() < REPEATED]
    return [message for _, message in sorted(placed, key=lambda p: p[0])]


def batches(random: Random, arriving: list[Telemetry]) -> Iterator[list[Event]]:
    start = 0
    while start < len(arriving):
        end = start + random.choice((1, 2, 7, 64, 256))
        yield [
            Event(message, NOON + 10**8 + number, Position(number, NOON + 10**8 + number))
            for number, message in enumerate(arriving[start:end], start)
        ]
        start = end


def taken_in(random: Random, arriving: list[Telemetry]) -> tuple[dict[str, Reading], list[Sample]]:
    """The signal map and the history, whose chunks are handed on after each batch."""
    state, chunks = VehicleState(PROFILE.vehicle_id, PROFILE.policy()), dict[str, Chunk]()
    for batch in batches(random, arriving):
        state, _ = fold(state, batch, BOOK)
        for entry in state.outbox:
            if isinstance(entry, Chunk):
                assert chunks.setdefault(entry.id, entry).samples[0] == entry.samples[0]
        state = state.handed_on(state.outbox)
    return dict(state.signals), merged([*(chunk.samples for chunk in chunks.values()), state.open.samples])


def test_repeats_displacement_and_batches_change_neither_signals_nor_history() -> None:
    taken, number = 0, 0
    while taken < EVENTS:
        random = Random(number)
        sent = messages(random, int(OF_ONE / (1 + REPEATED)))
        arriving = disturbed(random, sent)
        signals, history = taken_in(random, arriving)
        in_order, kept = taken_in(random, sent)
        assert signals == in_order
        assert history == kept == merged([message.samples for message in sent])
        taken, number = taken + len(arriving), number + 1
