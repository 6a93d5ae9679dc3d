"""`python -m local parked`: what was parked, looked at and taken in again, over the public API."""

import argparse
import json
from typing import Any
from urllib.parse import urlencode

from local.cloud import Api


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=("list", "read", "replay"))
    parser.add_argument("name", nargs="?", help="one of them; without, all that fit")
    for part in ("reason", "day", "device"):
        parser.add_argument(f"--{part}", help="only those of that " + part)


async def run(api: Api, asked: argparse.Namespace) -> None:
    """Print what the API answers, a JSON document a line."""
    sought = {part: value for part in ("reason", "day", "device") if (value := getattr(asked, part))}
    match asked.action, asked.name:
        case "list", None:
            await _list(api, sought)
        case "read", str(name):
            _print(await api.call("GET", f"parked/{name}"))
        case "replay", str(name):
            _print(await api.call("POST", f"parked/{name}/replay"))
        case "replay", None:
            more = True
            while more:
                done = await api.call("POST", "parked/replay", sought)
                _print(done)
                more = bool(done["more"])
        case _:
            raise RuntimeError("parked list | parked read NAME | parked replay [NAME]")


async def _list(api: Api, sought: dict[str, str]) -> None:
    cursor: Any = ""
    while cursor is not None:
        page = await api.call("GET", "parked?" + urlencode(sought | ({"cursor": cursor} if cursor else {})))
        for item in page["items"]:
            _print(item)
        cursor = page["cursor"]


def _print(document: object) -> None:
    print(json.dumps(document))
