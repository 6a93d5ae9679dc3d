"""Bodies with every field that a request's model has, made of its own schema."""

from random import Random
from typing import Any

from pydantic import BaseModel

BY_NAME: dict[str, Any] = {
    "vin": "ZZZAURRA0DEM00078",
    "region": "eu",
    "email": "somebody@aurora.example",
    "code": "GOODGOOD",
    "token": "veh-own.GOOD",
    "signal": "Vehicle.Speed",
    "locale": "de-AT",
    "zone": "Europe/Vienna",
    "from": "22:00",
    "until": "06:00",
    "digestAt": "07:00",
    "plan": "tried",
    "feature": "sharing",
    "features": ["live-traffic"],
    "vehicleId": "veh-own",
    "userId": "user-ada",
    "period": "P1M",
    "currency": "EUR",
    "day": "2026-11-22",
    "url": "https://partner.example/hook",
    "startsAt": "2026-11-23T12:00:00Z",
    "endsAt": "2026-12-23T12:00:00Z",
    "parts": {"title": "{{ vehicle }}", "body": "{{ at|date }}"},
    "channel": "inbox",
    "mode": "no_position",
}
"""Of texts whose pattern a made-up one would not fit."""
TIMES = ("2026-11-23T12:00:00Z", "1970-01-01T00:00:00Z", "9990-01-01T00:00:00Z", "2026-11-22T12:00:01+14:00")
IDS = ("rule-1", "new", "x" * 64, "a@b.c", "rule-1")


def made(model: type[BaseModel], random: Random) -> Any:
    """A body that mostly fits, with most of its optional fields."""
    schema = model.model_json_schema()
    return _of(schema, schema.get("$defs", {}), "", random, 0)


def _of(schema: dict[str, Any], known: dict[str, Any], name: str, random: Random, depth: int) -> Any:
    if "$ref" in schema:
        return _of(known[schema["$ref"].rsplit("/", 1)[-1]], known, name, random, depth + 1)
    for choice in ("anyOf", "oneOf"):
        if choice in schema:
            return _of(random.choice(schema[choice]), known, name, random, depth)
    if "const" in schema or "enum" in schema:
        return schema.get("const", random.choice(schema.get("enum", [None])))
    if name in BY_NAME and schema.get("type") in ("string", "array", "object"):
        fits = {"string": str, "array": list, "object": dict}[schema["type"]]
        if isinstance(BY_NAME[name], fits) and random.random() < 0.8:
            return BY_NAME[name]
    return _plain(schema, known, name, random, depth)


def _plain(schema: dict[str, Any], known: dict[str, Any], name: str, random: Random, depth: int) -> Any:
    match schema.get("type"):
        case "object":
            return _object(schema, known, random, depth)
        case "array":
            least = schema.get("minItems", 0)
            count = max(least, 0 if depth > 6 else random.choice((1, 1, 2, 3)))
            return [_of(schema.get("items", {}), known, name, random, depth + 1) for _ in range(count)]
        case "integer":
            return random.choice((schema.get("minimum", 0), schema.get("maximum", 100), 1))
        case "number":
            return random.choice((schema.get("minimum", schema.get("exclusiveMinimum", 0) + 1), 50.0, 1))
        case "boolean":
            return random.random() < 0.5
        case "null":
            return None
        case "string":
            return (
                "2026-11-23T12:00:00Z" if schema.get("format") == "date-time" else random.choice(("rule-1", "new", "x"))
            )
    return random.choice((1, "x", None, {"datatype": "float"}))


def _object(schema: dict[str, Any], known: dict[str, Any], random: Random, depth: int) -> Any:
    required, found = schema.get("required", []), {}
    for name, inner in schema.get("properties", {}).items():
        if name in required or random.random() < 0.7:
            found[name] = _of(inner, known, name, random, depth + 1)
    more = schema.get("additionalProperties")
    if isinstance(more, dict) and more:
        for name in random.sample(("rule-1", "P0420", "history", "title", "user-ada", "*"), 2):
            found[name] = _of(more, known, name, random, depth + 1)
    return found
