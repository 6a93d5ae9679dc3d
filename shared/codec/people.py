"""A person as a Cosmos DB document, and back."""

from shared.codec.documents import Document, membership, membership_document
from shared.domain.person import Erasure, Export, Owned, Person, PersonId, Progress
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
        doc.get("due"),
    )
