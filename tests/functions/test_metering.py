"""What the alerts and the workbook look at is measured where it happens."""

from collections import Counter as Counted
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import pytest
from opentelemetry import metrics
from opentelemetry.sdk.metrics import Counter, Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import AggregationTemporality, InMemoryMetricReader

from functions import deliveries, entitlements, notifications
from shared.codec import messages
from tests.examples import NOON, VEHICLE
from tests.functions.conftest import ask
from tests.functions.test_events import ingest, low, mailed, message, received
from tests.memory import MemoryWorld

DECISIONS = "entitlement.decisions"
type Point = tuple[str, Mapping[str, Any], float]


@cache
def reader() -> InMemoryMetricReader:
    """Of the process: a provider is set once."""
    since = AggregationTemporality.DELTA
    made = InMemoryMetricReader(preferred_temporality={Counter: since, Histogram: since})
    metrics.set_meter_provider(MeterProvider([made]))
    return made


@pytest.fixture
def measured() -> Callable[[], list[Point]]:
    """Everything since it was asked last: name, attributes, and the number or the largest."""

    def points() -> list[Point]:
        found = reader().get_metrics_data()
        scopes = [scope for resource in found.resource_metrics for scope in resource.scope_metrics] if found else []
        every = [(m.name, p) for scope in scopes for m in scope.metrics for p in m.data.data_points]
        return [(name, dict(p.attributes or {}), getattr(p, "value", getattr(p, "max", 0))) for name, p in every]

    points()
    return points


async def test_a_batch_counts_its_events_by_how_they_ended_and_says_how_late_they_were(
    world: MemoryWorld, measured: Callable[[], list[Point]]
) -> None:
    world.clock.at = NOON + 60_000
    await ingest(received(0, low(1)), received(1, low(1)), received(2, b"{"))
    assert sorted(measured(), key=str) == [
        ("ingest.events", {"hub": "telemetry", "outcome": "applied", "reason": ""}, 1),
        ("ingest.events", {"hub": "telemetry", "outcome": "duplicate", "reason": ""}, 1),
        ("ingest.events", {"hub": "telemetry", "outcome": "parked", "reason": "not_json"}, 1),
        ("ingest.lag", {"hub": "telemetry"}, 60.0),
    ]


async def test_a_delivery_counts_by_its_channel_and_what_became_of_it(
    world: MemoryWorld, measured: Callable[[], list[Point]]
) -> None:
    await mailed(world)
    await ingest(received(0, low(1)))
    (told,) = world.notifications.contents
    await notifications.plan_notification(message(messages.encode_notification(told, 0)))
    ((turn, _, _),) = world.deliveries.sent
    measured()
    await deliveries.deliver_notification(message(messages.encode_turn(turn, 0)))
    assert measured() == [("notification.deliveries", {"channel": "email", "outcome": "sent"}, 1)]
    world.inbox.shelf.held.clear()
    await deliveries.deliver_notification(message(messages.encode_turn(turn, 0)))
    assert measured() == [("notification.deliveries", {"channel": "email", "outcome": "retrying"}, 1)]


async def test_decisions_count_by_whether_they_allowed(world: MemoryWorld, measured: Callable[[], list[Point]]) -> None:
    body = {"vehicleId": VEHICLE, "features": ["climate", "no-such-feature", "another"]}
    answer = await ask(entitlements.check_entitlements, "ada", body)
    expected = Counted(decision["allowed"] for decision in answer.body["decisions"])
    counted = {attributes["allowed"]: number for name, attributes, number in measured() if name == DECISIONS}
    assert counted == expected
    assert sum(counted.values()) == 3
