"""OpenTelemetry metrics: what the alerts and the workbook of a stamp look at (infra/queries).

Without an exporter configured the API's no-op instruments take them, and cost nothing."""

from collections import Counter
from collections.abc import Iterable, Sequence

from opentelemetry import metrics

from shared.domain.entitlement import Entitlement
from shared.domain.inbox import Outcome
from shared.domain.ledger import Counted

_METER = metrics.get_meter("automotive-cloud")
_EVENTS = _METER.create_counter("ingest.events", "{event}", "Events that were taken in, by how they ended.")
_LAG = _METER.create_histogram("ingest.lag", "s", "Age of a batch's oldest event when it was counted.")
_DELIVERIES = _METER.create_counter("notification.deliveries", "{attempt}", "Deliveries, by what became of them.")
_DECISIONS = _METER.create_counter("entitlement.decisions", "{decision}", "Decisions, by whether they allowed.")


def taken_in(hub: str, counted: Sequence[Counted], now: int) -> None:
    """A batch of a partition; `now` is epoch ms."""
    for (outcome, reason), number in Counter((c.outcome.value, c.reason or "") for c in counted).items():
        _EVENTS.add(number, {"hub": hub, "outcome": outcome, "reason": reason})
    oldest = min(c.position.enqueued_at for c in counted)
    _LAG.record(max(0, now - oldest) / 1000, {"hub": hub})


def delivered(channel: str, outcome: Outcome | None) -> None:
    """One look at a delivery; None is one that is not there (any more)."""
    _DELIVERIES.add(1, {"channel": channel, "outcome": outcome.value if outcome else "gone"})


def decided(decisions: Iterable[Entitlement]) -> None:
    """What was answered to whoever asked."""
    for allowed, number in Counter(d.allowed for d in decisions).items():
        _DECISIONS.add(number, {"allowed": allowed})
