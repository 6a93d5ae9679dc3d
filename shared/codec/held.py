"""Everything that is held about a person, as one JSON document to be handed out."""

from typing import Any

from shared.codec.answers import (
    access_answer,
    charge_answer,
    consent_answer,
    moment,
    parked_whole,
    privacy_answer,
    rules_answer,
    state_answer,
    trip_feature,
    vehicle_answer,
)
from shared.codec.replies import entry_answer, grant_answer, member_answer, members_answer, subscription_answer
from shared.codec.trails import contact_answer, inbox_answer, item_trail, preferences_said
from shared.domain.freshness import Thresholds
from shared.domain.held import Held, HeldPeriod, HeldVehicle
from shared.domain.trips import Trip


def held_document(h: Held) -> dict[str, Any]:
    return {
        "userId": h.person.id.user,
        "asOf": moment(h.at),
        "vehicles": [_vehicle(v, h.person.id.user, h.at) for v in h.vehicles],
        "periodsOfOwnership": [_period(p) for p in h.periods],
        "preferences": preferences_said(h.person.preferences),
        "contact": contact_answer(h.person.contact),
        "inbox": [{**inbox_answer(item), **item_trail(item)} for item in h.inbox],
        "exports": [{"id": e.id, "askedAt": moment(e.asked_at)} for e in h.person.exports],
    }


def _vehicle(v: HeldVehicle, user: str, now: int) -> dict[str, Any]:
    member = v.profile.members.get(user)
    found: dict[str, Any] = {
        "vehicle": vehicle_answer(v.profile),
        "access": member_answer(user, member) if member else None,
        "consents": [consent_answer(consent) for consent in v.consents],
    }
    if v.state is None:
        return found
    books = v.books or {}
    return found | {
        "state": state_answer(v.state, Thresholds(), now, lambda path: True),
        "rules": rules_answer(v.rules)["rules"],
        "members": members_answer(v.profile)["items"],
        "privacy": privacy_answer(v.profile, now),
        "switchedOff": sorted(v.profile.off),
        "subscriptions": [subscription_answer(s, now) for s in v.profile.subscriptions],
        "grants": [grant_answer(g) for g in v.profile.grants],
        "books": {id: [entry_answer(entry) for entry in entries] for id, entries in books.items()},
    }


def _period(p: HeldPeriod) -> dict[str, Any]:
    return {
        "vehicleId": p.period.vehicle_id,
        "from": moment(p.period.starts_at),
        "until": moment(p.period.ends_at),
        "samples": [{"time": moment(sample.at), "signals": dict(sample.readings)} for sample in p.samples],
        "trips": [trip_feature(d) for d in p.derived if isinstance(d, Trip)],
        "charges": [charge_answer(d) for d in p.derived if not isinstance(d, Trip)],
        "parked": [parked_whole(parked.key, parked) for parked in p.parked],
        "accesses": [access_answer(access) for access in p.accesses],
        "sentToPartners": [{**inbox_answer(item), **item_trail(item)} for item in p.sent],
    }
