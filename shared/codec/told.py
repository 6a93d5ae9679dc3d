"""The shapes of what is answered over HTTP about notifications. Times are RFC 3339 in UTC, or by the wall clock."""

from typing import Any, NotRequired, TypedDict


class InboxItemAnswer(TypedDict):
    id: str
    notificationId: str
    kind: str
    urgency: str
    vehicleId: str | None
    at: str
    deliveredAt: str
    title: str
    body: str
    facts: dict[str, Any]
    readAt: str | None


class InboxAnswer(TypedDict):
    """`mark` is from where to wait for what comes next; after a wait there is no cursor."""

    items: list[InboxItemAnswer]
    cursor: str | None
    mark: str


class UnreadAnswer(TypedDict):
    unread: int


class AttemptAnswer(TypedDict):
    at: str
    endedAt: str | None
    outcome: str
    reason: str


class DeliveryAnswer(TypedDict):
    channel: str
    outcome: str
    reason: str
    notBefore: str | None
    attempts: list[AttemptAnswer]


class ItemTrail(TypedDict):
    """`recipient` is a person's id, `operators`, or an endpoint's id."""

    recipient: str
    plannedAt: str
    expiresAt: str | None
    deletedAt: str | None
    deliveries: list[DeliveryAnswer]


class NotificationAnswer(TypedDict):
    """`outcomes` counts deliveries by what became of them."""

    id: str
    kind: str
    at: str
    recipients: int
    outcomes: dict[str, int]


class NotificationsAnswer(TypedDict):
    items: list[NotificationAnswer]


class TrailAnswer(TypedDict):
    id: str
    kind: str
    vehicleId: str | None
    at: str
    items: list[ItemTrail]


QuietHours = TypedDict("QuietHours", {"from": str, "until": str})


class PreferencesSaid(TypedDict):
    locale: str | None
    zone: str | None
    quietHours: QuietHours | None
    digestAt: str | None
    channels: dict[str, dict[str, bool]]
    cap: NotRequired[int | None]


class PreferencesAnswer(TypedDict):
    """What was said, what holds, and the kinds that stay in the inbox though they were to be silenced: they concern
    safety."""

    said: PreferencesSaid
    holds: PreferencesSaid
    keptOn: list[str]


class ContactAnswer(TypedDict):
    email: str | None
    verified: bool
    pending: str | None


class Sent(TypedDict):
    """Of what to read the trail."""

    notificationId: str


class TemplateParts(TypedDict):
    kind: str
    channel: str
    locale: str
    parts: dict[str, str]


class VariableAnswer(TypedDict):
    name: str
    like: Any


class TemplateKind(TypedDict):
    kind: str
    urgency: str
    variables: list[VariableAnswer]


class TemplatesAnswer(TypedDict):
    """The brand's own, and what each kind's may show."""

    own: list[TemplateParts]
    kinds: list[TemplateKind]


class EndpointAnswer(TypedDict):
    """`secret` stands only in the answer to whoever made or rotated it; nothing is sent before it is `verified`."""

    id: str
    partner: str
    url: str
    kinds: list[str]
    enabled: bool
    verified: bool
    reason: str
    createdAt: str
    rotatedAt: str | None
    failingSince: str | None
    secret: NotRequired[str]


class EndpointsAnswer(TypedDict):
    items: list[EndpointAnswer]


class EventAnswer(TypedDict):
    id: str
    notificationId: str
    kind: str
    vehicleId: str | None
    at: str
    delivery: DeliveryAnswer


class EventsAnswer(TypedDict):
    items: list[EventAnswer]
    cursor: str | None


class DeadLetterAnswer(TypedDict):
    id: str
    notificationId: str
    kind: str
    vehicleId: str | None
    at: str
    recipient: str
    deliveries: list[DeliveryAnswer]


class DeadLettersAnswer(TypedDict):
    items: list[DeadLetterAnswer]
    cursor: str | None
