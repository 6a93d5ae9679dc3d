"""One encoded AMQP message (OASIS AMQP 1.0, part 3.2), taken apart just far enough."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from local.broker import codec

HEADER, ANNOTATIONS, PROPERTIES, APPLICATION, DATA, VALUE = 0x70, 0x72, 0x73, 0x74, 0x75, 0x77
BATCH_FORMAT = 0x80013700  # the message format of a batch: every data section is one encoded message


@dataclass(slots=True)
class Sections:
    """The parts that a broker looks at. `bare` is everything from the properties on, byte for byte."""

    header: list[Any] = field(default_factory=list)
    annotations: dict[str, bytes] = field(default_factory=dict)
    properties: list[bytes] = field(default_factory=list)
    application: dict[str, Any] = field(default_factory=dict)
    bodies: list[bytes] = field(default_factory=list)
    value: Any = None
    bare: bytes = b""

    def property(self, index: int) -> Any:
        """A property by its place, decoded."""
        return codec.decode(self.properties[index])[0] if len(self.properties) > index else None


def take_apart(raw: bytes) -> Sections:
    """Raises AmqpError, or what the codec raises, for what is no message."""
    found, at = Sections(), 0
    while at < len(raw):
        if raw[at] != 0 or raw[at + 1] != 0x53:
            raise codec.AmqpError("amqp:decode-error", "a message section was expected")
        code, start = raw[at + 2], at + 3
        if code >= PROPERTIES and not found.bare:
            found.bare = raw[at:]
        if code == ANNOTATIONS:
            found.annotations = codec.raw_map(raw, start)
        elif code == PROPERTIES:
            found.properties = codec.raw_items(raw, start)
        elif code == DATA:
            found.bodies.append(codec.decode(raw, start)[0])
        elif code in (HEADER, APPLICATION, VALUE):
            name = {HEADER: "header", APPLICATION: "application", VALUE: "value"}[code]
            setattr(found, name, codec.decode(raw, start)[0])
        at = codec.skip(raw, start)
    return found


def item(values: list[Any] | None, index: int) -> Any:
    """A field of a list whose end may be left out."""
    return values[index] if values and len(values) > index else None


def annotated(annotations: Mapping[str, bytes], bare: bytes) -> bytes:
    """The message with these annotations."""
    return codec.described(ANNOTATIONS, codec.map_((codec.symbol(k), v) for k, v in annotations.items())) + bare


def with_id(parts: Sections, id: str) -> bytes:
    """The bare message with this id, everything else byte for byte."""
    rest = codec.skip(parts.bare, 3) if parts.bare[2:3] == b"\x73" else 0
    return codec.described(PROPERTIES, codec.list_([codec.string(id), *parts.properties[1:]])) + parts.bare[rest:]


def with_properties(bare: bytes, extra: Mapping[str, bytes]) -> bytes:
    """The bare message with application properties (encoded) added, everything else byte for byte."""
    if not extra:
        return bare
    at, before, entries = 0, b"", dict[str, bytes]()
    while at < len(bare) and bare[at + 2] in (PROPERTIES, APPLICATION):
        end = codec.skip(bare, at + 3)
        if bare[at + 2] == PROPERTIES:
            before = bare[at:end]
        else:
            entries = codec.raw_map(bare, at + 3)
        at = end
    entries |= extra
    section = codec.map_((codec.string(key), value) for key, value in entries.items())
    return before + codec.described(APPLICATION, section) + bare[at:]
