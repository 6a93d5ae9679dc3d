"""Whatever reads the words of callers besides patterns of ours, each with the longest text that reaches it.

`python -m tests.attacks.readers` has each read texts that are made to take long, and prints its name before."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import date
from email.utils import parsedate_to_datetime
from itertools import product
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import jwt
from pydantic import AwareDatetime, TypeAdapter

from shared.adapters.cursors import token_of
from shared.adapters.languages import locale_of
from shared.adapters.passports import SecretCodes
from shared.adapters.templates import LONGEST, JinjaRenderer
from shared.adapters.webhooks import WebhookCaller
from shared.codec import sightings, telemetry, trails
from shared.codec.bodies import parse
from shared.codec.requests import SignalTree
from shared.codec.signals import shipped, vocabulary
from shared.domain.glob import any_of
from shared.domain.kinds import Channel
from shared.domain.signals import Release
from shared.domain.vin import is_vin
from shared.tracing import _PROPAGATOR
from tests.attacks.patterns import SLOW

HEADER, BODY = 32_768, 262_144
"""Characters of a header and of a body."""


class Reader(NamedTuple):
    name: str
    read: Callable[[str], object]
    longest: int
    tokens: tuple[str, ...]


def readers() -> Iterator[Reader]:
    """`tokens` are the pieces that long texts are made of."""
    renderer, codes, caller = JinjaRenderer(), SecretCodes("secret"), WebhookCaller(lambda: 0)
    decoder, times = telemetry.Decoder(vocabulary(Release())), TypeAdapter[Any](AwareDatetime)
    paths = sorted(shipped())
    plain = ("a", "A", "0", ".", "-", " ")

    def glob(text: str) -> None:
        for pattern in (text, text.replace("a", "*"), text.replace("0", "*")):
            wanted = any_of([pattern[:256]] * 20)
            for path in (*paths, "a" * 256, "0" * 255 + "."):
                wanted(path)

    def template(text: str) -> None:
        renderer.check("silent", Channel.INBOX, {"title": text, "body": text})

    def event(text: str) -> None:
        decoder.decode("veh", text.encode(), 0)

    yield Reader("patterns of paths", glob, 256, (*plain, "*", "*a", "a*"))
    yield Reader(
        "templates", template, LONGEST, (*plain, "{{", "}}", "{%", "%}", "{#", "|upper", "'", "\\", "(", "not ")
    )
    yield Reader("traceparent", lambda t: _PROPAGATOR.extract({"traceparent": t}), HEADER, (*plain, "\t", "-01"))
    yield Reader("tokens", jwt.get_unverified_header, 8_192, (*plain, "e30", "_", "="))
    yield Reader("Retry-After", parsedate_to_datetime, 8_190, (*plain, ",", ":", "Mon", "+"))
    yield Reader("URLs", caller.check, 2_000, (*plain, "/", ":", "@", "[", "]", "%2f", "https://"))
    yield Reader("languages", locale_of, 64, (*plain, "_", "@", "de"))
    yield Reader("zones", ZoneInfo, 64, (*plain, "/", "_", "Europe/"))
    yield Reader("times", times.validate_python, HEADER, (*plain, "T", ":", "+", "Z", "2026-"))
    yield Reader("days", date.fromisoformat, HEADER, (*plain, "W", "2026-"))
    yield Reader("VINs", is_vin, HEADER, plain)
    yield Reader("cursors", token_of, HEADER, (*plain, "=", "_"))
    yield Reader("marks", sightings.mark_of, HEADER, (*plain, "W", "="))
    yield Reader("dead letters", trails.dead_letter_of, HEADER, (*plain, "W", "="))
    yield Reader("links", codes.unseal, HEADER, (*plain, "_", "="))
    yield Reader("bodies", lambda t: parse(SignalTree, t.encode()), BODY, (*plain, "[", "{", '"', "\\", '{"a":', "1e"))
    yield Reader("events", event, BODY, (*plain, "[", "{", '"', "\\", '{"a":', "1e"))


def texts(reader: Reader) -> Iterator[str]:
    pumps = [*reader.tokens, *(a + b for a, b in product(reader.tokens, repeat=2) if a != b)]
    for before, pump, end in product(("", reader.tokens[-1]), pumps, ("", "\n\n", "}!")):
        yield (before + pump * (reader.longest // len(pump)))[: reader.longest - len(end)] + end


if __name__ == "__main__":
    for reader in readers():
        print(reader.name, flush=True)
        for text in texts(reader):
            began = time.process_time()
            with suppress(Exception):
                reader.read(text)
            if time.process_time() - began > SLOW:
                sys.exit(f"too slow for {text[:40]!r}... of {len(text)} characters")
    print("done", flush=True)
