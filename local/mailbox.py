"""The local mail server: takes every mail over STARTTLS, keeps it as a file, and sends nothing on."""

import asyncio
import ipaddress
import ssl
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import cast

from aiosmtpd.smtp import SMTP, Envelope, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def certificate(data: Path) -> Path:
    """Made once for this folder, and trusted by whoever is given its path."""
    path = data / "mail.pem"
    if not path.exists():
        key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "local mail")])
        address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        made = made.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=3650))
        made = made.add_extension(address, critical=False)
        made = made.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        signed = made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        path.write_bytes(key.private_bytes(*form) + signed)
        path.chmod(0o600)
    return path


class Mailbox:
    """Keeps what comes in `data/mail`, one file a mail."""

    def __init__(self, data: Path) -> None:
        self._folder, self._count = data / "mail", 0
        self._tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._tls.load_cert_chain(certificate(data))
        self._server: asyncio.Server | None = None

    async def start(self, host: str, port: int) -> int:
        """Listen, and return on which port."""
        self._folder.mkdir(exist_ok=True)
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._session, host, port)
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        if self._server:
            self._server.close()

    def _session(self) -> SMTP:
        return SMTP(self, hostname="localhost", tls_context=self._tls, require_starttls=True, enable_SMTPUTF8=True)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        self._count += 1
        name = f"{datetime.now(UTC):%Y%m%dT%H%M%S.%f}-{self._count}"
        content = f"X-RcptTo: {', '.join(envelope.rcpt_tos)}\r\n".encode() + cast(bytes, envelope.content)
        (self._folder / f"{name}.new").write_bytes(content)
        (self._folder / f"{name}.new").rename(self._folder / f"{name}.eml")
        return "250 kept"


def mails(data: Path) -> Sequence[EmailMessage]:
    """Everything that came, the oldest first."""
    found = sorted((data / "mail").glob("*.eml"))
    return [message_from_bytes(path.read_bytes(), policy=default) for path in found]


def text_of(mail: EmailMessage) -> str:
    """Its plain text."""
    part = mail.get_body(("plain",))
    return str(part.get_content()) if part else ""
