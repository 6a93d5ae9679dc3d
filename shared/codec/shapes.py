"""Decoders that fit what a vehicle really sends.

A decoder for the whole catalogue looks for every path among hundreds. A vehicle sends few of them, mostly in the same
order, so a decoder of just those paths in that order finds each at once. It is learnt from a vehicle's first message
and grows with what it sends later; vehicles that send the same share one."""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import cache, lru_cache
from typing import Annotated, Any, Literal, Union

import msgspec

from shared.codec.signals import catalogue

MOST_SAMPLES = 600
LONGEST_ID = 128
SHAPES = 256
"""How many decoders a process keeps."""
VEHICLES = 20_000
"""Of how many vehicles a process remembers the decoder."""

Time = Annotated[datetime, msgspec.Meta(tz=True)]

type Decoder = Callable[[bytes], Any]


@lru_cache(SHAPES)
def decoder(paths: tuple[str, ...]) -> Decoder:
    """Decodes a message that is right in every part and has no other signals than these; raises for any other."""
    types, unset = catalogue(), msgspec.UnsetType
    fields = [
        (f"s{number}", Union[types[path], unset], msgspec.field(default=msgspec.UNSET, name=path))  # noqa: UP007
        for number, path in enumerate(paths)
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
        ],
        gc=False,
    )
    return msgspec.json.Decoder(event).decode


@cache
def _nothing_known() -> Decoder:
    return decoder(())


class Shapes:
    """Which paths each vehicle sends, in the order in which they were first seen."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, tuple[tuple[str, ...], Decoder]] = OrderedDict()

    def decoder(self, vehicle_id: str) -> Decoder:
        """The one that fits what the vehicle sent so far."""
        known = self._known.get(vehicle_id)
        return known[1] if known else _nothing_known()

    def learn(self, vehicle_id: str, paths: Iterable[str]) -> None:
        """Remember that it sends these too; all of them are in the catalogue."""
        known, _ = self._known.pop(vehicle_id, ((), None))
        both = tuple(dict.fromkeys((*known, *paths)))
        self._known[vehicle_id] = (both, decoder(both))
        if len(self._known) > VEHICLES:
            self._known.popitem(last=False)
