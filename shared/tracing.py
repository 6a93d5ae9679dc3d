"""OpenTelemetry: one trace from the vehicle's event to the inbox, carried as a traceparent in what is stored and sent.

Without an exporter configured the API's no-op tracer answers, and costs nothing."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from opentelemetry import trace
from opentelemetry.trace import SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from shared.domain.notification import Notification
from shared.errors import brief

_PROPAGATOR = TraceContextTextMapPropagator()


@contextmanager
def span(name: str, kind: SpanKind, traceparent: str | None) -> Iterator[str | None]:
    """A span that goes on from `traceparent`; gives the traceparent to carry on. Of an error it tells the kind."""
    parent = _PROPAGATOR.extract({"traceparent": traceparent}) if traceparent else None
    tracer = trace.get_tracer("automotive-cloud")
    how: dict[str, Any] = {"record_exception": False, "set_status_on_exception": False}
    with tracer.start_as_current_span(name, context=parent, kind=kind, **how) as started:
        carrier: dict[str, str] = {}
        _PROPAGATOR.inject(carrier)
        try:
            yield carrier.get("traceparent", traceparent)
        except BaseException as error:
            started.set_status(StatusCode.ERROR, brief(error))
            raise


@contextmanager
def handing_over(name: str, notification: Notification) -> Iterator[Notification]:
    """A producer span; gives the notification as it should travel."""
    with span(name, SpanKind.PRODUCER, notification.traceparent) as traceparent:
        yield carried(notification, traceparent)


def carried(notification: Notification, traceparent: str | None) -> Notification:
    """The notification with the trace context to go on from."""
    return replace(notification, traceparent=traceparent)
