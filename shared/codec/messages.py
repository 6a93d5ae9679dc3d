"""What travels on our own queues: versioned JSON in which everything that matters stands in the body."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple

import msgspec

from shared.codec import documents
from shared.domain.inbox import Turn
from shared.domain.kinds import Channel
from shared.domain.notification import Notification
from shared.domain.person import PersonId
from shared.errors import Code, Malformed

SCHEMA = 2
MOST_TRIES = 1_000
"""An attempt's number, at most: more than any message is tried."""

type _Text = Annotated[str, msgspec.Meta(max_length=512)]
type _Moment = Annotated[int, msgspec.Meta(ge=0, le=253_402_300_799_999 - 400 * 86_400_000)]
"""Epoch ms, so early that what lives for a year from then on ends in a year of four digits."""
type _Whole = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
type _Scalar = (
    bool
    | Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
    | float
    | Annotated[str, msgspec.Meta(max_length=2_000)]
)


class _Notification(msgspec.Struct):
    """The forms of what `documents.notification` reads."""

    id: _Text
    kind: _Text
    vehicleId: _Text  # noqa: N815
    brand: _Text
    at: _Moment
    facts: dict[_Text, _Scalar | list[_Scalar]]
    traceparent: _Text | None
    audience: list[_Text] = []
    named: list[_Text] = []
    urgency: _Text = ""
    expiresAt: _Moment | None = None  # noqa: N815
    collapse: _Text | None = None


class _Turn(msgspec.Struct):
    brand: _Text
    userId: _Text  # noqa: N815
    item: _Text
    channel: _Text
    generation: _Whole
    number: _Whole
    traceparent: _Text | None


class _Wake(msgspec.Struct):
    vehicleId: _Text = ""  # noqa: N815
    userId: _Text = ""  # noqa: N815


class _Envelope[C](msgspec.Struct):
    schema: int
    attempt: Annotated[int, msgspec.Meta(ge=0, le=MOST_TRIES)]
    content: C


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
    return _decode(body, _Envelope[_Notification], documents.notification)


def decode_turn(body: bytes) -> Message[Turn]:
    """Raises Malformed(malformed_message)."""
    return _decode(body, _Envelope[_Turn], _turn)


def decode_wake(body: bytes) -> Message[Wake]:
    """Whose time has come. Raises Malformed(malformed_message)."""
    return _decode(body, _Envelope[_Wake], _wake)


def belongs_to(body: bytes) -> str | None:
    """Whose data a message of ours holds, as far as that can be read: `@brand/vehicle`, without a vehicle of people."""
    try:
        content = json.loads(body)["content"]
        brand, vehicle = content["brand"], content.get("vehicleId", "")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return f"@{brand}/{vehicle}" if isinstance(brand, str) and isinstance(vehicle, str) else None


def _wake(content: dict[str, Any]) -> Wake:
    person = "userId" in content
    return Wake(content["userId" if person else "vehicleId"], person)


def _turn(content: dict[str, Any]) -> Turn:
    recipient, numbers = PersonId(content["brand"], content["userId"]), (content["generation"], content["number"])
    return Turn(recipient, content["item"], Channel(content["channel"]), *numbers, content["traceparent"])


def _encode(content: dict[str, Any], attempt: int) -> str:
    return json.dumps({"schema": SCHEMA, "attempt": attempt, "content": content}, separators=(",", ":"))


def _decode[T](body: bytes, form: type, read: Callable[[dict[str, Any]], T]) -> Message[T]:
    """Read once it has its form, part by part; numbers and texts beyond what the product ever writes are none."""
    try:
        message: _Envelope[Any] = msgspec.json.decode(body, type=form)
        if message.schema != SCHEMA:
            raise ValueError(f"schema {message.schema}")
        return Message(read(msgspec.json.decode(body)["content"]), message.attempt)
    except (msgspec.MsgspecError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise Malformed(repr(error)[:200], Code.MALFORMED_MESSAGE) from None
