"""What recipients were told, endpoints and templates as Cosmos DB documents, and back."""

from shared.codec.documents import Document, notification, notification_document
from shared.domain.inbox import Attempt, Delivery, Item, Outcome, endpoint_of
from shared.domain.kinds import Channel
from shared.domain.person import PersonId
from shared.domain.profile import Request
from shared.domain.webhooks import REPLAYABLE_DAYS, Endpoint
from shared.domain.wording import Templates


def item_document(item: Item) -> Document:
    """In the partition of its recipient. `unread`, `digest`, `failed` and `collapse` stand only where they are so, as
    their indexes are queried; what an endpoint was sent is kept for as long as it can be sent again."""
    told = item.notification
    document: Document = {
        "id": item.id,
        "userId": str(item.recipient),
        "at": told.at,
        "plannedAt": item.planned_at,
        "notification": notification_document(told),
        "title": item.title,
        "body": item.body,
        "shown": item.shown,
        "readAt": item.read_at,
        "deletedAt": item.deleted_at,
        "deliveries": {channel: _delivery_document(d) for channel, d in item.deliveries.items()},
    }
    document |= {"unread": True} if item.shown and item.read_at is None else {}
    document |= {"digest": item.digest} if item.digest is not None else {}
    document |= {"failed": told.brand} if item.failed else {}
    document |= {"collapse": told.collapse} if told.collapse is not None else {}
    return document | ({"ttl": REPLAYABLE_DAYS * 86_400} if endpoint_of(item.recipient) else {})


def item(doc: Document) -> Item:
    return Item(
        doc["id"],
        PersonId.parse(doc["userId"]),
        notification(doc["notification"]),
        doc["plannedAt"],
        doc["title"],
        doc["body"],
        doc["shown"],
        doc["readAt"],
        doc["deletedAt"],
        doc.get("digest"),
        {Channel(name): _delivery(d) for name, d in doc["deliveries"].items()},
    )


def _delivery_document(d: Delivery) -> Document:
    """Attempts are [began, ended, outcome, reason]."""
    numbers = {"notBefore": d.not_before, "generation": d.generation, "failures": d.failures}
    return {"outcome": d.outcome, "reason": d.reason, "attempts": d.attempts} | numbers


def _delivery(doc: Document) -> Delivery:
    numbers = doc["notBefore"], doc["generation"], doc["failures"]
    return Delivery(Outcome(doc["outcome"]), *numbers, tuple(Attempt(*a) for a in doc["attempts"]), doc["reason"])


def endpoint_document(e: Endpoint) -> Document:
    return {
        "id": e.id,
        "brand": e.brand,
        "partner": e.partner,
        "url": e.url,
        "kinds": sorted(e.kinds),
        "createdAt": e.created_at,
        "enabled": e.enabled,
        "reason": e.reason,
        "secret": e.secret,
        "rotatedAt": e.rotated_at,
        "failingSince": e.failing_since,
        "requests": [[r.key, r.digest, r.made] for r in e.requests],
        "unverifiedSince": e.unverified_since,
    }


def endpoint(doc: Document) -> Endpoint:
    which = doc["id"], doc["brand"], doc["partner"], doc["url"], frozenset(doc["kinds"]), doc["createdAt"]
    how = doc["enabled"], doc["reason"], doc["secret"], doc["rotatedAt"], doc["failingSince"]
    asked = tuple(Request(*r) for r in doc["requests"])
    return Endpoint(*which, *how, asked, doc.get("unverifiedSince"))  # before there were challenges all were taken


def templates_document(templates: Templates) -> Document:
    """As [kind, channel, locale, parts]."""
    return {"templates": [[kind, c, locale, dict(t)] for (kind, c, locale), t in templates.items()]}


def templates(doc: Document) -> Templates:
    found = doc.get("templates", [])
    return {(kind, Channel(channel), locale): parts for kind, channel, locale, parts in found}
