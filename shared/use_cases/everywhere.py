"""Everywhere that something about people is."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from shared.domain.history import DAY
from shared.domain.inbox import Item, is_system
from shared.domain.parked import Filter, Parked
from shared.domain.person import Owned, Person, PersonId
from shared.errors import Conflict, Unavailable
from shared.ports import Audit, Exports, Histories, Inbox, Page, Parking, People, Rules, Versioned, Wakes
from shared.use_cases.amend import Reach
from shared.use_cases.books import ATTEMPTS

KEPT_AT_MOST = 366 * DAY
"""Milliseconds for which anything a vehicle reported is kept."""


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
    settles: int


def known_vehicles(person: Person) -> list[str]:
    """Those that the person has, or lately had, anything to do with."""
    return sorted({*person.memberships, *(period.vehicle_id for period in person.owned)})


async def parked_in(period: Owned, o: Outside) -> Sequence[tuple[str, Parked]]:
    """What could not be taken in of a vehicle in a period of ownership, without bodies, each with its name."""
    found = await all_parked(Filter(device=period.vehicle_id), o)
    return [(name, parked) for name, parked in found if period.starts_at <= parked.at < period.ends_at]


async def sent_of(period: Owned, start: int, o: Outside) -> Sequence[Item]:
    """What partners and operators were told of a vehicle in a period of ownership, from a moment on (epoch ms)."""
    told = await o.inbox.of_vehicle(period.vehicle_id)
    return [i for i in told if is_system(i.recipient) and start <= i.notification.at < period.ends_at]


async def all_parked(sought: Filter, o: Outside) -> Sequence[tuple[str, Parked]]:
    """All that fits, without bodies, each with its name."""
    return await all_pages(lambda cursor: o.parking.list(sought, 100, cursor))


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
