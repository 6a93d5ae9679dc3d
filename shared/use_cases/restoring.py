"""Forgetting again who was erased, after a backup from before was restored."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from shared.domain.person import STANDS_FOR, Erased, Erasure, Person, PersonId
from shared.domain.principal import Principal, require_operator
from shared.errors import NotFound
from shared.use_cases.everywhere import Outside, save_person
from shared.use_cases.personal_data import leave

PAGES, PAGE = 20, 100
"""Pages of people that one request goes through, and people on each."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """How many erasures were begun anew, and where the rest begins; None at the end."""

    begun: int
    cursor: str | None


async def replay_erasures(caller: Principal, cursor: str | None, o: Outside) -> Replayed:
    """Hold some people against the list of those who were erased, and have those erased again who are on it.

    The first request, without a cursor, also has everything forgotten that their vehicles reported then. It may be done
    any number of times. Raises Forbidden, Malformed(invalid_cursor)."""
    require_operator(caller)
    listed = _by_pseudonym(await o.erased.all(caller.brand))
    begun = 0
    if cursor is None:
        for entry in listed.values():
            begun += await _forget_members(entry, caller.at, o)
            begun += await _begin(PersonId(entry.brand, STANDS_FOR + entry.pseudonym), entry, caller.at, o)
    for _ in range(PAGES):
        page = await o.reach.people.everyone(PAGE, cursor)
        for id in page.items:
            entry_of = listed.get(id.pseudonym)
            if entry_of and id.brand == caller.brand and not id.stands_for_another:
                done = await o.reach.people.forgotten_at(id) >= entry_of.asked_at
                begun += 0 if done else await _begin(id, entry_of, caller.at, o)
        cursor = page.cursor
        if cursor is None:
            break
    return Replayed(begun, cursor)


def _by_pseudonym(entries: Sequence[Erased]) -> Mapping[str, Erased]:
    """One entry for each person: the last one, with all that they ever had owned."""
    found = dict[str, Erased]()
    for entry in sorted(entries, key=lambda e: e.asked_at):
        before = found.get(entry.pseudonym)
        owned = (*before.owned, *entry.owned) if before else entry.owned
        found[entry.pseudonym] = replace(entry, owned=tuple(dict.fromkeys(owned)))
    return found


async def _begin(id: PersonId, entry: Erased, now: int, o: Outside) -> bool:
    """Have what they owned forgotten, and them, by the job that always does it; False if that is under way."""

    def step(person: Person) -> Person:
        if person.erasure is not None:
            return person
        owned = tuple(dict.fromkeys((*person.owned, *entry.owned)))
        wanted = Erasure(entry.asked_at, first_done=False, not_before=now)
        return replace(person, owned=owned, erasure=wanted).scheduled(now)

    person = await save_person(id, step, o.reach.people)
    if person.due is not None:
        await o.wakes.send([(str(id), person.due)], people=True)
    return person.erasure is not None and person.erasure.not_before == now


async def _forget_members(entry: Erased, now: int, o: Outside) -> int:
    """Out of the vehicles that they had owned, also where no document of theirs leads there; who came back since then
    stays. How many erasures were begun."""
    begun = 0
    for vehicle in {owned.vehicle_id for owned in entry.owned}:
        try:
            profile = (await o.reach.profiles.load(vehicle)).value
        except NotFound:
            continue
        for user, member in profile.members.items():
            id = PersonId(profile.brand, user)
            if id.pseudonym == entry.pseudonym and member.since < entry.asked_at:
                came_back = (await o.reach.people.load(id)).version is not None
                await leave(vehicle, id, entry.asked_at, o)
                await o.reach.profiles.forget_said_by(vehicle, user)
                begun += 0 if came_back else await _begin(id, entry, now, o)
    return begun
