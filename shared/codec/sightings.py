"""What a map shows of vehicles: as the store is asked for it, and as it is answered."""

from shared.codec import schemas
from shared.codec.answers import moment
from shared.codec.documents import Document, privacy
from shared.codec.opaque import are_whole, decoded, encoded
from shared.codec.states import location
from shared.domain.freshness import Thresholds
from shared.domain.location import Fix
from shared.domain.rules import Episode
from shared.domain.sighting import SIGNALS, Sighting
from shared.domain.tail import Mark
from shared.domain.vehicle import Reading
from shared.errors import Code, Malformed

FIELDS = ", ".join(
    ["c.vehicleId", "c.revision", "c.seenAt", "c.connection", "c.episodes", "c.policy.privacy", "c.location", "c._ts"]
    + [f'c.signals["{path}"] AS {name}' for name, path in SIGNALS.items()]
)
"""Of a state's document."""


def seen(doc: Document) -> tuple[int, Sighting]:
    """When the store wrote it (epoch seconds), and what it holds."""
    readings = {name: Reading(*doc[name]) for name in SIGNALS if name in doc}
    told = sum(Episode(*episode).told for episode in doc["episodes"].values())
    connected, heard = (doc["connection"][0], doc["connection"][1]) if doc.get("connection") else (None, -1)
    last = max(doc["seenAt"], heard)
    return int(doc["_ts"]), Sighting(
        vehicle_id=doc["vehicleId"],
        revision=doc["revision"],
        seen_at=last,
        readings=readings,
        connected=connected,
        episodes=told,
        privacy=privacy(doc["privacy"]),
        fix=location(doc.get("location")).fix,
    )


def sighting_answer(s: Sighting, thresholds: Thresholds, now: int) -> schemas.SightingAnswer:
    """With how far it can be relied on now (epoch ms)."""
    fix = s.fix
    return {
        "vehicleId": s.vehicle_id,
        "lastSeenAt": moment(s.seen_at) if s.seen_at >= 0 else None,
        "freshness": thresholds.of(s.seen_at, now).value,
        "place": _place(fix) if fix else None,
        "heading": _number(s, "heading"),
        "speed": _number(s, "speed"),
        "charge": _number(s, "charge"),
        "moving": _flag(s, "moving"),
        "charging": _flag(s, "charging"),
        "connected": s.connected,
        "episodes": s.episodes,
        "privacy": s.privacy.mode(now).value,
    }


def _place(fix: Fix) -> schemas.PlaceAnswer:
    return {"latitude": fix.place.latitude, "longitude": fix.place.longitude, "at": moment(fix.at)}


def _number(s: Sighting, name: str) -> float | None:
    value = s.value(name)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _flag(s: Sighting, name: str) -> bool | None:
    value = s.value(name)
    return value if isinstance(value, bool) else None


def mark_text(mark: Mark) -> str:
    return encoded([mark.tail, mark.serial, mark.second, mark.known])


def mark_of(text: str) -> Mark:
    """Raises Malformed(invalid_cursor)."""
    match decoded(text):
        case [str(tail), serial, second, dict(known)] if are_whole(serial, second, *known.values()):
            return Mark(tail, serial, second, known)
    raise Malformed("no such mark", Code.INVALID_CURSOR)
