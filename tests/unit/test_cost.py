import json
from pathlib import Path
from statistics import mean

import pytest

from shared.codec.states import chunk_document, state_document
from shared.domain.folding import fold
from shared.domain.history import Chunk
from shared.domain.telemetry import Event, Position, Telemetry
from shared.domain.vehicle import VehicleState
from tests.bench.cost import NAIVE, OURS, PRICES, dollars, request_units, table
from tests.bench.taking_in import calls, samples
from tests.examples import BOOK, NOON, PROFILE

PAGE = Path(__file__).parent.parent.parent / "docs" / "cost.md"


def test_the_page_shows_what_the_model_says() -> None:
    assert table() in PAGE.read_text()


def test_the_page_names_every_price_and_what_it_goes_by() -> None:
    text = PAGE.read_text()
    for name, dollar in PRICES.items():
        assert f"| {name} | {dollar:f}".rstrip("0").rstrip(".") + " |" in text


def test_the_counts_of_the_model_are_the_measured_ones() -> None:
    counted = {figure.name: figure.value for figure in calls()}
    assert counted["state_writes_per_vehicle_batch"] == pytest.approx(OURS.state_writes_a_message, rel=0.01)
    assert counted["history_writes_per_sample"] == pytest.approx(OURS.history_writes_a_sample, rel=0.1)
    assert counted["reads_per_warm_batch"] == 0


def test_the_sizes_of_the_model_are_those_of_a_car_that_drives() -> None:
    state, sizes, chunks = VehicleState(f"veh-{0:032}", PROFILE.policy()), list[int](), list[int]()
    for number in range(300):
        at = NOON + number * 6000
        telemetry = Telemetry(state.vehicle_id, number, samples(number, 6))
        state, _ = fold(state, [Event(telemetry, at, Position(number, at), "1")], BOOK)
        sizes.append(len(json.dumps(state_document(state), separators=(",", ":"))))
        chunks += [len(json.dumps(chunk_document(c))) for c in state.outbox if isinstance(c, Chunk)]
        state = state.handed_on(state.outbox)
    assert mean(sizes) / 1024 == pytest.approx(OURS.state_kb, rel=0.15)
    assert mean(chunks) / 1024 == pytest.approx(OURS.history_kb, rel=0.15)


def test_what_is_spent_on_every_service_is_in_the_sum() -> None:
    assert sum(dollars(OURS).values()) < sum(dollars(NAIVE).values()) / 4
    assert request_units(OURS) < request_units(NAIVE) / 4
    assert all(part > 0 for part in dollars(OURS).values())
