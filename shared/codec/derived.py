"""Trips and charges as documents of the `history` container, and back."""

from shared.codec.documents import Document
from shared.domain.charges import Charge
from shared.domain.geo import Place
from shared.domain.history import day_of
from shared.domain.span import Span, named_at
from shared.domain.trips import Trip


def derived_document(d: Trip | Charge, keep_days: int) -> Document:
    document: Document = {
        "id": d.id,
        "vehicleId": d.vehicle_id,
        "day": day_of(named_at(d.id)),
        "kind": d.id.partition("-")[0],
        "span": d.span,
        "soc": d.soc,
        "energy": d.energy,
        "ttl": keep_days * 86_400,
    }
    if isinstance(d, Trip):
        return document | {
            "distance": d.distance,
            "takenFrom": d.taken_from,
            "fuel": d.fuel,
            "line": d.line,
            "bridged": d.bridged,
        }
    return document | {"pauses": d.pauses}


def derived(doc: Document) -> Trip | Charge:
    id, vehicle, span = doc["id"], doc["vehicleId"], Span(*doc["span"])
    soc, energy = (doc["soc"][0], doc["soc"][1]), doc["energy"]
    if doc["kind"] == "charge":
        return Charge(id, vehicle, span, soc, energy, tuple(Span(*pause) for pause in doc.get("pauses", ())))
    return Trip(
        id=id,
        vehicle_id=vehicle,
        span=span,
        distance=doc["distance"],
        taken_from=doc["takenFrom"],
        soc=soc,
        energy=energy,
        fuel=doc["fuel"],
        line=tuple(Place(*place) for place in doc["line"]),
        bridged=doc.get("bridged", 0),
    )
