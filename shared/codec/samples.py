"""Samples as they are stored."""

from typing import Any

from shared.domain.history import Table


def pack(table: Table) -> dict[str, Any]:
    """`first` is epoch ms; rows are [milliseconds after it, value or null ...] in the order of the paths."""
    return {"first": table.first, "paths": list(table.paths), "rows": table.rows}


def unpack(packed: dict[str, Any]) -> Table:
    paths = {path: place for place, path in enumerate(packed["paths"])}
    return Table(packed["first"], paths, tuple(map(tuple, packed["rows"])))
