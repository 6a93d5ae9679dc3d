"""What a span tells of a request, a batch and a delivery, and that its failure is seen."""

from typing import Any

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from functions import deliveries, notifications, vehicles
from shared.codec import messages
from shared.domain.inbox import Outcome, Reply
from shared.errors import Unavailable
from tests.examples import VEHICLE
from tests.functions.conftest import ask
from tests.functions.test_events import ingest, low, mailed, message, received
from tests.memory import MemoryWorld

type Told = tuple[str, StatusCode, dict[str, Any]]


def told(spans: InMemorySpanExporter) -> list[Told]:
    """Name, status and attributes of each span since it was asked last."""
    found = [(s.name, s.status.status_code, dict(s.attributes or {})) for s in spans.get_finished_spans()]
    spans.clear()
    return found


async def test_a_request_is_told_by_its_route_method_and_status(
    world: MemoryWorld, spans: InMemorySpanExporter
) -> None:
    await ask(vehicles.read_vehicle, "ada", vehicle_id=VEHICLE)
    await ask(vehicles.read_vehicle, "ada", vehicle_id="another")
    route = {"http.request.method": "GET", "http.route": "/api/v1/vehicles/{vehicle_id}"}
    assert told(spans) == [
        (f"GET {route['http.route']}", StatusCode.UNSET, route | {"http.response.status_code": 200}),
        (f"GET {route['http.route']}", StatusCode.UNSET, route | {"http.response.status_code": 404}),
    ]


async def test_a_request_that_fails_on_our_side_is_an_error_and_goes_on_from_the_callers_trace(
    world: MemoryWorld, spans: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(_: str) -> None:
        raise Unavailable("vehicles: 408")

    monkeypatch.setattr(world.profiles, "load", away)
    came = {"traceparent": f"00-{'a' * 32}-{'b' * 16}-01"}
    assert (await ask(vehicles.read_vehicle, headers=came, vehicle_id=VEHICLE)).status == 503
    (span,) = spans.get_finished_spans()
    assert span.context is not None
    assert span.context.trace_id == int("a" * 32, 16)
    ((_, status, attributes),) = told(spans)
    assert (status, attributes["http.response.status_code"], attributes["error.type"]) == (StatusCode.ERROR, 503, "503")


async def test_a_batch_is_told_by_its_hub_partition_and_size(world: MemoryWorld, spans: InMemorySpanExporter) -> None:
    await ingest(received(0, low(1)), received(1, low(2)), received(2, low(3), "another"))
    name, status, attributes = told(spans)[-1]
    assert (name, status) == ("process telemetry", StatusCode.UNSET)
    assert attributes == {
        "messaging.system": "eventhubs",
        "messaging.destination.name": "telemetry",
        "messaging.operation.type": "process",
        "messaging.destination.partition.id": "3",
        "messaging.batch.message_count": 3,
        "automotive_cloud.vehicle.count": 2,
    }


async def test_a_delivery_is_told_by_its_channel_and_what_became_of_it(
    world: MemoryWorld, spans: InMemorySpanExporter
) -> None:
    await mailed(world)
    await ingest(received(0, low(1)))
    (notification,) = world.notifications.contents
    await notifications.plan_notification(message(messages.encode_notification(notification, 0)))
    ((turn, _, _),) = world.deliveries.sent
    world.mailer.replies = [Reply(Outcome.RETRYING, "smtp 451")]
    told(spans)
    await deliveries.deliver_notification(message(messages.encode_turn(turn, 0)))
    ((name, _, attributes),) = told(spans)
    assert name == "deliver notification"
    assert attributes == {
        "messaging.system": "servicebus",
        "messaging.destination.name": "deliveries",
        "messaging.operation.type": "process",
        "automotive_cloud.channel": "email",
        "automotive_cloud.outcome": "retrying",
    }
