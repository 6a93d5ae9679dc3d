"""Service Bus in: one message, tried until it is done, scheduled again, or parked."""

import hashlib
from collections.abc import Awaitable, Callable

import azure.functions as func

from functions.http import now_ms
from shared.bootstrap import world
from shared.codec.messages import Message
from shared.domain.parked import Parked
from shared.errors import CloudError, Malformed
from shared.use_cases.attempts import attempted


async def consume[T](
    queue: str,
    message: func.ServiceBusMessage,
    decode: Callable[[bytes], Message[T]],
    act: Callable[[T], Awaitable[object]],
    again: Callable[[T, int, float], Awaitable[None]],
) -> None:
    """Act on what the body says; nothing is taken from the trigger's metadata, which a body can forge."""
    body = message.get_body()
    try:
        received = decode(body)
    except Malformed as error:
        await _park(queue, body, error)
        return
    if given_up := await attempted(received.content, received.attempt, act, again):
        await _park(queue, body, given_up)


async def _park(queue: str, body: bytes, error: CloudError) -> None:
    key = hashlib.sha256(body).hexdigest()[:32]
    await world().parking.park(Parked(queue, key, now_ms(), queue, error.code.value, error.detail, body))
