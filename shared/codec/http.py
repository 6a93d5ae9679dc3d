"""What is asked and answered over HTTP: request bodies as pydantic models, answers as JSON documents."""

import json
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from pydantic.alias_generators import to_camel
from pydantic_core import from_json

from shared.codec.documents import catalog_document, subscription_document
from shared.domain.catalog import Catalog, Feature, Plan
from shared.domain.entitlement import Entitlement
from shared.domain.ledger import Ledger
from shared.domain.notification import InboxItem
from shared.domain.period import is_period
from shared.domain.profile import Profile, Role, Status, Subscription
from shared.domain.vehicle import VehicleState
from shared.domain.vin import is_vin
from shared.errors import Malformed

Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}\z")]
"""Of a plan, feature, capability, person: what is safe in a path and as a document id."""
Name = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]{1,100}\z")]


class Body(BaseModel):
    """Strict: no field more or less than named, no number for a text."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, alias_generator=to_camel, validate_by_alias=True, allow_inf_nan=False
    )


class RegisterVehicle(Body):
    """A vehicle to be registered under the caller's brand."""

    vin: str
    region: Id
    model: Name
    model_year: Annotated[int, Field(ge=1980, le=2100)]
    capabilities: Annotated[list[Id], Field(max_length=200)] = []
    roles: Annotated[dict[Id, Annotated[Role, Field(strict=False)]], Field(max_length=20)] = {}

    def profile(self, vehicle_id: str, brand: str) -> Profile:
        """What it will be once registered. Raises Malformed for a VIN that is none."""
        if not is_vin(self.vin):
            raise Malformed("vin: not a vehicle identification number (ISO 3779)")
        return Profile(
            vehicle_id,
            self.vin,
            brand,
            self.region,
            self.model,
            self.model_year,
            Status.ACTIVE,
            frozenset(self.capabilities),
            dict(self.roles),
        )


class Subscribe(Body):
    """A plan to be sold, from now on unless another start is named."""

    plan: Id
    starts_at: Annotated[AwareDatetime, Field(strict=False)] | None = None


class FeatureBody(Body):
    id: Id
    needs_capabilities: Annotated[list[Id], Field(max_length=50)] = []


class PlanBody(Body):
    id: Id
    features: Annotated[list[Id], Field(min_length=1, max_length=200)]
    period: str


class PublishCatalog(Body):
    """Everything the caller's brand sells."""

    features: Annotated[list[FeatureBody], Field(max_length=500)]
    plans: Annotated[list[PlanBody], Field(max_length=200)]

    def catalog(self, brand: str) -> Catalog:
        """Raises Malformed for an id given twice, a period that is none, and a plan with a feature unknown to it."""
        features = {f.id: Feature(f.id, frozenset(f.needs_capabilities)) for f in self.features}
        plans = {p.id: Plan(p.id, tuple(p.features), p.period) for p in self.plans}
        if len(features) < len(self.features) or len(plans) < len(self.plans):
            raise Malformed("an id is given twice")
        for plan in plans.values():
            if not is_period(plan.period):
                raise Malformed(f"plans.{plan.id}.period: not P1M, P1Y ... or lifetime")
            if unknown := set(plan.features) - features.keys():
                raise Malformed(f"plans.{plan.id}.features: no such feature: {', '.join(sorted(unknown))}")
        return Catalog(brand, features, plans)


def parse[B: Body](model: type[B], body: bytes) -> B:
    """The body as the model, or Malformed naming every field that is wrong."""
    try:
        return model.model_validate(from_json(body, allow_inf_nan=False))
    except ValidationError as error:
        wrong = (f"{'.'.join(map(str, e['loc'])) or 'body'}: {e['msg']}" for e in error.errors()[:10])
        raise Malformed("; ".join(wrong)) from None
    except (ValueError, RecursionError) as error:
        raise Malformed(f"not JSON: {str(error)[:200]}") from None


def vehicle_answer(p: Profile) -> dict[str, Any]:
    return {
        "id": p.vehicle_id,
        "vin": p.vin,
        "brand": p.brand,
        "region": p.region,
        "model": p.model,
        "modelYear": p.model_year,
        "status": p.status.value,
        "capabilities": sorted(p.capabilities),
        "roles": {user: role.value for user, role in p.roles.items()},
    }


def subscription_answer(s: Subscription) -> dict[str, Any]:
    return subscription_document(s)


def state_answer(s: VehicleState) -> dict[str, Any]:
    return {
        "vehicleId": s.vehicle_id,
        "newestAt": moment(s.newest) if s.newest >= 0 else None,
        "signals": {path: {"value": r.value, "at": moment(r.at)} for path, r in sorted(s.signals.items())},
        "episodes": [{"rule": rule, "since": moment(at)} for rule, at in s.episodes.items()],
        "revision": s.revision,
    }


def entitlement_answer(vehicle_id: str, e: Entitlement) -> dict[str, Any]:
    return {
        "vehicleId": vehicle_id,
        "feature": e.feature,
        "allowed": e.allowed,
        "reasons": [reason.value for reason in e.reasons],
        "validUntil": e.valid_until.isoformat() if e.valid_until else None,
        "cacheFor": int(e.cache_for.total_seconds()),
    }


def catalog_answer(c: Catalog) -> dict[str, Any]:
    stored = catalog_document(c)
    return {name: stored[name] for name in ("brand", "features", "plans")}


def inbox_answer(item: InboxItem) -> dict[str, Any]:
    told = item.delivery.notification
    return {
        "id": item.delivery.id,
        "notificationId": told.id,
        "kind": told.kind,
        "vehicleId": told.vehicle_id,
        "at": moment(told.at),
        "deliveredAt": moment(item.delivered_at),
        "facts": dict(told.facts),
    }


def ledger_answer(entry: Ledger) -> dict[str, Any]:
    return {
        "id": entry.id,
        "accepted": entry.accepted,
        "balanced": entry.balanced,
        "outcomes": dict(entry.outcomes),
        "reasons": dict(entry.reasons),
        **entry.census._asdict(),
    }


def moment(epoch_ms: int) -> str:
    """RFC 3339 in UTC, with milliseconds."""
    return datetime.fromtimestamp(epoch_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def to_json(answer: Any) -> str:
    return json.dumps(answer, separators=(",", ":"))
