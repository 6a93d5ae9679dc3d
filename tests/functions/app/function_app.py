"""A little app that shows how the host behaves: each function does one thing that ours do not."""

import os
from pathlib import Path
from typing import List  # noqa: UP035

import azure.functions as func

app = func.FunctionApp()
LOG = Path(os.environ["APP_LOG"])


def note(text: str) -> int:
    """Write a line down, and return how often it was written."""
    with LOG.open("a") as lines:
        lines.write(text + "\n")
    return LOG.read_text().splitlines().count(text)


@app.route("keyed/{number:int}", methods=["GET"], auth_level=func.AuthLevel.FUNCTION)
async def keyed(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(f"{req.route_params['number']} {dict(req.params)} {req.headers.get('x-a')}")


@app.route("keyed/literal", methods=["GET"], auth_level=func.AuthLevel.ADMIN)
async def literal(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse("literal", headers={"x-made": "yes"}, status_code=203)


@app.route("echo", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
def echo(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(req.get_body())


@app.route("nothing", auth_level=func.AuthLevel.ANONYMOUS)
async def nothing(req: func.HttpRequest) -> func.HttpResponse:
    raise RuntimeError("a defect")


@app.event_hub_message_trigger(
    arg_name="events",
    event_hub_name="%HUB%",
    connection="EVENTHUBS",
    consumer_group="ingest",
    cardinality=func.Cardinality.MANY,
    data_type=func.DataType.BINARY,
)
async def careless(events: List[func.EventHubEvent]) -> None:  # noqa: UP006
    """No retry policy: what it fails at is lost."""
    for event in events:
        note(f"hub {event.get_body().decode()} {(event.iothub_metadata or {})['connection-device-id']}")
    if any(event.get_body() == b"poison" for event in events):
        raise RuntimeError("poison")


@app.service_bus_queue_trigger(arg_name="message", queue_name="%QUEUE%", connection="SERVICEBUS")
async def flaky(message: func.ServiceBusMessage) -> None:
    """Fails twice, then takes it."""
    if note(f"queue {message.get_body().decode()} {message.delivery_count}") and (message.delivery_count or 0) < 3:
        raise RuntimeError("not yet")


@app.timer_trigger(arg_name="timer", schedule="* * * * * *")
async def ticking(timer: func.TimerRequest) -> None:
    note("tick")
    raise RuntimeError("swallowed")
