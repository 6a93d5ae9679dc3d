"""Bicep's own functions, as far as the templates call them."""

import json
from base64 import b64encode
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from tests.bicep.syntax import Refused

SUBSCRIPTION = "11111111-1111-1111-1111-111111111111"
TENANT = "22222222-2222-2222-2222-222222222222"
LOGIN = "https://login.microsoftonline.com/"


def _fail(message: str) -> None:
    raise Refused(message)


def _union(*parts: Any) -> Any:
    merged: dict[str, Any] = {}
    for part in parts:
        merged |= part
    return merged


def _largest(*numbers: int) -> int:
    return max(numbers)


def _smallest(*numbers: int) -> int:
    return min(numbers)


PURE: Mapping[str, Callable[..., Any]] = {
    "base64": lambda whole: b64encode(whole.encode()).decode(),
    "concat": lambda *lists: [item for one in lists for item in one],
    "contains": lambda where, what: what in where,
    "empty": lambda value: not value,
    "environment": lambda: {"suffixes": {"storage": "core.windows.net"}, "authentication": {"loginEndpoint": LOGIN}},
    "fail": _fail,
    "guid": lambda *parts: str(uuid5(NAMESPACE_URL, "/".join(parts))),
    "length": len,
    "max": _largest,
    "min": _smallest,
    "replace": lambda whole, old, new: whole.replace(old, new),
    "subscription": lambda: {"id": f"/subscriptions/{SUBSCRIPTION}", "subscriptionId": SUBSCRIPTION},
    "subscriptionResourceId": lambda kind, name: f"/subscriptions/{SUBSCRIPTION}/providers/{kind}/{name}",
    "take": lambda whole, number: whole[:number],
    "tenant": lambda: {"tenantId": TENANT},
    "toLower": str.lower,
    "union": _union,
    "uniqueString": lambda *parts: sha256("/".join(parts).encode()).hexdigest()[:13],
}


def loading(folder: Path) -> Mapping[str, Callable[..., Any]]:
    """Those that read files beside the template."""
    return {
        "loadJsonContent": lambda name: json.loads((folder / name).read_text()),
        "loadTextContent": lambda name: (folder / name).read_text(),
    }
