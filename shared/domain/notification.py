"""Something that someone should be told, once."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from uuid import NAMESPACE_URL, uuid5

from shared.domain.kinds import KINDS, RULE, RULE_KINDS, RULE_OVER, Urgency, known_as
from shared.domain.telemetry import Value


class Audience(StrEnum):
    """Who is told: everyone with access to the vehicle, its primary user, people by name, the brand's operators,
    partners that the owner agreed to."""

    USERS = "users"
    PRIMARY = "primary"
    NAMED = "named"
    OPERATORS = "operators"
    PARTNERS = "partners"


COMMON = frozenset({Audience.USERS, Audience.PARTNERS})
"""Who is told of what a vehicle's rules find."""


@dataclass(frozen=True, slots=True)
class Notification:
    """A fact worth telling. `at` is when it came about, `expires_at` until when it is worth telling (epoch ms); `id`
    follows from the fact itself; of those that wait with one `collapse` key the latest is told."""

    id: str
    kind: str
    vehicle_id: str
    brand: str
    at: int
    facts: Mapping[str, Value]
    traceparent: str | None = None
    audience: frozenset[Audience] = COMMON
    named: tuple[str, ...] = ()
    urgency: Urgency = Urgency.NORMAL
    expires_at: int | None = None
    collapse: str | None = None

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
        audience: frozenset[Audience] = COMMON,
        named: tuple[str, ...] = (),
    ) -> "Notification":
        """One fact about a vehicle is told once, however often its cause is seen; the rest follows from its kind, which
        is one of `KINDS`."""
        id, known = str(uuid5(NAMESPACE_URL, f"vehicles/{vehicle_id}/{fact}")), KINDS[kind]
        collapse = f"{vehicle_id}/{kind}" if known.collapses else None
        told = id, kind, vehicle_id, brand, at, facts, traceparent, audience, named
        return cls(*told, known.urgency, at + known.lives, collapse)

    @property
    def names(self) -> tuple[str, ...]:
        """Under which preferences and filters speak of it, the most exact first."""
        return known_as(self.kind, self.facts)

    def expired(self, now: int) -> bool:
        return self.expires_at is not None and now >= self.expires_at


def of_closed_kind(told: Notification) -> Notification:
    """As it is read from where it was stored before kinds were a closed set.

    A rule could tell under any name then, that of a system's kind too: that is `rule_triggered` of this name."""
    if told.kind in (RULE_KINDS if told.audience == COMMON else KINDS):
        return told
    name, over = told.kind.removesuffix("_over"), told.kind.endswith("_over")
    facts = {"rule": name, "condition": "threshold", **told.facts, "name": name, "own": True}
    kind = RULE_OVER if over else RULE
    return replace(told, kind=kind, facts=facts, urgency=KINDS[kind].urgency, collapse=None)
