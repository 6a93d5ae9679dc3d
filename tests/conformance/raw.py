"""Requests that the SDKs would not send."""

import base64
import hmac
from email.utils import formatdate
from typing import Any
from urllib.parse import quote

import aiohttp

from tests.conformance.conftest import Endpoint

DOCUMENTS = "dbs/automotive/colls/inbox/docs"
ADA = {"x-ms-documentdb-partitionkey": '["ada"]'}
QUERY = {"x-ms-documentdb-isquery": "True", "content-type": "application/query+json"}


async def request(
    cosmos: Endpoint, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
) -> tuple[int, Any]:
    """A signed request to Cosmos DB; status and JSON of the answer, None for a 304."""
    parts, date = path.split("/"), formatdate(usegmt=True)
    odd = len(parts) % 2
    kind, resource = (parts[-1], "/".join(parts[:-1])) if odd else (parts[-2], path)
    text = f"{method.lower()}\n{kind}\n{resource}\n{date.lower()}\n\n"
    digest = base64.b64encode(hmac.new(base64.b64decode(cosmos.key), text.encode(), "sha256").digest()).decode()
    token = quote(f"type=master&ver=1.0&sig={digest}", safe="")
    own = {"authorization": token, "x-ms-date": date, "x-ms-version": "2020-07-15", "accept": "text/html"}
    sent: dict[str, Any] = {"data": body, "headers": own | (headers or {})}
    async with aiohttp.ClientSession() as http, http.request(method, cosmos.url + path, **sent) as answer:
        return answer.status, await answer.json() if answer.status != 304 else None
