"""Whether a deployment answers as it should: `python scripts/smoke.py https://<app>`, with an operator's TOKEN in the
environment to look behind the door as well. It changes nothing, needs only Python, and ends with 1 if a check fails."""

import json
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

TIMEOUT = 30
"""Seconds for one answer: the first may find nothing started."""


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


type Check = tuple[str, Callable[[], object]]
"""What has to hold, and what shows whether it does."""


class Deployment:
    def __init__(self, url: str, token: str | None) -> None:
        self._url, self._token = url.rstrip("/"), token

    def get(self, path: str, token: str | None = None) -> Answer:
        if not self._url.startswith(("https://", "http://127.0.0.1:", "http://localhost:")):
            raise ValueError("only https, or this machine")
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        request = urllib.request.Request(f"{self._url}/{path}", headers=headers)  # noqa: S310 (held to https above)
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:  # noqa: S310
                return Answer(answer.status, {k.lower(): v for k, v in answer.headers.items()}, answer.read())
        except urllib.error.HTTPError as error:
            return Answer(error.code, {k.lower(): v for k, v in error.headers.items()}, error.read())

    def checks(self) -> Iterator[Check]:
        yield "it is alive", lambda: self.get("api/v1/health").json == {"status": "ok"}
        yield "it describes itself", lambda: self.get("api/openapi.json").json["openapi"] == "3.1.0"
        yield "it publishes keys of passports", lambda: self.get("api/.well-known/jwks.json").json["keys"]
        yield "it lets nobody in without a token", lambda: self._problem("api/v1/vehicles", 401, "unauthenticated")
        yield "it lets nobody in with a bad one", lambda: self._problem("api/v1/me", 401, "unauthenticated", "x.y.z")
        yield "what is not there is a problem", lambda: self._problem("api/v1/nothing", 404, "not_found")
        yield "the console is there, if it is set up", self._console
        if self._token:
            yield from self._behind(self._token)

    def _behind(self, token: str) -> Iterator[Check]:
        yield "the token is an operator's", lambda: self.get("api/v1/me", token).json["kind"] == "operator"
        yield "vehicles can be listed", lambda: self.get("api/v1/vehicles", token).json["items"] is not None
        yield "every partition's book is balanced", lambda: self._balanced(token)
        yield "what is parked can be listed", lambda: self.get("api/v1/parked", token).json["items"] is not None
        yield "what failed can be listed", lambda: self.get("api/v1/dead-letters", token).json["items"] is not None

    def _problem(self, path: str, status: int, code: str, token: str | None = None) -> bool:
        answer = self.get(path, token)
        return (answer.status, answer.json["code"]) == (status, code)

    def _console(self) -> bool:
        page = self.get("console")
        return page.status == 404 or "unsafe" not in page.headers["content-security-policy"]

    def _balanced(self, token: str) -> bool:
        return all(book["balanced"] for book in self.get("api/v1/ledger", token).json["partitions"])


def main(url: str, token: str | None) -> int:
    failed = 0
    for name, holds in Deployment(url, token).checks():
        try:
            fine, why = bool(holds()), ""
        except Exception as error:  # whatever it is, the check did not hold
            fine, why = False, f" ({type(error).__name__}: {error})"
        failed += not fine
        print(f"{'ok  ' if fine else 'FAIL'} {name}{why}")
    return 1 if failed else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], os.environ.get("TOKEN")))
