"""What is answered over HTTP, as JSON documents. Times are RFC 3339 in UTC."""

import base64
import json
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from shared.codec.documents import catalog_document, subscription_document
from shared.codec.rules import rule_document
from shared.domain.audit import Access
from shared.domain.catalog import Catalog
from shared.domain.entitlement import Entitlement
from shared.domain.freshness import Thresholds
from shared.domain.ledger import Ledger
from shared.domain.notification import InboxItem
from shared.domain.parked import Parked
from shared.domain.policy import Mode
from shared.domain.profile import Consent, Profile, Subscription
from shared.domain.rules import Rule
from shared.domain.series import Point
from shared.domain.signals import Leaf
from shared.domain.track import Span
from shared.domain.trips import Charge, Trip
from shared.domain.vehicle import VehicleState


def vehicle_answer(p: Profile) -> dict[str, Any]:
    return {
        "id": p.vehicle_id,
        "vin": p.vin,
        "brand": p.brand,
        "region": p.region,
        "model": p.model,
        "modelYear": p.model_year,
        "status": p.status.value,
        "capabilities": sorted(p.capabilities),
        "roles": {user: role.value for user, role in p.roles.items()},
    }


def subscription_answer(s: Subscription) -> dict[str, Any]:
    return subscription_document(s)


def state_answer(s: VehicleState, thresholds: Thresholds, now: int, wanted: Callable[[str], bool]) -> dict[str, Any]:
    """The signals that are wanted, each with how far it can be relied on now (epoch ms)."""
    told = {key: episode for key, episode in s.episodes.items() if episode.told}
    return {
        "vehicleId": s.vehicle_id,
        "newestAt": moment(s.newest) if s.newest >= 0 else None,
        "lastSeenAt": moment(last_seen) if (last_seen := _last_seen(s)) >= 0 else None,
        "connected": s.connection.connected if s.connection else None,
        "freshness": thresholds.of(last_seen, now).value,
        "signals": {
            path: {"value": r.value, "at": moment(r.at), "freshness": thresholds.of(r.at, now).value}
            for path, r in sorted(s.signals.items())
            if wanted(path)
        },
        "episodes": [{"rule": key, "since": moment(episode.since)} for key, episode in told.items()],
        "sequence": {"missing": s.gaps.missing, "restarts": s.gaps.restarts},
        "quarantined": s.suspect is not None,
        "privacy": s.policy.privacy.mode(now).value,
        "revision": s.revision,
    }


def _last_seen(s: VehicleState) -> int:
    return max(s.seen_at, s.connection.at if s.connection else -1)


def privacy_answer(p: Profile, now: int) -> dict[str, Any]:
    """What holds now, and every change that lies ahead."""
    ahead = [e for e in p.privacy.exclusions if e.ends_at is None or e.ends_at > now]
    return {
        "vehicleId": p.vehicle_id,
        "mode": p.privacy.mode(now).value,
        "exclusions": [
            {"mode": e.mode.value, "from": moment(e.starts_at), "until": moment(e.ends_at) if e.ends_at else None}
            for e in ahead
        ],
    }


def privacy_changed(p: Profile, mode: Mode, starts_at: int, until: int | None) -> dict[str, Any]:
    """From when on the mode holds on every instance."""
    ends = {"until": moment(until) if until else None}
    return {"vehicleId": p.vehicle_id, "mode": mode.value, "from": moment(starts_at)} | ends


def consent_answer(c: Consent) -> dict[str, Any]:
    found = {"purpose": c.purpose, "version": c.version, "granted": c.granted, "text": c.text}
    return found | {"days": c.days, "by": c.by, "at": moment(c.at)}


def rules_answer(rules: Iterable[Rule]) -> dict[str, Any]:
    return {"rules": [rule_document(rule) for rule in rules]}


def signals_answer(leaves: Mapping[str, Leaf], wanted: Callable[[str], bool]) -> dict[str, Any]:
    """Flat: path to facts."""
    return {"signals": {path: _leaf_answer(leaf) for path, leaf in sorted(leaves.items()) if wanted(path)}}


def _leaf_answer(leaf: Leaf) -> dict[str, Any]:
    found = {"unit": leaf.unit, "min": leaf.least, "max": leaf.most, "allowed": list(leaf.allowed) or None}
    return {"datatype": leaf.datatype} | {name: value for name, value in found.items() if value is not None}


def thresholds_answer(t: Thresholds) -> dict[str, Any]:
    return {"liveSeconds": t.live, "staleSeconds": t.stale}


def point_answer(p: Point) -> dict[str, Any]:
    found: dict[str, Any] = {"at": moment(p.at), "value": p.value}
    if p.mean is not None:
        found |= {"min": p.least, "max": p.most, "mean": p.mean}
    return found | ({"readings": p.readings} if p.readings > 1 or p.mean is not None else {})


def trip_answer(t: Trip) -> dict[str, Any]:
    return _span_answer(t.id, t.vehicle_id, t.span) | {
        "distance": round(t.distance),
        "distanceFrom": t.taken_from,
        "socFrom": t.soc[0],
        "socTo": t.soc[1],
        "energy": _rounded(t.energy),
        "fuel": _rounded(t.fuel),
    }


def trip_feature(t: Trip) -> dict[str, Any]:
    """As GeoJSON (RFC 7946); without a geometry where positions were not told."""
    line = [[place.longitude, place.latitude] for place in t.line]
    geometry = {"type": "LineString", "coordinates": line} if len(line) > 1 else None
    return {"type": "Feature", "id": t.id, "geometry": geometry, "properties": trip_answer(t)}


def charge_answer(c: Charge) -> dict[str, Any]:
    charge = {"socFrom": c.soc[0], "socTo": c.soc[1], "energy": _rounded(c.energy)}
    return _span_answer(c.id, c.vehicle_id, c.span) | charge


def _span_answer(id: str, vehicle_id: str, span: Span) -> dict[str, Any]:
    times = {"startedAt": moment(span.start), "endedAt": moment(span.end)}
    return {"id": id, "vehicleId": vehicle_id} | times | {"duration": (span.end - span.start) / 1000}


def _rounded(number: float | None) -> float | None:
    return None if number is None else round(number, 3)


def parked_answer(name: str, p: Parked) -> dict[str, Any]:
    return {
        "name": name,
        "source": p.source,
        "device": p.device,
        "at": moment(p.at),
        "reason": p.reason,
        "detail": p.detail,
        "replayedAt": moment(p.replayed_at) if p.replayed_at else None,
    }


def parked_whole(name: str, p: Parked) -> dict[str, Any]:
    """With the body as text, or in base64 where it is none."""
    try:
        body = {"body": p.body.decode()}
    except UnicodeDecodeError:
        body = {"bodyBase64": base64.b64encode(p.body).decode()}
    return parked_answer(name, p) | body


def access_answer(a: Access) -> dict[str, Any]:
    return {"at": moment(a.at), "who": a.who, "what": a.what, "whose": a.whose, "detail": a.detail}


def entitlement_answer(vehicle_id: str, e: Entitlement) -> dict[str, Any]:
    return {
        "vehicleId": vehicle_id,
        "feature": e.feature,
        "allowed": e.allowed,
        "reasons": [reason.value for reason in e.reasons],
        "validUntil": e.valid_until.isoformat() if e.valid_until else None,
        "cacheFor": int(e.cache_for.total_seconds()),
    }


def catalog_answer(c: Catalog) -> dict[str, Any]:
    stored = catalog_document(c)
    return {name: stored[name] for name in ("brand", "features", "plans")}


def inbox_answer(item: InboxItem) -> dict[str, Any]:
    told = item.delivery.notification
    return {
        "id": item.delivery.id,
        "notificationId": told.id,
        "kind": told.kind,
        "vehicleId": told.vehicle_id,
        "at": moment(told.at),
        "deliveredAt": moment(item.delivered_at),
        "facts": dict(told.facts),
    }


def ledger_answer(entry: Ledger) -> dict[str, Any]:
    return {
        "id": entry.id,
        "accepted": entry.accepted,
        "balanced": entry.balanced,
        "outcomes": dict(entry.outcomes),
        "reasons": dict(entry.reasons),
        **entry.census._asdict(),
    }


def moment(epoch_ms: int) -> str:
    """RFC 3339 in UTC, with milliseconds."""
    return datetime.fromtimestamp(epoch_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def to_json(answer: Any) -> str:
    return json.dumps(answer, separators=(",", ":"))
