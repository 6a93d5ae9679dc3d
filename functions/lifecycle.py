"""Event Hub: what IoT Hub says of its connections becomes what is known of vehicles."""

from collections.abc import Mapping
from typing import Any, List  # noqa: UP035

import azure.functions as func

from functions.telemetry import position
from shared import tracing
from shared.bootstrap import world
from shared.codec.lifecycle import read
from shared.errors import Rejected
from shared.metering import taken_in
from shared.use_cases.lifecycle import Announcement

bp = func.Blueprint()


@bp.event_hub_message_trigger(
    arg_name="events",
    event_hub_name="lifecycle",
    connection="EVENTHUBS",
    consumer_group="ingest",
    cardinality=func.Cardinality.MANY,
    data_type=func.DataType.BINARY,
)
@bp.retry("exponential_backoff", "-1", minimum_interval="00:00:01", maximum_interval="00:00:30")
async def ingest_lifecycle(events: List[func.EventHubEvent]) -> None:  # noqa: UP006 (the runtime knows no other list)
    """An outage raises and the batch comes again; anything else is one event's own fault, and parks it."""
    metadata = events[0].metadata or {}
    partition, properties = str(metadata["PartitionContext"]["PartitionId"]), metadata["PropertiesArray"]
    pairs = zip(events, properties, strict=True)
    announcements = [_announcement(event, said, partition) for event, said in pairs]
    w = world()
    with tracing.batch(w.lifecycle.hub, partition, len(announcements), len({a.device for a in announcements})):
        counted = await w.lifecycle.batch(partition, announcements, w.clock)
    taken_in(w.lifecycle.hub, counted, w.clock())


def _announcement(event: func.EventHubEvent, said: Mapping[str, Any], partition: str) -> Announcement:
    """IoT Hub itself wrote it: what the properties say of the device holds."""
    at, body = position(event, partition), event.get_body()
    device = (event.iothub_metadata or {}).get("connection-device-id") or str(said.get("deviceId", ""))
    try:
        return Announcement(at, device, body, read(said, body))
    except Rejected as error:
        return Announcement(at, device, body, error)
