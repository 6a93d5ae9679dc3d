"""What is answered over HTTP about notifications."""

import base64
import hmac
import json
from collections import Counter
from collections.abc import Sequence

from shared.codec import told
from shared.codec.answers import moment, to_json
from shared.codec.opaque import are_whole, decoded, encoded
from shared.domain.inbox import OPERATORS, Delivery, Item, Mark, endpoint_of
from shared.domain.kinds import KINDS, OURS, Channel
from shared.domain.notification import Notification
from shared.domain.person import Contact
from shared.domain.preferences import Preferences
from shared.domain.webhooks import Endpoint
from shared.domain.wording import Key, Template, Templates, variables
from shared.errors import Code, Malformed, NotFound


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


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


def notification_answer(items: Sequence[Item]) -> told.NotificationAnswer:
    n, outcomes = items[0].notification, Counter(d.outcome.value for i in items for d in i.deliveries.values())
    return {"id": n.id, "kind": n.kind, "at": moment(n.at), "recipients": len(items), "outcomes": dict(outcomes)}


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
        "verified": e.unverified_since is None,
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


def webhook_body(n: Notification) -> str:
    """What a partner's system is sent, as Standard Webhooks has it."""
    facts = {"notificationId": n.id, "vehicleId": n.vehicle_id, "facts": dict(n.facts)}
    return to_json({"type": f"vehicle.{n.kind}", "timestamp": moment(n.at), "data": facts})


def challenge_body(challenge: str, at: int) -> str:
    """What a partner's system is asked before it is sent anything, as Standard Webhooks has it."""
    return to_json({"type": "webhook.verification", "timestamp": moment(at), "data": {"challenge": challenge}})


def is_echo(body: bytes, challenge: str) -> bool:
    """Whether an answer is a JSON object with the `challenge` that was sent."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return False
    said = found.get("challenge") if isinstance(found, dict) else None
    return isinstance(said, str) and hmac.compare_digest(said.encode(errors="replace"), challenge.encode())


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
    return encoded([item.recipient.user, item.id])


def dead_letter_of(id: str) -> tuple[str, str]:
    """Whose it is, and of which item. Raises NotFound."""
    match decoded(id):
        case [str(user), str(item)] if user and item:
            return user, item
    raise NotFound("no such dead letter")


def mark_text(mark: Mark) -> str:
    return encoded([mark.at, sorted(mark.known)])


def mark_of(text: str) -> Mark:
    """Raises Malformed(invalid_cursor)."""
    match decoded(text):
        case [at, list(known)] if are_whole(at) and all(isinstance(id, str) for id in known):
            return Mark(max(at, 0), frozenset(known))
    raise Malformed("no such mark", Code.INVALID_CURSOR)


def _when(at: int | None) -> str | None:
    return None if at is None else moment(at)
