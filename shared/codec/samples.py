"""Samples as they are stored."""

from typing import Any

import msgspec

from shared.domain.history import Row, Table


def pack(table: Table) -> dict[str, Any]:
    """`base` is epoch ms; rows are [milliseconds after it, value or null ...] in the order of the paths."""
    return {"base": table.base, "paths": list(table.paths), "rows": table.rows}


def pack_open(table: Table) -> dict[str, Any]:
    """The same with the rows as one text, for a table that grows and is stored again and again: each row remembers how
    it is written, so that only the new ones have to be."""
    return {"base": table.base, "paths": list(table.paths), "rows": f"[{','.join(map(_written, table.rows))}]"}


def unpack(packed: dict[str, Any]) -> Table:
    """Either of them."""
    paths = {path: place for place, path in enumerate(packed["paths"])}
    rows = packed["rows"]
    return Table(packed["base"], paths, tuple(map(Row, msgspec.json.decode(rows) if isinstance(rows, str) else rows)))


def _written(row: Row) -> str:
    known = row.__dict__
    if "text" not in known:
        known["text"] = msgspec.json.encode(tuple(row)).decode()
    return str(known["text"])
