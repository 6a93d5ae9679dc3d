"""Where a vehicle was and when it moved, as the samples of its history show."""

from collections.abc import Iterator, Sequence

from shared.domain.battery import number
from shared.domain.geo import Place
from shared.domain.location import POSITION_AGE, Fix, is_reachable, place_of
from shared.domain.motion import Statement, moved, stated
from shared.domain.paths import LATITUDE, LONGITUDE
from shared.domain.telemetry import Sample

AGREEING = 3
"""Fixes that agree with each other before a leap is believed after all."""

type Shown = Sequence[tuple[int, bool | None]]
"""What each sample shows, by its time (epoch ms): whether the vehicle moved up to it, or None."""


def movement(samples: Sequence[Sample], fixes: Sequence[Fix]) -> Shown:
    """What samples in order of time show, where the fixes in them are believed."""
    places = {fix.at: fix.place for fix in fixes}
    found = list[tuple[int, bool | None]]()
    last: Statement | None = None
    anchor: Place | None = None
    for sample in samples:
        place = places.get(sample.at)
        silence = sample.at - found[-1][0] if found else 0
        shows = moved(sample.readings, sample.at, place, last, anchor, silence)
        found.append((sample.at, shows))
        said = stated(sample.readings)
        if said is not None:
            last = Statement(said, sample.at)
        if place and (said is not None or shows or anchor is None):
            anchor = place
    return found


def positions(samples: Sequence[Sample]) -> list[Fix]:
    """Where the vehicle was, without the repeats of a receiver that stands still and the leaps of one that is lost.

    A latitude and a longitude that came apart are brought together by time."""
    found = list[Fix]()
    for fix in believed_fixes(samples):
        if not found or fix.place != found[-1].place:
            found.append(fix)
    return found


def believed_fixes(samples: Sequence[Sample]) -> list[Fix]:
    """Every fix that can be reached from the one before, or with which others agree."""
    kept, doubted = list[Fix](), list[Fix]()
    for fix in _paired(samples):
        if doubted and fix.place == doubted[-1].place:
            continue
        if not kept or is_reachable(kept[-1], fix):
            kept.append(fix)
            doubted = []
            continue
        doubted = [*doubted, fix] if doubted and is_reachable(doubted[-1], fix) else [fix]
        if len(doubted) >= AGREEING:
            kept += doubted
            doubted = []
    return kept


def _paired(samples: Sequence[Sample]) -> Iterator[Fix]:
    """A fix at each moment that has a latitude or a longitude and knows the other."""
    latitudes = [(s.at, n) for s in samples if (n := number(s.readings.get(LATITUDE))) is not None]
    longitudes = [(s.at, n) for s in samples if (n := number(s.readings.get(LONGITUDE))) is not None]
    latitude_at, longitude_at = _Line(latitudes), _Line(longitudes)
    for at in sorted({at for at, _ in latitudes} | {at for at, _ in longitudes}):
        place = place_of(latitude_at(at), longitude_at(at))
        if place is not None:
            yield Fix(place, at)


class _Line:
    """One coordinate over time; asked for at rising moments."""

    def __init__(self, known: Sequence[tuple[int, float]]) -> None:
        self._known, self._next = known, 0

    def __call__(self, at: int) -> float | None:
        known = self._known
        while self._next < len(known) and known[self._next][0] <= at:
            self._next += 1
        if self._next == 0:
            return None
        before, value = known[self._next - 1]
        if at - before > POSITION_AGE:
            return None
        if before == at or self._next == len(known):
            return value
        after, following = known[self._next]
        if after - before > POSITION_AGE or abs(following - value) > 1:
            return value
        return value + (following - value) * (at - before) / (after - before)
