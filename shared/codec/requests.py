"""What is asked over HTTP, as pydantic models."""

from typing import Annotated

from pydantic import AwareDatetime, Field, RootModel, StringConstraints

from shared.codec.bodies import Body, Id, Name
from shared.codec.rules import AnyRule
from shared.domain.catalog import Catalog, Feature, Plan
from shared.domain.freshness import Thresholds
from shared.domain.period import is_period
from shared.domain.policy import Mode, Status
from shared.domain.profile import Profile, Role
from shared.domain.vin import is_vin
from shared.errors import Forbidden, Malformed


class RegisterVehicle(Body):
    """A vehicle to be registered under the caller's brand; to name another is forbidden."""

    vin: str
    brand: Id | None = None
    region: Id
    model: Name
    model_year: Annotated[int, Field(ge=1980, le=2100)]
    capabilities: Annotated[list[Id], Field(max_length=200)] = []
    roles: Annotated[dict[Id, Annotated[Role, Field(strict=False)]], Field(max_length=20)] = {}

    def profile(self, vehicle_id: str, brand: str) -> Profile:
        """What it will be once registered. Raises Malformed for a VIN that is none, Forbidden for another's brand."""
        if self.brand not in (None, brand):
            raise Forbidden("only vehicles of the own brand can be registered")
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


class RegisterVehicles(RootModel[Annotated[list[RegisterVehicle], Field(min_length=1, max_length=100)]]):
    """Several vehicles at once."""


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


class ChangePrivacy(Body):
    """How much the vehicle may tell from now on; until a moment, or until it is changed again."""

    mode: Annotated[Mode, Field(strict=False)]
    until: Annotated[AwareDatetime, Field(strict=False)] | None = None


class GiveConsent(Body):
    """A person agrees or refuses, having read a text; of `history` for how many days samples may be kept."""

    granted: bool
    text: Name
    days: Annotated[int, Field(ge=1, le=365)] = 30


class PutRules(Body):
    """Everything that a brand tells of its vehicles."""

    rules: Annotated[list[AnyRule], Field(max_length=50)]


class PutRule(RootModel[AnyRule]):
    """One rule of a vehicle's own."""


class PutThresholds(Body):
    """Seconds for which a reading is live, and for which it is only stale."""

    live_seconds: Annotated[int, Field(ge=1, le=604_800)]
    stale_seconds: Annotated[int, Field(ge=1, le=31_536_000)]

    def thresholds(self) -> Thresholds:
        if self.stale_seconds < self.live_seconds:
            raise Malformed("staleSeconds: less than liveSeconds")
        return Thresholds(self.live_seconds, self.stale_seconds)


class PutTroubleCodes(Body):
    """What trouble codes mean."""

    codes: Annotated[
        dict[Annotated[str, StringConstraints(pattern=r"^[PCBU][0-9A-F]{4}(-[0-9A-F]{2})?\z")], Name],
        Field(max_length=12_000),
    ]


class Replay(Body):
    """Which of the parked are to be taken in again: those that fit every part that is given, or all."""

    reason: Id | None = None
    day: Annotated[str, StringConstraints(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}\z")] | None = None
    device: Id | None = None
