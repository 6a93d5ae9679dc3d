"""The receiver that docs/notifications.md shows takes what is ours, and nothing else."""

import os
import re
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from standardwebhooks import Webhook

from local.cloud import ROOT, Ports
from shared.adapters.clock import epoch_ms
from shared.adapters.webhooks import WebhookCaller, signed
from shared.domain.inbox import Outcome
from shared.domain.notification import Notification
from shared.domain.wording import Call
from tests.examples import BRAND, NOON
from tests.system.test_telling import until

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
VECTOR = {
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": "1614265330",
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
}
TOLD = Notification("n-1", "test", "", BRAND, NOON, {})
VECTOR_BODY = b'{"test": 2432232314}'
"""The test vector of the Standard Webhooks reference libraries."""


def source() -> str:
    page = (ROOT / "docs" / "notifications.md").read_text()
    (found,) = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    return str(found)


def verify() -> Callable[..., Any]:
    known: dict[str, Any] = {"__name__": "receiver"}
    exec(source(), known)  # the document itself is what is tried
    return known["verify"]  # type: ignore[no-any-return]


def test_the_vector_of_standard_webhooks_holds_and_nothing_like_it() -> None:
    assert verify()(SECRET, VECTOR, VECTOR_BODY, 1614265330.0) == {"test": 2432232314}
    wrong: list[tuple[Any, ...]] = [
        (SECRET, VECTOR, VECTOR_BODY + b" ", 1614265330.0),
        (SECRET, VECTOR | {"webhook-id": "msg_other"}, VECTOR_BODY, 1614265330.0),
        (
            SECRET,
            VECTOR | {"webhook-signature": "v1,AAAA v2,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="},
            VECTOR_BODY,
            1614265330.0,
        ),
        (SECRET, VECTOR, VECTOR_BODY, 1614265330.0 + 301),
        (SECRET, VECTOR, VECTOR_BODY, 1614265330.0 - 301),
        ("whsec_" + "A" * 32, VECTOR, VECTOR_BODY, 1614265330.0),
    ]
    for case in wrong:
        with pytest.raises(ValueError):
            verify()(*case)


def test_we_sign_as_the_reference_library_does() -> None:
    secret = bytes(range(32))
    call = Call("msg_1", "https://partner.example/", [secret, b"old"], TOLD, int(time.time()) * 1000)
    headers = signed(call, '{"a":1}')
    assert Webhook(secret).verify('{"a":1}', headers) == {"a": 1}
    assert len(headers["webhook-signature"].split(" ")) == 2


@pytest.fixture
async def receiver(tmp_path: Path) -> AsyncIterator[str]:
    """Running as the document says."""
    (tmp_path / "receiver.py").write_text(source())
    port = Ports.free().host
    env = os.environ | {"WEBHOOK_SECRET": SECRET, "PORT": str(port)}
    process = subprocess.Popen([sys.executable, str(tmp_path / "receiver.py")], env=env, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}/hook"

    async def listens() -> bool:
        try:
            async with aiohttp.ClientSession() as http, http.get(url) as answer:
                return answer.status == 501
        except aiohttp.ClientError:
            return False

    await until(listens)
    yield url
    process.kill()
    process.wait()


async def test_the_receiver_takes_our_calls_and_refuses_others(receiver: str) -> None:
    import base64

    right = base64.b64decode(SECRET.removeprefix("whsec_"))
    call = Call("msg_1", receiver, [right], TOLD, int(time.time() * 1000))
    async with WebhookCaller(epoch_ms, ["127.0.0.1/32"]) as caller:
        rotated = Call("msg_2", receiver, [b"new" * 8, right], TOLD, call.at)
        stranger = Call("msg_3", receiver, [b"x" * 24], TOLD, call.at)
        late = Call("msg_4", receiver, [right], TOLD, call.at - 400_000)
        replies = [await caller.call(one) for one in (call, rotated, stranger, late)]
        challenged = [await caller.call(replace(one, challenge="ab" * 32)) for one in (call, stranger)]
    assert [r.reason for r in replies] == ["204", "204", "401", "401"]
    assert [r.outcome for r in replies[:2]] == [Outcome.SENT] * 2
    assert [(r.outcome, r.reason) for r in challenged] == [(Outcome.SENT, "200"), (Outcome.RETRYING, "401")]
    async with aiohttp.ClientSession() as http, http.post(receiver, data=b"{}") as answer:
        assert answer.status == 401
