"""Mail over a real conversation with a mail server on loopback."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

from local.mailbox import Mailbox, certificate, mails, text_of
from shared.adapters import smtp
from shared.adapters.smtp import SmtpMailer
from shared.domain.inbox import Outcome
from shared.domain.wording import Mail
from tests.memory import MemoryClock

LINK = "https://api.example/api/v1/unsubscribe/" + "x" * 150
MAIL = Mail("key-1", "ada@aurora.example", "Grüße aus der Garage", "Akku: 9,5 %", "<p>Akku: 9,5 %</p>", LINK)


def mailer(data: Path, port: int, user: str | None = None, password: str | None = None) -> SmtpMailer:
    return SmtpMailer(
        "127.0.0.1", port, "Aurora <news@aurora.example>", user, password, str(certificate(data)), MemoryClock()
    )


@pytest.fixture
async def port(tmp_path: Path) -> AsyncIterator[int]:
    mailbox = Mailbox(tmp_path)
    yield await mailbox.start("127.0.0.1", 0)
    await mailbox.stop()


async def sent(data: Path, port: int, mail: Mail) -> EmailMessage:
    assert await mailer(data, port).send(mail) == (Outcome.SENT, "250", None, False)
    return mails(data)[-1]


async def test_mail_arrives_as_it_was_written_with_a_link_that_one_click_ends_it_by(tmp_path: Path, port: int) -> None:
    found = await sent(tmp_path, port, MAIL)
    assert (found["To"], found["From"], found["Subject"]) == (MAIL.to, "Aurora <news@aurora.example>", MAIL.subject)
    assert found["Date"] == "Sun, 22 Nov 2026 12:00:00 +0000"
    assert found["List-Unsubscribe"] == f"<{LINK}>"
    assert found["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert text_of(found).strip() == MAIL.text
    html = found.get_body(("html",))
    assert html
    assert html.get_content().strip() == MAIL.html
    raw = next((tmp_path / "mail").glob("*.eml")).read_bytes()
    assert f"List-Unsubscribe: <{LINK}>".encode() in raw, "in one piece"
    assert raw.isascii()


async def test_the_same_delivery_has_the_same_message_id_each_time(tmp_path: Path, port: int) -> None:
    ids = {str((await sent(tmp_path, port, MAIL))["Message-ID"]) for _ in range(2)}
    assert ids == {"<key-1@aurora.example>"}


async def test_what_was_asked_for_has_no_link_to_end_it(tmp_path: Path, port: int) -> None:
    assert (await sent(tmp_path, port, replace(MAIL, unsubscribe=None)))["List-Unsubscribe"] is None


async def test_a_subject_can_smuggle_no_header_in(tmp_path: Path, port: int) -> None:
    found = await sent(tmp_path, port, replace(MAIL, subject="one\r\nBcc: eve@evil.example\r\n\r\ntwo " + "x" * 500))
    assert found["Bcc"] is None
    assert str(found["Subject"]).startswith("one Bcc: eve@evil.example two x")
    assert len(str(found["Subject"])) == 200


class Answering:
    """A mail server that answers as it is told to."""

    def __init__(self, rcpt: str = "250 ok", data: str = "250 ok") -> None:
        self._rcpt, self._data, self.taken = rcpt, data, 0

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: object, envelope: object, address: str, options: list[str]
    ) -> str:
        envelope.rcpt_tos.append(address)  # type: ignore[attr-defined]
        return self._rcpt

    async def handle_DATA(self, server: SMTP, session: object, envelope: object) -> str:  # noqa: N802
        self.taken += 1
        return self._data


@asynccontextmanager
async def serving(made: Callable[[], asyncio.Protocol]) -> AsyncIterator[int]:
    server = await asyncio.get_running_loop().create_server(made, "127.0.0.1", 0)
    yield int(server.sockets[0].getsockname()[1])
    server.close()


def tls(data: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate(data))
    return context


@pytest.mark.parametrize(
    ("rcpt", "data", "outcome", "reason"),
    [
        ("550 5.1.1 no ada@aurora.example here", "250 ok", Outcome.FAILED, "smtp 550 5.1.1"),
        ("451 4.3.0 later", "250 ok", Outcome.RETRYING, "smtp 451 4.3.0"),
        ("250 ok", "554 5.7.1 spam from ada@aurora.example", Outcome.FAILED, "smtp 554 5.7.1"),
        ("250 ok", "452 full", Outcome.RETRYING, "smtp 452"),
        ("550 gone", "250 ok", Outcome.FAILED, "smtp 550"),
    ],
)
async def test_a_refusal_is_final_or_not_by_its_code_and_told_without_its_words(
    tmp_path: Path, rcpt: str, data: str, outcome: Outcome, reason: str
) -> None:
    handler = Answering(rcpt, data)
    async with serving(lambda: SMTP(handler, tls_context=tls(tmp_path), require_starttls=True)) as port:
        reply = await mailer(tmp_path, port).send(MAIL)
    assert (reply.outcome, reply.reason) == (outcome, reason)


async def test_without_tls_nothing_is_sent(tmp_path: Path) -> None:
    handler = Answering()
    async with serving(lambda: SMTP(handler)) as port:
        reply = await mailer(tmp_path, port).send(MAIL)
    assert (reply.outcome, handler.taken) == (Outcome.RETRYING, 0)


async def test_a_server_that_nobody_vouches_for_is_told_nothing(tmp_path: Path) -> None:
    handler = Answering()
    async with serving(lambda: SMTP(handler, tls_context=tls(tmp_path), require_starttls=True)) as port:
        stranger = SmtpMailer("127.0.0.1", port, "news@aurora.example", None, None, None, MemoryClock())
        reply = await stranger.send(MAIL)
    assert (reply.outcome, handler.taken) == (Outcome.RETRYING, 0)


async def test_who_we_are_is_said_once_it_is_private(tmp_path: Path) -> None:
    seen = list[object]()

    def check(server: object, session: object, envelope: object, mechanism: str, login: object) -> AuthResult:
        assert isinstance(login, LoginPassword)
        seen.append((login.login, login.password))
        return AuthResult(success=login.password == b"right", handled=False)

    def made() -> SMTP:
        how: dict[str, Any] = {"tls_context": tls(tmp_path), "require_starttls": True, "auth_required": True}
        return SMTP(Answering(), authenticator=check, **how)

    async with serving(made) as port:
        assert (await mailer(tmp_path, port, "cloud", "right").send(MAIL)).outcome is Outcome.SENT
        wrong = await mailer(tmp_path, port, "cloud", "wrong").send(MAIL)
    assert (wrong.outcome, wrong.reason) == (Outcome.RETRYING, "smtp 535 5.7.8")
    assert (b"cloud", b"right") in seen


async def test_nobody_there_and_a_server_that_hangs_are_outages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert smtp.TIMEOUT == 20
    assert (await mailer(tmp_path, 9).send(MAIL)).outcome is Outcome.RETRYING
    monkeypatch.setattr(smtp, "TIMEOUT", 0.2)
    async with serving(asyncio.Protocol) as port:
        reply = await asyncio.wait_for(mailer(tmp_path, port).send(MAIL), 5)
    assert (reply.outcome, "Timeout" in reply.reason) == (Outcome.RETRYING, True)
