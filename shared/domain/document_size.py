"""How large documents may become: half of what the store takes, so that a change always finds room."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass

LARGEST = 1_048_576
"""Bytes of JSON of any document that our limits allow. The store takes 2 MB, of a document and of what is written
together."""


def json_size(value: object) -> int:
    """Bytes of a value as JSON in which texts are ASCII, as the store is sent it; a dataclass has its fields' names."""
    if value is None or isinstance(value, str | bool | int | float):
        return len(json.dumps(value))
    if isinstance(value, Mapping):
        return 2 + sum(json_size(str(key)) + json_size(content) + 2 for key, content in value.items())
    if is_dataclass(value):
        return 2 + sum(len(field.name) + 4 + json_size(getattr(value, field.name)) for field in fields(value))
    if isinstance(value, Iterable):
        return 2 + sum(json_size(item) + 1 for item in value)
    raise TypeError(f"{type(value).__name__} is not stored")
