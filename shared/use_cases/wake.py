"""Looking after vehicles and people whose time has come."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from shared.domain.folding import passed
from shared.domain.ownership import outlived
from shared.domain.policy import Status
from shared.domain.profile import Profile
from shared.domain.sales import elapsed
from shared.domain.span import Span
from shared.domain.vehicle import VehicleState
from shared.errors import Conflict, NotFound
from shared.ports import Brands, Clock, Histories, Page, People, Rules, States, Versioned, Wakes
from shared.use_cases.amend import Change, Reach, amend, hand_on
from shared.use_cases.books import ATTEMPTS
from shared.use_cases.clear_history import clear_history
from shared.use_cases.derive import derive
from shared.use_cases.tell import save, tell

SETTLED = 5
"""How many times the hand-over takes until nothing can be on its way any more."""
ROUNDS = 10
"""Writes of a profile that had not been looked after for long."""


@dataclass(frozen=True, slots=True)
class Outside:
    """What waking a vehicle reaches."""

    reach: Reach
    histories: Histories
    rules: Rules
    brands: Brands


async def sweep(now: int, states: States, people: People, wakes: Wakes) -> int:
    """Enqueue every vehicle and every person that is due (epoch ms), page by page, and return how many."""
    vehicles = await _sweep(now, states.due, wakes, False)
    return vehicles + await _sweep(now, people.due, wakes, True)


async def _sweep(
    now: int, due: Callable[[int, str | None], Awaitable[Page[tuple[str, int]]]], wakes: Wakes, people: bool
) -> int:
    cursor, found = None, 0
    while True:
        page = await due(now, cursor)
        if page.items:
            await wakes.send(page.items, people)
        found += len(page.items)
        cursor = page.cursor
        if cursor is None:
            return found


async def wake(vehicle_id: str, clock: Clock, o: Outside, handover_after: int) -> None:
    """Do what time alone has brought: tell what lasted, hand on what is owed, derive trips, quarantine a suspect; renew
    and end what was sold, and guests' access.

    What fails or loses every race needs no retry: the vehicle stays due, and the timer finds it again."""
    try:
        profile = await _wake_profile(vehicle_id, clock(), o.reach)
        await clear_history(profile, clock(), SETTLED * handover_after, o.reach, o.histories)
    except NotFound:
        return
    for _ in range(ATTEMPTS):
        try:
            found = await o.reach.states.load(vehicle_id)
            if found.value.suspect and found.value.policy.status in (Status.ACTIVE, Status.SUSPENDED):
                await amend(vehicle_id, _quarantined, o.reach)
                continue
            await _catch_up(found, clock(), o, handover_after)
        except Conflict:
            continue
        return


async def _wake_profile(vehicle_id: str, now: int, reach: Reach) -> Profile:
    found = await reach.profiles.load(vehicle_id)
    profile = await hand_on(found, reach) if found.value.outbox else found.value
    for _ in range(ROUNDS):
        before = profile
        profile = await amend(vehicle_id, lambda profile: Change(outlived(elapsed(profile, now), now)), reach)
        if profile.due is None or profile.due > now or profile.outbox or profile.revision == before.revision:
            break
    return profile


def _quarantined(profile: Profile) -> Change:
    """Another device took the vehicle's name."""
    return Change(replace(profile, status=Status.QUARANTINED))


async def _catch_up(found: Versioned[VehicleState], now: int, o: Outside, handover_after: int) -> None:
    state = found.value
    book = await o.rules.book(state.policy.brand, state.vehicle_id, state.policy.rules)
    after, early = passed(state, book, now), list[Span]()
    if after.track.outdated and state.policy.history_days:
        settings = await o.brands.trip_settings(state.policy.brand)
        early = [s for s in after.track.outdated if not await derive(after, s, o.histories, settings, now)]

    def scheduled(state: VehicleState) -> VehicleState:
        return state.scheduled(book, now, handover_after)

    after = scheduled(replace(after, track=after.track._replace(outdated=tuple(early))))
    held = found if replace(after, revision=state.revision) == state else await save(found, after, o.reach.states)
    if held.value.outbox:
        await tell(held, o.reach.states, o.reach.notifications, o.histories, scheduled)
