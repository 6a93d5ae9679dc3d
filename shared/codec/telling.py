"""What is asked and answered over HTTP about notifications."""

import base64
import binascii
import json
from dataclasses import replace
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, StringConstraints

from shared.codec import told
from shared.codec.answers import moment
from shared.codec.bodies import Body, Id
from shared.domain.inbox import OPERATORS, Delivery, Item, Mark, endpoint_of
from shared.domain.kinds import KINDS, OURS, Channel
from shared.domain.person import Contact
from shared.domain.preferences import KINDS_SAID, Preferences, Quiet
from shared.domain.webhooks import Endpoint
from shared.domain.wording import Key, Template, Templates, variables
from shared.errors import Code, Malformed, NotFound

type WallClock = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
type KindName = Annotated[str, StringConstraints(pattern=r"^(\*|[A-Za-z0-9][A-Za-z0-9._@-]{0,63})$")]
type Email = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@([A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,63}$")
]
type Part = Annotated[str, StringConstraints(max_length=20_000)]


class QuietBody(Body):
    """By the wall clock, over midnight if the end is earlier; from one time to the same is never."""

    from_: Annotated[WallClock, Field(alias="from")]
    until: WallClock


class ChannelsBody(Body):
    inbox: bool | None = None
    email: bool | None = None
    push: bool | None = None

    def said(self) -> dict[Channel, bool]:
        found = {Channel.INBOX: self.inbox, Channel.EMAIL: self.email, Channel.PUSH: self.push}
        return {channel: on for channel, on in found.items() if on is not None}


class PutPreferences(Body):
    """How somebody wants to be told; what is left out is as the brand says. `channels` by kind, `*` for all others."""

    locale: Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2})?$")] | None = None
    zone: Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_+/-]{0,63}$")] | None = None
    quiet_hours: QuietBody | None = None
    digest_at: WallClock | None = None
    channels: Annotated[dict[KindName, ChannelsBody], Field(max_length=KINDS_SAID)] = {}

    def preferences(self) -> Preferences:
        """Raises Malformed for a zone that is none."""
        if self.zone is not None:
            try:
                ZoneInfo(self.zone)
            except (ZoneInfoNotFoundError, ValueError, OSError):
                raise Malformed("zone: one of the IANA time zones, as Europe/Vienna") from None
        hours = self.quiet_hours
        quiet = Quiet(_minute(hours.from_), _minute(hours.until)) if hours else None
        digest = None if self.digest_at is None else _minute(self.digest_at)
        channels = {kind: said.said() for kind, said in self.channels.items()}
        return Preferences(self.locale, self.zone, quiet, digest, channels)


class PutBrandPreferences(PutPreferences):
    """How people are told who don't say, and how often an hour of one kind before the rest waits for the digest."""

    cap: Annotated[int, Field(ge=1, le=1000)] | None = None

    def preferences(self) -> Preferences:
        return replace(super().preferences(), cap=self.cap)


class PutContact(Body):
    """Where mail goes, or null for nowhere; with the code that was mailed there, that it is the caller's."""

    email: Email | None
    code: Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z]{4,64}$")] | None = None


class PutTemplate(Body):
    """The source of each part: `title` and `body`, of e-mail `subject`, `text` and `html`."""

    parts: Annotated[dict[Annotated[str, Field(max_length=20)], Part], Field(min_length=1, max_length=3)]


class PreviewTemplate(Body):
    """A template to look at before it is published; without parts what is shipped."""

    kind: Id
    channel: Id
    locale: Id
    parts: Annotated[dict[Annotated[str, Field(max_length=20)], Part], Field(min_length=1, max_length=3)] | None = None


class MakeEndpoint(Body):
    """Where a partner's system listens, and of which kinds it wants to hear; of all if none is named."""

    url: Annotated[str, Field(max_length=2_000)]
    kinds: Annotated[list[Id], Field(max_length=100)] = []
    partner: Id | None = None


class PutEndpoint(Body):
    """What an endpoint is to be."""

    url: Annotated[str, Field(max_length=2_000)]
    kinds: Annotated[list[Id], Field(max_length=100)] = []
    enabled: bool = True


def _minute(clock: str) -> int:
    return int(clock[:2]) * 60 + int(clock[3:])


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def channel_of(text: str) -> Channel:
    try:
        return Channel(text)
    except ValueError:
        raise NotFound("no such template") from None


# ---- answers


def inbox_answer(item: Item) -> told.InboxItemAnswer:
    n = item.notification
    return {
        "id": item.id,
        "notificationId": n.id,
        "kind": n.kind,
        "urgency": n.urgency.value,
        "vehicleId": n.vehicle_id or None,
        "at": moment(n.at),
        "deliveredAt": moment(item.planned_at),
        "title": item.title,
        "body": item.body,
        "facts": dict(n.facts),
        "readAt": _when(item.read_at),
    }


def item_trail(item: Item) -> told.ItemTrail:
    return {
        "recipient": _recipient(item),
        "plannedAt": moment(item.planned_at),
        "expiresAt": _when(item.notification.expires_at),
        "deletedAt": _when(item.deleted_at),
        "deliveries": [delivery_answer(channel, d) for channel, d in item.deliveries.items()],
    }


def _recipient(item: Item) -> str:
    user = item.recipient.user
    return "operators" if user == OPERATORS else endpoint_of(item.recipient) or user


def delivery_answer(channel: Channel, d: Delivery) -> told.DeliveryAnswer:
    return {
        "channel": channel.value,
        "outcome": d.outcome.value,
        "reason": d.reason,
        "notBefore": _when(d.not_before) if d.open else None,
        "attempts": [
            {"at": moment(a.at), "endedAt": _when(a.ended), "outcome": a.outcome, "reason": a.reason}
            for a in d.attempts
        ],
    }


def trail_answer(items: list[Item]) -> told.TrailAnswer:
    n = items[0].notification
    what = {"id": n.id, "kind": n.kind, "vehicleId": n.vehicle_id or None, "at": moment(n.at)}
    return {**what, "items": [item_trail(item) for item in items]}  # type: ignore[typeddict-item]


def preferences_said(p: Preferences) -> told.PreferencesSaid:
    return {
        "locale": p.locale,
        "zone": p.zone,
        "quietHours": {"from": _clock(p.quiet.start), "until": _clock(p.quiet.end)} if p.quiet else None,
        "digestAt": None if p.digest_at is None else _clock(p.digest_at),
        "channels": {kind: {c.value: on for c, on in said.items()} for kind, said in p.channels.items()},
    }


def preferences_answer(said: Preferences, holds: Preferences) -> told.PreferencesAnswer:
    return {"said": preferences_said(said), "holds": preferences_said(holds), "keptOn": holds.kept_on()}


def brand_preferences_answer(holds: Preferences) -> told.PreferencesSaid:
    return {**preferences_said(holds), "cap": holds.cap}


def contact_answer(c: Contact | None) -> told.ContactAnswer:
    pending = c.email if c and c.verified_at is None else None
    reached = c.reachable if c else None
    return {"email": reached, "verified": reached is not None, "pending": pending}


def template_answer(key: Key, parts: Template) -> told.TemplateParts:
    kind, channel, locale = key
    return {"kind": kind, "channel": channel.value, "locale": locale, "parts": dict(parts)}


def templates_answer(own: Templates) -> told.TemplatesAnswer:
    return {
        "own": [template_answer(key, parts) for key, parts in sorted(own.items())],
        "kinds": [
            {
                "kind": name,
                "urgency": kind.urgency.value,
                "variables": [{"name": v, "like": like} for v, like in variables(name, Channel.EMAIL).items()],
            }
            for name, kind in KINDS.items()
            if name not in OURS or name == "test"
        ],
    }


def endpoint_answer(e: Endpoint, secret: bytes | None = None) -> told.EndpointAnswer:
    found: told.EndpointAnswer = {
        "id": e.id,
        "partner": e.partner,
        "url": e.url,
        "kinds": sorted(e.kinds),
        "enabled": e.enabled,
        "reason": e.reason,
        "createdAt": moment(e.created_at),
        "rotatedAt": _when(e.rotated_at),
        "failingSince": _when(e.failing_since),
    }
    if secret is not None:
        found["secret"] = "whsec_" + base64.b64encode(secret).decode()
    return found


def event_answer(item: Item) -> told.EventAnswer:
    n, day = item.notification, item.recipient.user.rpartition("/")[2]
    return {
        "id": f"{day}.{item.id}",
        "notificationId": n.id,
        "kind": n.kind,
        "vehicleId": n.vehicle_id or None,
        "at": moment(n.at),
        "delivery": delivery_answer(Channel.WEBHOOK, item.deliveries[Channel.WEBHOOK]),
    }


def dead_letter_answer(item: Item) -> told.DeadLetterAnswer:
    n, failed = item.notification, [(c, d) for c, d in item.deliveries.items() if d.outcome == "failed" or d.open]
    return {
        "id": dead_letter_id(item),
        "notificationId": n.id,
        "kind": n.kind,
        "vehicleId": n.vehicle_id or None,
        "at": moment(n.at),
        "recipient": _recipient(item),
        "deliveries": [delivery_answer(channel, d) for channel, d in failed],
    }


def dead_letter_id(item: Item) -> str:
    return _encoded([item.recipient.user, item.id])


def dead_letter_of(id: str) -> tuple[str, str]:
    """Whose it is, and of which item. Raises NotFound."""
    found = _decoded(id)
    if not (isinstance(found, list) and len(found) == 2 and all(isinstance(part, str) and part for part in found)):
        raise NotFound("no such dead letter")
    return found[0], found[1]


def mark_text(mark: Mark) -> str:
    return _encoded([mark.at, sorted(mark.known)])


def mark_of(text: str) -> Mark:
    """Raises Malformed(invalid_cursor)."""
    found = _decoded(text)
    if isinstance(found, list) and len(found) == 2 and isinstance(found[0], int) and isinstance(found[1], list):
        return Mark(min(max(found[0], 0), 2**53), frozenset(map(str, found[1])))
    raise Malformed("no such mark", Code.INVALID_CURSOR)


def _encoded(found: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(found, separators=(",", ":")).encode()).decode().rstrip("=")


def _decoded(text: str) -> Any:
    try:
        return json.loads(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError):
        return None


def _when(at: int | None) -> str | None:
    return None if at is None else moment(at)
