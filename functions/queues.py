"""Service Bus in: one message, tried until it is done, scheduled again, or parked."""

import hashlib
import logging
from collections.abc import Awaitable, Callable

import azure.functions as func

from functions.http import where
from shared.bootstrap import world
from shared.codec.messages import Message, belongs_to, decode_notification, decode_turn
from shared.domain.parked import Parked
from shared.errors import CloudError, Code, Contradiction, Malformed, Unavailable, brief
from shared.use_cases.attempts import LONGEST_REST, attempted
from shared.use_cases.personal_data import was_forgotten

log = logging.getLogger(__name__)


async def consume[T](
    queue: str,
    message: func.ServiceBusMessage,
    decode: Callable[[bytes], Message[T]],
    act: Callable[[T], Awaitable[object]],
    again: Callable[[T, int, float], Awaitable[None]],
) -> None:
    """Act on what the body says; nothing is taken from the trigger's metadata, which a body can forge.

    A defect of ours is tried again later like an outage, and parked in the end: nothing becomes a dead letter while
    the queue and the parking place can be reached."""
    body = message.get_body()
    try:
        received = decode(body)
    except Malformed as error:
        await _park(queue, body, error)
        return

    async def act_or_say(content: T) -> None:
        try:
            await act(content)
        except CloudError:
            raise
        except Exception as error:
            log.error("%s: %s", queue, where(error))  # where, and nothing of what it was about
            raise Unavailable(brief(error), Code.INTERNAL) from None

    given_up = await attempted(received.content, received.attempt, act_or_say, again)
    if given_up:
        try:
            await _park(queue, body, given_up)
        except Exception as error:
            log.error("%s: not parked: %s", queue, where(error))
            await again(received.content, received.attempt + 1, LONGEST_REST)


async def _park(queue: str, body: bytes, error: CloudError) -> None:
    key = hashlib.sha256(body).hexdigest()[:32]
    parked = Parked(queue, key, world().clock(), belongs_to(body) or queue, error.code.value, error.detail, body)
    try:
        if not await _is_of_somebody_gone(parked):
            await world().parking.park(parked)
    except CloudError:
        raise
    except Exception as defect:
        # whoever runs us prints what is raised: it comes again, and says nothing of what it was about
        raise RuntimeError(f"{queue}: {where(defect)}") from None


async def _is_of_somebody_gone(parked: Parked) -> bool:
    """Of a vehicle whose profile a defect keeps from being read it counts as no: an erasure finds what is parked."""
    try:
        return await was_forgotten(parked, world().profiles)
    except CloudError:
        raise
    except Exception as defect:
        log.error("%s: %s", parked.source, where(defect))
        return False


async def resend(queue: str, body: bytes) -> None:
    """Hand a message that was parked over again, as if it had not been tried yet. Raises Malformed."""
    if queue == "notifications":
        await world().notifications.send(decode_notification(body).content, replay=world().clock())
    elif queue == "deliveries":
        turn = decode_turn(body).content
        await world().deliveries.send([turn._replace(number=world().clock())])
    else:
        raise Contradiction(f"what comes from {queue} is not replayed: it comes again by itself", Code.NOT_REPLAYABLE)
