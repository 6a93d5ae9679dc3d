"""What reaches everywhere that something about people is, and whose data is where."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from shared.domain.history import DAY
from shared.domain.person import Owned, Person, PersonId
from shared.domain.telemetry import OLDEST
from shared.errors import Conflict, NotFound, Unavailable
from shared.ports import (
    Audit,
    DeadLetters,
    ErasedList,
    Exports,
    Histories,
    Inbox,
    Page,
    Parking,
    People,
    Rules,
    Versioned,
    Wakes,
)
from shared.use_cases.amend import Reach
from shared.use_cases.books import ATTEMPTS

KEPT_AT_MOST = 366 * DAY + OLDEST
"""Milliseconds after it was seen for which anything that a vehicle reported is kept: it may have come late."""


@dataclass(frozen=True, slots=True)
class Outside:
    """Everywhere that something about people is. `settles` is the longest that something can be on its way (ms)."""

    reach: Reach
    histories: Histories
    inbox: Inbox
    parking: Parking
    audit: Audit
    exports: Exports
    rules: Rules
    wakes: Wakes
    dead_letters: DeadLetters
    erased: ErasedList
    settles: int


def known_vehicles(person: Person) -> list[str]:
    """Those that the person has, or lately had, anything to do with."""
    return sorted({*person.memberships, *(period.vehicle_id for period in person.owned)})


async def all_owned(person: Person, at: int, o: Outside) -> list[Owned]:
    """Every period of ownership that ended, as far back from a moment (epoch ms) as anything is kept; none twice."""
    periods = dict.fromkeys([*await o.reach.people.archived(person.id), *person.owned])
    recent = (p._replace(starts_at=max(p.starts_at, at - KEPT_AT_MOST)) for p in periods)
    return [period for period in recent if period.starts_at < period.ends_at]


async def all_owning(person: Person, until: int, o: Outside) -> list[Owned]:
    """Every period of ownership that lasts, up to a moment (epoch ms)."""
    found = list[Owned]()
    for vehicle in person.vehicles:
        try:
            profile = (await o.reach.profiles.load(vehicle)).value
        except NotFound:
            continue
        if profile.brand == person.id.brand and profile.primary == person.id.user:
            found.append(Owned(vehicle, max(profile.owned_since, until - KEPT_AT_MOST), until))
    return found


async def all_pages[T](read: Callable[[str | None], Awaitable[Page[T]]]) -> Sequence[T]:
    """A whole list, page by page."""
    found, cursor = list[T](), None
    while True:
        page = await read(cursor)
        found += page.items
        cursor = page.cursor
        if cursor is None:
            return found


async def save_person(id: PersonId, step: Callable[[Person], Person], people: People) -> Person:
    """Commit what the step makes of a person, again after a conflict; what changes nothing is not written."""
    for _ in range(ATTEMPTS):
        found: Versioned[Person] = await people.load(id)
        after = step(found.value)
        if after == found.value:
            return after
        try:
            await people.commit(after, found.version)
        except Conflict:
            continue
        return after
    raise Unavailable("the person is being written by others")
