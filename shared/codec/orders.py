"""What is asked over HTTP about selling, as pydantic models."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from shared.codec.bodies import Body, Id, Name, Time
from shared.domain.catalog import Catalog, Data, Feature, Kind, Needs, Plan
from shared.domain.garage import Role
from shared.domain.period import is_period
from shared.domain.policy import Mode, Status
from shared.errors import Forbidden, Malformed

type Scalar = bool | Annotated[int, Field(ge=-(2**53), le=2**53)] | float | Annotated[str, Field(max_length=200)]
type ConfigBody = Annotated[dict[Id, Scalar | Annotated[list[Scalar], Field(max_length=50)]], Field(max_length=20)]


class Subscribe(Body):
    """A plan to be bought; an operator may name another start than now."""

    plan: Id
    starts_at: Time | None = None


class Cancel(Body):
    """Now, or where the period ends that was paid for."""

    at: Literal["now", "period_end"]


class ChangePlan(Body):
    """The plan that takes this one's place where it was paid for."""

    plan: Id


class Payment(Body):
    """What came of charging for a term, counted from 1."""

    term: Annotated[int, Field(ge=1, le=10_000)]
    result: Literal["paid", "failed"]


class GiveFeature(Body):
    """A feature that is given away, from now on and for good unless it is said otherwise."""

    feature: Id
    starts_at: Time | None = None
    ends_at: Time | None = None


class NeedsBody(Body):
    roles: Annotated[list[Annotated[Role, Field(strict=False)]], Field(max_length=3)] = []
    verified: bool = False
    terms: bool = True
    consents: Annotated[list[Id], Field(max_length=20)] = []
    regions: Annotated[list[Id], Field(max_length=100)] = []
    capabilities: Annotated[list[Id], Field(max_length=50)] = []
    statuses: Annotated[list[Annotated[Status, Field(strict=False)]], Field(min_length=1, max_length=4)] = [
        Status.ACTIVE
    ]
    mode: Annotated[Mode, Field(strict=False)] | None = None

    def needs(self) -> Needs:
        what = frozenset(self.consents), frozenset(self.regions), frozenset(self.capabilities)
        return Needs(frozenset(self.roles), self.verified, self.terms, *what, frozenset(self.statuses), self.mode)


class FeatureBody(Body):
    """A feature, what has to be so for it to be used, and what it shows to guests who are lent it. A static one has a
    config."""

    id: Id
    name: Name | None = None
    kind: Annotated[Kind, Field(strict=False)] = Kind.BOOLEAN
    config: ConfigBody | None = None
    needs: NeedsBody = NeedsBody()
    shows: Annotated[list[Annotated[Data, Field(strict=False)]], Field(max_length=len(Data))] = []

    def feature(self) -> Feature:
        """Raises Malformed for a config of what is not static."""
        if (self.config is not None) != (self.kind is Kind.STATIC):
            raise Malformed(f"features.{self.id}.config: what is static has one, and nothing else")
        needs, shows = self.needs.needs(), frozenset(self.shows)
        return Feature(self.id, self.name or self.id, self.kind, self.config, needs, shows)


class PlanBody(Body):
    """What is sold for a price in the currency's smallest unit; `version` is ours to give, and read over."""

    id: Id
    name: Name | None = None
    features: Annotated[list[Id], Field(min_length=1, max_length=200)]
    configs: Annotated[dict[Id, ConfigBody], Field(max_length=200)] = {}
    period: Annotated[str, Field(max_length=10)]
    price: Annotated[int, Field(ge=0, le=100_000_000)] = 0
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] = "EUR"
    trial_days: Annotated[int, Field(ge=0, le=365)] = 0
    grace_days: Annotated[int, Field(ge=0, le=90)] = 0
    version: int | None = None

    def plan(self) -> Plan:
        """Raises Malformed for a period that is none, and a config of what is not in it."""
        if not is_period(self.period):
            raise Malformed(f"plans.{self.id}.period: not P1M, P1Y ... or lifetime")
        if unknown := sorted(set(self.configs) - set(self.features)):
            raise Malformed(f"plans.{self.id}.configs: not in the plan: {', '.join(unknown)}")
        features = {id: self.configs.get(id) for id in self.features}
        money, days = (self.price, self.currency), (self.trial_days, self.grace_days)
        return Plan(self.id, features, self.period, self.name or self.id, *money, *days)


class PublishCatalog(Body):
    """Everything the caller's brand sells; what `GET` answers can be put again."""

    brand: Id | None = None
    features: Annotated[list[FeatureBody], Field(max_length=500)]
    plans: Annotated[list[PlanBody], Field(max_length=200)]

    def catalog(self, brand: str) -> Catalog:
        """Raises Malformed for an id given twice, a period that is none, and a plan with a feature unknown to it;
        Forbidden for another's brand."""
        if self.brand not in (None, brand):
            raise Forbidden("only the own brand's catalogue can be published")
        features = {f.id: f.feature() for f in self.features}
        plans = {p.id: p.plan() for p in self.plans}
        if len(features) < len(self.features) or len(plans) < len(self.plans):
            raise Malformed("an id is given twice")
        for plan in plans.values():
            if unknown := set(plan.features) - features.keys():
                raise Malformed(f"plans.{plan.id}.features: no such feature: {', '.join(sorted(unknown))}")
        return Catalog(brand, features, plans)
