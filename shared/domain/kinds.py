"""The kinds of notifications, and what there is to say of each: a closed set. Rules raise those of `RULE_KINDS`, and
only the system raises the others."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from shared.domain.paths import LATITUDE, LONGITUDE, STATE_OF_CHARGE, SYSTEM
from shared.domain.telemetry import Value

HOUR, DAY = 3_600_000, 86_400_000


class Urgency(StrEnum):
    """Told at any hour; told outside quiet hours; told once a day, together."""

    SAFETY = "safety"
    NORMAL = "normal"
    DIGEST = "digest"


class Channel(StrEnum):
    """How something reaches people, or a partner's system (webhook)."""

    INBOX = "inbox"
    EMAIL = "email"
    PUSH = "push"
    WEBHOOK = "webhook"


@dataclass(frozen=True, slots=True)
class Kind:
    """Its urgency; for how many milliseconds after the fact it is worth telling; whether a later one of the same
    vehicle takes the place of one that still waits; its variables in templates, each with the fact that it shows and
    what that is like; and over which channels people are told who never said."""

    urgency: Urgency = Urgency.NORMAL
    lives: int = DAY
    collapses: bool = False
    variables: "Variables" = field(default_factory=dict)
    channels: frozenset[Channel] = frozenset({Channel.INBOX, Channel.PUSH})


_QUIETLY = frozenset({Channel.INBOX})
_WIDELY = frozenset({Channel.INBOX, Channel.PUSH, Channel.EMAIL})
type Variables = Mapping[str, tuple[str, Value]]
"""By name: the fact that it shows, and what that is like."""

_CHARGE: Variables = {"charge": (STATE_OF_CHARGE, 9.5)}
_OVER: Variables = {"rule": ("rule", "battery_low"), "since": ("since", 1_795_336_200_000)}
_CODE: Variables = {"code": ("code", "P0420"), "text": ("text", "Catalyst efficiency below threshold")}
_FENCE: Variables = {"fence": ("rule", "school"), "latitude": (LATITUDE, 48.1), "longitude": (LONGITUDE, 11.5)}
_RULE_NAME: Variables = {"name": ("name", "tyre_low"), "condition": ("condition", "threshold")}
_RULE: Variables = {**_RULE_NAME, "rule": _OVER["rule"], "value": ("value", 1.8), "code": _CODE["code"]}
_SALE: Variables = {"plan": ("plan", "comfort"), "subscription": ("subscription", "sub-1"), "days": ("days", 7)}
_ROLE: Variables = {"role": ("role", "guest")}


def _sale(lives: int = 7 * DAY) -> Kind:
    return Kind(lives=lives, variables=_SALE, channels=_WIDELY)


def _over() -> Kind:
    return Kind(Urgency.DIGEST, variables=_OVER, channels=_QUIETLY)


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "battery_low": Kind(collapses=True, variables=_CHARGE),
        "battery_low_over": _over(),
        "charging_complete": Kind(lives=12 * HOUR, collapses=True, variables=_CHARGE),
        "charging_complete_over": _over(),
        "trouble_code_opened": Kind(lives=3 * DAY, variables=_CODE, channels=_WIDELY),
        "trouble_code_closed": Kind(Urgency.DIGEST, 3 * DAY, variables={**_CODE, **_OVER}, channels=_QUIETLY),
        "moving_while_off": Kind(Urgency.SAFETY, variables={"system": (SYSTEM, "LOCK")}, channels=_WIDELY),
        "moving_while_off_over": _over(),
        "left_open": Kind(lives=12 * HOUR, collapses=True, variables={"open": ("open", ["Vehicle.Body.Trunk"])}),
        "left_open_over": _over(),
        "silent": Kind(lives=3 * DAY, collapses=True, variables={"since": ("silentSince", 1_795_336_200_000)}),
        "silent_over": _over(),
        "geofence_entered": Kind(lives=12 * HOUR, variables=_FENCE),
        "notifications_limited": Kind(variables={"minute": ("minute", 30), "day": ("day", 300)}),
        "geofence_left": Kind(lives=12 * HOUR, variables={**_OVER, "fence": _FENCE["fence"]}),
        "rule_triggered": Kind(variables=_RULE),
        "rule_triggered_over": Kind(Urgency.DIGEST, variables={**_RULE_NAME, **_OVER}, channels=_QUIETLY),
        "subscription_ending": _sale(),
        "subscription_unpaid": _sale(),
        "subscription_paused": _sale(),
        "subscription_ended": _sale(30 * DAY),
        "payment_failed": Kind(lives=7 * DAY, variables={**_SALE, "term": ("term", 2)}, channels=_WIDELY),
        "access_granted": Kind(lives=30 * DAY, variables=_ROLE, channels=_WIDELY),
        "access_ended": Kind(lives=30 * DAY, variables=_ROLE, channels=_WIDELY),
        "vehicle_claimed": Kind(lives=30 * DAY, variables=_ROLE, channels=_WIDELY),
        "vehicle_handed_over": Kind(lives=30 * DAY, channels=_WIDELY),
        "webhook_disabled": Kind(
            lives=30 * DAY,
            variables={
                "endpoint": ("endpoint", "whe-1"),
                "partner": ("partner", "partner-1"),
                "reason": ("reason", "410"),
            },
            channels=_QUIETLY,
        ),
        "template_failed": Kind(
            lives=30 * DAY,
            variables={
                "template": ("template", "battery_low"),
                "channel": ("channel", "email"),
                "language": ("language", "de"),
            },
            channels=_QUIETLY,
        ),
        "webhook_verification": Kind(lives=7 * DAY, channels=frozenset()),
        "contact_verification": Kind(Urgency.SAFETY, HOUR, channels=frozenset({Channel.EMAIL})),
        "digest": Kind(lives=3 * DAY, variables={"count": ("count", 3)}, channels=frozenset({Channel.EMAIL})),
        "test": Kind(lives=HOUR, channels=_WIDELY),
    }
)
OURS = frozenset({"webhook_verification", "contact_verification", "digest", "test"})
"""Kinds that nobody has preferences for: they were asked for, or gather what was."""


RULE, RULE_OVER = "rule_triggered", "rule_triggered_over"
"""What all rules of vehicles raise, and those of brands that have no kind of their own; their names are facts."""
CONDITION_KINDS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "trouble_code": ("trouble_code_opened", "trouble_code_closed"),
        "charging_complete": ("charging_complete", "charging_complete_over"),
        "moving_while_off": ("moving_while_off", "moving_while_off_over"),
        "left_open": ("left_open", "left_open_over"),
        "silent": ("silent", "silent_over"),
        "geofence": ("geofence_entered", "geofence_left"),
    }
)
"""By condition, what a brand's rule raises when it begins to hold, and when it is over."""
THRESHOLD_KINDS = frozenset({"battery_low"})
"""Names of a brand's threshold that are kinds."""
RULE_KINDS = frozenset(
    {RULE, RULE_OVER}
    | {kind for both in CONDITION_KINDS.values() for kind in both}
    | {kind for name in THRESHOLD_KINDS for kind in (name, f"{name}_over")}
)
"""All that rules raise."""


def kind_of(name: str) -> Kind:
    """Of a name that is no kind: of what a rule tells."""
    return KINDS.get(name, KINDS[RULE])


def known_as(kind: str, facts: Mapping[str, Value]) -> tuple[str, ...]:
    """Under which names preferences and webhooks' filters speak of it, the most exact first.

    Of a rule also the kind of its condition, and of a brand's rule its name, as they were before `rule_triggered`."""
    if kind not in (RULE, RULE_OVER):
        return (kind,)
    conditions = CONDITION_KINDS.get(str(facts.get("condition")), ())[kind == RULE_OVER :][:1]
    name = f"{facts.get('name')}_over" if kind == RULE_OVER else str(facts.get("name"))
    brands = () if facts.get("own", True) else (name,)
    return (kind, *brands, *conditions)


def shown(name: str, facts: Mapping[str, Value]) -> dict[str, Value | None]:
    """What templates of a kind may show: every variable, None for a fact that is not known."""
    return {variable: facts.get(fact) for variable, (fact, _) in kind_of(name).variables.items()}
