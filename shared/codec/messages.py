"""What travels on our own queues: versioned JSON in which everything that matters stands in the body."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec

from shared.codec import documents
from shared.codec.wire import SCHEMA, Envelope, NotificationMessage, PersonWake, TurnMessage, VehicleWake
from shared.domain.inbox import Turn
from shared.domain.kinds import Channel
from shared.domain.notification import Notification
from shared.domain.person import PersonId
from shared.errors import Code, Malformed, brief

LARGEST = 256 * 1024
"""Bytes of a message: what the tier Standard takes."""


@dataclass(frozen=True, slots=True)
class Message[T]:
    """What to do, and how often it was tried before."""

    content: T
    attempt: int = 0


class Wake(NamedTuple):
    """A vehicle or a person."""

    id: str
    person: bool


def notification_message_id(notification: Notification, attempt: int, replay: int) -> str:
    """One of each attempt, so that a retry is never taken for a repeat."""
    return f"{notification.id}:{attempt}" + (f":{replay}" if replay else "")


def turn_message_id(turn: Turn, attempt: int) -> str:
    """One of each attempt at each turn."""
    return f"{turn.id}:{attempt}"


def encode_notification(notification: Notification, attempt: int) -> str:
    return _encode(documents.notification_document(notification), attempt)


def encode_turn(turn: Turn, attempt: int) -> str:
    """It names, and does not say, what is delivered: that is read when it is."""
    whose: dict[str, Any] = {"brand": turn.recipient.brand, "userId": turn.recipient.user, "item": turn.item}
    whose |= {"channel": turn.channel, "generation": turn.generation, "number": turn.number}
    return _encode(whose | {"traceparent": turn.traceparent}, attempt)


def encode_wake(id: str, due: int, person: bool = False) -> str:
    return _encode({"userId" if person else "vehicleId": id, "due": due}, 0)


def decode_notification(body: bytes) -> Message[Notification]:
    """Raises Malformed(malformed_message)."""
    return _decode(body, NotificationMessage, documents.notification)


def decode_turn(body: bytes) -> Message[Turn]:
    """Raises Malformed(malformed_message)."""
    return _decode(body, TurnMessage, _turn)


def decode_wake(body: bytes) -> Message[Wake]:
    """Whose time has come. Raises Malformed(malformed_message)."""
    return _decode(body, PersonWake if b'"userId"' in body else VehicleWake, _wake)


def belongs_to(body: bytes) -> str | None:
    """Whose data a message of ours holds, as far as that can be read: `@brand/vehicle`, without a vehicle of people."""
    try:
        content = json.loads(body)["content"]
        return f"@{content['brand']}/{content.get('vehicleId', '')}"
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _wake(content: dict[str, Any]) -> Wake:
    person = "userId" in content
    return Wake(str(content["userId" if person else "vehicleId"]), person)


def _turn(content: dict[str, Any]) -> Turn:
    recipient = PersonId(str(content["brand"]), str(content["userId"]))
    numbers = int(content["generation"]), int(content["number"])
    return Turn(recipient, str(content["item"]), Channel(content["channel"]), *numbers, content["traceparent"])


def _encode(content: dict[str, Any], attempt: int) -> str:
    return json.dumps({"schema": SCHEMA, "attempt": attempt, "content": content}, separators=(",", ":"))


def _decode[T](body: bytes, shape: type[msgspec.Struct], read: Callable[[dict[str, Any]], T]) -> Message[T]:
    """Read only what has its shape in every part: what is wrong is parked, and never reaches whoever acts on it."""
    if len(body) > LARGEST:
        raise Malformed(f"{len(body)} bytes, more than {LARGEST}", Code.MALFORMED_MESSAGE)
    try:
        message = msgspec.json.decode(body, type=Envelope)
        msgspec.convert(message.content, shape)
        return Message(read(message.content), message.attempt)
    except msgspec.MsgspecError as error:
        raise Malformed(_without_values(error), Code.MALFORMED_MESSAGE) from None
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise Malformed(brief(error), Code.MALFORMED_MESSAGE) from None


def _without_values(error: msgspec.MsgspecError) -> str:
    """What is wrong and where, without what the message says."""
    return re.sub(r"'[^']*'|`[^`$]*`", "?", str(error))[:200]
