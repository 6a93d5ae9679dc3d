"""A release of the Vehicle Signal Specification, or an overlay over one, as `vspec export json` writes it."""

import re
from collections.abc import Iterator
from typing import Any

from shared.codec.signals import leaf, reading_type, tells_place
from shared.domain.signals import LEAVES, Leaf
from shared.errors import Code, Malformed

_PATH = re.compile(r"[A-Z][A-Za-z0-9]*(\.[A-Za-z0-9]+){1,15}", re.ASCII)
_LONGEST = 256


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
    if not isinstance(unit, str | None) or any(not isinstance(node.get(k), int | float | None) for k in ("min", "max")):
        raise _wrong(path, "a unit is a text, a range two numbers")
    if not isinstance(node.get("place"), bool | None):
        raise _wrong(path, "place is neither true nor false")
    found = leaf(node)
    if found.place is False and tells_place(path, found):
        raise _wrong(path, "tells a place, so that place cannot be false")
    try:
        reading_type(found)
    except (Malformed, ValueError, TypeError) as error:
        raise _wrong(path, str(error)) from None
    return found


def _wrong(path: str, what: str) -> Malformed:
    return Malformed(f"{path[:_LONGEST]}: {what}" if path else what, Code.INVALID_SIGNALS)
