"""AMQP 1.0 types (OASIS AMQP 1.0, part 1): bytes to values and back, as far as the Azure SDKs use them."""

import struct
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple
from uuid import UUID

_WIDTHS = {4: 0, 5: 1, 6: 2, 7: 4, 8: 8, 9: 16}  # bytes that follow a constructor of a fixed width, by its upper half
_CONSTANTS = {0x40: None, 0x41: True, 0x42: False, 0x43: 0, 0x44: 0}
_SIGNED = {0x51: 1, 0x54: 1, 0x55: 1, 0x61: 2, 0x71: 4, 0x81: 8, 0x83: 8}
_UNSIGNED = {0x50: 1, 0x52: 1, 0x53: 1, 0x60: 2, 0x70: 4, 0x80: 8}
_FIELDS = {0x10: 10, 0x11: 8, 0x12: 14, 0x13: 11, 0x15: 6, 0x16: 3, 0x17: 1, 0x18: 1}
"""How many fields a performative has."""
NULL, TRUE, FALSE = b"\x40", b"\x41", b"\x42"


class AmqpError(Exception):
    """What the peer is told: an AMQP error condition and a text."""

    def __init__(self, condition: str, text: str) -> None:
        super().__init__(text)
        self.condition, self.text = condition, text


class Described(NamedTuple):
    """A value with its descriptor: a performative, a section, a terminus."""

    code: Any
    value: Any


def skip(data: bytes, at: int) -> int:
    """Where the value that begins at `at` ends."""
    constructor = data[at]
    if constructor == 0:
        return skip(data, skip(data, at + 1))
    width = _WIDTHS.get(constructor >> 4)
    return at + 1 + width if width is not None else _extent(constructor, data, at + 1)[1]


def decode(data: bytes, at: int = 0) -> tuple[Any, int]:
    """The value that begins at `at`, and where it ends."""
    constructor = data[at]
    if constructor == 0:
        code, at = decode(data, at + 1)
        value, at = decode(data, at)
        return Described(code, value), at
    return _value(constructor, data, at + 1)


def _value(constructor: int, data: bytes, at: int) -> tuple[Any, int]:
    if constructor in _CONSTANTS:
        return _CONSTANTS[constructor], at
    if width := _UNSIGNED.get(constructor):
        return int.from_bytes(data[at : at + width], "big"), at + width
    if width := _SIGNED.get(constructor):
        return int.from_bytes(data[at : at + width], "big", signed=True), at + width
    kind = constructor >> 4
    if constructor == 0x45:
        return [], at
    if kind in (0xA, 0xB):
        start, end = _extent(constructor, data, at)
        raw = bytes(data[start:end])
        return raw if constructor & 0x0F == 0 else raw.decode(), end
    if kind in (0xC, 0xD):
        return _compound(constructor, data, at)
    if kind in (0xE, 0xF):
        return _array(constructor, data, at)
    if constructor == 0x56:
        return data[at] == 1, at + 1
    if constructor == 0x98:
        return UUID(bytes=bytes(data[at : at + 16])), at + 16
    if constructor in (0x72, 0x82):
        return struct.unpack_from(">f" if constructor == 0x72 else ">d", data, at)[0], at + _WIDTHS[kind]
    raise AmqpError("amqp:decode-error", f"the constructor 0x{constructor:02x} is not supported")


def _extent(constructor: int, data: bytes, at: int) -> tuple[int, int]:
    """Where a value of variable width begins and ends."""
    width = 4 if constructor & 0x10 else 1
    return at + width, at + width + int.from_bytes(data[at : at + width], "big")


def _counted(constructor: int, data: bytes, at: int) -> tuple[int, int, int]:
    """How many items a compound holds, where the first begins, and where the last ends."""
    (start, end), width = _extent(constructor, data, at), 4 if constructor & 0x10 else 1
    return int.from_bytes(data[start : start + width], "big"), start + width, end


def _compound(constructor: int, data: bytes, at: int) -> tuple[Any, int]:
    count, at, end = _counted(constructor, data, at)
    items = []
    for _ in range(count):
        item, at = decode(data, at)
        items.append(item)
    return items if constructor & 0x0F == 0 else dict(zip(items[::2], items[1::2], strict=True)), end


def _array(constructor: int, data: bytes, at: int) -> tuple[list[Any], int]:
    count, at, end = _counted(constructor, data, at)
    kind, at, items = data[at], at + 1, []
    for _ in range(count):
        item, at = _value(kind, data, at)
        items.append(item)
    return items, end


def raw_items(data: bytes, at: int = 0) -> list[bytes]:
    """The items of the list, map or null at `at` as they are encoded: what is passed on keeps its exact wire type."""
    if data[at] in (0x40, 0x45):
        return []
    count, position, _ = _counted(data[at], data, at + 1)
    items = []
    for _ in range(count):
        end = skip(data, position)
        items.append(bytes(data[position:end]))
        position = end
    return items


def raw_fields(data: bytes, at: int = 0) -> list[bytes]:
    """The fields of the described list at `at` (a performative, an outcome, an error) as they are encoded."""
    return raw_items(data, skip(data, at + 1))


def raw_map(data: bytes, at: int = 0) -> dict[str, bytes]:
    """The map (or null) at `at`: its keys decoded, its values as they are."""
    items = raw_items(data, at)
    return {str(decode(key)[0]): value for key, value in zip(items[::2], items[1::2], strict=True)}


def _fixed(constructor: int, form: str) -> Callable[[int], bytes]:
    head, pack = bytes((constructor,)), struct.Struct(form).pack
    return lambda value: head + pack(value)


ubyte, ushort, uint, ulong = _fixed(0x50, ">B"), _fixed(0x60, ">H"), _fixed(0x70, ">I"), _fixed(0x80, ">Q")
int32, long, timestamp = _fixed(0x71, ">i"), _fixed(0x81, ">q"), _fixed(0x83, ">q")


def _variable(short: int) -> Callable[[bytes], bytes]:
    def pack(raw: bytes) -> bytes:
        if len(raw) < 256:
            return bytes((short, len(raw))) + raw
        return bytes((short | 0x10,)) + len(raw).to_bytes(4, "big") + raw

    return pack


binary, _string, _symbol = _variable(0xA0), _variable(0xA1), _variable(0xA3)


def boolean(value: bool) -> bytes:
    return TRUE if value else FALSE


def string(text: str) -> bytes:
    return _string(text.encode())


def symbol(text: str) -> bytes:
    return _symbol(text.encode("ascii"))


def _sized(constructor: int, raw: bytes, count: int) -> bytes:
    return bytes((constructor,)) + (len(raw) + 4).to_bytes(4, "big") + count.to_bytes(4, "big") + raw


def list_(items: Sequence[bytes]) -> bytes:
    return _sized(0xD0, b"".join(items), len(items))


def map_(pairs: Iterable[tuple[bytes, bytes]]) -> bytes:
    flat = [part for pair in pairs for part in pair]
    return _sized(0xD1, b"".join(flat), len(flat))


def array(constructor: int, items: Sequence[bytes]) -> bytes:
    return _sized(0xF0, bytes((constructor,)) + b"".join(items), len(items))


def described(code: int, value: bytes) -> bytes:
    return b"\x00\x53" + bytes((code,)) + value


def performative(code: int, fields: Sequence[bytes]) -> bytes:
    """With every field present: the SDKs' decoders index positions without filling up."""
    return described(code, list_([*fields, *[NULL] * (_FIELDS[code] - len(fields))]))


def error(condition: str, text: str) -> bytes:
    return described(0x1D, list_([symbol(condition), string(text), NULL]))


def rejected(condition: str, text: str) -> bytes:
    return described(0x25, list_([error(condition, text)]))


ACCEPTED, RELEASED = described(0x24, b"\x45"), described(0x26, b"\x45")
