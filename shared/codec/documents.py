"""What is stored: domain values as Cosmos DB documents, and back."""

from datetime import datetime
from typing import Any

from shared.domain.catalog import Catalog, Feature, Plan
from shared.domain.ledger import Ledger
from shared.domain.notification import Delivery, InboxItem, Notification
from shared.domain.profile import Profile, Request, Role, Status, Subscription
from shared.domain.telemetry import Census, Position
from shared.domain.vehicle import Policy, Reading, VehicleState
from shared.domain.window import Window

type Document = dict[str, Any]

STATE, PROFILE, CATALOG = "state", "profile", "catalog"
"""The ids of the documents that are alone of their kind in their partition."""


def state_document(s: VehicleState) -> Document:
    """Readings are [value, epoch ms]; `due` stands only where there is one, as its index is queried."""
    document: Document = {
        "id": STATE,
        "vehicleId": s.vehicle_id,
        "policy": {"brand": s.policy.brand, "status": s.policy.status},
        "signals": s.signals,
        "window": [s.window.highest, f"{s.window.seen:x}"],
        "position": s.position,
        "newest": s.newest,
        "episodes": s.episodes,
        "outbox": [notification_document(n) for n in s.outbox],
        "committed": s.committed,
        "revision": s.revision,
    }
    if s.due is not None:
        document["due"] = s.due
    return document


def state(doc: Document) -> VehicleState:
    highest, seen = doc["window"]
    return VehicleState(
        doc["vehicleId"],
        Policy(doc["policy"]["brand"], doc["policy"]["status"]),
        {path: Reading(value, at) for path, (value, at) in doc["signals"].items()},
        Window(highest, int(seen, 16)),
        Position(*doc["position"]) if doc["position"] else None,
        doc["newest"],
        doc["episodes"],
        tuple(notification(n) for n in doc["outbox"]),
        doc["committed"],
        doc.get("due"),
        doc["revision"],
    )


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
    )


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
