"""What is answered over HTTP of people, sales and decisions, as JSON documents. Times are RFC 3339 in UTC."""

from collections.abc import Iterable, Mapping
from typing import Any, cast

from shared.codec import offers, schemas
from shared.codec.answers import moment, vehicle_answer
from shared.domain.catalog import Catalog, Feature, Plan
from shared.domain.entitlement import Entitlement
from shared.domain.garage import Invitation, Member
from shared.domain.person import Erasure, Export
from shared.domain.profile import Profile
from shared.domain.subscription import Entry, Grant, Subscription


def _when(at: int | None) -> str | None:
    return None if at is None else moment(at)


def member_answer(user: str, m: Member) -> schemas.MemberAnswer:
    return {
        "userId": user,
        "role": m.role.value,
        "since": moment(m.since),
        "startsAt": _when(m.starts_at or None),
        "endsAt": _when(m.ends_at),
        "features": None if m.features is None else sorted(m.features),
    }


def invitation_answer(i: Invitation, token: str | None = None) -> schemas.InvitationAnswer:
    found: schemas.InvitationAnswer = {
        "id": i.id,
        "role": i.member.role.value,
        "startsAt": _when(i.member.starts_at or None),
        "endsAt": _when(i.member.ends_at),
        "features": None if i.member.features is None else sorted(i.member.features),
        "expiresAt": moment(i.expires_at),
    }
    if token is not None:
        found["token"] = token
    return found


def members_answer(p: Profile) -> schemas.MembersAnswer:
    return {
        "items": [member_answer(user, member) for user, member in p.members.items()],
        "invitations": [invitation_answer(invitation) for invitation in p.invitations],
    }


def own_vehicle_answer(user: str, p: Profile, m: Member) -> schemas.OwnVehicleAnswer:
    return {"vehicle": vehicle_answer(p), "access": member_answer(user, m)}


def code_answer(code: str, expires_at: int) -> schemas.CodeAnswer:
    """In groups of four, as people type it."""
    grouped = "-".join(code[start : start + 4] for start in range(0, len(code), 4))
    return {"code": grouped, "expiresAt": moment(expires_at)}


def catalog_answer(c: Catalog) -> schemas.CatalogAnswer:
    return cast(schemas.CatalogAnswer, offers.catalog_document(c))


def feature_answer(f: Feature) -> schemas.FeatureAnswer:
    return cast(schemas.FeatureAnswer, offers.feature_document(f))


def plan_answer(p: Plan) -> schemas.PlanAnswer:
    return cast(schemas.PlanAnswer, offers.plan_document(p))


def subscription_answer(s: Subscription, now: int) -> schemas.SubscriptionAnswer:
    """As it stands now (epoch ms)."""
    term, access = s.term(now), s.access
    return {
        "id": s.id,
        "plan": plan_answer(s.plan),
        "state": s.phase(now).state.value,
        "startsAt": moment(s.starts_at),
        "term": {"startsAt": moment(term.starts_at), "endsAt": _when(term.ends_at)},
        "paidTerms": s.paid,
        "accessEndsAt": _when(access.ends_at if access else s.starts_at),
        "cancelsAt": _when(s.cancels_at),
        "successor": s.successor,
    }


def grant_answer(g: Grant) -> schemas.GrantAnswer:
    return {
        "id": g.id,
        "feature": g.feature,
        "config": _config(g.config),
        "startsAt": moment(g.starts_at),
        "endsAt": _when(g.ends_at),
    }


def sales_answer(p: Profile, now: int) -> schemas.SalesAnswer:
    sold = [subscription_answer(s, now) for s in p.subscriptions]
    return {"subscriptions": sold, "grants": [grant_answer(g) for g in p.grants]}


def entry_answer(e: Entry) -> schemas.EntryAnswer:
    return {"id": e.id, "what": e.what, "at": moment(e.at), "by": e.by, "facts": dict(e.facts)}


def decision_answer(vehicle_id: str, e: Entitlement, stale: bool, explain: bool) -> schemas.DecisionAnswer:
    found: schemas.DecisionAnswer = {
        "vehicleId": vehicle_id,
        "feature": e.feature,
        "allowed": e.allowed,
        "reasons": [reason.value for reason in e.reasons],
        "kind": e.kind,
        "config": _config(e.config),
        "graceUntil": _when(e.grace_until),
        "validUntil": _when(e.valid_until),
        "cacheFor": e.cache_for // 1000,
        "stale": stale,
    }
    if explain:
        found["needs"] = [
            {"need": f.need.value, "wanted": f.wanted, "found": f.found, "met": f.met} for f in e.findings
        ]
    return found


def decisions_answer(
    vehicle_id: str, decisions: Iterable[Entitlement], stale: bool, explain: bool
) -> schemas.DecisionsAnswer:
    found = [decision_answer(vehicle_id, decision, stale, explain) for decision in decisions]
    return {"vehicleId": vehicle_id, "decisions": found}


def export_answer(export: Export, url: str | None, until: int) -> schemas.ExportAnswer:
    return {
        "id": export.id,
        "status": export.progress.value,
        "askedAt": moment(export.asked_at),
        "url": url,
        "urlExpiresAt": moment(until) if url else None,
    }


def erasure_answer(erasure: Erasure) -> schemas.ErasureAnswer:
    return {"status": "erasing", "askedAt": moment(erasure.asked_at)}


def erasure_progress(erasure: Erasure | None, done_at: int) -> schemas.ErasureProgress:
    """What is under way, or else when the last one was done (epoch ms); -1 if there was none lately."""
    if erasure is None:
        done = None if done_at < 0 else moment(done_at)
        return {"status": "erased" if done else "none", "askedAt": None, "erasedAt": done, "underWay": None}
    return {
        "status": "erasing",
        "askedAt": moment(erasure.asked_at),
        "erasedAt": None,
        "underWay": {
            "number": 2 if erasure.first_done else 1,
            "notBefore": moment(erasure.not_before),
            "done": erasure.done,
            "steps": erasure.steps,
        },
    }


def _config(config: Mapping[str, Any] | None) -> schemas.Config | None:
    return None if config is None else dict(config)
