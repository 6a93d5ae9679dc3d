"""A release of the Vehicle Signal Specification, or an overlay over one, as `vspec export json` writes it."""

import re
from collections.abc import Iterator
from math import isfinite
from typing import Any

from shared.codec.signals import leaf, reading_type, tells_place
from shared.domain.signals import LEAVES, Leaf
from shared.errors import Code, Malformed

_PATH = re.compile(r"[A-Z][A-Za-z0-9]*(\.[A-Za-z0-9]+){1,15}", re.ASCII)
_LONGEST = 256
MOST_ALLOWED = 256
"""Texts that a signal may allow."""
SAFE = 2**53
"""The largest whole number, of either sign, that every reader of JSON holds exactly (RFC 8259, section 6)."""


def read(tree: object) -> dict[str, Leaf | None]:
    """Its leaves by path; None where the overlay takes one away (`delete: true`).

    Raises Malformed(invalid_signals), naming what is wrong with which signal."""
    if not isinstance(tree, dict):
        raise _wrong("", "not a tree of signals")
    found = dict(_leaves("", tree, 0))
    if len(found) > LEAVES:
        raise _wrong("", f"more than {LEAVES} signals")
    return found


def _leaves(prefix: str, nodes: dict[str, Any], depth: int) -> Iterator[tuple[str, Leaf | None]]:
    if depth > 20:
        raise _wrong(prefix, "too deep")
    for name, node in nodes.items():
        path = f"{prefix}.{name}" if prefix else name
        if not isinstance(node, dict):
            raise _wrong(path, "neither a branch nor a signal")
        if "children" in node:
            if not isinstance(node["children"], dict):
                raise _wrong(path, "children are not a tree")
            yield from _leaves(path, node["children"], depth + 1)
        else:
            yield path, _leaf(path, node)


def _leaf(path: str, node: dict[str, Any]) -> Leaf | None:
    if len(path) > _LONGEST or not _PATH.fullmatch(path):
        raise _wrong(path, "not a path")
    if node.get("delete") is True:
        return None
    allowed, unit = node.get("allowed", []), node.get("unit")
    if not isinstance(node.get("datatype"), str):
        raise _wrong(path, "no datatype")
    if not isinstance(allowed, list) or not all(isinstance(a, str) and len(a) <= _LONGEST for a in allowed):
        raise _wrong(path, "allowed is not a list of texts")
    if len(allowed) > MOST_ALLOWED or not isinstance(unit, str | None) or len(unit or "") > _LONGEST:
        raise _wrong(
            path, f"more than {MOST_ALLOWED} allowed texts, or a unit that is no text of {_LONGEST} characters"
        )
    if not all(_is_bound(node.get(name)) for name in ("min", "max")):
        raise _wrong(path, f"min and max are numbers from -{SAFE} to {SAFE}")
    if not isinstance(node.get("place"), bool | None):
        raise _wrong(path, "place is neither true nor false")
    found = leaf(node)
    if found.place is False and tells_place(path, found):
        raise _wrong(path, "tells a place, so that place cannot be false")
    try:
        reading_type(found)
    except (Malformed, ValueError, TypeError, OverflowError) as error:
        raise _wrong(path, str(error)) from None
    return found


def _is_bound(number: object) -> bool:
    """Whether it can bound a range: a finite number, and a whole one that is exact in JSON; or none."""
    if isinstance(number, float):
        return isfinite(number)
    return number is None or (isinstance(number, int) and not isinstance(number, bool) and abs(number) <= SAFE)


def _wrong(path: str, what: str) -> Malformed:
    return Malformed(f"{path[:_LONGEST]}: {what}" if path else what, Code.INVALID_SIGNALS)
