"""OpenTelemetry: one trace from the vehicle's event to the inbox, carried as a traceparent in what is stored and sent.

Attributes bear the names of OpenTelemetry's semantic conventions, and ours begin with `automotive_cloud.`; neither they
nor a status ever tell who or which vehicle it is about. Without an exporter configured the API's no-op tracer answers,
and costs nothing."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from opentelemetry import trace
from opentelemetry.trace import SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from shared.domain.notification import Notification
from shared.errors import brief

type Attributes = Mapping[str, str | int | bool]

_PROPAGATOR = TraceContextTextMapPropagator()


@contextmanager
def span(
    name: str, kind: SpanKind, traceparent: str | None, attributes: Attributes | None = None
) -> Iterator[str | None]:
    """A span that goes on from `traceparent`; gives the traceparent to carry on. Of an error it tells the kind."""
    parent = _PROPAGATOR.extract({"traceparent": traceparent}) if traceparent else None
    tracer = trace.get_tracer("automotive-cloud")
    how: dict[str, Any] = {"record_exception": False, "set_status_on_exception": False, "attributes": attributes}
    with tracer.start_as_current_span(name, context=parent, kind=kind, **how) as started:
        carrier: dict[str, str] = {}
        _PROPAGATOR.inject(carrier)
        try:
            yield carrier.get("traceparent", traceparent)
        except BaseException as error:
            started.set_attribute("error.type", type(error).__name__)
            started.set_status(StatusCode.ERROR, brief(error))
            raise


def describe(attributes: Attributes) -> None:
    """Add to the current span what is known of it by now."""
    trace.get_current_span().set_attributes(attributes)


def fail(reason: str) -> None:
    """Make the current span an error. `reason` is one of few: a code, a status, a kind of error."""
    current = trace.get_current_span()
    current.set_attribute("error.type", reason)
    current.set_status(StatusCode.ERROR, reason)


def messaging(system: str, destination: str, operation: str) -> dict[str, str | int | bool]:
    """Attributes of a span around a queue or hub. `system` is "servicebus" or "eventhubs", `operation` "send" or
    "process"."""
    return {
        "messaging.system": system,
        "messaging.destination.name": destination,
        "messaging.operation.type": operation,
    }


@contextmanager
def batch(hub: str, partition: str, events: int, vehicles: int) -> Iterator[None]:
    """A consumer span around a batch of a hub's partition, with how many events of how many vehicles it has."""
    about = messaging("eventhubs", hub, "process")
    about |= {"messaging.destination.partition.id": partition, "messaging.batch.message_count": events}
    about |= {"automotive_cloud.vehicle.count": vehicles}
    with span(f"process {hub}", SpanKind.CONSUMER, None, about):
        yield


@contextmanager
def handing_over(name: str, queue: str, notification: Notification) -> Iterator[Notification]:
    """A producer span; gives the notification as it should travel."""
    about = messaging("servicebus", queue, "send")
    with span(name, SpanKind.PRODUCER, notification.traceparent, about) as traceparent:
        yield carried(notification, traceparent)


def carried(notification: Notification, traceparent: str | None) -> Notification:
    """The notification with the trace context to go on from."""
    return replace(notification, traceparent=traceparent)
