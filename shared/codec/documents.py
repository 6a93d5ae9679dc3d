"""What is stored: domain values as Cosmos DB documents, and back."""

from typing import Any

from shared.codec.offers import grant, grant_document, subscription, subscription_document
from shared.domain.audit import Access, Tally
from shared.domain.clearing import Clearing
from shared.domain.garage import Code as ClaimCode
from shared.domain.garage import Invitation, Member, Membership, Role
from shared.domain.history import day_of
from shared.domain.kinds import Urgency
from shared.domain.ledger import Ledger
from shared.domain.notification import COMMON, Audience, Notification, of_closed_kind
from shared.domain.policy import Exclusion, Mode, Privacy, Status
from shared.domain.principal import Kind
from shared.domain.profile import Consent, Owed, Profile, Request
from shared.domain.telemetry import Census, Position

type Document = dict[str, Any]

STATE, PROFILE, CATALOG, RULES = "state", "profile", "catalog", "rules"
"""The ids of the documents that are alone of their kind in their partition."""


def notification_document(n: Notification) -> Document:
    """What goes without saying is left out: it rides in the vehicle's state."""
    document = {
        "id": n.id,
        "kind": n.kind,
        "vehicleId": n.vehicle_id,
        "brand": n.brand,
        "at": n.at,
        "facts": dict(n.facts),
        "traceparent": n.traceparent,
        "expiresAt": n.expires_at,
    }
    document |= {} if n.audience == COMMON else {"audience": sorted(n.audience), "named": n.named}
    document |= {} if n.urgency is Urgency.NORMAL else {"urgency": n.urgency}
    return document | ({} if n.collapse is None else {"collapse": n.collapse})


def notification(doc: Document) -> Notification:
    what = (doc["id"], doc["kind"], doc["vehicleId"], doc["brand"], doc["at"], doc["facts"], doc["traceparent"])
    audience = frozenset(map(Audience, doc["audience"])) if "audience" in doc else COMMON
    how = Urgency(doc.get("urgency", Urgency.NORMAL)), doc.get("expiresAt"), doc.get("collapse")
    return of_closed_kind(Notification(*what, audience, tuple(doc.get("named", ())), *how))


def profile_document(p: Profile) -> Document:
    """Without what goes into the books, which are documents of their own. `due` stands only where there is one."""
    document = {
        "id": PROFILE,
        "vehicleId": p.vehicle_id,
        "vin": p.vin,
        "brand": p.brand,
        "region": p.region,
        "model": p.model,
        "modelYear": p.model_year,
        "status": p.status.value,
        "capabilities": sorted(p.capabilities),
        "members": {user: member_document(member) for user, member in p.members.items()},
        "subscriptions": [subscription_document(s) for s in p.subscriptions],
        "requests": [[r.key, r.digest, r.made] for r in p.requests],
        "privacy": privacy_document(p.privacy),
        "consents": {purpose: consent_document(c) for purpose, c in p.consents.items()},
        "rules": p.rules,
        "ownedSince": p.owned_since,
        "code": [p.code.digest, p.code.expires_at, p.code.transfers, p.code.tries] if p.code else None,
        "invitations": [[i.id, member_document(i.member), i.digest, i.expires_at] for i in p.invitations],
        "grants": [grant_document(g) for g in p.grants],
        "tried": sorted(p.tried),
        "off": sorted(p.off),
        "outbox": [_owed_document(entry) for entry in p.outbox],
        "revision": p.revision,
        "beside": p.beside,
        "borders": p.borders,
    }
    document |= {"historyFrom": p.history_from} if p.history_from else {}
    document |= {"clearing": p.clearing} if p.clearing else {}
    return document | ({} if p.due is None else {"due": p.due})


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
        {user: _member(member) for user, member in doc["members"].items()},
        tuple(subscription(s) for s in doc["subscriptions"]),
        tuple(Request(*r) for r in doc["requests"]),
        privacy(doc["privacy"]),
        {purpose: consent(c) for purpose, c in doc["consents"].items()},
        doc["rules"],
        doc["ownedSince"],
        ClaimCode(*doc["code"]) if doc["code"] else None,
        tuple(Invitation(id, _member(member), *rest) for id, member, *rest in doc["invitations"]),
        tuple(grant(g) for g in doc["grants"]),
        frozenset(doc["tried"]),
        frozenset(doc["off"]),
        tuple(_owed(entry) for entry in doc["outbox"]),
        doc.get("due"),
        doc["revision"],
        history_from=doc.get("historyFrom", 0),
        clearing=tuple(Clearing(*c) for c in doc.get("clearing", ())),
        borders=tuple(doc.get("borders", [doc["ownedSince"]] if doc["ownedSince"] else [])),
        beside=(doc["beside"][0], doc["beside"][1]) if "beside" in doc else (0, 0),
    )


def member_document(m: Member) -> Document:
    features = None if m.features is None else sorted(m.features)
    times = {"since": m.since, "startsAt": m.starts_at, "endsAt": m.ends_at}
    return {"role": m.role.value} | times | {"features": features}


def _member(doc: Document) -> Member:
    features = doc["features"]
    chosen = None if features is None else frozenset(features)
    return Member(Role(doc["role"]), doc["since"], doc["startsAt"], doc["endsAt"], chosen)


def membership_document(m: Membership) -> Document:
    who = {"vehicleId": m.vehicle_id, "userId": m.user_id, "role": m.role, "revision": m.revision}
    return who | {"owned": m.owned}


def membership(doc: Document) -> Membership:
    role, owned = doc["role"], doc["owned"]
    found = (doc["vehicleId"], doc["userId"], Role(role) if role else None, doc["revision"])
    return Membership(*found, (owned[0], owned[1]) if owned else None)


def _owed_document(entry: Owed) -> Document:
    return membership_document(entry) if isinstance(entry, Membership) else notification_document(entry)


def _owed(doc: Document) -> Owed:
    return membership(doc) if "userId" in doc else notification(doc)


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


def ledger_document(entry: Ledger) -> Document:
    return {
        "id": entry.id,
        "position": entry.position,
        "accepted": entry.accepted,
        "outcomes": dict(entry.outcomes),
        "reasons": dict(entry.reasons),
        "census": entry.census._asdict(),
        "countedAt": entry.counted_at,
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
        doc.get("countedAt", -1),
    )


def access_document(a: Access) -> Document:
    ids = {"id": a.id, "brand": a.brand, "day": day_of(a.at), "at": a.at}
    return ids | {"who": a.who, "what": a.what, "whose": a.whose, "detail": a.detail}


def access(doc: Document) -> Access:
    return Access(doc["id"], doc["brand"], doc["at"], doc["who"], doc["what"], doc["whose"], doc["detail"])


def tally_document(t: Tally) -> Document:
    """`counted` stands only where there is any, as its index is queried."""
    ids = {"id": t.id, "brand": t.brand, "day": t.day, "kind": t.kind.value, "who": t.who, "what": t.what}
    return ids | {"reserved": t.reserved} | ({"counted": t.counted} if t.counted else {})


def tally(doc: Document) -> Tally:
    numbers = doc["reserved"], doc.get("counted", 0)
    return Tally(doc["brand"], doc["day"], Kind(doc["kind"]), doc["who"], doc["what"], *numbers)
