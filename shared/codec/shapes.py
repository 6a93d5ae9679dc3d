"""Decoders that fit what a vehicle really sends.

A decoder for the whole vocabulary looks for every path among hundreds. A vehicle sends few of them, mostly in the same
order, so a decoder of just those paths in that order finds each at once. It is learnt from a vehicle's first message
and grows with what it sends later; vehicles that send the same share one."""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Annotated, Any, Literal, NamedTuple, Union

import msgspec

from shared.codec.signals import Vocabulary

MOST_SAMPLES = 600
LONGEST_ID = 128
SHAPES = 256
"""How many decoders a vocabulary keeps."""
LEARNT = 24
"""How often the decoder of one vehicle grows; messages with still other signals are read the slow way."""
VEHICLES = 20_000
"""Of how many vehicles it remembers the decoder."""

Time = Annotated[datetime, msgspec.Meta(tz=True)]


class Shape(NamedTuple):
    """Decodes a message that is right in every part and has no other signals than these; raises for any other.
    `renamed` are those that have another name today."""

    decode: Callable[[bytes], Any]
    renamed: Mapping[str, str]


def _shape(vocabulary: Vocabulary, paths: tuple[str, ...]) -> Shape:
    unset, targets = msgspec.UnsetType, {path: vocabulary.target(path) or path for path in paths}
    fields = [
        (f"s{number}", Union[vocabulary.types[target], unset], msgspec.field(default=msgspec.UNSET, name=path))  # noqa: UP007
        for number, (path, target) in enumerate(targets.items())
    ]
    readings = msgspec.defstruct("Readings", fields, gc=False, forbid_unknown_fields=True)
    sample = msgspec.defstruct("Sample", [("signals", readings), ("time", Time | None, None)], gc=False)
    samples = Annotated[list[sample], msgspec.Meta(min_length=1, max_length=MOST_SAMPLES)]  # type: ignore[valid-type]
    data = msgspec.defstruct("Data", [("samples", samples)], gc=False)
    event = msgspec.defstruct(
        "CloudEvent",
        [
            ("specversion", Literal["1.0"]),
            ("id", Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_ID)]),
            ("source", str),
            ("type", Literal["automotive.telemetry.v1"]),
            ("sequence", str),
            ("data", data),
            ("traceparent", str | None, None),
            ("dataschema", str | None, None),
        ],
        gc=False,
    )
    return Shape(msgspec.json.Decoder(event).decode, {old: new for old, new in targets.items() if old != new})


class Shapes:
    """Which paths each vehicle sends, in the order in which they were first seen."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._shape = lru_cache(SHAPES)(lambda paths: _shape(vocabulary, paths))
        self._known: OrderedDict[str, tuple[tuple[str, ...], Shape, int]] = OrderedDict()

    def of(self, vehicle_id: str) -> Shape:
        """The one that fits what the vehicle sent so far."""
        known = self._known.get(vehicle_id)
        return known[1] if known else self._shape(())

    def learn(self, vehicle_id: str, paths: Iterable[str]) -> None:
        """Remember that it sends these too; all of them are in the vocabulary."""
        known, shape, times = self._known.pop(vehicle_id, ((), None, 0))
        if shape is None or times < LEARNT:
            known = tuple(dict.fromkeys((*known, *paths)))
            shape, times = self._shape(known), times + 1
        self._known[vehicle_id] = (known, shape, times)
        if len(self._known) > VEHICLES:
            self._known.popitem(last=False)
