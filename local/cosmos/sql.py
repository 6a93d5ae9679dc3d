"""The queries that the product makes, in Cosmos DB's SQL, as SQLite conditions over JSON documents.

`SELECT *` or `SELECT c.a, c["b"]["c.d"] AS e`, `FROM c`, comparisons joined by `AND`, one `ORDER BY`. Everything
else is refused. The words follow the grammar that Microsoft publishes: sql.g4 in azure-cosmos-dotnet-v3."""

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import reduce
from operator import getitem
from typing import Any

_RESERVED = "AND ARRAY AS ASC BETWEEN BY DESC DISTINCT ESCAPE EXISTS FROM GROUP IN JOIN LEFT LIKE LIMIT NOT OFFSET OR"
_WORDS = "|".join(f"{_RESERVED} ORDER RANK RIGHT SELECT TOP VALUE WHERE".split())
_NAME = rf"(?!(?i:{_WORDS})\b|(?:true|false|null|undefined|udf)\b)[A-Za-z_][A-Za-z0-9_]*\b"
_ESCAPE = r"\\[\\/bfnrt]|\\u[0-9a-fA-F]{4}"
_TEXT = rf"'(?:[^'\\\x00-\x1f]|{_ESCAPE})*'|\"(?:[^\"\\\x00-\x1f]|\\\"|{_ESCAPE})*\""
_STEP = rf"\.(?:{_NAME})|\[(?:{_TEXT})\]"
_PATH = rf"\bc(?:{_STEP})+"
_FIELD = rf"({_PATH})(?:\s+(?i:AS)\s+({_NAME}))?"
_VALUE = rf"@[A-Za-z_][A-Za-z0-9_]*\b|-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?\b|{_TEXT}|(?:true|false)\b"
_CONDITION = rf"({_PATH})\s*(=|!=|<=|>=|<|>)\s*({_VALUE})"
_QUERY = re.compile(
    rf"\s*(?i:SELECT)\s+(?P<fields>\*|{_FIELD}(?:\s*,\s*{_FIELD})*)\s+(?i:FROM)\s+c\b"
    rf"(?:\s+(?i:WHERE)\s+(?P<where>{_CONDITION}(?:\s+(?i:AND)\s+{_CONDITION})*))?"
    rf"(?:\s+(?i:ORDER\s+BY)\s+(?P<order>{_PATH})(?:\s+(?P<way>(?i:ASC|DESC)))?)?\s*"
)
SAFE = 2**53  # what Cosmos DB compares are IEEE 754 doubles: beyond it neighbours are equal


class CosmosError(Exception):
    """An answer that is not a success: status, what to say, and substatus."""

    def __init__(self, status: int, message: str, substatus: int = 0) -> None:
        super().__init__(message)
        self.status, self.message, self.substatus = status, message, substatus


def unsupported(what: str) -> CosmosError:
    return CosmosError(501, f"{what} is not supported by the local Cosmos DB")


@dataclass(frozen=True, slots=True)
class Query:
    """`fields` are paths with the names that they are answered under; `condition` is a SQLite expression over the
    column `body`; `order` is a path."""

    fields: tuple[tuple[tuple[str, ...], str], ...]
    condition: str
    arguments: tuple[Any, ...]
    order: tuple[str, ...]
    descending: bool

    def project(self, document: dict[str, Any]) -> dict[str, Any]:
        """The fields that were selected; one that the document lacks is left out."""
        found = {} if self.fields else document
        for path, name in self.fields:
            with suppress(KeyError, TypeError):
                found[name] = reduce(getitem, path, document)
        return found


def parse(text: str, parameters: Mapping[str, Any]) -> Query:
    """Raises CosmosError (400) for what is no query, or none that the product makes."""
    found = _QUERY.fullmatch(text)
    if found is None:
        raise CosmosError(400, f"this query is a syntax error or not supported by the local Cosmos DB: {text}")
    conditions, arguments = [], []
    for path, operator, operand in re.findall(_CONDITION, found["where"] or ""):
        value = _value(operand, parameters)
        arguments.append(value.replace("\1", "\1\2").replace("\0", "\1\1") if isinstance(value, str) else value)
        kind = column(_steps(path), "json_type")
        conditions.append(f"{column(_steps(path))} {operator} ? AND {kind} IN ({_kinds(value)})")
    selected = re.findall(_FIELD, found["fields"])
    fields = tuple((_steps(path), alias or _steps(path)[-1]) for path, alias in selected)
    if len({name for _, name in fields}) != len(fields):
        raise CosmosError(400, f"two fields are answered under one name: {found['fields']}")
    order, descending = _steps(found["order"] or ""), (found["way"] or "").upper() == "DESC"
    return Query(fields, " AND ".join(conditions) or "1", tuple(arguments), order, descending)


def _value(operand: str, parameters: Mapping[str, Any]) -> Any:
    if operand[0] != "@":
        return _text(operand) if operand[0] in "'\"" else json.loads(operand)
    if operand not in parameters:
        raise CosmosError(400, f"the query's parameter {operand} has no value")
    return parameters[operand]


def _text(literal: str) -> str:
    inner = literal[1:-1]
    return str(json.loads('"' + (inner.replace('"', '\\"') if literal[0] == "'" else inner) + '"'))


def _steps(path: str) -> tuple[str, ...]:
    return tuple(_text(step[1:-1]) if step[0] == "[" else step[1:] for step in re.findall(_STEP, path))


def column(steps: tuple[str, ...], function: str = "json_extract") -> str:
    """The value at a path: the very expression that the indexes are made on. Or its type, by `json_type`."""
    if any(json.dumps(step, ensure_ascii=False) != f'"{step}"' for step in steps):
        raise unsupported(f"a condition on the path {steps}")
    labels = (f".{step}" if re.fullmatch("[A-Za-z0-9_]+", step) else f'."{step}"' for step in steps)
    return f"{function}(body, '$" + "".join(labels).replace("'", "''") + "')"


def _kinds(value: Any) -> str:
    """Values of different types are never equal, unequal, less or greater in Cosmos DB: the comparison is undefined."""
    if isinstance(value, bool):
        return "'true', 'false'"
    if isinstance(value, int | float) and abs(value) <= SAFE:
        return "'integer', 'real'"
    if isinstance(value, str):
        return "'text'"
    raise unsupported(f"a comparison with {json.dumps(value)}")
