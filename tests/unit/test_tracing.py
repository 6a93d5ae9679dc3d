import subprocess
import sys

import pytest
from opentelemetry.trace import SpanKind

from shared.tracing import span

CODE = """
from opentelemetry import trace
from shared.tracing import configure
configure({connection!r})
print(type(trace.get_tracer_provider()).__name__)
"""
MONITOR = "InstrumentationKey=00000000-0000-0000-0000-000000000000;IngestionEndpoint=https://127.0.0.1:1/"


@pytest.mark.parametrize(("connection", "provider"), [(None, "ProxyTracerProvider"), (MONITOR, "TracerProvider")])
def test_spans_go_to_azure_monitor_where_its_connection_string_is_set(connection: str | None, provider: str) -> None:
    done = subprocess.run([sys.executable, "-c", CODE.format(connection=connection)], capture_output=True, check=True)
    assert done.stdout.decode().strip() == provider


def test_without_an_exporter_the_traceparent_travels_on_as_it_came() -> None:
    came = f"00-{'a' * 32}-{'b' * 16}-01"
    with span("anything", SpanKind.CONSUMER, came) as carried:
        assert carried == came
    with span("anything", SpanKind.CONSUMER, None) as carried:
        assert carried is None
