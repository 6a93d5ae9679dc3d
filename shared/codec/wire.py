"""What a message on our own queues may look like, as msgspec types: what passes can be acted on."""

from typing import Annotated, Any, Literal

import msgspec

from shared.domain.kinds import Channel, Urgency
from shared.domain.notification import Audience

SCHEMA = 2
_Text = Annotated[str, msgspec.Meta(max_length=1_000, pattern=r"^[^\x00-\x1f\x7f]*\Z")]
_Id = Annotated[str, msgspec.Meta(min_length=1, max_length=1_023, pattern=r"^[^/\\?#\x00-\x1f\x7f]+\Z")]
"""What Cosmos DB takes as the id of a document."""
_Key = Annotated[str, msgspec.Meta(min_length=1, max_length=255, pattern=r"^[^\x00-\x1f\x7f]+\Z")]
_Time = Annotated[int, msgspec.Meta(ge=-1, le=10**13)]
"""Epoch milliseconds, up to the year 2286."""
_Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
_Scalar = (
    bool
    | Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
    | float
    | Annotated[str, msgspec.Meta(max_length=200_000)]
)
_Fact = _Scalar | Annotated[list[_Scalar], msgspec.Meta(max_length=5_000)] | None


class NotificationMessage(msgspec.Struct):
    """The content of a message on `notifications`."""

    id: _Id
    kind: _Key
    vehicleId: Annotated[str, msgspec.Meta(max_length=255, pattern=r"^[^/\\?#\x00-\x1f\x7f]*\Z")]  # noqa: N815 (as it is on the wire)
    brand: _Id
    at: _Time
    facts: Annotated[dict[_Text, _Fact], msgspec.Meta(max_length=1_000)]
    traceparent: str | None
    audience: list[Audience] = []
    named: Annotated[list[_Key], msgspec.Meta(max_length=1_000)] = []
    urgency: Urgency = Urgency.NORMAL
    expiresAt: _Time | None = None  # noqa: N815
    collapse: _Text | None = None


class TurnMessage(msgspec.Struct):
    """The content of a message on `deliveries`."""

    brand: _Id
    userId: _Key  # noqa: N815
    item: _Id
    channel: Channel
    generation: _Count
    number: _Count
    traceparent: str | None


class VehicleWake(msgspec.Struct):
    """The content of a message on `wake` that is about a vehicle."""

    vehicleId: _Id  # noqa: N815


class PersonWake(msgspec.Struct):
    """The content of a message on `wake` that is about a person: `brand:user`."""

    userId: Annotated[str, msgspec.Meta(max_length=255, pattern=r"^[^:\x00-\x1f\x7f]+:[^\x00-\x1f\x7f]+\Z")]  # noqa: N815


class Envelope(msgspec.Struct):
    """What is around every content."""

    schema: Literal[2]
    attempt: Annotated[int, msgspec.Meta(ge=0, le=1_000)]
    content: dict[str, Any]
