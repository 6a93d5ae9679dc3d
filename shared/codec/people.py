"""A person as a Cosmos DB document, and back."""

from typing import Any

from shared.codec.documents import Document, membership, membership_document
from shared.domain.kinds import Channel
from shared.domain.person import Contact, Erasure, Export, Owned, Person, PersonId, Progress
from shared.domain.preferences import Preferences, Quiet
from shared.domain.profile import Request

PERSON = "person"
"""The id of the only document in a person's partition."""


def person_document(p: Person) -> Document:
    """`due` stands only where there is one, as its index is queried."""
    document = {
        "id": PERSON,
        "userId": str(p.id),
        "memberships": [membership_document(m) for m in p.memberships.values()],
        "owned": p.owned,
        "exports": [[e.id, e.asked_at, e.progress] for e in p.exports],
        "erasure": None if p.erasure is None else [p.erasure.asked_at, p.erasure.first_done, p.erasure.not_before],
        "requests": [[r.key, r.digest, r.made] for r in p.requests],
        "preferences": preferences_document(p.preferences),
        "contact": None if p.contact is None else _contact_document(p.contact),
        "told": dict(p.told),
        "digestDue": p.digest_due,
        "waiting": p.waiting,
    }
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
    )


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
