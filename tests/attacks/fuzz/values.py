"""What callers might write where something else is expected, and changes of a right JSON document by some of it."""

import base64
import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from random import Random
from typing import Any

DIGITS = "9" * 5_000
"""More than Python turns into a number by itself."""


class Raw(str):
    """A piece of JSON that `json.dumps` would not write."""

    __slots__ = ()


NUMBERS: list[Any] = [
    *(0, -1, 1, 2**31, 2**53, 2**53 + 1, 2**63 - 1, 2**63, 2**64, -(2**63), -(2**63) - 1, 10**18, 10**30, 0.1, -0.0),
    *(1e308, -1e308, 5e-324, 253_402_300_800_000, -62_135_596_800_001, 8_640_000_000_000_001, 1_795_348_800_000),
    *(Raw("NaN"), Raw("Infinity"), Raw("-Infinity"), Raw("1e999"), Raw("-1E400"), Raw(DIGITS), Raw("-" + DIGITS)),
    *(
        Raw("1" + "0" * 400),
        Raw("-1" + "0" * 400),
        Raw("0." + "1" * 400),
        Raw("1e-999"),
        Raw("-0"),
        Raw("01"),
        Raw("+1"),
    ),
    *(Raw("1." + DIGITS), Raw("1e" + DIGITS), Raw("0x10"), Raw("1_000")),
]
TIMES = [
    *("0001-01-01T00:00:00Z", "0001-01-01T00:00:00+23:59", "0001-01-01T00:00:00-23:59", "9999-12-31T23:59:59.999999Z"),
    *("9999-12-31T23:59:59-23:59", "9999-12-31T23:59:59+23:59", "9999-12-31T23:59:60Z", "1970-01-01T00:00:00Z"),
    *("1969-12-31T23:59:59.999Z", "2026-11-22T12:00:00", "2026-11-22", "2026-11-22T24:00:00Z", "2026-02-30T00:00:00Z"),
    *("2026-11-22T12:00:00+24:00", "2026-11-22T12:00:00+99:99", "2026-11-22T12:00:00.123456789123456Z", "1e999"),
    *("2026-11-22T12:00:00Z", "2026-11-22t12:00:00z", "2026-W47-7", "20261122T120000Z", "+12026-01-01T00:00:00Z"),
    *("10000-01-01T00:00:00Z", "-0001-01-01T00:00:00Z", "2027-03-28T02:30:00+01:00", "1795348800", "1e15", "Infinity"),
    *("0000-01-01", "9999-12-31", "0001-01-01", "2026-11-31", "2028-02-29", "9999-99-99", "2026-1-1"),
]
TEXTS: list[Any] = [
    *("", " ", ".", "..", "/", "\\", "../../x", "a/b", "%2f", "%00", "\x00", "a\x00b", "\n", "a\r\nb: c", "\t", "\x7f"),
    *(
        "\ud800",
        "a\udfffb",
        "\ud83d",
        "\u202e",
        "\ufeff",
        "\u0130",
        "ß",
        "e\u0301" * 50,
        "\U0010ffff",
        "\u2028",
        "²",
        "٣",
    ),
    *(
        "*",
        "**",
        "*" * 60 + "Z",
        "a*" * 40,
        "?",
        "#",
        "'; DROP TABLE x; --",
        '"',
        "{}",
        "[]",
        "{{",
        "{{ 1 }}",
        "{% x %}",
    ),
    *(
        "${x}",
        "<script>",
        "null",
        "true",
        "undefined",
        "NaN",
        "Infinity",
        "-1",
        "0",
        "1e999",
        DIGITS,
        "9" * 400,
        "0x10",
    ),
    *(
        "x" * 64,
        "x" * 65,
        "x" * 128,
        "x" * 129,
        "x" * 257,
        "x" * 1_025,
        "x" * 20_001,
        "é" * 1_000,
        "@operators",
        "@",
        ":",
    ),
    *("aurora", "user-ada", "veh-own", "veh-foreign", "whe-own", "sub-1", "P1M", "P99Y", "P0M", "lifetime", "history"),
    *(
        "Vehicle.Speed",
        "partner.partner-1",
        "battery_low",
        "digest",
        "inbox",
        "email",
        "webhook",
        "de-AT",
        "zz",
        "a@b.cd",
    ),
    *("Europe/Vienna", "Etc/GMT+12", "localtime", "posixrules", "2026-11-22.event-own", "https://[::1]/", "https://x"),
    *(
        "ZZZAURRA0DEM00001",
        "0" * 17,
        "24:00",
        "00:00",
        "P0420",
        "\u00a0",
        "exp-own",
        "inv-1",
        "n-own",
        "trip-" + DIGITS,
    ),
    *(
        "trip--1",
        "trip-" + "9" * 30,
        "trip-99999999999999",
        "trip-1e9",
        "chunk-1-1",
        "trip-\u0663",
        "2026-11-22_telemetry-own",
    ),
]
SMALL: list[Any] = [
    None,
    True,
    False,
    [],
    {},
    [[]],
    [None],
    {"": None},
    {"id": 1},
    ["x"] * 300,
    [0] * 300,
    {"a": {"b": {}}},
]


def text(random: Random) -> str:
    """A text to be put anywhere: into a path, a query, a header."""
    pool = random.choice((TEXTS, TEXTS, TIMES))
    found = str(random.choice(pool))
    if random.random() < 0.15:
        found += str(random.choice(TEXTS[:40]))
    return encoded(value(random)) if random.random() < 0.1 else found


def encoded(found: Any) -> str:
    """As cursors, marks and dead letters are written."""
    return base64.urlsafe_b64encode(written(found)).decode().rstrip("=")


def value(random: Random) -> Any:
    """Anything that JSON has, and some that it has not."""
    pool = random.choice((NUMBERS, TEXTS, TIMES, SMALL))
    found = random.choice(pool)
    if random.random() < 0.03:
        depth = random.choice((50, 500, 5_000))
        return Raw("[" * depth + "]" * depth) if random.random() < 0.5 else Raw('{"a":' * depth + "1" + "}" * depth)
    return deepcopy(found) if isinstance(found, list | dict) else found


# ---- documents


def places(found: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a document, from the whole to its leaves."""
    yield path
    if isinstance(found, dict | list):
        for key, inner in list(found.items() if isinstance(found, dict) else enumerate(found))[:40]:
            yield from places(inner, (*path, key))


def changed(found: Any, random: Random) -> Any:
    """The document with something else at one place of it, or more or less there."""
    path = random.choice(list(places(found)))
    if not path:
        return value(random) if random.random() < 0.3 else _inside(found, random)
    whole = deepcopy(found)
    holder = whole
    for key in path[:-1]:
        holder = holder[key]
    _alter(holder, path[-1], random)
    return whole


def _alter(holder: Any, key: Any, random: Random) -> None:
    how = random.random()
    if how < 0.65:
        holder[key] = value(random)
    elif how < 0.75:
        del holder[key]
    elif how < 0.85 and isinstance(holder, dict):
        holder[text(random)] = holder.pop(key)
    else:
        holder[key] = _inside(holder[key], random)


def _inside(found: Any, random: Random) -> Any:
    if isinstance(found, dict):
        return {**found, text(random): value(random)}
    if isinstance(found, list):
        return found * random.choice((2, 30, 700)) if random.random() < 0.3 and found else [*found, value(random)]
    if isinstance(found, str):
        cut = random.randrange(len(found) + 1)
        return found[:cut] + str(random.choice(TEXTS[:40])) + found[cut:]
    return [found]


def written(found: Any) -> bytes:
    """As JSON, with its raw pieces as they are."""
    pieces: list[str] = []

    def marked(one: Any) -> Any:
        if isinstance(one, Raw):
            pieces.append(one)
            return f"@raw{len(pieces) - 1}@"
        if isinstance(one, dict):
            return {str(key): marked(inner) for key, inner in one.items()}
        return [marked(inner) for inner in one] if isinstance(one, list) else one

    text = json.dumps(marked(found))
    for number, piece in enumerate(pieces):
        text = text.replace(f'"@raw{number}@"', piece, 1)
    return text.encode()


_SPOILT: list[Callable[[bytes, Random], bytes]] = [
    lambda raw, random: raw[: random.randrange(len(raw) + 1)],
    lambda raw, random: raw + raw,
    lambda raw, random: b"\xef\xbb\xbf" + raw,
    lambda raw, random: raw.decode(errors="replace").encode("utf-16"),
    lambda raw, random: b"",
    lambda raw, random: raw.replace(b'"', b'"\\ud800', 1),
    lambda raw, random: raw.replace(b":", b":\xff", 1),
    lambda raw, random: raw + b" " * 300_000,
    lambda raw, random: _flipped(raw, random),
]


def spoilt(raw: bytes, random: Random) -> bytes:
    """Bytes that are (mostly) no JSON any more."""
    return random.choice(_SPOILT)(raw, random)


def _flipped(raw: bytes, random: Random) -> bytes:
    found = bytearray(raw or b"x")
    for _ in range(random.randrange(1, 4)):
        found[random.randrange(len(found))] = random.randrange(256)
    return bytes(found)
