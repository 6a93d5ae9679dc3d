"""What a brand sells, and what was sold, as documents; and back."""

from collections.abc import Mapping
from typing import Any

from shared.domain.catalog import Catalog, Config, Data, Feature, Kind, Needs, Plan
from shared.domain.garage import Role
from shared.domain.policy import Mode, Status
from shared.domain.subscription import Entry, Grant, Subscription

type Document = dict[str, Any]


def catalog_document(c: Catalog) -> Document:
    return {
        "brand": c.brand,
        "features": [feature_document(f) for f in c.features.values()],
        "plans": [plan_document(p) for p in c.plans.values()],
    }


def catalog(doc: Document) -> Catalog:
    features, plans = map(_feature, doc["features"]), map(_plan, doc["plans"])
    return Catalog(doc["brand"], {f.id: f for f in features}, {p.id: p for p in plans})


def feature_document(f: Feature) -> Document:
    needs = {
        "roles": sorted(f.needs.roles),
        "verified": f.needs.verified,
        "terms": f.needs.terms,
        "consents": sorted(f.needs.consents),
        "regions": sorted(f.needs.regions),
        "capabilities": sorted(f.needs.capabilities),
        "statuses": sorted(f.needs.statuses),
        "mode": f.needs.mode,
    }
    what = {"id": f.id, "name": f.name, "kind": f.kind.value, "config": _config(f.config)}
    return what | {"needs": needs, "shows": sorted(f.shows)}


def _feature(doc: Document) -> Feature:
    n = doc["needs"]
    needs = Needs(
        frozenset(map(Role, n["roles"])),
        n["verified"],
        n["terms"],
        frozenset(n["consents"]),
        frozenset(n["regions"]),
        frozenset(n["capabilities"]),
        frozenset(map(Status, n["statuses"])),
        Mode(n["mode"]) if n["mode"] else None,
    )
    shows = frozenset(map(Data, doc.get("shows", ())))
    return Feature(doc["id"], doc["name"], Kind(doc["kind"]), doc["config"], needs, shows)


def plan_document(p: Plan) -> Document:
    """`configs` holds those of static features that differ from the feature's own."""
    return {
        "id": p.id,
        "name": p.name,
        "features": list(p.features),
        "configs": {id: dict(config) for id, config in p.features.items() if config is not None},
        "period": p.period,
        "price": p.price,
        "currency": p.currency,
        "trialDays": p.trial_days,
        "graceDays": p.grace_days,
        "version": p.version,
    }


def _plan(doc: Document) -> Plan:
    configs: Mapping[str, Config] = doc["configs"]
    features = {id: configs.get(id) for id in doc["features"]}
    price, days = (doc["price"], doc["currency"]), (doc["trialDays"], doc["graceDays"])
    return Plan(doc["id"], features, doc["period"], doc["name"], *price, *days, doc["version"])


def subscription_document(s: Subscription) -> Document:
    return {
        "id": s.id,
        "plan": plan_document(s.plan),
        "startsAt": s.starts_at,
        "anchor": s.anchor,
        "toldUntil": s.told_until,
        "paid": s.paid,
        "cancelsAt": s.cancels_at,
        "successor": s.successor,
        "follows": s.follows,
    }


def subscription(doc: Document) -> Subscription:
    names = ("startsAt", "anchor", "toldUntil", "paid", "cancelsAt", "successor", "follows")
    return Subscription(doc["id"], _plan(doc["plan"]), *(doc[name] for name in names))


def grant_document(g: Grant) -> Document:
    what = {"id": g.id, "feature": g.feature, "config": _config(g.config)}
    return what | {"startsAt": g.starts_at, "endsAt": g.ends_at}


def grant(doc: Document) -> Grant:
    return Grant(doc["id"], doc["feature"], doc["config"], doc["startsAt"], doc["endsAt"])


def entry_document(e: Entry) -> Document:
    return {"subject": e.subject, "what": e.what, "at": e.at, "by": e.by, "facts": dict(e.facts)}


def entry(id: str, doc: Document) -> Entry:
    return Entry(id, doc["subject"], doc["what"], doc["at"], doc["by"], doc["facts"])


def _config(config: Config | None) -> Document | None:
    return None if config is None else dict(config)
