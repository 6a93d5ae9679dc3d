"""The queries that the product makes, in Cosmos DB's SQL, as SQLite conditions over JSON documents.

`SELECT *` or `SELECT c.a, c.b.c`, `FROM c`, comparisons joined by `AND`, one `ORDER BY`. Everything else is refused."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_PATH = r"c((?:\.[A-Za-z_]\w*)+)"
_QUERY = re.compile(
    rf"\s*SELECT\s+(\*|{_PATH}(?:\s*,\s*{_PATH})*)\s+FROM\s+c(?:\s+WHERE\s+(?P<where>.+?))?"
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
    """`condition` and `order` are SQLite expressions over the column `body`."""

    fields: tuple[str, ...]
    condition: str
    arguments: tuple[Any, ...]
    order: str | None
    descending: bool

    def project(self, document: dict[str, Any]) -> dict[str, Any]:
        """The fields that were selected; one that the document lacks is left out."""
        if not self.fields:
            return document
        found = ((path.rsplit(".", 1)[1], _dig(document, path)) for path in self.fields)
        return {name: value for name, value in found if value is not _NOTHING}


_NOTHING = object()


def _dig(document: Any, path: str) -> Any:
    for name in path.split(".")[1:]:
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
    fields = tuple(re.findall(r"\.[\w.]+", found[1])) if found[1] != "*" else ()
    order = column(found["order"]) if found["order"] else None
    descending = (found["way"] or "").upper() == "DESC"
    return Query(fields, " AND ".join(conditions) or "1", tuple(arguments), order, descending)


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
