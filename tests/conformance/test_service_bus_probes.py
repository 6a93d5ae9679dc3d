"""Where stand-ins for Service Bus are known to differ from it: each probe answers as Azure does, or is refused by name.

`js/service_bus.mjs` asks the same through @azure/service-bus."""

import asyncio
import struct
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from azure.servicebus import ServiceBusSubQueue
from azure.servicebus.aio import ServiceBusClient, ServiceBusReceiver
from azure.servicebus.amqp import AmqpAnnotatedMessage, AmqpMessageHeader, AmqpMessageProperties
from azure.servicebus.exceptions import (
    MessageLockLostError,
    MessageSizeExceededError,
    MessagingEntityNotFoundError,
    ServiceBusAuthenticationError,
    ServiceBusError,
)

from tests.conformance.conftest import KEY, LOCK
from tests.conformance.test_service_bus import QUEUE, message, receive, send

DEAD = ServiceBusSubQueue.DEAD_LETTER


@pytest.fixture
async def client(service_bus: str) -> AsyncIterator[ServiceBusClient]:
    async with ServiceBusClient.from_connection_string(service_bus, retry_total=0) as client:
        yield client


async def one(receiver: ServiceBusReceiver) -> Any:
    (found,) = await receive(receiver)
    return found


async def test_a_message_without_an_id_is_given_one(client: ServiceBusClient) -> None:
    """`ServiceBusMessage` gives itself one."""
    subject = AmqpMessageProperties(subject="s")
    async with client.get_queue_sender(QUEUE) as sender:
        await sender.send_messages(AmqpAnnotatedMessage(data_body=b"a"))
        await sender.send_messages(AmqpAnnotatedMessage(data_body=b"b", properties=subject))
    async with client.get_queue_receiver(QUEUE) as receiver:
        found = await receive(receiver, 2)
    assert [(str(one), one.subject) for one in found] == [("a", None), ("b", "s")]
    assert len({one.message_id for one in found} - {None, ""}) == 2


def annotated() -> AmqpAnnotatedMessage:
    return AmqpAnnotatedMessage(
        data_body=b"x",
        header=AmqpMessageHeader(priority=7, time_to_live=60_000),
        properties=AmqpMessageProperties(message_id=uuid4().hex, subject="s", correlation_id="c", content_type="t"),
        application_properties={"text": "ü", "number": 1.5, "whole": 7, "yes": True, "bytes": b"\x00"},
    )


def as_sent(found: Any) -> bool:
    raw, sent = (
        found.raw_amqp_message,
        {b"text": "ü".encode(), b"number": 1.5, b"whole": 7, b"yes": True, b"bytes": b"\0"},
    )
    return (
        (raw.header.priority, raw.header.time_to_live) == (7, 60_000)
        and (found.subject, found.correlation_id, found.content_type) == ("s", "c", "t")
        and {name: found.application_properties.get(name) for name in sent} == sent
    )


async def test_what_a_sender_set_outlives_an_abandoning_a_dead_letter_and_a_lapse(client: ServiceBusClient) -> None:
    async with client.get_queue_sender(QUEUE) as sender:
        await sender.send_messages(annotated())
    async with client.get_queue_receiver(QUEUE) as receiver:
        found = await one(receiver)
        assert as_sent(found)
        await receiver.abandon_message(found)
        again = await one(receiver)
        assert as_sent(again)
        assert again.delivery_count == 1
        await receiver.dead_letter_message(again, reason="bad", error_description="why")
    async with client.get_queue_receiver(QUEUE, sub_queue=DEAD) as dead:
        found = await one(dead)
        assert as_sent(found)
        assert (found.dead_letter_reason, found.dead_letter_error_description) == ("bad", "why")


async def test_a_message_lives_no_longer_than_the_queue_says(client: ServiceBusClient) -> None:
    await send(client, message(time_to_live=timedelta(days=40)), message())
    async with client.get_queue_receiver(QUEUE) as receiver:
        assert [found.time_to_live for found in await receive(receiver, 2)] == [timedelta(days=7)] * 2


async def test_a_scheduled_message_says_for_when_it_was(client: ServiceBusClient) -> None:
    due = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=2)
    await send(client, message(scheduled_enqueue_time_utc=due))
    async with client.get_queue_receiver(QUEUE) as receiver:
        found = await one(receiver)
    assert found.scheduled_enqueue_time_utc == due
    assert found.enqueued_time_utc >= due


async def test_a_queue_that_is_not_there_is_not_found(client: ServiceBusClient) -> None:
    with pytest.raises(MessagingEntityNotFoundError):
        async with client.get_queue_receiver("no-such-queue") as receiver:
            await receiver.receive_messages(1)
    with pytest.raises(MessagingEntityNotFoundError):
        async with client.get_queue_sender("no-such-queue") as sender:
            await sender.send_messages(message())


@pytest.mark.parametrize("change", [(KEY, "d3Jvbmc="), ("SharedAccessKeyName=local", "SharedAccessKeyName=other")])
async def test_another_key_or_name_of_a_key_is_not_let_in(service_bus: str, change: tuple[str, str]) -> None:
    async with ServiceBusClient.from_connection_string(service_bus.replace(*change), retry_total=0) as stranger:
        with pytest.raises(ServiceBusAuthenticationError):
            await send(stranger, message())


async def test_a_message_has_at_most_what_the_tier_standard_takes(client: ServiceBusClient) -> None:
    async with client.get_queue_sender(QUEUE) as sender:
        assert (await sender.create_message_batch()).max_size_in_bytes == 256 * 1024
        with pytest.raises(MessageSizeExceededError):
            await sender.send_messages(message(b"x" * 300_000))
        await sender.send_messages(message(b"x" * 250_000))


@pytest.mark.skipif(LOCK > 5, reason="waits for a lock to expire")
async def test_a_lock_that_expired_is_not_renewed(client: ServiceBusClient) -> None:
    await send(client, message())
    async with client.get_queue_receiver(QUEUE) as receiver, client.get_queue_receiver(QUEUE) as other:
        first = await one(receiver)
        assert len(await receive(other, within=LOCK * 4)) == 1
        first._expiry = datetime.now(UTC) + timedelta(minutes=1)  # or else the SDK would not even ask
        with pytest.raises(MessageLockLostError):
            await receiver.renew_message_lock(first)


async def test_a_batch_is_taken_whole_or_refused_whole(client: ServiceBusClient) -> None:
    async with client.get_queue_sender(QUEUE) as sender:
        batch = await sender.create_message_batch()
        for body in (message("a"), message("b", session_id="s")):
            batch.add_message(body)
        with pytest.raises(ServiceBusError, match="sessions are not supported"):
            await sender.send_messages(batch)
    async with client.get_queue_receiver(QUEUE) as receiver:
        assert await receive(receiver, within=0.3) == []


async def test_nothing_is_sent_to_dead_letters(client: ServiceBusClient) -> None:
    with pytest.raises(ServiceBusError, match="nothing can be sent to a dead-letter queue"):
        async with client.get_queue_sender(f"{QUEUE}/$deadletterqueue") as sender:
            await sender.send_messages(message())


AMQP = b"AMQP\x00\x01\x00\x00"
MALFORMED = {
    "HTTP": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "a frame without end": AMQP + b"\xff\xff\xff\xff\x02\x00\x00\x00",
    "a frame of no length": AMQP + bytes(8),
    "a frame of no type": AMQP + struct.pack(">IBBH", 12, 2, 0, 0) + b"\x00\x53\x10\x99",
    "a frame that is no performative": AMQP + struct.pack(">IBBH", 9, 2, 0, 0) + b"\x40",
}


@pytest.mark.parametrize("what", MALFORMED)
async def test_what_is_no_amqp_ends_that_connection_alone(
    service_bus: str, client: ServiceBusClient, what: str
) -> None:
    at = urlsplit(service_bus.split(";")[0].removeprefix("Endpoint="))
    async with client.get_queue_receiver(QUEUE) as receiver:
        reader, writer = await asyncio.open_connection(at.hostname, at.port)
        writer.write(MALFORMED[what])
        await asyncio.wait_for(reader.read(), 5)  # until the broker closes
        writer.close()
        await send(client, message("alive"))
        assert str(await one(receiver)) == "alive"
