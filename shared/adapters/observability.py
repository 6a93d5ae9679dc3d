"""OpenTelemetry's providers: where spans and metrics go.

The sampler, the pace of exports, and an OTLP receiver's address, headers, certificate and timeout are read by the SDK
from its standard variables (`OTEL_*`)."""

from functools import cache
from typing import TYPE_CHECKING, Any

from shared.settings import Exporters

if TYPE_CHECKING:
    from opentelemetry.sdk.resources import Resource

SERVICE, VERSION = "automotive-cloud", "0.1.0"


@cache
def export_to(spans: Exporters, metrics: Exporters, client_id: str | None) -> None:
    """Send spans and metrics to what they are to be sent to, Azure Monitor as the identity of that client id; a
    resource that takes in what has no identity needs none. Once a process."""
    if spans.any:
        _trace_to(spans, client_id)
    if metrics.any:
        _measure_to(metrics, client_id)


def resource() -> "Resource":
    """Who sends it: this service, as far as OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES do not say otherwise."""
    from opentelemetry.sdk.resources import OTELResourceDetector, Resource

    own = Resource.create({"service.name": SERVICE, "service.version": VERSION})
    return own.merge(OTELResourceDetector().detect())


def _trace_to(wanted: Exporters, client_id: str | None) -> None:
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=resource())
    if wanted.azure_monitor:
        from azure.monitor.opentelemetry.exporter import AzureMonitorTraceExporter

        exporter = AzureMonitorTraceExporter(**_azure(wanted.azure_monitor, client_id))
        provider.add_span_processor(BatchSpanProcessor(exporter))
    if wanted.otlp:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)


def _measure_to(wanted: Exporters, client_id: str | None) -> None:
    from opentelemetry import metrics
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

    readers = []
    if wanted.azure_monitor:
        from azure.monitor.opentelemetry.exporter import AzureMonitorMetricExporter

        exporter = AzureMonitorMetricExporter(**_azure(wanted.azure_monitor, client_id))
        readers.append(PeriodicExportingMetricReader(exporter))
    if wanted.otlp:
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter

        readers.append(PeriodicExportingMetricReader(OTLPMetricExporter()))
    metrics.set_meter_provider(MeterProvider(readers, resource=resource()))


def _azure(connection_string: str, client_id: str | None) -> dict[str, Any]:
    how: dict[str, Any] = {"connection_string": connection_string}
    if client_id:
        from azure.identity import ManagedIdentityCredential

        how["credential"] = ManagedIdentityCredential(client_id=client_id)
    return how
