"""The signals that a brand's vehicles send: paths, types and ranges as msgspec types, with the names and units of older
releases of the COVESA Vehicle Signal Specification."""

from collections.abc import Mapping
from functools import cache
from math import isfinite
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from shared.codec.places import decision
from shared.domain.signals import Alias, Leaf, Release
from shared.domain.telemetry import Value
from shared.errors import Malformed

FOLDER = Path(__file__).parent.parent
LONGEST_TEXT = 256
"""Characters that a text reading may have."""
LONGEST_LIST = 256
"""Values that a list reading may have."""

_INTEGERS = {f"{sign}int{bits}": (sign, bits) for sign in ("", "u") for bits in (8, 16, 32, 64)}
_TEXT = Annotated[str, msgspec.Meta(max_length=LONGEST_TEXT, pattern=r"^[^\x00-\x1f\x7f]*\Z")]


def reading_type(leaf: Leaf) -> Any:
    """The type of the readings of one leaf, with its range or allowed values. Raises Malformed for a datatype that
    there is none."""
    if leaf.datatype.endswith("[]"):
        one = reading_type(leaf._replace(datatype=leaf.datatype[:-2]))
        return Annotated[list[one], msgspec.Meta(max_length=LONGEST_LIST)]  # type: ignore[valid-type]
    if leaf.datatype == "boolean":
        return bool
    if leaf.datatype == "string":
        return Literal[leaf.allowed] if leaf.allowed else _TEXT
    if leaf.datatype in ("float", "double"):
        bounded = leaf.least is not None or leaf.most is not None
        return Annotated[float, msgspec.Meta(ge=leaf.least, le=leaf.most)] if bounded else float
    if leaf.datatype in _INTEGERS:
        sign, bits = _INTEGERS[leaf.datatype]
        # The last number of an unsigned type and the first of a signed one stand for "not available" (SAE J1939).
        least, most = (0, min(2**bits - 2, 2**63 - 1)) if sign else (1 - 2 ** (bits - 1), 2 ** (bits - 1) - 1)
        low = least if leaf.least is None else max(int(leaf.least), -(2**63))
        high = most if leaf.most is None else min(int(leaf.most), 2**63 - 1)
        return Annotated[int, msgspec.Meta(ge=low, le=high)]
    raise Malformed(f"signals of type {leaf.datatype} are not supported")


class Vocabulary:
    """What is understood of the signals of one brand."""

    def __init__(self, leaves: Mapping[str, Leaf]) -> None:
        self.leaves = leaves
        self.types = {path: reading_type(leaf) for path, leaf in leaves.items()}
        names, self._units = _aliases()
        self._names = {old: alias for old, alias in names.items() if old not in leaves and alias.path in leaves}
        self.not_places = frozenset(path for path, leaf in leaves.items() if not tells_place(path, leaf))

    def target(self, path: str) -> str | None:
        """What a signal is called in this vocabulary, if it is in it."""
        if path in self.types:
            return path
        alias = self._names.get(path)
        return alias.path if alias else None

    def sift(self, readings: Mapping[str, object], release: str | None = None) -> tuple[dict[str, Value], int, int]:
        """The readings that fit; how many were refused; how many were of signals that we do not know.

        A value that can mean but one thing is taken for it ("12.3" for a number). What an older release calls or counts
        otherwise is brought to today's name and unit, unless today's name is there too. A latitude and a longitude are
        one position: where one of them is refused, so is the other."""
        kept: dict[str, Value] = {}
        refused = unknown = 0
        misfits = list[str]()
        units = self._units.get(release or "", {})
        for path, value in readings.items():
            alias = units.get(path) or (None if path in self.types else self._names.get(path))
            target = alias.path if alias else path
            if target not in self.types:
                unknown += 1
            elif target == path or target not in readings:
                try:
                    kept[target] = self._fitting(target, value, alias)
                except (msgspec.ValidationError, OverflowError):
                    refused += 1
                    misfits.append(target)
        for path in misfits:
            if kept.pop(_other_half(path), None) is not None:
                refused += 1
        return kept, refused, unknown

    def _fitting(self, path: str, value: object, alias: Alias | None) -> Value:
        if alias and isinstance(value, int | float) and not isinstance(value, bool):
            value = value * alias.factor + alias.offset
            if self.leaves[path].datatype in _INTEGERS:
                value = round(value)
        fitting: Value = msgspec.convert(value, self.types[path], strict=False)
        if isinstance(fitting, float) and not isfinite(fitting):
            raise msgspec.ValidationError("not a finite number")
        return fitting


def _other_half(path: str) -> str:
    """The longitude of a latitude and the other way round; "" of any other signal."""
    branch, _, name = path.rpartition(".")
    other = {"Latitude": "Longitude", "Longitude": "Latitude"}.get(name)
    return f"{branch}.{other}" if other else ""


@cache
def _aliases() -> tuple[dict[str, Alias], dict[str, dict[str, Alias]]]:
    """What older releases called otherwise; and by release, what they counted in other units under the same name."""
    stored = msgspec.json.decode((FOLDER / "aliases.json").read_bytes())
    names = {old: Alias(**alias) for old, alias in stored["paths"].items()}
    units = {
        release: {old: Alias(**alias) for old, alias in found.items()} for release, found in stored["units"].items()
    }
    return names, units


def tells_place(path: str, leaf: Leaf) -> bool:
    """Whether readings of a signal count as places. VSS 6.0 decides for its leaves and what older releases call them;
    a leaf may call itself a place besides. Any other signal counts as one unless its leaf says that it is none."""
    older, _ = _aliases()
    decided = decision(older[path].path if path in older else path)
    if decided is None:
        return leaf.place is not False
    return decided or leaf.place is True


def leaf(found: Mapping[str, Any]) -> Leaf:
    """A leaf as the specification writes it, and with `place` if it says so."""
    allowed = tuple(found.get("allowed") or ())
    return Leaf(
        found["datatype"], found.get("unit"), found.get("min"), found.get("max"), allowed, place=found.get("place")
    )


@cache
def shipped() -> Mapping[str, Leaf]:
    """The signals that we know without being told."""
    return {path: leaf(found) for path, found in msgspec.json.decode((FOLDER / "signals.json").read_bytes()).items()}


def vocabulary(release: Release) -> Vocabulary:
    """What holds for a brand that loaded this."""
    return Vocabulary(release.over(shipped()))
