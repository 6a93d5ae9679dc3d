"""What a brand sells: features, and plans that bundle them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from shared.domain.document_size import json_size
from shared.domain.garage import Role
from shared.domain.period import LIFETIME
from shared.domain.policy import Mode, Status
from shared.domain.telemetry import Value
from shared.errors import Code, Contradiction, NotFound

FEATURES, PLANS = 500, 200
"""Of one brand, at most."""
LARGEST_CONFIG = 1_024
"""Bytes of JSON of what a static feature is worth: a profile holds a copy with each grant."""
LARGEST_PLAN = 4_096
"""Bytes of JSON of a plan as it is sold, with the configs of its features: a profile holds a copy with each sale."""
LARGEST_CATALOG = 500_000
"""Bytes of JSON of all that a brand sells."""

type Config = Mapping[str, Value]
"""What a static feature is worth: `{"guests": 5}`."""


class Kind(StrEnum):
    """Something one has or has not, or something that comes with values."""

    BOOLEAN = "boolean"
    STATIC = "static"


class Data(StrEnum):
    """What a feature may show of a vehicle to a guest to whom it was lent: its newest readings but for places, places,
    what it reported over time, its rules with their fences and episodes, what its rules find."""

    STATE = "state"
    POSITION = "position"
    HISTORY = "history"
    RULES = "rules"
    NOTIFICATIONS = "notifications"


@dataclass(frozen=True, slots=True)
class Needs:
    """What has to be so for a feature to be used, besides its being sold. An empty set asks for nothing; `mode` is the
    strictest privacy mode in which it works."""

    roles: frozenset[Role] = frozenset()
    verified: bool = False
    terms: bool = True
    consents: frozenset[str] = frozenset()
    regions: frozenset[str] = frozenset()
    capabilities: frozenset[str] = frozenset()
    statuses: frozenset[Status] = frozenset({Status.ACTIVE})
    mode: Mode | None = None


@dataclass(frozen=True, slots=True)
class Feature:
    """Something a vehicle or its user may be entitled to. `shows` is what a guest is shown who was lent it."""

    id: str
    name: str = ""
    kind: Kind = Kind.BOOLEAN
    config: Config | None = None
    needs: Needs = Needs()
    shows: frozenset[Data] = frozenset()


@dataclass(frozen=True, slots=True)
class Plan:
    """What is sold: features, each with its config if it is static, for a price (in the currency's smallest unit) a
    term (`P1M`, `P1Y`, `lifetime`), after a trial, and with days of grace when a payment is outstanding."""

    id: str
    features: Mapping[str, Config | None]
    period: str
    name: str = ""
    price: int = 0
    currency: str = "EUR"
    trial_days: int = 0
    grace_days: int = 0
    version: int = 1

    @property
    def free(self) -> bool:
        return self.price == 0

    @property
    def ends(self) -> bool:
        """Whether a term of it does."""
        return self.period != LIFETIME


@dataclass(frozen=True, slots=True)
class Catalog:
    """Everything one brand sells."""

    brand: str
    features: Mapping[str, Feature] = field(default_factory=dict)
    plans: Mapping[str, Plan] = field(default_factory=dict)

    def over(self, before: "Catalog") -> "Catalog":
        """This catalogue in the place of another: each plan that says something else is its next version.

        Raises Contradiction(unknown_feature) for a plan with a feature that is in no catalogue, Contradiction
        (catalog_full, plan_too_large, config_too_large) for what is beyond a limit, unless it was so before."""
        plans = {id: _versioned(plan, before.plans.get(id)) for id, plan in self.plans.items()}
        for plan in plans.values():
            if unknown := sorted(set(plan.features) - self.features.keys()):
                detail = f"plans.{plan.id}.features: no such feature: {', '.join(unknown)}"
                raise Contradiction(detail, Code.UNKNOWN_FEATURE)
        if len(plans) > PLANS or len(self.features) > FEATURES:
            raise Contradiction(f"a brand has {FEATURES} features and {PLANS} plans", Code.CATALOG_FULL)
        after = replace(self, plans=plans)
        after._require_sizes(before)
        return after

    def _require_sizes(self, before: "Catalog") -> None:
        for feature in self.features.values():
            if feature != before.features.get(feature.id):
                require_config_size(feature)
        for plan in self.plans.values():
            sold, known = self.sold(plan), before.plans.get(plan.id)
            if known is None or sold != before.sold(known):
                require_plan_size(sold)
        size = json_size(self)
        if size > LARGEST_CATALOG and size > json_size(before):
            raise Contradiction(f"a catalogue has at most {LARGEST_CATALOG} bytes", Code.CATALOG_FULL)

    def with_feature(self, feature: Feature) -> "Catalog":
        return replace(self, features={**self.features, feature.id: feature})

    def with_plan(self, plan: Plan) -> "Catalog":
        return replace(self, plans={**self.plans, plan.id: plan})

    def without_feature(self, id: str) -> "Catalog":
        """Raises NotFound, or Contradiction(unknown_feature) later, if a plan has it."""
        if id not in self.features:
            raise NotFound("no such feature")
        return replace(self, features={key: f for key, f in self.features.items() if key != id})

    def without_plan(self, id: str) -> "Catalog":
        """What was sold of it goes on. Raises NotFound."""
        if id not in self.plans:
            raise NotFound("no such plan")
        return replace(self, plans={key: p for key, p in self.plans.items() if key != id})

    def sold(self, plan: Plan) -> Plan:
        """The plan as a sale keeps it: every static feature with the config that holds today."""
        configs = {id: own if own is not None else self._config(id) for id, own in plan.features.items()}
        return replace(plan, features=configs)

    def _config(self, id: str) -> Config | None:
        found = self.features.get(id)
        return found.config if found else None


def require_config_size(feature: Feature) -> None:
    """Raises Contradiction(config_too_large)."""
    if json_size(feature.config) > LARGEST_CONFIG:
        detail = f"features.{feature.id}.config has at most {LARGEST_CONFIG} bytes"
        raise Contradiction(detail, Code.CONFIG_TOO_LARGE)


def require_plan_size(sold: Plan) -> None:
    """Of a plan as it is sold; what is stored names its features twice. Raises Contradiction(plan_too_large)."""
    if json_size(sold) + json_size(sold.features.keys()) > LARGEST_PLAN:
        detail = f"plans.{sold.id} has at most {LARGEST_PLAN} bytes, with the configs of its features"
        raise Contradiction(detail, Code.PLAN_TOO_LARGE)


def _versioned(plan: Plan, before: Plan | None) -> Plan:
    if before is None:
        return replace(plan, version=1)
    same = replace(plan, version=before.version)
    return same if same == before else replace(plan, version=before.version + 1)
