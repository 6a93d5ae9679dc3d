"""What is asked over HTTP, as pydantic models."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Field, RootModel, StringConstraints

from shared.codec.bodies import LATER, Body, Id, Name, UserId
from shared.codec.rules import AnyRule
from shared.domain.catalog import Catalog, Feature, Kind, Needs, Plan
from shared.domain.freshness import Thresholds
from shared.domain.garage import Member, Role
from shared.domain.period import is_period
from shared.domain.policy import Mode, Status
from shared.domain.profile import Profile
from shared.domain.vin import is_vin
from shared.errors import Forbidden, Malformed

type Scalar = bool | Annotated[int, Field(ge=-(2**53), le=2**53)] | float | Annotated[str, Field(max_length=200)]
type ConfigBody = Annotated[dict[Id, Scalar | Annotated[list[Scalar], Field(max_length=50)]], Field(max_length=20)]
type Time = Annotated[AwareDatetime, Field(strict=False)]


def to_ms(time: datetime | None) -> int | None:
    """Epoch milliseconds."""
    return None if time is None else int(time.timestamp() * 1000)


class RegisterVehicle(Body):
    """A vehicle to be registered under the caller's brand; to name another is forbidden."""

    vin: str
    brand: Id | None = None
    region: Id
    model: Name
    model_year: Annotated[int, Field(ge=1980, le=2100)]
    capabilities: Annotated[list[Id], Field(max_length=200)] = []
    roles: Annotated[dict[UserId, Annotated[Role, Field(strict=False)]], Field(max_length=20)] = {}

    def profile(self, vehicle_id: str, brand: str) -> Profile:
        """What it will be once registered. Raises Malformed for a VIN that is none, for guests and for two primary
        users, Forbidden for another's brand."""
        if self.brand not in (None, brand):
            raise Forbidden("only vehicles of the own brand can be registered")
        if not is_vin(self.vin):
            raise Malformed("vin: not a vehicle identification number (ISO 3779)")
        given = list(self.roles.values())
        if given.count(Role.PRIMARY) > 1 or Role.GUEST in given:
            raise Malformed("roles: one primary user at most, and no guests, who are invited")
        return Profile(
            vehicle_id,
            self.vin,
            brand,
            self.region,
            self.model,
            self.model_year,
            Status.ACTIVE,
            frozenset(self.capabilities),
            {user: Member(role) for user, role in self.roles.items()},
        )


class RegisterVehicles(RootModel[Annotated[list[RegisterVehicle], Field(min_length=1, max_length=100)]]):
    """Several vehicles at once."""

    model_config = LATER


class RegisterOneOrMany(RootModel[RegisterVehicle | RegisterVehicles]):
    """What may be sent to register vehicles."""

    model_config = LATER


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
    """A feature, and what has to be so for it to be used. A static one has a config."""

    id: Id
    name: Name | None = None
    kind: Annotated[Kind, Field(strict=False)] = Kind.BOOLEAN
    config: ConfigBody | None = None
    needs: NeedsBody = NeedsBody()

    def feature(self) -> Feature:
        """Raises Malformed for a config of what is not static."""
        if (self.config is not None) != (self.kind is Kind.STATIC):
            raise Malformed(f"features.{self.id}.config: what is static has one, and nothing else")
        return Feature(self.id, self.name or self.id, self.kind, self.config, self.needs.needs())


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


class Check(Body):
    """Features of a vehicle. An operator may ask for a person; a command is not answered from what was known before."""

    vehicle_id: Id
    features: Annotated[list[Id], Field(min_length=1, max_length=100)]
    user_id: UserId | None = None
    use: Literal["read", "command"] = "read"


class Claim(Body):
    """A vehicle, by its VIN and the code that it or an operator shows."""

    vin: Annotated[str, Field(max_length=32)]
    code: Annotated[str, Field(max_length=64)]


class Invite(Body):
    """Access for whoever accepts: for a guest over a time, and to some features only if they are named."""

    role: Literal["secondary", "guest"]
    starts_at: Time | None = None
    ends_at: Time | None = None
    features: Annotated[list[Id], Field(min_length=1, max_length=100)] | None = None

    def member(self, now: int) -> Member:
        """Raises Malformed for a guest without an end, or anybody else with a time or features."""
        role, starts, ends = Role(self.role), to_ms(self.starts_at), to_ms(self.ends_at)
        if role is Role.GUEST and (ends is None or ends <= max(now, starts or 0)):
            raise Malformed("endsAt: a guest's access ends, after it begins and not in the past")
        if role is not Role.GUEST and (starts, ends, self.features) != (None, None, None):
            raise Malformed("startsAt, endsAt, features: of guests only")
        chosen = None if self.features is None else frozenset(self.features)
        return Member(role, now, starts or 0, ends, chosen)


class Accept(Body):
    """The token of an invitation."""

    token: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_@-]{0,63}\.[0-9A-Z]{4,64}$")]


class Switch(Body):
    """Whether a feature is to be on."""

    enabled: bool


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

    model_config = LATER


class PutThresholds(Body):
    """Seconds for which a reading is live, and for which it is only stale."""

    live_seconds: Annotated[int, Field(ge=1, le=604_800)]
    stale_seconds: Annotated[int, Field(ge=1, le=31_536_000)]

    def thresholds(self) -> Thresholds:
        if self.stale_seconds < self.live_seconds:
            raise Malformed("staleSeconds: less than liveSeconds")
        return Thresholds(self.live_seconds, self.stale_seconds)


class SignalTree(RootModel[dict[str, Any]]):
    """As `vspec export json` writes it; in an overlay null takes a signal away."""

    model_config = LATER


class PutTroubleCodes(Body):
    """What trouble codes mean."""

    codes: Annotated[
        dict[Annotated[str, StringConstraints(pattern=r"^[PCBU][0-9A-F]{4}(-[0-9A-F]{2})?$")], Name],
        Field(max_length=12_000),
    ]


class Replay(Body):
    """Which of the parked are to be taken in again: those that fit every part that is given, or all."""

    reason: Id | None = None
    day: Annotated[str, StringConstraints(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")] | None = None
    device: Id | None = None
