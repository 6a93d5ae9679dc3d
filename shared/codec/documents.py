"""What is stored: domain values as Cosmos DB documents, and back."""

from datetime import datetime
from typing import Any

from shared.domain.audit import Access
from shared.domain.catalog import Catalog, Feature, Plan
from shared.domain.history import day_of
from shared.domain.ledger import Ledger
from shared.domain.notification import Delivery, InboxItem, Notification
from shared.domain.policy import Exclusion, Mode, Privacy, Status
from shared.domain.profile import Consent, Profile, Request, Role, Subscription
from shared.domain.telemetry import Census, Position

type Document = dict[str, Any]

STATE, PROFILE, CATALOG, RULES = "state", "profile", "catalog", "rules"
"""The ids of the documents that are alone of their kind in their partition."""


def notification_document(n: Notification) -> Document:
    return {
        "id": n.id,
        "kind": n.kind,
        "vehicleId": n.vehicle_id,
        "brand": n.brand,
        "at": n.at,
        "facts": dict(n.facts),
        "traceparent": n.traceparent,
    }


def notification(doc: Document) -> Notification:
    return Notification(
        doc["id"], doc["kind"], doc["vehicleId"], doc["brand"], doc["at"], doc["facts"], doc["traceparent"]
    )


def profile_document(p: Profile) -> Document:
    return {
        "id": PROFILE,
        "vehicleId": p.vehicle_id,
        "vin": p.vin,
        "brand": p.brand,
        "region": p.region,
        "model": p.model,
        "modelYear": p.model_year,
        "status": p.status.value,
        "capabilities": sorted(p.capabilities),
        "roles": {user: role.value for user, role in p.roles.items()},
        "subscriptions": [subscription_document(s) for s in p.subscriptions],
        "requests": [[r.key, r.digest, r.made] for r in p.requests],
        "privacy": privacy_document(p.privacy),
        "consents": {purpose: consent_document(c) for purpose, c in p.consents.items()},
        "rules": p.rules,
        "ownedSince": p.owned_since,
    }


def profile(doc: Document) -> Profile:
    return Profile(
        doc["vehicleId"],
        doc["vin"],
        doc["brand"],
        doc["region"],
        doc["model"],
        doc["modelYear"],
        Status(doc["status"]),
        frozenset(doc["capabilities"]),
        {user: Role(role) for user, role in doc["roles"].items()},
        tuple(_subscription(s) for s in doc["subscriptions"]),
        tuple(Request(*r) for r in doc["requests"]),
        privacy(doc["privacy"]),
        {purpose: consent(c) for purpose, c in doc["consents"].items()},
        doc["rules"],
        doc["ownedSince"],
    )


def privacy_document(p: Privacy) -> Document:
    """Exclusions are [mode, epoch ms, epoch ms or null]."""
    return {"exclusions": p.exclusions, "floor": p.floor}


def privacy(doc: Document) -> Privacy:
    found = (Exclusion(Mode(mode), start, end) for mode, start, end in doc["exclusions"])
    return Privacy(tuple(found), doc["floor"])


def consent_document(c: Consent) -> Document:
    return {
        "purpose": c.purpose,
        "version": c.version,
        "granted": c.granted,
        "text": c.text,
        "days": c.days,
        "by": c.by,
        "at": c.at,
    }


def consent(doc: Document) -> Consent:
    names = ("purpose", "version", "granted", "text", "days", "by", "at")
    return Consent(*(doc[name] for name in names))


def subscription_document(s: Subscription) -> Document:
    return {
        "id": s.id,
        "plan": s.plan,
        "features": list(s.features),
        "startsAt": s.starts_at.isoformat(),
        "endsAt": s.ends_at.isoformat() if s.ends_at else None,
    }


def _subscription(doc: Document) -> Subscription:
    ends = doc["endsAt"]
    return Subscription(
        doc["id"],
        doc["plan"],
        tuple(doc["features"]),
        datetime.fromisoformat(doc["startsAt"]),
        datetime.fromisoformat(ends) if ends else None,
    )


def catalog_document(c: Catalog) -> Document:
    return {
        "id": CATALOG,
        "brand": c.brand,
        "features": [{"id": f.id, "needsCapabilities": sorted(f.needs_capabilities)} for f in c.features.values()],
        "plans": [{"id": p.id, "features": list(p.features), "period": p.period} for p in c.plans.values()],
    }


def catalog(doc: Document) -> Catalog:
    features = (Feature(f["id"], frozenset(f["needsCapabilities"])) for f in doc["features"])
    plans = (Plan(p["id"], tuple(p["features"]), p["period"]) for p in doc["plans"])
    return Catalog(doc["brand"], {f.id: f for f in features}, {p.id: p for p in plans})


def ledger_document(entry: Ledger) -> Document:
    return {
        "id": entry.id,
        "position": entry.position,
        "accepted": entry.accepted,
        "outcomes": dict(entry.outcomes),
        "reasons": dict(entry.reasons),
        "census": entry.census._asdict(),
    }


def ledger(doc: Document) -> Ledger:
    position = doc["position"]
    return Ledger(
        doc["id"],
        Position(*position) if position else None,
        doc["accepted"],
        doc["outcomes"],
        doc["reasons"],
        Census(**doc["census"]),
    )


def delivery_document(d: Delivery) -> Document:
    told = notification_document(d.notification)
    return {"id": d.id, "userId": d.user_id, "channel": d.channel, "notification": told}


def delivery(doc: Document) -> Delivery:
    return Delivery(doc["id"], doc["userId"], doc["channel"], notification(doc["notification"]))


def inbox_document(item: InboxItem) -> Document:
    return {**delivery_document(item.delivery), "at": item.delivery.notification.at, "deliveredAt": item.delivered_at}


def inbox_item(doc: Document) -> InboxItem:
    return InboxItem(delivery(doc), doc["deliveredAt"])


def access_document(a: Access) -> Document:
    ids = {"id": a.id, "brand": a.brand, "day": day_of(a.at), "at": a.at}
    return ids | {"who": a.who, "what": a.what, "whose": a.whose, "detail": a.detail}


def access(doc: Document) -> Access:
    return Access(doc["id"], doc["brand"], doc["at"], doc["who"], doc["what"], doc["whose"], doc["detail"])
