"""A person as a Cosmos DB document, and back."""

from typing import Any

from shared.codec.documents import Document, membership, membership_document
from shared.domain.kinds import Channel
from shared.domain.person import Contact, Erased, Erasure, Export, Lease, Owned, Person, PersonId, Progress
from shared.domain.preferences import Preferences, Quiet
from shared.domain.profile import Request

PERSON = "person"
"""The id of the document in a person's partition that is one of its kind."""
OWNED = "owned:"
"""What the ids of periods of ownership begin with that are documents of their own."""
OWNED_KEPT = 400 * 86_400
"""Seconds for which they are kept: longer than anything that a vehicle reported."""


def person_document(p: Person) -> Document:
    """`due` stands only where there is one, as its index is queried."""
    document: Document = {
        "id": PERSON,
        "userId": str(p.id),
        "memberships": [membership_document(m) for m in p.memberships.values()],
        "owned": p.owned,
        "exports": [[e.id, e.asked_at, e.progress] for e in p.exports],
        "erasure": None if p.erasure is None else _erasure_document(p.erasure),
        "requests": [[r.key, r.digest, r.made] for r in p.requests],
        "preferences": preferences_document(p.preferences),
        "contact": None if p.contact is None else _contact_document(p.contact),
        "told": dict(p.told),
        "digestDue": p.digest_due,
        "waiting": p.waiting,
    }
    document |= {} if p.lease is None else {"lease": p.lease}
    return document | ({} if p.due is None else {"due": p.due})


def person(doc: Document) -> Person:
    memberships = map(membership, doc["memberships"])
    return Person(
        PersonId.parse(doc["userId"]),
        {m.vehicle_id: m for m in memberships},
        tuple(Owned(*owned) for owned in doc["owned"]),
        tuple(Export(id, at, Progress(progress)) for id, at, progress in doc["exports"]),
        Erasure(*doc["erasure"]) if doc["erasure"] else None,
        tuple(Request(*r) for r in doc["requests"]),
        preferences(doc["preferences"]),
        Contact(*doc["contact"]) if doc["contact"] else None,
        {kind: tuple((item, at) for item, at in told) for kind, told in doc["told"].items()},
        doc["digestDue"],
        doc["waiting"],
        doc.get("due"),
        Lease(*doc["lease"]) if doc.get("lease") else None,
    )


def owned_document(whose: PersonId, owned: Owned) -> Document:
    """A period of ownership as a document of its own."""
    id = f"{OWNED}{owned.vehicle_id}:{owned.starts_at}"
    return {"id": id, "userId": str(whose), "period": owned, "ttl": OWNED_KEPT}


def erased_document(e: Erased) -> Document:
    return {"brand": e.brand, "pseudonym": e.pseudonym, "askedAt": e.asked_at, "owned": e.owned}


def erased(doc: Document) -> Erased:
    return Erased(doc["brand"], doc["pseudonym"], doc["askedAt"], tuple(Owned(*owned) for owned in doc["owned"]))


def _erasure_document(e: Erasure) -> list[Any]:
    return [e.asked_at, e.first_done, e.not_before, e.done, e.steps]


def _contact_document(c: Contact) -> list[Any]:
    return [c.email, c.asked_at, c.verified_at, c.tries, c.before]


def preferences_document(p: Preferences) -> Document:
    """Of people and of brands."""
    said = {"locale": p.locale, "zone": p.zone, "quiet": p.quiet, "digestAt": p.digest_at, "cap": p.cap}
    return said | {"channels": {kind: dict(channels) for kind, channels in p.channels.items()}}


def preferences(doc: Document) -> Preferences:
    if not doc:
        return Preferences()
    channels = {k: {Channel(name): on for name, on in said.items()} for k, said in doc["channels"].items()}
    quiet = Quiet(*doc["quiet"]) if doc["quiet"] else None
    return Preferences(doc["locale"], doc["zone"], quiet, doc["digestAt"], channels, doc["cap"])
