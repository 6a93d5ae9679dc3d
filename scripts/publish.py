"""Publish a package as it is: `python scripts/publish.py https://<the app's SCM site> package.zip`, with a token of the
management API in AZURE_TOKEN. It needs only Python, and ends with 1 if the deployment does not succeed.

The CLI's `config-zip` has the packages of a Python app built anew on Flex Consumption, whatever one says; the package
has its wheels in it, so that what was tested is what runs."""

import json
import os
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

DEADLINE = 600
"""Seconds from the upload to an answer."""
PAUSE = 2.0
"""Seconds between looks."""
SUCCESS = 4
ENDED = {-1: "was cancelled", 3: "failed", 5: "was overtaken by another", 6: "succeeded in part"}
"""What the status of a deployment says, as the CLI reads it."""


class NotPublishedError(Exception):
    """It was not, and why."""


def publish(scm: str, package: Path, token: str, pause: float = PAUSE) -> None:
    """Upload and wait for the end. Raises NotPublishedError."""
    if not scm.startswith(("https://", "http://127.0.0.1:")):
        raise NotPublishedError("only https, or this machine")
    status, said = _ask(f"{scm}/api/publish?RemoteBuild=false", token, package.read_bytes())
    if status == 409:
        raise NotPublishedError("another deployment is under way")
    if status not in (200, 202):
        raise NotPublishedError(f"{status}: {said}")
    ends, under_way = time.monotonic() + DEADLINE, False
    while time.monotonic() < ends:
        time.sleep(pause)
        status, found = _ask(f"{scm}/api/deployments/latest", token)
        if status == 404 and under_way:
            return  # the site was replaced by the one that was published
        state = found.get("status") if isinstance(found, dict) else None
        if state == SUCCESS:
            return
        if state in ENDED:
            why = found.get("status_text") or found.get("message") or ""
            raise NotPublishedError(f"the deployment {ENDED[state]}: {why}")
        under_way = under_way or status == 202
    raise NotPublishedError(f"no end after {DEADLINE} seconds; {scm}/api/deployments/latest tells how it goes on")


def _ask(url: str, token: str, body: bytes | None = None) -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {token}"} | ({"Content-Type": "application/zip"} if body else {})
    request = urllib.request.Request(url, body, headers)  # noqa: S310 (held to https above)
    try:
        with urllib.request.urlopen(request, timeout=DEADLINE) as answer:  # noqa: S310
            return answer.status, _read(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, _read(error.read())
    except OSError as error:
        raise NotPublishedError(f"{type(error).__name__}: {error}") from None


def _read(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except ValueError:
        return raw.decode(errors="replace")[:500]


if __name__ == "__main__":
    if len(sys.argv) != 3 or not os.environ.get("AZURE_TOKEN"):
        sys.exit(__doc__)
    try:
        publish(sys.argv[1].rstrip("/"), Path(sys.argv[2]), os.environ["AZURE_TOKEN"])
    except NotPublishedError as error:
        sys.exit(f"not published: {error}")
    print("published")
