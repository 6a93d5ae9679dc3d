"""Reading what a vehicle reported over time, within the reader's period of ownership."""

from dataclasses import dataclass

from shared.domain.catalog import Data
from shared.domain.charges import Charge
from shared.domain.history import DAY, day_of, days_between
from shared.domain.principal import Principal, Scope, require_access, visible_since
from shared.domain.profile import Profile
from shared.domain.series import Point, series
from shared.domain.span import named_at
from shared.domain.trips import Trip, is_trip_id
from shared.errors import Code, Malformed, NotFound
from shared.ports import Catalogs, Histories, Page, Profiles, States, Vocabularies
from shared.use_cases.derive import samples_between
from shared.use_cases.limited import not_lent, require_shown, shown

_HISTORY, _WAYS = frozenset({Data.HISTORY}), frozenset({Data.HISTORY, Data.POSITION})
LONGEST = 31 * DAY
"""Milliseconds that one request may ask for."""


@dataclass(frozen=True, slots=True)
class Outside:
    """What reading history reaches."""

    profiles: Profiles
    states: States
    histories: Histories
    catalogs: Catalogs
    vocabularies: Vocabularies


@dataclass(frozen=True, slots=True)
class Stretch:
    """What is asked for: [start, end) in epoch ms, so many items a page, from where the last page ended."""

    start: int
    end: int
    limit: int
    cursor: str | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.end - self.start <= LONGEST:
            raise Malformed("from lies before to, by at most 31 days", Code.INVALID_QUERY)


async def read_series(
    caller: Principal, vehicle_id: str, path: str, resolution: int | None, asked: Stretch, o: Outside
) -> Page[Point]:
    """The readings of one signal in order of time, or one point for each interval of `resolution` milliseconds."""
    if resolution is not None and (resolution < 1000 or DAY % resolution):
        raise Malformed("a resolution divides a day into intervals of at least a second", Code.INVALID_QUERY)
    profile, since = await _visible(caller, vehicle_id, _HISTORY, o)
    allowed = await shown(caller, profile, o.catalogs)
    if Data.POSITION not in allowed and path not in await o.vocabularies.not_places(profile.brand):
        raise not_lent()
    start = max(since, asked.start, _moment(asked.cursor))
    state = (await o.states.load(vehicle_id)).value
    found: list[Point] = []
    for day in days_between(start, asked.end) if start < asked.end else []:
        bounds = _bounds(day, start, asked.end)
        samples = await samples_between(state, *bounds, o.histories)
        found += series((s for s in samples if not profile.hides(s.at, caller.at)), path, resolution)
        if len(found) > asked.limit:
            break
    page = found[: asked.limit]
    return Page(page, str(found[asked.limit].at) if len(found) > asked.limit else None)


async def read_derived[D: (Trip, Charge)](
    caller: Principal, vehicle_id: str, kind: type[D], asked: Stretch, o: Outside
) -> Page[D]:
    """Trips or charges that began within what is asked for, the newest first."""
    profile, since = await _visible(caller, vehicle_id, _WAYS if kind is Trip else _HISTORY, o)
    until = min(asked.end, _moment(asked.cursor) if asked.cursor else asked.end)
    found: list[D] = []
    for day in reversed(days_between(asked.start, until) if asked.start < until else []):
        derived = [d for d in await o.histories.derived(vehicle_id, day) if isinstance(d, kind)]
        own = [d for d in derived if asked.start <= named_at(d.id) < until and _shown(d, profile, since, caller.at)]
        found += sorted(own, key=lambda d: named_at(d.id), reverse=True)
        if len(found) > asked.limit:
            break
    page = found[: asked.limit]
    return Page(page, str(named_at(page[-1].id)) if len(found) > asked.limit else None)


async def read_trip(caller: Principal, vehicle_id: str, id: str, o: Outside) -> Trip:
    """One trip, or NotFound; so also one from before the reader's period of ownership."""
    profile, since = await _visible(caller, vehicle_id, _WAYS, o)
    for derived in await o.histories.derived(vehicle_id, day_of(named_at(id))) if is_trip_id(id) else ():
        if isinstance(derived, Trip) and derived.id == id and _shown(derived, profile, since, caller.at):
            return derived
    raise NotFound("no such trip")


async def _visible(caller: Principal, vehicle_id: str, wanted: frozenset[Data], o: Outside) -> tuple[Profile, int]:
    """The vehicle, and from when on the caller may see its history (epoch ms); Forbidden for guests to whom no feature
    shows it."""
    profile = (await o.profiles.load(vehicle_id)).value
    require_access(caller, profile, Scope.HISTORY)
    await require_shown(caller, profile, wanted, o.catalogs)
    return profile, visible_since(caller, profile)


def _shown(derived: Trip | Charge, profile: Profile, since: int, now: int) -> bool:
    return derived.span.start >= since and not any(profile.hides(at, now) for at in derived.span)


def _bounds(day: str, start: int, end: int) -> tuple[int, int]:
    """The part of the day that lies in [start, end): its first and its last moment."""
    first = next(at for at in range(start - start % DAY, end, DAY) if day_of(at) == day)
    return max(first, start), min(first + DAY, end) - 1


def _moment(cursor: str | None) -> int:
    if cursor is None:
        return 0
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) <= 14):
        raise Malformed("no such cursor", Code.INVALID_CURSOR)
    return int(cursor)
