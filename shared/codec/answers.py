"""What is answered over HTTP of vehicles and what they report, as JSON documents. Times are RFC 3339 in UTC."""

import base64
import json
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from shared.codec import schemas
from shared.codec.rules import rule_document
from shared.codec.signals import tells_place
from shared.domain.audit import Access, Tally
from shared.domain.charges import Charge
from shared.domain.freshness import Thresholds
from shared.domain.ledger import Ledger
from shared.domain.parked import Parked
from shared.domain.policy import Mode
from shared.domain.profile import Consent, Profile
from shared.domain.rules import Rule
from shared.domain.series import Point
from shared.domain.signals import Leaf
from shared.domain.span import Span
from shared.domain.telemetry import Value
from shared.domain.trip_settings import TripSettings
from shared.domain.trips import Trip
from shared.domain.vehicle import VehicleState


def vehicle_answer(p: Profile) -> schemas.VehicleAnswer:
    return {
        "id": p.vehicle_id,
        "vin": p.vin,
        "brand": p.brand,
        "region": p.region,
        "model": p.model,
        "modelYear": p.model_year,
        "status": p.status.value,
        "capabilities": sorted(p.capabilities),
    }


def state_answer(
    s: VehicleState, thresholds: Thresholds, now: int, wanted: Callable[[str], bool]
) -> schemas.StateAnswer:
    """The signals that are wanted, each with how far it can be relied on now (epoch ms)."""
    told = {key: episode for key, episode in s.episodes.items() if episode.told}
    return {
        "vehicleId": s.vehicle_id,
        "newestAt": moment(s.newest) if s.newest >= 0 else None,
        "lastSeenAt": moment(last_seen) if (last_seen := _last_seen(s)) >= 0 else None,
        "connected": s.connection.connected if s.connection else None,
        "freshness": thresholds.of(last_seen, now).value,
        "signals": {
            path: {"value": _plain(r.value), "at": moment(r.at), "freshness": thresholds.of(r.at, now).value}
            for path, r in sorted(s.signals.items())
            if wanted(path)
        },
        "episodes": [{"rule": key, "since": moment(episode.since)} for key, episode in told.items()],
        "sequence": {"missing": s.gaps.missing, "restarts": s.gaps.restarts},
        "flags": ["clock_offset"] if s.clock.offset else [],
        "clockOffset": s.clock.offset / 1000,
        "quarantined": s.suspect is not None,
        "privacy": s.policy.privacy.mode(now).value,
        "revision": s.revision,
    }


def _plain(value: Value) -> schemas.Value:
    return value if isinstance(value, bool | int | float | str) else list(value)


def _last_seen(s: VehicleState) -> int:
    return max(s.seen_at, s.connection.at if s.connection else -1)


def privacy_answer(p: Profile, now: int) -> schemas.PrivacyAnswer:
    """What holds now, and every change that lies ahead."""
    ahead = [e for e in p.privacy.exclusions if e.ends_at is None or e.ends_at > now]
    return {
        "vehicleId": p.vehicle_id,
        "mode": p.privacy.mode(now).value,
        "exclusions": [
            {
                "mode": e.mode.value,
                "from": moment(max(e.starts_at, p.owned_since)),
                "until": moment(e.ends_at) if e.ends_at else None,
            }
            for e in ahead
        ],
    }


def privacy_changed(p: Profile, mode: Mode, starts_at: int, until: int | None) -> schemas.PrivacyChanged:
    """From when on the mode holds on every instance."""
    times = moment(starts_at), moment(until) if until else None
    return {"vehicleId": p.vehicle_id, "mode": mode.value, "from": times[0], "until": times[1]}


def consent_answer(c: Consent) -> schemas.ConsentAnswer:
    return {
        "purpose": c.purpose,
        "version": c.version,
        "granted": c.granted,
        "text": c.text,
        "days": c.days,
        "by": c.by,
        "at": moment(c.at),
    }


def rules_answer(rules: Iterable[Rule]) -> schemas.RulesAnswer:
    return {"rules": [rule_document(rule) for rule in rules]}


def signals_answer(leaves: Mapping[str, Leaf], wanted: Callable[[str], bool]) -> schemas.SignalsAnswer:
    """Flat: path to facts."""
    return {"signals": {path: _leaf_answer(path, leaf) for path, leaf in sorted(leaves.items()) if wanted(path)}}


def _leaf_answer(path: str, leaf: Leaf) -> schemas.LeafAnswer:
    found: schemas.LeafAnswer = {"datatype": leaf.datatype, "place": tells_place(path, leaf)}
    if leaf.unit is not None:
        found["unit"] = leaf.unit
    if leaf.least is not None:
        found["min"] = leaf.least
    if leaf.most is not None:
        found["max"] = leaf.most
    if leaf.allowed:
        found["allowed"] = list(leaf.allowed)
    return found


def thresholds_answer(t: Thresholds) -> schemas.ThresholdsAnswer:
    return {"liveSeconds": t.live, "staleSeconds": t.stale}


def trip_settings_answer(s: TripSettings) -> schemas.TripSettingsAnswer:
    return {"minimumMetres": s.metres, "minimumSeconds": s.seconds}


def point_answer(p: Point) -> schemas.PointAnswer:
    found: schemas.PointAnswer = {"at": moment(p.at), "value": _plain(p.value)}
    if p.mean is not None:
        found |= {"min": p.least, "max": p.most, "mean": p.mean}
    if p.readings > 1 or p.mean is not None:
        found["readings"] = p.readings
    return found


def trip_answer(t: Trip) -> schemas.TripAnswer:
    return {
        "id": t.id,
        "vehicleId": t.vehicle_id,
        "startedAt": moment(t.span.start),
        "endedAt": moment(t.span.end),
        "duration": _seconds(t.span),
        "distance": round(t.distance),
        "distanceFrom": t.taken_from,
        "socFrom": t.soc[0],
        "socTo": t.soc[1],
        "energy": _rounded(t.energy),
        "fuel": _rounded(t.fuel),
        "bridged": t.bridged / 1000,
    }


def trip_feature(t: Trip) -> schemas.TripFeature:
    """As GeoJSON (RFC 7946); without a geometry where positions were not told."""
    line = [[place.longitude, place.latitude] for place in t.line]
    geometry: schemas.LineAnswer | None = {"type": "LineString", "coordinates": line} if len(line) > 1 else None
    return {"type": "Feature", "id": t.id, "geometry": geometry, "properties": trip_answer(t)}


def charge_answer(c: Charge) -> schemas.ChargeAnswer:
    return {
        "id": c.id,
        "vehicleId": c.vehicle_id,
        "startedAt": moment(c.span.start),
        "endedAt": moment(c.span.end),
        "duration": _seconds(c.span),
        "socFrom": c.soc[0],
        "socTo": c.soc[1],
        "energy": _rounded(c.energy),
        "pauses": len(c.pauses),
        "paused": c.paused / 1000,
    }


def _seconds(span: Span) -> float:
    return (span.end - span.start) / 1000


def _rounded(number: float | None) -> float | None:
    return None if number is None else round(number, 3)


def parked_answer(name: str, p: Parked) -> schemas.ParkedAnswer:
    return {
        "name": name,
        "source": p.source,
        "device": p.device,
        "at": moment(p.at),
        "reason": p.reason,
        "detail": p.detail,
        "replayedAt": moment(p.replayed_at) if p.replayed_at else None,
    }


def parked_whole(name: str, p: Parked) -> schemas.ParkedAnswer:
    """With the body as text, or in base64 where it is none."""
    found = parked_answer(name, p)
    try:
        found["body"] = p.body.decode()
    except UnicodeDecodeError:
        found["bodyBase64"] = base64.b64encode(p.body).decode()
    return found


def access_answer(a: Access) -> schemas.AccessAnswer:
    return {"at": moment(a.at), "who": a.who, "what": a.what, "whose": a.whose, "detail": a.detail}


def tally_answer(t: Tally) -> schemas.TallyAnswer:
    return {"who": t.who, "what": t.what, "counted": t.counted}


def ledger_answer(entry: Ledger) -> schemas.LedgerEntryAnswer:
    counted = entry.census
    return {
        "id": entry.id,
        "enqueuedAt": moment(entry.position.enqueued_at) if entry.position else None,
        "countedAt": moment(entry.counted_at) if entry.counted_at >= 0 else None,
        "accepted": entry.accepted,
        "balanced": entry.balanced,
        "outcomes": dict(entry.outcomes),
        "reasons": dict(entry.reasons),
        "samples": counted.samples,
        "readings": counted.readings,
        "refused": counted.refused,
        "unknown": counted.unknown,
        "skewed": counted.skewed,
        "limited": counted.limited,
    }


def moment(epoch_ms: int) -> str:
    """RFC 3339 in UTC, with milliseconds."""
    return datetime.fromtimestamp(epoch_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def to_json(answer: Any) -> str:
    return json.dumps(answer, separators=(",", ":"))
