"""Where a vehicle was and when it moved, as the samples of its history show."""

from collections.abc import Iterator, Sequence

from shared.domain.battery import number
from shared.domain.geo import Place, distance
from shared.domain.location import CLOSE, LEAP, POSITION_AGE, Fix, is_reachable, place_of
from shared.domain.motion import TRUSTED, Statement, moved, stated
from shared.domain.paths import IS_CHARGING, LATITUDE, LONGITUDE
from shared.domain.telemetry import Sample
from shared.domain.track import STOP

AGREEING = 3
"""Fixes that agree with each other before a leap is believed after all."""


type Shown = Sequence[tuple[int, bool | None]]
"""What each sample shows, by its time (epoch ms): whether the vehicle moved up to it, or None."""


def movement(samples: Sequence[Sample], fixes: Sequence[Fix]) -> Shown:
    """What samples in order of time show, where the fixes in them are believed. What moves is seen by how far it is
    from where it was last seen to move or said anything; or where it rests, once it has for long enough. What went on
    in a silence that would part two trips begins none."""
    places = {fix.at: fix.place for fix in fixes}
    found = list[tuple[int, bool | None]]()
    last: Statement | None = None
    anchor: Place | None = None
    anchored_at, charging = 0, False
    for sample in samples:
        place = places.get(sample.at)
        silence = sample.at - found[-1][0] if found else 0
        said = stated(sample.readings)
        rests = silence > STOP or charging  # while it charges, positions only waver
        shows = said if rests else moved(sample.readings, sample.at, place, last, anchor, silence)
        found.append((sample.at, shows))
        charging = sample.readings.get(IS_CHARGING, charging) is True
        if said is not None:
            last = Statement(said, sample.at)
        stood = last is not None and not last.moving and sample.at - last.at <= TRUSTED
        if place and (said is not None or shows or stood or anchor is None or sample.at - anchored_at > STOP):
            anchor, anchored_at = place, sample.at
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
    for fix in _without_leaps(list(_paired(samples))):
        if doubted and fix.place == doubted[-1].place:
            continue
        if not kept or is_reachable(kept[-1], fix):
            kept.append(fix)
            doubted = []
            continue
        doubted = [*doubted, fix] if doubted and is_reachable(doubted[-1], fix) else [fix]
        if len(doubted) >= AGREEING:
            kept = [*kept[len(kept) == 1 :], *doubted]  # a first one that stands alone is the one that leapt
            doubted = []
    return kept


def _without_leaps(fixes: Sequence[Fix]) -> Iterator[Fix]:
    """Without single fixes far from both their neighbours, which lie close together."""
    for n, fix in enumerate(fixes):
        between = 0 < n < len(fixes) - 1
        if not between or not _leaps(fixes[n - 1].place, fix.place, fixes[n + 1].place):
            yield fix


def _leaps(before: Place, place: Place, after: Place) -> bool:
    """Whether a vehicle would have gone there and back."""
    if abs(place.latitude - before.latitude) + abs(place.longitude - before.longitude) < CLOSE:
        return False
    away = min(distance(before, place), distance(place, after))
    return away > LEAP and distance(before, after) < away / 4


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
