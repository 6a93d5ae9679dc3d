"""What our code relies on of Service Bus queues, through the unmodified azure-servicebus."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from azure.servicebus import ServiceBusMessage, ServiceBusReceivedMessage, ServiceBusSubQueue
from azure.servicebus.aio import AutoLockRenewer, ServiceBusClient, ServiceBusReceiver
from azure.servicebus.exceptions import MessageLockLostError, MessageSizeExceededError, ServiceBusError

from local.broker.server import Broker
from shared.topology import topology
from tests.conformance.conftest import KEY, LOCK, bus_at

QUEUE = "deliveries"


@pytest.fixture
async def client(service_bus: str) -> AsyncIterator[ServiceBusClient]:
    async with ServiceBusClient.from_connection_string(service_bus) as client:
        yield client


async def send(client: ServiceBusClient, *messages: ServiceBusMessage) -> None:
    async with client.get_queue_sender(QUEUE) as sender:
        await sender.send_messages(list(messages))


async def receive(receiver: ServiceBusReceiver, count: int = 1, within: float = 5) -> list[ServiceBusReceivedMessage]:
    """That many messages, or as many as come within the time."""
    found: list[ServiceBusReceivedMessage] = []
    while len(found) < count and (more := await receiver.receive_messages(count - len(found), max_wait_time=within)):
        found += more
    return found


def message(body: str | bytes = "body", **properties: object) -> ServiceBusMessage:
    return ServiceBusMessage(body, **({"message_id": uuid4().hex} | properties))  # type: ignore[arg-type]


async def test_a_completed_message_is_gone(client: ServiceBusClient) -> None:
    await send(client, message("one", application_properties={"kind": "x"}))
    async with client.get_queue_receiver(QUEUE) as receiver:
        (found,) = await receive(receiver)
        assert (str(found), found.delivery_count, found.application_properties) == ("one", 0, {b"kind": b"x"})
        await receiver.complete_message(found)
        assert await receive(receiver, within=0.3) == []


async def test_messages_come_in_the_order_in_which_they_were_sent(client: ServiceBusClient) -> None:
    await send(client, *(message(str(n)) for n in range(20)))
    async with client.get_queue_receiver(QUEUE) as receiver:
        assert [str(m) for m in await receive(receiver, 20)] == [str(n) for n in range(20)]


async def test_an_abandoned_message_comes_back_at_once_and_dies_of_its_delivery_count(client: ServiceBusClient) -> None:
    await send(client, message("poison"))
    most = next(q.max_delivery_count for q in topology().queues if q.name == QUEUE)
    async with client.get_queue_receiver(QUEUE) as receiver:
        for count in range(most):
            (found,) = await receive(receiver)
            assert found.delivery_count == count
            await receiver.abandon_message(found)
        assert await receive(receiver, within=0.3) == []
    async with client.get_queue_receiver(QUEUE, sub_queue=ServiceBusSubQueue.DEAD_LETTER) as dead:
        (found,) = await receive(dead)
        assert (str(found), found.dead_letter_reason) == ("poison", "MaxDeliveryCountExceeded")


async def test_a_dead_letter_carries_its_reason(client: ServiceBusClient) -> None:
    await send(client, message(application_properties={"kind": 5}))
    async with client.get_queue_receiver(QUEUE) as receiver:
        (found,) = await receive(receiver)
        await receiver.dead_letter_message(found, reason="bad", error_description="why")
    async with client.get_queue_receiver(QUEUE, sub_queue=ServiceBusSubQueue.DEAD_LETTER) as dead:
        (found,) = await receive(dead)
        assert (found.dead_letter_reason, found.dead_letter_error_description) == ("bad", "why")
        assert (found.application_properties or {})[b"kind"] == 5
        await dead.complete_message(found)


@pytest.mark.skipif(LOCK > 5, reason="waits for a lock to expire")
async def test_a_lock_that_expired_gives_the_message_to_another_and_is_lost(client: ServiceBusClient) -> None:
    await send(client, message())
    async with client.get_queue_receiver(QUEUE) as receiver, client.get_queue_receiver(QUEUE) as other:
        (first,) = await receive(receiver)
        (again,) = await receive(other, within=LOCK * 4)
        assert again.delivery_count == 1
        with pytest.raises(MessageLockLostError):
            await receiver.complete_message(first)
        await other.complete_message(again)
        assert await receive(other, within=LOCK * 1.5) == []


@pytest.mark.skipif(LOCK > 5, reason="waits for a lock to expire")
async def test_a_renewed_lock_holds(client: ServiceBusClient) -> None:
    await send(client, message())
    async with client.get_queue_receiver(QUEUE) as receiver, AutoLockRenewer() as renewer:
        (found,) = await receive(receiver)
        renewer.register(receiver, found, max_lock_renewal_duration=30)
        first = found.locked_until_utc
        async with client.get_queue_receiver(QUEUE) as other:
            assert await receive(other, within=LOCK * 2.5) == []
        assert first is not None
        assert found.locked_until_utc is not None
        assert found.locked_until_utc > first
        await receiver.complete_message(found)


async def test_a_repeated_message_id_is_dropped_and_another_is_not(client: ServiceBusClient) -> None:
    same = uuid4().hex
    await send(client, message("1", message_id=same), message("2", message_id=same))
    await send(client, message("3", message_id=same), message("4"))
    async with client.get_queue_receiver(QUEUE) as receiver:
        assert [str(m) for m in await receive(receiver, 4, within=0.5)] == ["1", "4"]


async def test_a_scheduled_message_comes_when_its_time_has_come(client: ServiceBusClient) -> None:
    due = datetime.now(UTC) + timedelta(seconds=3)
    await send(client, message("later", scheduled_enqueue_time_utc=due), message("now"))
    async with client.get_queue_receiver(QUEUE) as receiver:
        found = await receive(receiver, 2)
        assert [str(m) for m in found] == ["now", "later"]
        assert datetime.now(UTC) >= due


async def test_a_message_that_expires_is_dead(client: ServiceBusClient) -> None:
    await send(client, message("old", time_to_live=timedelta(seconds=1)))
    async with client.get_queue_receiver(QUEUE, sub_queue=ServiceBusSubQueue.DEAD_LETTER) as dead:
        (found,) = await receive(dead)
        assert found.dead_letter_reason == "TTLExpiredException"


async def test_receive_and_delete_needs_no_settling(client: ServiceBusClient) -> None:
    await send(client, message("once"))
    async with client.get_queue_receiver(QUEUE, receive_mode="receiveanddelete") as receiver:
        assert [str(m) for m in await receive(receiver)] == ["once"]
        assert await receive(receiver, within=0.3) == []


async def test_a_large_message_passes_and_a_too_large_one_does_not(client: ServiceBusClient) -> None:
    await send(client, message(b"x" * 200_000))
    async with client.get_queue_receiver(QUEUE) as receiver:
        (found,) = await receive(receiver)
        assert sum(len(part) for part in found.body) == 200_000
    with pytest.raises((MessageSizeExceededError, ValueError)):
        await send(client, message(b"x" * 1_100_000))


async def test_what_is_not_there_is_not_found(client: ServiceBusClient) -> None:
    with pytest.raises(ServiceBusError, match="entity"):
        async with client.get_queue_sender("no-such-queue") as sender:
            await sender.send_messages(message())


async def test_another_key_is_not_let_in(service_bus: str) -> None:
    wrong = service_bus.replace(KEY, "d3Jvbmc=")
    async with ServiceBusClient.from_connection_string(wrong, retry_total=0) as client:
        with pytest.raises(ServiceBusError):
            await send(client, message())


# ---- of the local broker alone


async def test_what_was_acknowledged_is_there_after_a_restart(tmp_path: Path) -> None:
    path, locks = tmp_path / "broker.db", []
    for round_ in range(2):
        broker = Broker(topology(), path, KEY, lock=1000)
        connection = bus_at(await broker.start("127.0.0.1", 0))
        async with ServiceBusClient.from_connection_string(connection) as client:
            if round_ == 0:
                due = datetime.now(UTC) + timedelta(seconds=1.5)
                await send(client, message("a", message_id="a"), message("b", scheduled_enqueue_time_utc=due))
            else:
                await send(client, message("again", message_id="a"))
                async with client.get_queue_receiver(QUEUE) as receiver:
                    locks = [str(m) for m in await receive(receiver, 2)]
        await broker.stop()
    assert locks == ["a", "b"]


async def _schedule(client: ServiceBusClient) -> None:
    async with client.get_queue_sender(QUEUE) as sender:
        await sender.schedule_messages(message(), datetime.now(UTC) + timedelta(hours=1))


async def _defer(client: ServiceBusClient) -> None:
    await send(client, message())
    async with client.get_queue_receiver(QUEUE) as receiver:
        (found,) = await receive(receiver)
        await receiver.defer_message(found)


async def _peek(client: ServiceBusClient) -> None:
    async with client.get_queue_receiver(QUEUE) as receiver:
        await receiver.peek_messages(1)


UNSUPPORTED: dict[str, Callable[[ServiceBusClient], Awaitable[None]]] = {
    "sessions": lambda client: send(client, message(session_id="s")),
    "schedule-message": _schedule,
    "deferring": _defer,
    "peek-message": _peek,
}


@pytest.mark.parametrize("what", UNSUPPORTED)
async def test_what_is_not_supported_is_refused_by_name(tmp_path: Path, what: str) -> None:
    broker = Broker(topology(), tmp_path / "broker.db", KEY)
    connection = bus_at(await broker.start("127.0.0.1", 0))
    async with ServiceBusClient.from_connection_string(connection, retry_total=0) as client:
        with pytest.raises(ServiceBusError, match=what):
            await UNSUPPORTED[what](client)
    await broker.stop()
