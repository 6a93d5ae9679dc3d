"""What a brand sells: features, and plans that bundle them."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Feature:
    """Something a vehicle may be entitled to, and the capabilities its hardware needs for it."""

    id: str
    needs_capabilities: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Plan:
    """What is sold: features for a period (`P1M`, `P1Y`, `lifetime`)."""

    id: str
    features: tuple[str, ...]
    period: str


@dataclass(frozen=True, slots=True)
class Catalog:
    """Everything one brand sells."""

    brand: str
    features: Mapping[str, Feature] = field(default_factory=dict)
    plans: Mapping[str, Plan] = field(default_factory=dict)
