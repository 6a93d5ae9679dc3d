from typing import Any

import pytest
from azure.core.exceptions import ResourceExistsError, ServiceRequestError
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from shared.adapters.blob import BlobParking
from shared.domain.parked import Parked
from shared.errors import Unavailable
from shared.tracing import span
from tests.examples import NOON, VEHICLE

BROKEN = Parked("telemetry", "0-7", NOON, VEHICLE, "not_json", "Expecting value", b"{")


def test_without_an_exporter_the_traceparent_travels_on_as_it_came() -> None:
    came = f"00-{'a' * 32}-{'b' * 16}-01"
    with span("anything", SpanKind.CONSUMER, came) as carried:
        assert carried == came
    with span("anything", SpanKind.CONSUMER, None) as carried:
        assert carried is None


class Container:
    """Of blobs, which takes what it is given or raises."""

    def __init__(self, error: Exception | None = None) -> None:
        self._error = error

    async def upload_blob(self, name: str, body: bytes, **more: Any) -> None:
        if self._error:
            raise self._error


@pytest.mark.parametrize("error", [None, ResourceExistsError("it is there")])
async def test_a_parked_event_is_an_error_span_with_its_reason_in_the_trace_of_its_batch(
    spans: InMemorySpanExporter, error: Exception | None
) -> None:
    with span("process telemetry", SpanKind.CONSUMER, None):
        await BlobParking(Container(error)).park(BROKEN)  # type: ignore[arg-type]
    parked, batch = spans.get_finished_spans()
    assert (parked.name, parked.status.status_code) == ("park", StatusCode.ERROR)
    assert parked.attributes == {"automotive_cloud.source": "telemetry", "error.type": "not_json"}
    assert (parked.parent, batch.status.status_code) == (batch.context, StatusCode.UNSET)
    assert VEHICLE not in parked.to_json()


async def test_an_event_that_could_not_be_parked_says_why(spans: InMemorySpanExporter) -> None:
    with pytest.raises(Unavailable):
        await BlobParking(Container(ServiceRequestError("away"))).park(BROKEN)  # type: ignore[arg-type]
    (parked,) = spans.get_finished_spans()
    assert (parked.status.status_code, parked.attributes) == (
        StatusCode.ERROR,
        {"automotive_cloud.source": "telemetry", "error.type": "Unavailable"},
    )
