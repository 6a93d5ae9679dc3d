"""What signals there are: facts of the COVESA Vehicle Signal Specification, and what operators load over it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

LEAVES = 5_000
"""How many signals a release may have."""


class Leaf(NamedTuple):
    """One signal: a VSS datatype (`float`, `uint8`, `string[]` ...), its unit, its range, its allowed values, and what
    whoever defined it says of whether it tells a place, if anything."""

    datatype: str
    unit: str | None = None
    least: float | None = None
    most: float | None = None
    allowed: tuple[str, ...] = ()
    place: bool | None = None


class Alias(NamedTuple):
    """A signal of an older release: what it is called now, and how its numbers become those of today's unit."""

    path: str
    factor: float = 1.0
    offset: float = 0.0

    @property
    def renames_only(self) -> bool:
        return self.factor == 1.0 and self.offset == 0.0


@dataclass(frozen=True, slots=True)
class Release:
    """What an operator loaded: a whole release in the place of the shipped catalogue, if any, and an overlay over it in
    which None takes a signal away."""

    leaves: Mapping[str, Leaf] | None = None
    overlay: Mapping[str, Leaf | None] = field(default_factory=dict)

    def over(self, shipped: Mapping[str, Leaf]) -> dict[str, Leaf]:
        """All signals that hold."""
        both = {**(shipped if self.leaves is None else self.leaves), **self.overlay}
        return {path: leaf for path, leaf in both.items() if leaf is not None}
