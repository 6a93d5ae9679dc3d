"""Where spans and metrics go, as whom, and how they are named."""

import asyncio
import os
import subprocess
import sys
import tomllib
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from shared.adapters.observability import SERVICE, VERSION, resource
from shared.settings import Exporters, read
from tests.unit.test_settings import AZURE

ROOT = Path(__file__).parent.parent.parent
MONITOR = "InstrumentationKey=00000000-0000-0000-0000-000000000000;IngestionEndpoint=https://127.0.0.1:1/"
MONITORED = {"APPLICATIONINSIGHTS_CONNECTION_STRING": MONITOR}
OTLP = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}
QUIET = {"APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL": "true"}

START = """
import os, sys
from shared.bootstrap import World
from shared.settings import read
from tests.unit.test_settings import AZURE
World(read(AZURE | os.environ))
"""
MADE = (
    """
from unittest import mock
import azure.monitor.opentelemetry.exporter as exporter
made = []
def make(kind):
    def __init__(self, *, connection_string, credential=None, **more):
        made.append((kind.__name__, type(credential).__name__))
        real(self, connection_string=connection_string, credential=credential, **more)
    real = kind.__init__
    return mock.patch.object(kind, "__init__", __init__)
with make(exporter.AzureMonitorTraceExporter), make(exporter.AzureMonitorMetricExporter):
"""
    + START.strip().replace("\n", "\n    ").replace("import os", "    import os", 1)
    + """
from opentelemetry import metrics, trace
providers = trace.get_tracer_provider(), metrics.get_meter_provider()
print(list(dict.fromkeys(made)), *(type(one).__name__ for one in providers))
sys.stdout.flush()
os._exit(0)
"""
)
SENT = "[('AzureMonitorTraceExporter', {who!r}), ('AzureMonitorMetricExporter', {who!r})] TracerProvider MeterProvider"
NOTHING = "[] ProxyTracerProvider _ProxyMeterProvider"


def run(code: str, env: dict[str, str]) -> str:
    """What a fresh process prints: providers are set once a process."""
    env = {"PATH": os.environ["PATH"], **QUIET, **env}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, check=True, timeout=60)
    return done.stdout.decode().strip()


@pytest.mark.parametrize(
    ("env", "said"),
    [
        ({}, NOTHING),
        (MONITORED, SENT.format(who="NoneType")),
        (MONITORED | {"AZURE_CLIENT_ID": "app"}, SENT.format(who="ManagedIdentityCredential")),
        (MONITORED | OTLP | {"OTEL_SDK_DISABLED": "true"}, NOTHING),
    ],
)
def test_spans_and_metrics_go_to_azure_monitor_where_it_is_set_as_the_apps_identity(
    env: dict[str, str], said: str
) -> None:
    assert run(MADE, env) == said


# ---- what the standard variables choose


NONE, AZURE_ONLY, OTLP_ONLY, BOTH = (
    Exporters(None, otlp=False),
    Exporters(MONITOR, otlp=False),
    Exporters(None, otlp=True),
    Exporters(MONITOR, otlp=True),
)


@pytest.mark.parametrize(
    ("env", "spans", "metrics"),
    [
        ({}, NONE, NONE),
        (MONITORED, AZURE_ONLY, AZURE_ONLY),
        (OTLP, OTLP_ONLY, OTLP_ONLY),
        (MONITORED | OTLP, BOTH, BOTH),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:1/v1/traces"}, OTLP_ONLY, NONE),
        ({"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://127.0.0.1:1/v1/metrics"}, NONE, OTLP_ONLY),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, OTLP_ONLY, NONE),
        (MONITORED | OTLP | {"OTEL_TRACES_EXPORTER": "none"}, NONE, BOTH),
        (MONITORED | OTLP | {"OTEL_METRICS_EXPORTER": "none"}, BOTH, NONE),
        (MONITORED | OTLP | {"OTEL_SDK_DISABLED": "TRUE"}, NONE, NONE),
        (OTLP | {"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, OTLP_ONLY, OTLP_ONLY),
    ],
)
def test_the_standard_variables_choose_where_it_goes(env: dict[str, str], spans: Exporters, metrics: Exporters) -> None:
    found = read(AZURE | env)
    assert (found.spans_to, found.metrics_to) == (spans, metrics)


@pytest.mark.parametrize(
    ("env", "why"),
    [
        ({"OTEL_TRACES_EXPORTER": "console"}, "OTEL_TRACES_EXPORTER is console: it has to be otlp or none"),
        ({"OTEL_METRICS_EXPORTER": "prometheus"}, "OTEL_METRICS_EXPORTER is prometheus"),
        (OTLP | {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "not as grpc"),
        (OTLP | {"OTEL_EXPORTER_OTLP_METRICS_PROTOCOL": "http/json"}, "not as http/json"),
    ],
)
def test_what_is_not_supported_is_refused_at_start(env: dict[str, str], why: str) -> None:
    with pytest.raises(RuntimeError, match=why):
        read(AZURE | env)


def test_it_is_named_as_the_standard_variables_say_and_else_as_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OTEL_SERVICE_NAME", raising=False)
    assert resource().attributes["service.name"] == SERVICE
    monkeypatch.setenv("OTEL_SERVICE_NAME", "func-aurora")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=dev,service.version=7")
    found = resource().attributes
    assert (found["service.name"], found["service.version"]) == ("func-aurora", "7")
    assert found["deployment.environment.name"] == "dev"


def test_its_version_is_the_projects() -> None:
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"] == VERSION


# ---- an OTLP receiver


@dataclass
class Receiver:
    """What came over OTLP, by protocol buffers' own decoder."""

    url: str = ""
    headers: list[str | None] = field(default_factory=list)
    spans: list[Any] = field(default_factory=list)
    metrics: list[Any] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.Response:
        assert request.content_type == "application/x-protobuf"
        self.headers.append(request.headers.get("api-key"))
        body = await request.read()
        if request.path == "/v1/traces":
            self.spans += ExportTraceServiceRequest.FromString(body).resource_spans
        else:
            self.metrics += ExportMetricsServiceRequest.FromString(body).resource_metrics
        return web.Response()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    found, app = Receiver(), web.Application()
    for path in ("/v1/traces", "/v1/metrics"):
        app.router.add_post(path, found.take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    found.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield found
    await runner.cleanup()


TELL = (
    START
    + """
from opentelemetry import metrics, trace
from opentelemetry.trace import SpanKind
from shared.domain.inbox import Outcome
from shared.metering import delivered
from shared.tracing import fail, span
with span("POST", SpanKind.CLIENT, None, {"http.request.method": "POST"}):
    fail("500")
delivered("email", Outcome.SENT)
for provider in (trace.get_tracer_provider(), metrics.get_meter_provider()):
    provider.force_flush()
os._exit(0)
"""
)


async def test_an_otlp_receiver_is_sent_spans_and_metrics_beside_azure_monitor(receiver: Receiver) -> None:
    env = {"PATH": os.environ["PATH"], **QUIET, **MONITORED}
    env |= {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url, "OTEL_EXPORTER_OTLP_HEADERS": "api-key=abc"}
    env |= {"OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=dev"}
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", TELL, cwd=ROOT, env=env, stderr=PIPE)
    _, errors = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, errors
    (spans,), (metrics,) = receiver.spans, receiver.metrics
    for found in (spans, metrics):
        named = {a.key: a.value.string_value for a in found.resource.attributes}
        expected = {"service.name": SERVICE, "service.version": VERSION, "deployment.environment.name": "dev"}
        assert expected.items() <= named.items()
    (span,) = spans.scope_spans[0].spans
    assert (span.name, span.status.code, span.status.message) == ("POST", 2, "500")
    assert [m.name for m in metrics.scope_metrics[0].metrics] == ["notification.deliveries"]
    assert set(receiver.headers) == {"abc"}


def test_a_start_without_exporters_does_not_pay_for_them() -> None:
    heavy = "'opentelemetry.sdk', 'opentelemetry.exporter', 'azure.monitor', 'google.protobuf', 'requests'"
    code = START + f"print([name for name in ({heavy}) if name in sys.modules])"
    assert run(code, {}) == "[]"
