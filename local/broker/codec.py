"""AMQP 1.0 types (OASIS AMQP 1.0, part 1): bytes to values and back, as far as the Azure SDKs use them."""

import struct
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

_U16, _U32, _U64 = struct.Struct(">H"), struct.Struct(">I"), struct.Struct(">Q")
_WIDTHS = {4: 0, 5: 1, 6: 2, 7: 4, 8: 8, 9: 16}
"""Bytes that follow a constructor of a fixed width, by its upper half."""

NULL, TRUE, FALSE = b"\x40", b"\x41", b"\x42"


class AmqpError(Exception):
    """What the peer is told: an AMQP error condition and a text."""

    def __init__(self, condition: str, text: str) -> None:
        super().__init__(text)
        self.condition, self.text = condition, text


class Symbol(str):
    __slots__ = ()


class Described:
    """A value with its descriptor: a performative, a section, a terminus."""

    __slots__ = ("code", "value")

    def __init__(self, code: Any, value: Any) -> None:
        self.code, self.value = code, value


# ---- decoding


def skip(data: bytes, at: int) -> int:
    """Where the value that begins at `at` ends."""
    constructor = data[at]
    if constructor == 0:
        return skip(data, skip(data, at + 1))
    width = _WIDTHS.get(constructor >> 4)
    if width is not None:
        return at + 1 + width
    if constructor >> 4 in (0xA, 0xC, 0xE):
        return at + 2 + data[at + 1]
    return at + 5 + int(_U32.unpack_from(data, at + 1)[0])


def decode(data: bytes, at: int = 0) -> tuple[Any, int]:
    """The value that begins at `at`, and where it ends."""
    constructor = data[at]
    if constructor == 0:
        code, at = decode(data, at + 1)
        value, at = decode(data, at)
        return Described(code, value), at
    return _value(constructor, data, at + 1)


_SIGNED = {0x51: 1, 0x54: 1, 0x55: 1, 0x61: 2, 0x71: 4, 0x81: 8, 0x83: 8}
_UNSIGNED = {0x50: 1, 0x52: 1, 0x53: 1, 0x60: 2, 0x70: 4, 0x80: 8}
_CONSTANTS = {0x40: None, 0x41: True, 0x42: False, 0x43: 0, 0x44: 0}


def _value(constructor: int, data: bytes, at: int) -> tuple[Any, int]:
    if constructor in _CONSTANTS:
        return _CONSTANTS[constructor], at
    if width := _UNSIGNED.get(constructor):
        return int.from_bytes(data[at : at + width], "big"), at + width
    if width := _SIGNED.get(constructor):
        return int.from_bytes(data[at : at + width], "big", signed=True), at + width
    kind = constructor & 0x0F
    if constructor >> 4 in (0xA, 0xB):
        start, end = _extent(constructor, data, at)
        raw = bytes(data[start:end])
        return (raw if kind == 0 else raw.decode() if kind == 1 else Symbol(raw.decode("ascii"))), end
    if constructor == 0x45:
        return [], at
    if constructor >> 4 in (0xC, 0xD):
        return _compound(constructor, data, at)
    if constructor >> 4 in (0xE, 0xF):
        return _array(constructor, data, at)
    if constructor == 0x56:
        return data[at] == 1, at + 1
    if constructor == 0x98:
        return UUID(bytes=bytes(data[at : at + 16])), at + 16
    if constructor in (0x72, 0x82):
        width, form = (4, ">f") if constructor == 0x72 else (8, ">d")
        return struct.unpack_from(form, data, at)[0], at + width
    raise AmqpError("amqp:decode-error", f"the constructor 0x{constructor:02x} is not supported")


def _extent(constructor: int, data: bytes, at: int) -> tuple[int, int]:
    """Where a value of variable width begins and ends."""
    if constructor & 0x10:
        return at + 4, at + 4 + int(_U32.unpack_from(data, at)[0])
    return at + 1, at + 1 + data[at]


def _counted(constructor: int, data: bytes, at: int) -> tuple[int, int, int]:
    """How many items a compound holds, where the first begins, and where the last ends."""
    start, end = _extent(constructor, data, at)
    if constructor & 0x10:
        return int(_U32.unpack_from(data, start)[0]), start + 4, end
    return data[start], start + 1, end


def _compound(constructor: int, data: bytes, at: int) -> tuple[Any, int]:
    count, at, end = _counted(constructor, data, at)
    items = []
    for _ in range(count):
        item, at = decode(data, at)
        items.append(item)
    if constructor & 0x0F == 0:
        return items, end
    return dict(zip(items[::2], items[1::2], strict=True)), end


def _array(constructor: int, data: bytes, at: int) -> tuple[list[Any], int]:
    count, at, end = _counted(constructor, data, at)
    if data[at] == 0:
        at = skip(data, at + 1)
    kind, at, items = data[at], at + 1, []
    for _ in range(count):
        item, at = _value(kind, data, at)
        items.append(item)
    return items, end


def raw_map(data: bytes, at: int) -> dict[str, bytes]:
    """The map at `at` with its values as they are encoded: what is passed on keeps its exact wire type."""
    if data[at] not in (0xC1, 0xD1):
        return {}
    count, position, _ = _counted(data[at], data, at + 1)
    entries = {}
    for _ in range(count // 2):
        key, position = decode(data, position)
        end = skip(data, position)
        entries[str(key)] = bytes(data[position:end])
        position = end
    return entries


# ---- encoding


def uint(value: int) -> bytes:
    return b"\x43" if value == 0 else b"\x70" + _U32.pack(value)


def ubyte(value: int) -> bytes:
    return b"\x50" + bytes((value,))


def ushort(value: int) -> bytes:
    return b"\x60" + _U16.pack(value)


def ulong(value: int) -> bytes:
    return b"\x80" + _U64.pack(value)


def int32(value: int) -> bytes:
    return b"\x71" + struct.pack(">i", value)


def long(value: int) -> bytes:
    return b"\x81" + struct.pack(">q", value)


def timestamp(epoch_ms: int) -> bytes:
    return b"\x83" + struct.pack(">q", epoch_ms)


def boolean(value: bool) -> bytes:
    return TRUE if value else FALSE


def uuid(value: UUID) -> bytes:
    return b"\x98" + value.bytes


def _variable(short: int, raw: bytes) -> bytes:
    if len(raw) < 256:
        return bytes((short, len(raw))) + raw
    return bytes((short | 0x10,)) + _U32.pack(len(raw)) + raw


def string(text: str) -> bytes:
    return _variable(0xA1, text.encode())


def symbol(text: str) -> bytes:
    return _variable(0xA3, text.encode("ascii"))


def binary(raw: bytes) -> bytes:
    return _variable(0xA0, raw)


def list_(items: Sequence[bytes]) -> bytes:
    raw = b"".join(items)
    return b"\xd0" + _U32.pack(len(raw) + 4) + _U32.pack(len(items)) + raw


def map_(entries: Mapping[bytes, bytes] | Iterable[tuple[bytes, bytes]]) -> bytes:
    pairs = list(entries.items() if isinstance(entries, Mapping) else entries)
    raw = b"".join(key + value for key, value in pairs)
    return b"\xd1" + _U32.pack(len(raw) + 4) + _U32.pack(2 * len(pairs)) + raw


def array(constructor: int, items: Sequence[bytes]) -> bytes:
    raw = bytes((constructor,)) + b"".join(items)
    return b"\xf0" + _U32.pack(len(raw) + 4) + _U32.pack(len(items)) + raw


def described(code: int, value: bytes) -> bytes:
    return b"\x00\x53" + bytes((code,)) + value


def encode(value: Any) -> bytes:
    """A decoded value again. Integers become longs: do not use where a peer compares types."""
    encoders: list[tuple[type, Any]] = [
        (bool, boolean),
        (Symbol, symbol),
        (str, string),
        (int, long),
        (float, lambda v: b"\x82" + struct.pack(">d", v)),
        (bytes, binary),
        (UUID, uuid),
        (list, lambda v: list_([encode(item) for item in v])),
        (dict, lambda v: map_([(encode(k), encode(x)) for k, x in v.items()])),
        (
            Described,
            lambda v: b"\x00" + (ulong(v.code) if isinstance(v.code, int) else encode(v.code)) + encode(v.value),
        ),
    ]
    if value is None:
        return NULL
    for kind, encoder in encoders:
        if isinstance(value, kind):
            return bytes(encoder(value))
    raise AmqpError("amqp:not-implemented", f"values of type {type(value).__name__} are not supported")


_FIELDS = {0x10: 10, 0x11: 8, 0x12: 14, 0x13: 11, 0x15: 6, 0x16: 3, 0x17: 1, 0x18: 1}
"""How many fields a performative has."""


def performative(code: int, fields: Sequence[bytes]) -> bytes:
    """With every field present: the SDKs' decoders index positions without filling up."""
    return described(code, list_([*fields, *[NULL] * (_FIELDS[code] - len(fields))]))


def error(condition: str, text: str) -> bytes:
    return described(0x1D, list_([symbol(condition), string(text), NULL]))


ACCEPTED, RELEASED = described(0x24, b"\x45"), described(0x26, b"\x45")


def rejected(condition: str, text: str) -> bytes:
    return described(0x25, list_([error(condition, text)]))
