"""E-mail by SMTP with STARTTLS."""

import re
import ssl
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr

import aiosmtplib

from shared.domain.inbox import Outcome, Reply
from shared.domain.wording import Mail
from shared.ports import Clock

TIMEOUT = 20
"""Seconds that one conversation with the mail server may take in all its steps."""
LINES = SMTP.clone(max_line_length=900, cte_type="7bit")
"""No header is folded: a link in pieces is none. And nothing is asked of the servers on the way."""
_ENHANCED = re.compile(r"\b[245]\.\d{1,3}\.\d{1,3}\b", re.ASCII)


class SmtpMailer:
    """Any mail server that offers STARTTLS; without it nothing is said, not even who we are."""

    def __init__(
        self,
        host: str,
        port: int,
        sender: str,
        user: str | None,
        password: str | None,
        ca_file: str | None,
        clock: Clock,
    ) -> None:
        self._host, self._port, self._sender = host, port, sender
        self._user, self._password = user, password
        self._clock = clock
        self._tls = ssl.create_default_context(cafile=ca_file)

    async def send(self, mail: Mail) -> Reply:
        """What the server says is told by its codes: its words may hold addresses."""
        try:
            await aiosmtplib.send(
                written(mail, self._sender, self._clock()).as_bytes(),
                sender=parseaddr(self._sender)[1],
                recipients=[mail.to],
                hostname=self._host,
                port=self._port,
                username=self._user,
                password=self._password,
                start_tls=True,
                tls_context=self._tls,
                timeout=TIMEOUT,
            )
        except aiosmtplib.SMTPRecipientsRefused as error:
            return _refused(error.recipients[0])
        except aiosmtplib.SMTPResponseException as error:
            return _refused(error)
        except (aiosmtplib.SMTPException, OSError, TimeoutError, ValueError) as error:
            return Reply(Outcome.RETRYING, f"smtp: {type(error).__name__}")
        return Reply(Outcome.SENT, "250")


def _refused(error: aiosmtplib.SMTPResponseException) -> Reply:
    """For now, or (5xx to a message of ours) for good; who may not log in waits until that is mended."""
    found = _ENHANCED.search(str(error.message))
    reason = f"smtp {error.code}{' ' + found[0] if found else ''}"
    final = 500 <= error.code < 600 and not isinstance(error, aiosmtplib.SMTPAuthenticationError)
    return Reply(Outcome.FAILED if final else Outcome.RETRYING, reason)


def written(mail: Mail, sender: str, now: int) -> EmailMessage:
    """As RFC 5322 has it, with one-click unsubscription (RFC 8058). Its id is the delivery's, each time it is sent."""
    message = EmailMessage(LINES)
    message["From"], message["To"], message["Subject"] = sender, mail.to, _line(mail.subject)
    message["Date"] = format_datetime(datetime.fromtimestamp(now / 1000, UTC))
    message["Message-ID"] = f"<{mail.key}@{parseaddr(sender)[1].rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    if mail.unsubscribe:
        message["List-Unsubscribe"] = f"<{mail.unsubscribe}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message.set_content(mail.text)
    message.add_alternative(mail.html, subtype="html")
    return message


def _line(text: str) -> str:
    """A header is one line."""
    return " ".join(text.split())[:200]
