"""Rules as people write them and as they are stored: the same JSON."""

from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, ValidationInfo, model_validator

from shared.codec.bodies import LATER, Body, Id
from shared.domain.conditions import (
    CONFIRM,
    OPEN_FROM,
    ChargingComplete,
    Geofence,
    LeftOpen,
    MovingWhileOff,
    Silent,
    Threshold,
    TroubleCode,
)
from shared.domain.geo import Circle, Place, Polygon, opened
from shared.domain.rules import CORNERS, Rule

_SIMPLE: dict[str, type[Rule]] = {kind.kind: kind for kind in (TroubleCode, ChargingComplete, MovingWhileOff, Silent)}
STORED = "stored"
"""The context in which shapes are read that were accepted once: what is asked of new ones must not stop ingest."""
type Finite = Annotated[float, Field(strict=False, allow_inf_nan=False)]


class _Base(Body):
    id: Id
    on: Annotated[list[Literal["enter", "exit"]], Field(min_length=1, max_length=2)] = ["enter"]
    hold_seconds: Annotated[int, Field(ge=0, le=86_400)] = 0
    enabled: bool = True

    def common(self) -> dict[str, Any]:
        return {"id": self.id, "on": frozenset(self.on), "hold": self.hold_seconds * 1000, "enabled": self.enabled}


class ThresholdBody(_Base):
    """Below or above a number; `clears` lies on the other side of it, or on it. A single reading beyond counts once it
    is confirmed by a second one, or after `confirm_seconds`; 0 tells it at once."""

    kind: Literal["threshold"]
    signal: Annotated[str, Field(pattern=r"^[A-Z][A-Za-z0-9.]{0,255}$")]
    below: Finite | None = None
    above: Finite | None = None
    clears: Finite
    name: Id = "threshold"
    confirm_seconds: Annotated[int, Field(ge=0, le=3_600)] = CONFIRM // 1000

    @model_validator(mode="after")
    def _one_way(self) -> "ThresholdBody":
        if (self.below is None) == (self.above is None):
            raise ValueError("either below or above")
        if (self.below is not None and self.clears < self.below) or (
            self.above is not None and self.clears > self.above
        ):
            raise ValueError("clears lies on the wrong side")
        return self

    def rule(self) -> Rule:
        bounds: dict[str, Any] = {"below": self.below, "above": self.above, "clears": self.clears}
        confirm = self.confirm_seconds * 1000
        return Threshold(signal=self.signal, name=self.name, confirm=confirm, **bounds, **self.common())


class PlaceBody(Body):
    """In degrees. Beyond the 180th meridian longitudes go on (180.5), or begin anew (-179.5)."""

    latitude: Annotated[Finite, Field(ge=-90, le=90)]
    longitude: Annotated[Finite, Field(ge=-360, le=360)]

    def place(self) -> Place:
        return Place(self.latitude, self.longitude)


class CircleBody(PlaceBody):
    radius: Annotated[Finite, Field(ge=10, le=1_000_000)]


class GeofenceBody(_Base):
    """A circle (radius in metres), or a polygon of 3 to 100 corners that is no wider than half the globe. The first
    corner may be repeated as the last."""

    kind: Literal["geofence"]
    circle: CircleBody | None = None
    polygon: Annotated[list[PlaceBody], Field(min_length=3, max_length=CORNERS + 1)] | None = None

    @model_validator(mode="after")
    def _one_shape(self, info: ValidationInfo) -> "GeofenceBody":
        if (self.circle is None) == (self.polygon is None):
            raise ValueError("either a circle or a polygon")
        shape = self._shape()
        if isinstance(shape, Polygon) and info.context != STORED:
            if not 3 <= len(shape.corners) <= CORNERS:
                raise ValueError(f"a polygon has 3 to {CORNERS} corners")
            if shape.fault:
                raise ValueError(shape.fault)
        return self

    def rule(self, drawn_at: int = 0) -> Rule:
        return Geofence(shape=self._shape(), drawn_at=drawn_at, **self.common())

    def _shape(self) -> Circle | Polygon:
        if self.circle:
            return Circle(self.circle.place(), self.circle.radius)
        return Polygon(opened([corner.place() for corner in self.polygon or ()]))


class StoredGeofence(GeofenceBody):
    """With when it was drawn (epoch ms)."""

    drawn_at: int = 0

    def rule(self, drawn_at: int = 0) -> Rule:
        return super().rule(self.drawn_at)


class SimpleBody(_Base):
    """Those that need nothing more to be said."""

    kind: Literal["trouble_code", "charging_complete", "moving_while_off"]

    def rule(self) -> Rule:
        return _SIMPLE[self.kind](**self.common())


class LeftOpenBody(_Base):
    """A window or roof counts as open from `open_from` percent."""

    kind: Literal["left_open"]
    open_from: Annotated[Finite, Field(gt=0, le=100)] = OPEN_FROM

    def rule(self) -> Rule:
        return LeftOpen(open_from=self.open_from, **self.common())


class SilentBody(_Base):
    """Nothing heard for a number of hours, up to 30 days."""

    kind: Literal["silent"]
    hours: Annotated[int, Field(ge=1, le=720)]
    hold_seconds: Literal[0] = 0

    def rule(self) -> Rule:
        return Silent(**self.common() | {"hold": self.hours * 3_600_000})


type AnyRule = Annotated[
    ThresholdBody | GeofenceBody | SimpleBody | LeftOpenBody | SilentBody, Field(discriminator="kind")
]
type StoredRule = Annotated[
    ThresholdBody | StoredGeofence | SimpleBody | LeftOpenBody | SilentBody, Field(discriminator="kind")
]
_RULES: TypeAdapter[list[StoredRule]] = TypeAdapter(list[StoredRule], config=LATER)


def rules(docs: object) -> tuple[Rule, ...]:
    """Stored rules."""
    return tuple(body.rule() for body in _RULES.validate_python(docs, context=STORED))


def stored_rule(rule: Rule) -> dict[str, Any]:
    """With what the service itself knows of it."""
    drawn = {"drawnAt": rule.drawn_at} if isinstance(rule, Geofence) and rule.drawn_at else {}
    return rule_document(rule) | drawn


def rule_document(rule: Rule) -> dict[str, Any]:
    doc: dict[str, Any] = {"id": rule.id, "kind": rule.kind, "on": sorted(rule.on), "enabled": rule.enabled}
    if isinstance(rule, Silent):
        return doc | {"hours": rule.hold // 3_600_000}
    doc["holdSeconds"] = rule.hold // 1000
    if isinstance(rule, Threshold):
        bounds = {"below": rule.below, "above": rule.above, "clears": rule.clears}
        doc |= {"signal": rule.signal, "name": rule.name, "confirmSeconds": rule.confirm // 1000} | {
            k: v for k, v in bounds.items() if v is not None
        }
    if isinstance(rule, LeftOpen):
        doc["openFrom"] = rule.open_from
    if isinstance(rule, Geofence):
        doc |= _shape(rule.shape)
    return doc


def _shape(shape: Circle | Polygon) -> dict[str, Any]:
    if isinstance(shape, Circle):
        return {"circle": shape.centre._asdict() | {"radius": shape.radius}}
    return {"polygon": [corner._asdict() for corner in shape.corners]}
