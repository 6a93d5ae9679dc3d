from opentelemetry.trace import SpanKind

from shared.tracing import span


def test_without_an_exporter_the_traceparent_travels_on_as_it_came() -> None:
    came = f"00-{'a' * 32}-{'b' * 16}-01"
    with span("anything", SpanKind.CONSUMER, came) as carried:
        assert carried == came
    with span("anything", SpanKind.CONSUMER, None) as carried:
        assert carried is None
