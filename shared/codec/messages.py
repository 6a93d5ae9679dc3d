"""What travels on our own queues: versioned JSON in which everything that matters stands in the body."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from shared.codec import documents
from shared.domain.notification import Delivery, Notification
from shared.errors import Code, Malformed

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Message[T]:
    """What to do, and how often it was tried before."""

    content: T
    attempt: int = 0


class Wake(NamedTuple):
    """A vehicle or a person."""

    id: str
    person: bool


def encode_notification(notification: Notification, attempt: int) -> str:
    return _encode(documents.notification_document(notification), attempt)


def encode_delivery(delivery: Delivery, attempt: int) -> str:
    return _encode(documents.delivery_document(delivery), attempt)


def encode_wake(id: str, due: int, person: bool = False) -> str:
    return _encode({"userId" if person else "vehicleId": id, "due": due}, 0)


def decode_notification(body: bytes) -> Message[Notification]:
    """Raises Malformed(malformed_message)."""
    return _decode(body, documents.notification)


def decode_delivery(body: bytes) -> Message[Delivery]:
    """Raises Malformed(malformed_message)."""
    return _decode(body, documents.delivery)


def decode_wake(body: bytes) -> Message[Wake]:
    """Whose time has come. Raises Malformed(malformed_message)."""
    return _decode(body, _wake)


def _wake(content: dict[str, Any]) -> Wake:
    person = "userId" in content
    return Wake(str(content["userId" if person else "vehicleId"]), person)


def _encode(content: dict[str, Any], attempt: int) -> str:
    return json.dumps({"schema": SCHEMA, "attempt": attempt, "content": content}, separators=(",", ":"))


def _decode[T](body: bytes, read: Callable[[dict[str, Any]], T]) -> Message[T]:
    try:
        message = json.loads(body)
        if message["schema"] != SCHEMA:
            raise ValueError(f"schema {message['schema']!r}")
        return Message(read(message["content"]), int(message["attempt"]))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise Malformed(repr(error)[:200], Code.MALFORMED_MESSAGE) from None
