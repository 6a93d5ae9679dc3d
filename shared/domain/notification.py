"""Something a person should be told, once; and its way to each person."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from uuid import NAMESPACE_URL, uuid5

from shared.domain.telemetry import Value


class Audience(StrEnum):
    """Who is told: everyone with access to the vehicle, its primary user, or people by name."""

    USERS = "users"
    PRIMARY = "primary"
    NAMED = "named"


@dataclass(frozen=True, slots=True)
class Notification:
    """A fact worth telling. `at` is when it came about (epoch ms); `id` follows from the fact itself."""

    id: str
    kind: str
    vehicle_id: str
    brand: str
    at: int
    facts: Mapping[str, Value]
    traceparent: str | None = None
    audience: Audience = Audience.USERS
    named: tuple[str, ...] = ()

    @classmethod
    def of_fact(
        cls,
        fact: str,
        kind: str,
        vehicle_id: str,
        brand: str,
        at: int,
        facts: Mapping[str, Value],
        traceparent: str | None,
        audience: Audience = Audience.USERS,
        named: tuple[str, ...] = (),
    ) -> "Notification":
        """One fact about a vehicle is told once, however often its cause is seen."""
        id = str(uuid5(NAMESPACE_URL, f"vehicles/{vehicle_id}/{fact}"))
        return cls(id, kind, vehicle_id, brand, at, facts, traceparent, audience, named)


@dataclass(frozen=True, slots=True)
class Delivery:
    """One chain of attempts to tell one person over one channel."""

    id: str
    user_id: str
    channel: str
    notification: Notification


@dataclass(frozen=True, slots=True)
class InboxItem:
    """What a person finds in the inbox. `delivered_at` is epoch ms."""

    delivery: Delivery
    delivered_at: int


def plan(notification: Notification, audience: Iterable[str]) -> list[Delivery]:
    """One delivery a person, with an id that the same notification always gives. Nobody learns who else is told."""
    told = replace(notification, named=())
    return [
        Delivery(str(uuid5(NAMESPACE_URL, f"{notification.id}/{user}/inbox")), user, "inbox", told)
        for user in sorted(set(audience))
    ]
