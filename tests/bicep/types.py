"""Resources held against the types that ARM publishes: what is required, what is unknown, what is of another kind."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.bicep.evaluate import Resource

REQUIRED, READ_ONLY = 1, 2
PLAIN = {"StringType": str, "IntegerType": int, "BooleanType": bool}


class Types:
    """`{type@version: {root, types}}`, as ../shared/data/bicep-types.json has it."""

    def __init__(self, path: Path) -> None:
        self._held: Mapping[str, Any] = {k.lower(): v for k, v in json.loads(path.read_text()).items()}

    def findings(self, resource: Resource) -> Iterator[str]:
        known = self._held.get(f"{resource.type}@{resource.version}".lower())
        where = f"{resource.file}: {resource.type}"
        if known is None:
            yield f"{where}: no such type or version: {resource.version}"
            return
        table = known["types"]
        for problem in _held_against(resource.body, table[str(known["root"])], table, ""):
            yield f"{where}{problem}"

    def properties(self, resource: Resource) -> set[str]:
        """All names of properties that its kind may have, at any depth."""
        known = self._held.get(f"{resource.type}@{resource.version}".lower(), {"types": {}})
        return {name for t in known["types"].values() for name in t.get("properties", {})}


def _held_against(value: Any, wanted: Mapping[str, Any], table: Mapping[str, Any], path: str) -> Iterator[str]:
    def of(ref: Mapping[str, str]) -> Mapping[str, Any]:
        found: Mapping[str, Any] = table[ref["$ref"][2:]]
        return found

    match wanted["$type"]:
        case "ObjectType" | "DiscriminatedObjectType" if not isinstance(value, dict):
            yield f"{path}: {value!r} is no object"
        case "ObjectType":
            yield from _members(value, wanted.get("properties", {}), wanted.get("additionalProperties"), table, path)
        case "DiscriminatedObjectType":
            chosen = wanted["elements"].get(value.get(wanted["discriminator"]))
            if chosen is None:
                yield f"{path}.{wanted['discriminator']}: not one of {sorted(wanted['elements'])}"
                return
            both = {**wanted.get("baseProperties", {}), **of(chosen).get("properties", {})}
            yield from _members(value, both, of(chosen).get("additionalProperties"), table, path)
        case "ArrayType" if not isinstance(value, list):
            yield f"{path}: {value!r} is no list"
        case "ArrayType":
            for item in value:
                yield from _held_against(item, of(wanted["itemType"]), table, f"{path}[]")
        case "UnionType":
            every = [of(e) for e in wanted["elements"]]
            if all(list(_held_against(value, one, table, path)) for one in every):
                yield f"{path}: {value!r} is not one of {[e.get('value', e['$type']) for e in every]}"
        case "StringLiteralType" if value != wanted["value"]:
            yield f"{path}: {value!r} is not {wanted['value']!r}"
        case plain if (
            plain in PLAIN
            and type(value) is not PLAIN[plain]
            and not (plain == "StringType" and isinstance(value, str))
        ):
            yield f"{path}: {value!r} is no {plain}"


def _members(
    value: Mapping[str, Any], known: Mapping[str, Any], more: Any, table: Mapping[str, Any], path: str
) -> Iterator[str]:
    for name, item in value.items():
        if name not in known:
            if more is None:
                yield f"{path}.{name}: there is no such property"
            continue
        if known[name]["flags"] & READ_ONLY:
            yield f"{path}.{name}: only Azure writes it"
        yield from _held_against(item, table[known[name]["type"]["$ref"][2:]], table, f"{path}.{name}")
    for name, about in known.items():
        if about["flags"] & REQUIRED and name not in value and name not in ("type", "apiVersion", "id"):
            yield f"{path}.{name}: missing"
