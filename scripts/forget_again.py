"""After a backup was restored: `python scripts/forget_again.py https://<app>`, with an operator's TOKEN in the
environment, has everybody erased again who was erased since the moment of the backup. It may be run any number of
times, once for each brand. It needs only Python, and ends with 1 if the app refuses."""

import json
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

TIMEOUT = 230
"""Seconds for one answer: it may go through some thousand people."""


def main(url: str, token: str) -> int:
    try:
        begun = replay(lambda query: post(f"{url.rstrip('/')}/api/v1/erasures/replay{query}", token))
    except urllib.error.HTTPError as error:
        print(f"error: {error.code} {error.read().decode()}", file=sys.stderr)
        return 1
    print(f"{begun} erasures begun anew; the app goes on by itself")
    return 0


def replay(ask: Callable[[str], Any]) -> int:
    """Ask page by page, and return how many erasures were begun."""
    begun, cursor = 0, ""
    while True:
        answer = ask("?" + urlencode({"cursor": cursor}) if cursor else "")
        begun += int(answer["begun"])
        cursor = answer["cursor"]
        if not cursor:
            return begun


def post(url: str, token: str) -> Any:
    if not url.startswith(("https://", "http://127.0.0.1:", "http://localhost:")):
        raise ValueError("only https, or this machine")
    headers = {"Authorization": f"Bearer {token}"}
    request = urllib.request.Request(url, b"", headers, method="POST")  # noqa: S310 (held to https above)
    with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:  # noqa: S310
        return json.loads(answer.read())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], os.environ["TOKEN"]))
