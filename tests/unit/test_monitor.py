"""What goes to Azure Monitor, and as whom."""

import subprocess
import sys

import pytest

MONITOR = "InstrumentationKey=00000000-0000-0000-0000-000000000000;IngestionEndpoint=https://127.0.0.1:1/"
CODE = """
import os, sys
from unittest import mock
import azure.monitor.opentelemetry.exporter as exporter
from opentelemetry import metrics, trace
made = []
def make(kind):
    def __init__(self, *, connection_string, credential=None, **more):
        made.append((kind.__name__, type(credential).__name__))
        real(self, connection_string=connection_string, credential=credential, **more)
    real = kind.__init__
    return mock.patch.object(kind, "__init__", __init__)
os.environ["APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL"] = "true"
from shared.bootstrap import World
from shared.settings import read
from tests.unit.test_settings import AZURE
with make(exporter.AzureMonitorTraceExporter), make(exporter.AzureMonitorMetricExporter):
    World(read(AZURE | {set_up!r}))
providers = trace.get_tracer_provider(), metrics.get_meter_provider()
print(list(dict.fromkeys(made)), *(type(one).__name__ for one in providers))
sys.stdout.flush()
os._exit(0)
"""
SENT = "[('AzureMonitorTraceExporter', {who!r}), ('AzureMonitorMetricExporter', {who!r})] TracerProvider MeterProvider"


@pytest.mark.parametrize(
    ("set_up", "said"),
    [
        ({}, "[] ProxyTracerProvider _ProxyMeterProvider"),
        ({"APPLICATIONINSIGHTS_CONNECTION_STRING": MONITOR}, SENT.format(who="NoneType")),
        (
            {"APPLICATIONINSIGHTS_CONNECTION_STRING": MONITOR, "AZURE_CLIENT_ID": "app"},
            SENT.format(who="ManagedIdentityCredential"),
        ),
    ],
)
def test_spans_and_metrics_go_to_azure_monitor_where_it_is_set_as_the_apps_identity(
    set_up: dict[str, str], said: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CODE.format(set_up=set_up)], capture_output=True, check=True, timeout=60
    )
    assert done.stdout.decode().strip() == said
