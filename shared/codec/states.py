"""A vehicle's state as a Cosmos DB document, and back. What is as it was at registration is left out."""

from typing import Any

from shared.codec.documents import STATE, Document, notification, notification_document, privacy, privacy_document
from shared.codec.samples import pack, pack_open, unpack
from shared.domain.allowance import Allowance, Tally
from shared.domain.clock_offset import ClockOffset
from shared.domain.geo import Place
from shared.domain.history import Chunk, Open
from shared.domain.location import Fix, Location
from shared.domain.notification import Notification
from shared.domain.policy import Policy, Status
from shared.domain.rules import Episode
from shared.domain.span import Span
from shared.domain.telemetry import Position
from shared.domain.track import Track
from shared.domain.vehicle import Connection, Entry, Gaps, Reading, VehicleState
from shared.domain.window import Window


def state_document(s: VehicleState) -> Document:
    """Readings are [value, epoch ms]; `due` stands only where there is one, as its index is queried."""
    document: Document = {
        "id": STATE,
        "vehicleId": s.vehicle_id,
        "policy": _policy_document(s.policy),
        "signals": s.signals,
        "window": [s.window.highest, f"{s.window.seen:x}"],
        "position": s.position,
        "newest": s.newest,
        "seenAt": s.seen_at,
        "episodes": s.episodes,
        "outbox": [_entry_document(entry) for entry in s.outbox],
        "committed": s.committed,
        "revision": s.revision,
        "track": s.track,
        "gaps": s.gaps,
    }
    if s.location.fix:
        document["location"] = s.location
    if s.clock.since >= 0:
        document["clock"] = s.clock
    if s.allowance != Allowance():
        document["allowance"] = s.allowance
    if s.open.table.rows:
        document["open"] = pack_open(s.open.table) | {
            "size": s.open.size,
            "sequence": s.open.sequence,
            "span": [s.open.earliest, s.open.latest],
        }
    optional = {"due": s.due, "owed": s.owed, "generation": s.generation, "suspect": s.suspect}
    optional["connection"] = s.connection  # type: ignore[assignment]
    return document | {name: value for name, value in optional.items() if value is not None}


def state(doc: Document) -> VehicleState:
    highest, seen = doc["window"]
    connection = doc.get("connection")
    return VehicleState(
        vehicle_id=doc["vehicleId"],
        policy=_policy(doc["policy"]),
        signals={path: Reading(value, at) for path, (value, at) in doc["signals"].items()},
        window=Window(highest, int(seen, 16)),
        position=Position(*doc["position"]) if doc["position"] else None,
        newest=doc["newest"],
        episodes={key: Episode(*episode) for key, episode in doc["episodes"].items()},
        outbox=tuple(_entry(entry) for entry in doc["outbox"]),
        committed=doc["committed"],
        due=doc.get("due"),
        revision=doc["revision"],
        open=_open(doc["open"]) if "open" in doc else Open(),
        track=_track(*doc["track"]),
        gaps=Gaps(*doc["gaps"]),
        seen_at=doc["seenAt"],
        generation=doc.get("generation"),
        suspect=doc.get("suspect"),
        connection=Connection(*connection) if connection else None,
        owed=doc.get("owed"),
        location=location(doc.get("location")),
        clock=ClockOffset(*doc.get("clock", ())),
        allowance=_allowance(*doc.get("allowance", ())),
    )


def chunk_document(c: Chunk) -> Document:
    """Of the `history` container: `first` and `last` are the times of samples (epoch ms), `ttl` seconds."""
    ids = {"id": c.id, "vehicleId": c.vehicle_id, "day": c.day, "kind": "chunk"}
    first, last = c.table.span
    return ids | pack(c.table) | {"first": first, "last": last, "ttl": c.keep_days * 86_400}


def _entry_document(entry: Entry) -> Document:
    return notification_document(entry) if isinstance(entry, Notification) else chunk_document(entry)


def _entry(doc: Document) -> Entry:
    if doc.get("kind") == "chunk" and "rows" in doc:
        return Chunk(doc["id"], doc["vehicleId"], doc["day"], unpack(doc), doc["ttl"] // 86_400)
    return notification(doc)


def _open(doc: Document) -> Open:
    return Open(unpack(doc), doc["size"], doc["sequence"], *doc["span"])


def _allowance(other: Any = (), safety: Any = (), limited: int = 0, said_on: int = -1) -> Allowance:
    return Allowance(Tally(*other), Tally(*safety), limited, said_on)


def _track(
    journey: Any,
    charge: Any,
    outdated: Any,
    closed: int,
    charged_from: Any = None,
    full_at: int = -1,
    moved_at: int = -1,
    anchor: Any = None,
    anchored_at: int = -1,
) -> Track:
    return Track(
        journey=Span(*journey) if journey else None,
        charge=Span(*charge) if charge else None,
        outdated=tuple(Span(*s) for s in outdated),
        closed=closed,
        charged_from=charged_from,
        full_at=full_at,
        moved_at=moved_at,
        anchor=Place(*anchor) if anchor else None,
        anchored_at=anchored_at,
    )


def location(found: Any) -> Location:
    """The stored last good position, and one that was doubted."""
    return Location(*(_fix(fix) for fix in found)) if found else Location()


def _fix(found: Any) -> Fix | None:
    return Fix(Place(*found[0]), found[1]) if found else None


def _policy_document(p: Policy) -> Document:
    document: Document = {
        "brand": p.brand,
        "status": p.status,
        "privacy": privacy_document(p.privacy),
        "rules": p.rules,
        "historyDays": p.history_days,
        "borders": p.borders,
    }
    return document | ({"historyFrom": p.history_from} if p.history_from else {})


def _policy(doc: Document) -> Policy:
    what = doc["brand"], Status(doc["status"]), privacy(doc["privacy"]), doc["rules"], doc["historyDays"]
    return Policy(*what, tuple(doc.get("borders", ())), doc.get("historyFrom", 0))
