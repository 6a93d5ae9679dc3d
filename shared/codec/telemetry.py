"""CloudEvents 1.0 with telemetry: the bytes a vehicle sent in, a domain value or a reason to park them out.

A message that is right in every part is decoded and checked in one pass in C. Any other is read again, slowly, to
tell what is wrong with it: the whole message, or single readings that are left out."""

import re
from collections.abc import Mapping, Sequence, Set
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from shared.codec.shapes import LONGEST_ID, MOST_SAMPLES, Shapes, Time
from shared.codec.signals import Vocabulary
from shared.domain.history import DAY
from shared.domain.placeholders import has_placeholder, placeholders
from shared.domain.size import TEXTS, beyond_texts
from shared.domain.telemetry import AHEAD, OLDEST, Sample, Telemetry, Value, sample_times
from shared.errors import Code, Malformed

TYPE = "automotive.telemetry.v1"
LARGEST = 256 * 1024
"""Bytes of a message: what IoT Hub lets a device send."""
MOST_READINGS = 2_000
"""Readings of one message, over all its samples."""
LONGEST_SEQUENCE = 18
"""Digits of a sequence number."""
LONGEST_TRACE = 55
"""Characters of a traceparent."""
_TRACE = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}", re.ASCII)
_SOURCE = "/vehicles/"
_readings = msgspec.to_builtins
_EPOCH, _MILLISECOND = datetime.fromtimestamp(0, UTC), timedelta(milliseconds=1)
_RELEASE = re.compile(r"\bvss[:/]v?([0-9]{1,2})(?:\.[0-9.]*)?\Z", re.ASCII | re.IGNORECASE)


class Decoder:
    """Reads the messages of vehicles that speak one vocabulary."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary, self._shapes = vocabulary, Shapes(vocabulary)

    @property
    def not_places(self) -> Set[str]:
        """Signals of the vocabulary that are known to tell no place."""
        return self._vocabulary.not_places

    def decode(self, device: str, body: bytes, arrived_at: int) -> Telemetry:
        """What `device` sent, as the hub stamped it; the body is never asked who sent it. `arrived_at` is epoch ms.

        Raises Malformed with the reason to park it for. Readings that don't fit are left out and counted."""
        if len(body) > LARGEST:
            raise Malformed(f"{len(body)} bytes, more than {LARGEST}", Code.TOO_LARGE)
        shape = self._shapes.of(device)
        try:
            event = shape.decode(body)
        except (msgspec.MsgspecError, RecursionError, UnicodeError):
            return self._slowly(device, body, arrived_at)
        number = event.sequence
        if event.source != _SOURCE + device or not _is_sequence(number) or event.dataschema:
            return self._slowly(device, body, arrived_at)
        samples, renamed, oldest, latest = [], shape.renamed, arrived_at - OLDEST, arrived_at + AHEAD
        readings = refused = skewed = 0
        plain = True
        for raw in event.data.samples:
            signals, seen = _readings(raw.signals), raw.time
            if renamed:
                signals = _renamed(signals, renamed)
            at = seen and (seen - _EPOCH) // _MILLISECOND
            readings += len(signals)
            plain = plain and at is not None and oldest <= at <= latest and not has_placeholder(signals)
            samples.append(Sample(at, signals))
        if readings > MOST_READINGS:
            raise _too_many()
        if not plain:
            samples, refused, skewed = _timed([s.at for s in samples], [s.readings for s in samples], arrived_at)
        samples, heavy = _lightened(samples, body)
        not_places, refused = self._vocabulary.not_places, refused + heavy
        return Telemetry(
            device, int(number), samples, readings, refused, 0, skewed, _trace(event.traceparent), not_places
        )

    def _slowly(self, device: str, body: bytes, arrived_at: int) -> Telemetry:
        """The same for a message in which something is wrong: reading by reading, with the reason by name."""
        event = _envelope(body)
        if event["source"] != _SOURCE + device:
            raise _spoofed(event["source"])
        if event["type"] != TYPE:
            raise Malformed(f"type {event['type'][:100]!r}", Code.UNKNOWN_TYPE)
        release, sift = _release(event.get("dataschema")), self._vocabulary.sift
        read: list[dict[str, Value]] = []
        total = misfits = unknown = 0
        raw = _samples(event.get("data"))
        for _, signals in raw:
            total += len(signals)
            if total > MOST_READINGS:
                raise _too_many()
            readings, unfit, strangers = sift(signals, release)
            misfits += unfit
            unknown += strangers
            read.append(readings)
        if not misfits and not unknown:
            self._shapes.learn(device, (path for _, signals in raw for path in signals))
        samples, refused, skewed = _timed([at for at, _ in raw], read, arrived_at)
        samples, heavy = _lightened(samples, body)
        refused += misfits + heavy
        trace = _trace(event.get("traceparent"))
        number, not_places = _sequence(event.get("sequence")), self._vocabulary.not_places
        return Telemetry(device, number, samples, total, refused, unknown, skewed, trace, not_places)


def _lightened(samples: list[Sample], body: bytes) -> tuple[list[Sample], int]:
    """The samples without the texts and lists beyond what a message may hold of them, and how many those are."""
    if 3 * len(body) <= TEXTS:
        return samples, 0
    over = beyond_texts(sample.readings for sample in samples)
    light = [
        Sample(s.at, {p: v for p, v in s.readings.items() if p not in heavy}) if heavy else s
        for s, heavy in zip(samples, over, strict=True)
    ]
    return light, sum(map(len, over))


def _timed(
    claimed: Sequence[int | None], read: Sequence[Mapping[str, Value]], arrived_at: int
) -> tuple[list[Sample], int, int]:
    """The samples with the times that hold for them, without placeholders; how many readings were refused, and how many
    times overruled. Raises Malformed(impossible_time) if every sample is too old."""
    times, skewed = sample_times(claimed, arrived_at)
    samples: list[Sample] = []
    refused = 0
    for at, readings in zip(times, read, strict=True):
        if at is None:
            refused += len(readings)
            continue
        none = placeholders(readings)
        refused += len(none)
        samples.append(Sample(at, {path: v for path, v in readings.items() if path not in none} if none else readings))
    if not samples:
        raise Malformed(f"every sample is more than {OLDEST // DAY} days old", Code.IMPOSSIBLE_TIME)
    return samples, refused, skewed


def _renamed(signals: dict[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Under today's names, which win where both are there."""
    return {names[p]: v for p, v in signals.items() if p in names} | {
        p: v for p, v in signals.items() if p not in names
    }


def _release(dataschema: object) -> str | None:
    """The major release that `dataschema` names (`.../vss/5.1`, `urn:vss:4`); today's unless it names one."""
    found = _RELEASE.search(dataschema) if isinstance(dataschema, str) and len(dataschema) <= LONGEST_ID else None
    return found[1] if found else None


def _envelope(body: bytes) -> dict[str, Any]:
    """The attributes that CloudEvents 1.0, section 3.1, requires."""
    try:
        event = msgspec.json.decode(body)
    except (msgspec.MsgspecError, RecursionError, UnicodeError) as error:
        raise Malformed(str(error)[:200], Code.NOT_JSON) from None
    if not isinstance(event, dict) or event.get("specversion") != "1.0":
        raise Malformed("not a CloudEvent 1.0", Code.NOT_CLOUDEVENT)
    if not all(isinstance(event.get(name), str) for name in ("id", "source", "type")):
        raise Malformed("id, source and type are texts", Code.NOT_CLOUDEVENT)
    if not 0 < len(event["id"]) <= LONGEST_ID:
        raise Malformed(f"id has 1 to {LONGEST_ID} characters", Code.NOT_CLOUDEVENT)
    return event


def _samples(data: object) -> Sequence[tuple[int | None, dict[str, Any]]]:
    """The time (epoch ms) and the signals of each sample."""
    samples = data.get("samples") if isinstance(data, dict) else None
    if not isinstance(samples, list) or not samples:
        raise Malformed("data.samples is not a list of samples", Code.MALFORMED_DATA)
    if len(samples) > MOST_SAMPLES:
        raise Malformed(f"more than {MOST_SAMPLES} samples", Code.TOO_MANY_READINGS)
    if not all(isinstance(s, dict) and isinstance(s.get("signals"), dict) for s in samples):
        raise Malformed("a sample without signals", Code.MALFORMED_DATA)
    return [(_time(s.get("time")), s["signals"]) for s in samples]


def _time(text: object) -> int | None:
    """RFC 3339 with a zone, as epoch milliseconds."""
    if text is None:
        return None
    if not isinstance(text, str):
        raise Malformed("a sample time that is not a text", Code.MALFORMED_DATA)
    try:
        return (msgspec.convert(text, Time) - _EPOCH) // _MILLISECOND
    except (msgspec.ValidationError, ValueError, OverflowError):
        raise Malformed(f"{text[:40]!r} is no time with a zone", Code.IMPOSSIBLE_TIME) from None


def _trace(text: object) -> str | None:
    """The trace context of W3C that the event names; None for any other text, as it is stored with what is told."""
    return text if isinstance(text, str) and len(text) <= LONGEST_TRACE and _TRACE.fullmatch(text) else None


def _sequence(text: object) -> int:
    """The CloudEvents sequence extension: a text of decimal digits."""
    if isinstance(text, str) and _is_sequence(text):
        return int(text)
    raise Malformed(f"sequence is not a text of 1 to {LONGEST_SEQUENCE} digits", Code.NOT_CLOUDEVENT)


def _is_sequence(text: str) -> bool:
    return len(text) <= LONGEST_SEQUENCE and text.isdecimal() and text.isascii()


def _spoofed(source: str) -> Malformed:
    return Malformed(f"the source names {source[:100]!r}", Code.SPOOFED_SOURCE)


def _too_many() -> Malformed:
    return Malformed(f"more than {MOST_READINGS} readings", Code.TOO_MANY_READINGS)
