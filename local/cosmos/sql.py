"""The queries that the product makes, in Cosmos DB's SQL, as SQLite conditions over JSON documents.

`SELECT *` or `SELECT c.a, c.b["c.d"] AS e`, `FROM c`, comparisons joined by `AND`, one `ORDER BY`. Everything
else is refused."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_PATH = r"c((?:\.[A-Za-z_]\w*)+)"
_FIELD = r"c((?:\.[A-Za-z_]\w*|\[\"[^\"]+\"\])+)(?:\s+AS\s+(\w+))?"
_QUERY = re.compile(
    rf"\s*SELECT\s+(\*|{_FIELD}(?:\s*,\s*{_FIELD})*)\s+FROM\s+c(?:\s+WHERE\s+(?P<where>.+?))?"
    r"(?:\s+ORDER\s+BY\s+c(?P<order>(?:\.[A-Za-z_]\w*)+)(?:\s+(?P<way>ASC|DESC))?)?\s*",
    re.IGNORECASE | re.DOTALL,
)
_CONDITION = re.compile(rf"\s*{_PATH}\s*(=|!=|<=|>=|<|>)\s*(@\w+|-?\d+(?:\.\d+)?|'[^']*'|true|false)\s*", re.IGNORECASE)


class CosmosError(Exception):
    """An answer that is not a success: status, what to say, and substatus."""

    def __init__(self, status: int, message: str, substatus: int = 0) -> None:
        super().__init__(message)
        self.status, self.message, self.substatus = status, message, substatus


@dataclass(frozen=True, slots=True)
class Query:
    """`fields` are paths with the names that they are answered under; `condition` and `order` are SQLite expressions
    over the column `body`."""

    fields: tuple[tuple[tuple[str, ...], str], ...]
    condition: str
    arguments: tuple[Any, ...]
    order: str | None
    descending: bool

    def project(self, document: dict[str, Any]) -> dict[str, Any]:
        """The fields that were selected; one that the document lacks is left out."""
        if not self.fields:
            return document
        found = ((name, _dig(document, path)) for path, name in self.fields)
        return {name: value for name, value in found if value is not _NOTHING}


_NOTHING = object()


def _dig(document: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        if not isinstance(document, dict) or name not in document:
            return _NOTHING
        document = document[name]
    return document


def parse(text: str, parameters: Mapping[str, Any]) -> Query:
    found = _QUERY.fullmatch(text)
    if found is None:
        raise CosmosError(400, f"this query is not supported: {text}")
    conditions, arguments = [], []
    for part in re.split(r"\s+AND\s+", found["where"] or "", flags=re.IGNORECASE) if found["where"] else []:
        single = _CONDITION.fullmatch(part)
        if single is None:
            raise CosmosError(400, f"this condition is not supported: {part}")
        path, operator, operand = single.groups()
        value = parameters[operand] if operand.startswith("@") else json.loads(operand.replace("'", '"').lower())
        conditions.append(f"{column(path)} {operator} ? AND json_type(body, '${path}') IN ({_types(value)})")
        arguments.append(value)
    fields = tuple(_named(*field) for field in re.findall(_FIELD, found[1])) if found[1] != "*" else ()
    order = column(found["order"]) if found["order"] else None
    descending = (found["way"] or "").upper() == "DESC"
    return Query(fields, " AND ".join(conditions) or "1", tuple(arguments), order, descending)


def _named(path: str, alias: str) -> tuple[tuple[str, ...], str]:
    """The steps of a path, and under which name its value is answered."""
    steps = tuple(plain or quoted for plain, quoted in re.findall(r'\.(\w+)|\["([^"]+)"\]', path))
    return steps, alias or steps[-1]


def column(path: str) -> str:
    """The value at a path (`.a.b`): the very expression that the indexes are made on."""
    return f"json_extract(body, '${path}')"


def _types(value: Any) -> str:
    """Values of different types are never equal, less or greater in Cosmos DB."""
    if isinstance(value, bool):
        return f"'{json.dumps(value)}'"
    if isinstance(value, int | float):
        return "'integer', 'real'"
    if isinstance(value, str):
        return "'text'"
    raise CosmosError(400, f"comparing with {value!r} is not supported")
