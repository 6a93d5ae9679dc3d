"""The signals we know: paths, types and ranges of the COVESA Vehicle Signal Specification 6.0, as msgspec types."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from shared.domain.telemetry import Value

FILE = Path(__file__).parent.parent / "signals.json"
LONGEST_TEXT = 256
"""Characters that a text reading may have."""

_INTEGERS = {f"{sign}int{bits}": (sign, bits) for sign in ("", "u") for bits in (8, 16, 32)}
_TEXT = Annotated[str, msgspec.Meta(max_length=LONGEST_TEXT, pattern=r"^[^\x00-\x1f\x7f]*\Z")]


def reading_type(leaf: Mapping[str, Any]) -> Any:
    """The type of the readings of one leaf of the specification, with its range or allowed values."""
    datatype, low, high = leaf["datatype"], leaf.get("min"), leaf.get("max")
    if datatype == "boolean":
        return bool
    if datatype == "string":
        return Literal[tuple(leaf["allowed"])] if "allowed" in leaf else _TEXT
    if datatype in ("float", "double"):
        return float if low is None and high is None else Annotated[float, msgspec.Meta(ge=low, le=high)]
    if datatype in _INTEGERS:
        sign, bits = _INTEGERS[datatype]
        least, most = (0, 2**bits - 1) if sign else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
        bounds = msgspec.Meta(ge=least if low is None else low, le=most if high is None else high)
        return Annotated[int, bounds]
    raise ValueError(f"signals of type {datatype} are not supported")


@cache
def catalogue() -> Mapping[str, Any]:
    """The type of every signal that we know, by path."""
    return {path: reading_type(leaf) for path, leaf in msgspec.json.decode(FILE.read_bytes()).items()}


def sift(readings: Mapping[str, object]) -> tuple[dict[str, Value], int, int]:
    """The readings that fit; how many were refused; how many were of signals that we do not know."""
    kept: dict[str, Value] = {}
    refused = unknown = 0
    types = catalogue()
    for path, value in readings.items():
        if path not in types:
            unknown += 1
            continue
        try:
            kept[path] = msgspec.convert(value, types[path])
        except msgspec.ValidationError:
            refused += 1
    return kept, refused, unknown
