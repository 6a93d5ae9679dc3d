"""What our queue adapters put on Service Bus: bodies that say everything, and ids that tell attempts apart."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from azure.servicebus import ServiceBusMessage
from azure.servicebus.aio import ServiceBusClient
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from local.broker.server import Broker
from shared.adapters.clock import epoch_ms
from shared.adapters.servicebus import (
    ServiceBusDeadLetters,
    ServiceBusDeliveries,
    ServiceBusNotifications,
    ServiceBusWakes,
)
from shared.codec import messages
from shared.codec.messages import Wake
from shared.domain.inbox import Turn
from shared.domain.kinds import Channel
from shared.domain.notification import Notification
from shared.domain.person import PersonId
from shared.errors import Refused, Unavailable
from shared.topology import topology
from tests.conformance.conftest import KEY, bus_at
from tests.examples import BRAND, NOON, VEHICLE
from tests.memory import MemoryClock, MemoryParking

TOLD = Notification("n-1", "battery_low", VEHICLE, BRAND, NOON, {"Vehicle.Speed": 1.5})


@pytest.fixture
async def bus(tmp_path: Path) -> AsyncIterator[ServiceBusClient]:
    broker = Broker(topology(), tmp_path / "broker.db", KEY)
    connection = bus_at(await broker.start("127.0.0.1", 0))
    async with ServiceBusClient.from_connection_string(connection, retry_total=0) as client:
        yield client
    await broker.stop()


async def take(bus: ServiceBusClient, queue: str, count: int = 1) -> list[tuple[str | None, bytes]]:
    found: list[tuple[str | None, bytes]] = []
    async with bus.get_queue_receiver(queue, receive_mode="receiveanddelete") as receiver:
        while len(found) < count:
            for message in await receiver.receive_messages(count, max_wait_time=5):
                found.append((message.message_id, b"".join(message.body)))  # noqa: PERF401
    return found


async def test_a_notification_comes_out_as_it_went_in_with_its_attempt(bus: ServiceBusClient) -> None:
    queue = ServiceBusNotifications(bus.get_queue_sender("notifications"), MemoryClock())
    await queue.send(TOLD)
    await queue.send(TOLD, attempt=1)
    taken = await take(bus, "notifications", 2)
    assert [id_ for id_, _ in taken] == ["n-1:0", "n-1:1"]
    received = [messages.decode_notification(body) for _, body in taken]
    assert [(m.content, m.attempt) for m in received] == [(TOLD, 0), (TOLD, 1)]


async def test_the_same_attempt_twice_is_one_message(bus: ServiceBusClient) -> None:
    queue = ServiceBusNotifications(bus.get_queue_sender("notifications"), MemoryClock())
    for attempt in (0, 0, 0, 1):
        await queue.send(TOLD, attempt)
    assert [id_ for id_, _ in await take(bus, "notifications", 2)] == ["n-1:0", "n-1:1"]


@pytest.mark.real_clock(reason="the broker holds a message back by its own clock")
async def test_a_retry_comes_when_it_has_rested(bus: ServiceBusClient) -> None:
    queue, start = ServiceBusNotifications(bus.get_queue_sender("notifications"), epoch_ms), epoch_ms()
    await queue.send(TOLD, attempt=1, delay=2)
    await take(bus, "notifications")
    assert epoch_ms() - start >= 2_000


async def test_many_turns_go_in_as_many_batches_as_they_need_and_each_under_its_own_id(bus: ServiceBusClient) -> None:
    turns = [Turn(PersonId(BRAND, f"user-{n}"), "item-1", Channel.EMAIL, 1, n, "x" * 20_000) for n in range(120)]
    await ServiceBusDeliveries(bus.get_queue_sender("deliveries"), MemoryClock()).send(turns, attempt=2)
    taken = await take(bus, "deliveries", 120)
    assert [messages.decode_turn(body).content for _, body in taken] == turns
    assert [id_ for id_, _ in taken] == [f"{turn.id}:2" for turn in turns]
    assert len({id_ for id_, _ in taken}) == 120


async def test_what_is_too_large_for_the_queue_is_refused_for_good(bus: ServiceBusClient) -> None:
    huge = Notification("n-1", "battery_low", VEHICLE, BRAND, NOON, {"Vehicle.StartTime": "x" * 1_100_000})
    with pytest.raises(Refused):
        await ServiceBusNotifications(bus.get_queue_sender("notifications"), MemoryClock()).send(huge)


async def test_a_wake_names_the_vehicle_and_is_told_apart_by_its_due_time(bus: ServiceBusClient) -> None:
    await ServiceBusWakes(bus.get_queue_sender("wake"), MemoryClock()).send([(VEHICLE, 1), (VEHICLE, 2), (VEHICLE, 2)])
    taken = await take(bus, "wake", 2)
    assert [id_ for id_, _ in taken] == [f"{VEHICLE}:1", f"{VEHICLE}:2"]
    assert messages.decode_wake(taken[0][1]).content == Wake(VEHICLE, person=False)


async def test_a_broker_that_is_away_is_an_outage() -> None:
    async with ServiceBusClient.from_connection_string(bus_at(1), retry_total=0) as client:
        with pytest.raises(Unavailable):
            await ServiceBusNotifications(client.get_queue_sender("notifications"), MemoryClock()).send(TOLD)


async def test_handing_over_is_a_span_of_the_events_trace_and_travels_on(
    bus: ServiceBusClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "get_tracer", lambda name: provider.get_tracer(name))
    traced = Notification("n-1", "x", VEHICLE, BRAND, NOON, {}, f"00-{'a' * 32}-{'b' * 16}-01")
    await ServiceBusNotifications(bus.get_queue_sender("notifications"), MemoryClock()).send(traced)
    ((_, body),) = await take(bus, "notifications")
    (span,) = exporter.get_finished_spans()
    assert span.context is not None
    assert f"{span.context.trace_id:032x}" == "a" * 32
    carried = messages.decode_notification(body).content.traceparent
    assert carried == f"00-{'a' * 32}-{span.context.span_id:016x}-01"


@pytest.mark.parametrize("queue", ["notifications", "deliveries", "wake"])
async def test_what_the_broker_gave_up_is_parked_and_taken_off(bus: ServiceBusClient, queue: str) -> None:
    bodies = [messages.encode_notification(TOLD, 0).encode(), b"no message"]
    async with bus.get_queue_sender(queue) as sender, bus.get_queue_receiver(queue) as receiver:
        await sender.send_messages([ServiceBusMessage(body) for body in bodies])
        for message in await receiver.receive_messages(2, max_wait_time=5):
            await receiver.dead_letter_message(message, reason="tried too often")
    parking, letters = MemoryParking(), ServiceBusDeadLetters(bus, MemoryClock())
    for _ in range(2):
        await letters.set_aside(queue, parking)
    parked = sorted(parking.held.values(), key=lambda p: p.device)
    assert [(p.source, p.device, p.body) for p in parked] == [
        (queue, f"@{BRAND}/{VEHICLE}", bodies[0]),
        (queue, queue, bodies[1]),
    ]
    assert {(p.reason, p.at) for p in parked} == {("dead_lettered", NOON)}
