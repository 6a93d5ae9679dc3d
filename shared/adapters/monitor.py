"""Azure Monitor: where spans and metrics go."""

from functools import cache
from typing import Any


@cache
def export_to(connection_string: str, client_id: str | None) -> None:
    """Send what is traced and metered there, as the identity of that client id; a resource that takes in what has no
    identity needs none. Once a process."""
    from azure.monitor.opentelemetry.exporter import AzureMonitorMetricExporter, AzureMonitorTraceExporter
    from opentelemetry import metrics, trace
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    how: dict[str, Any] = {"connection_string": connection_string}
    if client_id:
        from azure.identity import ManagedIdentityCredential

        how["credential"] = ManagedIdentityCredential(client_id=client_id)
    spans = TracerProvider()
    spans.add_span_processor(BatchSpanProcessor(AzureMonitorTraceExporter(**how)))
    trace.set_tracer_provider(spans)
    metrics.set_meter_provider(MeterProvider([PeriodicExportingMetricReader(AzureMonitorMetricExporter(**how))]))
