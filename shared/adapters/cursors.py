"""Cursors: a store's continuation token in a form that others can't make up by accident."""

import base64
import binascii
import hashlib

from shared.errors import Code, Malformed

LONGEST = 8_192
"""Characters of a token: it travels in a header."""


def cursor_of(token: str | None) -> str | None:
    """What is given out for the store's token; None at the end of a list."""
    return f"{base64.urlsafe_b64encode(token.encode()).decode()}.{_check(token)}" if token else None


def token_of(cursor: str | None) -> str | None:
    """The store's token, or raise Malformed(invalid_cursor): a store may take long over one that it never gave out.
    Whoever makes one up with a right check can at most put visible characters into a header."""
    if not cursor:
        return None
    encoded, _, check = cursor.rpartition(".")
    try:
        token = base64.b64decode(encoded, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        token = ""
    if not (0 < len(token) <= LONGEST and token.isascii() and token.isprintable() and check == _check(token)):
        raise Malformed("no such cursor", Code.INVALID_CURSOR)
    return token


def _check(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()[:12]
