"""One encoded AMQP message (OASIS AMQP 1.0, part 3.2), taken apart just far enough."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from local.broker import codec

HEADER, ANNOTATIONS, PROPERTIES, APPLICATION, DATA, VALUE = 0x70, 0x72, 0x73, 0x74, 0x75, 0x77
BATCH_FORMAT = 0x80013700
"""The message format of a batch: every data section is one encoded message."""


@dataclass(slots=True)
class Sections:
    """The parts that a broker looks at. `bare` is everything from the properties on, byte for byte."""

    header: list[Any]
    annotations: dict[str, bytes]
    properties: list[Any]
    application: dict[str, Any]
    bodies: list[bytes]
    value: Any
    bare: bytes


def take_apart(raw: bytes) -> Sections:
    """Raises AmqpError for a section that is not one of the seven."""
    found = Sections([], {}, [], {}, [], None, b"")
    at = 0
    while at < len(raw):
        if raw[at] != 0 or raw[at + 1] != 0x53:
            raise codec.AmqpError("amqp:decode-error", "a message section was expected")
        code, start = raw[at + 2], at + 3
        if code >= PROPERTIES and not found.bare:
            found.bare = raw[at:]
        if code == ANNOTATIONS:
            found.annotations = codec.raw_map(raw, start)
        elif code in (HEADER, PROPERTIES, APPLICATION, DATA, VALUE):
            value, _ = codec.decode(raw, start)
            _put(found, code, value)
        at = codec.skip(raw, start)
    return found


def _put(found: Sections, code: int, value: Any) -> None:
    if code == HEADER:
        found.header = value
    elif code == PROPERTIES:
        found.properties = value
    elif code == APPLICATION:
        found.application = value
    elif code == DATA:
        found.bodies.append(value)
    else:
        found.value = value


def field(values: list[Any], index: int) -> Any:
    """A field of a list whose end may be left out."""
    return values[index] if len(values) > index else None


def annotated(annotations: Mapping[str, bytes], bare: bytes) -> bytes:
    """The message with these annotations."""
    entries = [(codec.symbol(key), value) for key, value in annotations.items()]
    return codec.described(ANNOTATIONS, codec.map_(entries)) + bare


def with_application(bare: bytes, extra: Mapping[str, str]) -> bytes:
    """The bare message with application properties added, everything else byte for byte."""
    at, before, entries, after = 0, b"", dict[str, bytes](), b""
    while at < len(bare):
        code, end = bare[at + 2], codec.skip(bare, at + 3)
        if code == PROPERTIES:
            before = bare[at:end]
        elif code == APPLICATION:
            entries = codec.raw_map(bare, at + 3)
        else:
            after = bare[at:]
            break
        at = end
    entries.update({key: codec.string(value) for key, value in extra.items()})
    section = codec.map_([(codec.string(key), value) for key, value in entries.items()])
    return before + codec.described(APPLICATION, section) + after
