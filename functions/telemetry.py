"""Event Hub: what vehicles sent becomes vehicle state."""

from datetime import UTC
from typing import List  # noqa: UP035

import azure.functions as func

from shared import tracing
from shared.bootstrap import world
from shared.domain.telemetry import Position
from shared.metering import taken_in
from shared.use_cases.ingest import Arrival

bp = func.Blueprint()


@bp.event_hub_message_trigger(
    arg_name="events",
    event_hub_name="telemetry",
    connection="EVENTHUBS",
    consumer_group="ingest",
    cardinality=func.Cardinality.MANY,
    data_type=func.DataType.BINARY,
)
@bp.retry("exponential_backoff", "-1", minimum_interval="00:00:01", maximum_interval="00:00:30")
async def ingest_telemetry(events: List[func.EventHubEvent]) -> None:  # noqa: UP006 (the runtime knows no other list)
    """An outage raises and the batch comes again; anything else is one event's own fault, and parks it."""
    metadata = events[0].metadata or {}
    partition = str(metadata["PartitionContext"]["PartitionId"])
    w, arrivals = world(), [_arrival(event, partition) for event in events]
    with tracing.batch(w.ingest.hub, partition, len(arrivals), len({a.device for a in arrivals})):
        counted = await w.ingest.batch(partition, arrivals, w.clock)
    taken_in(w.ingest.hub, counted, w.clock())


def _arrival(event: func.EventHubEvent, partition: str) -> Arrival:
    """Who sent it is what the hub stamped on it; when, the time at which the hub took it."""
    stamped = event.iothub_metadata or {}
    device, generation = stamped.get("connection-device-id", ""), stamped.get("connection-auth-generation-id")
    return Arrival(position(event, partition), device, event.get_body(), generation)


def position(event: func.EventHubEvent, partition: str) -> Position:
    """Where the hub holds it."""
    taken = event.enqueued_time
    if taken is None:
        at = world().clock()
    else:
        at = int((taken if taken.tzinfo else taken.replace(tzinfo=UTC)).timestamp() * 1000)
    return Position(event.sequence_number or 0, at, partition)
