"""`python -m local dead-letters`: what could not be delivered, looked at, tried anew or let go, over the public API."""

import argparse
import json
from typing import Any
from urllib.parse import quote, urlencode

from local.cloud import Api


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=("list", "read", "replay", "discard"))
    parser.add_argument("id", nargs="?", help="one of them; `replay` without takes all")


async def run(api: Api, asked: argparse.Namespace) -> None:
    """Print what the API answers, a JSON document a line."""
    match asked.action, asked.id:
        case "list", None:
            for letter in await _all(api):
                print(json.dumps(letter))
        case "read", str(id):
            print(json.dumps(await api.call("GET", f"dead-letters/{quote(id)}")))
        case "replay", str(id):
            print(json.dumps(await api.call("POST", f"dead-letters/{quote(id)}/replay")))
        case "replay", None:
            for letter in await _all(api):
                print(json.dumps(await api.call("POST", f"dead-letters/{quote(letter['id'])}/replay")))
        case "discard", str(id):
            await api.call("DELETE", f"dead-letters/{quote(id)}")
        case _:
            raise RuntimeError("dead-letters list | read ID | replay [ID] | discard ID")


async def _all(api: Api) -> list[dict[str, Any]]:
    found, cursor = list[dict[str, Any]](), ""
    while cursor is not None:
        page = await api.call("GET", "dead-letters?" + urlencode({"cursor": cursor} if cursor else {}))
        found += page["items"]
        cursor = page["cursor"]
    return found
