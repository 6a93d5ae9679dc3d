"""Looking after vehicles whose time has come."""

from dataclasses import dataclass, replace

from shared.domain.folding import passed
from shared.domain.policy import Status
from shared.domain.vehicle import VehicleState
from shared.errors import Conflict, NotFound
from shared.ports import Clock, Histories, Notifications, Profiles, Rules, States, Versioned, Wakes
from shared.use_cases.books import ATTEMPTS
from shared.use_cases.derive import derive
from shared.use_cases.tell import save, tell


@dataclass(frozen=True, slots=True)
class Outside:
    """What waking a vehicle reaches."""

    states: States
    profiles: Profiles
    notifications: Notifications
    histories: Histories
    rules: Rules


async def sweep(now: int, states: States, wakes: Wakes) -> int:
    """Enqueue every vehicle that is due (epoch ms), page by page, and return how many."""
    cursor, found = None, 0
    while True:
        page = await states.due(now, cursor)
        if page.items:
            await wakes.send(page.items)
        found += len(page.items)
        cursor = page.cursor
        if cursor is None:
            return found


async def wake(vehicle_id: str, clock: Clock, o: Outside, handover_after: int) -> None:
    """Do what time alone has brought: tell what lasted, hand on what is owed, derive trips, quarantine a suspect.

    What fails or loses every race needs no retry: the vehicle stays due, and the timer finds it again."""
    for _ in range(ATTEMPTS):
        try:
            found = await o.states.load(vehicle_id)
            if found.value.suspect and found.value.policy.status in (Status.ACTIVE, Status.SUSPENDED):
                await _quarantine(found, o.profiles)
                continue
            await _catch_up(found, clock(), o, handover_after)
        except Conflict:
            continue
        except NotFound:
            return
        return


async def _catch_up(found: Versioned[VehicleState], now: int, o: Outside, handover_after: int) -> None:
    state = found.value
    book = await o.rules.book(state.policy.brand, state.vehicle_id, state.policy.rules)
    after = passed(state, book, now)
    for span in after.track.outdated if state.policy.history_days else ():
        await derive(after, span, o.histories)

    def scheduled(state: VehicleState) -> VehicleState:
        return state.scheduled(book, now, handover_after)

    after = scheduled(replace(after, track=after.track._replace(outdated=())))
    held = found if replace(after, revision=state.revision) == state else await save(found, after, o.states)
    if held.value.outbox:
        await tell(held, o.states, o.notifications, o.histories, scheduled)


async def _quarantine(found: Versioned[VehicleState], profiles: Profiles) -> None:
    """In one write with the profile: another device took the vehicle's name."""
    profile = await profiles.load(found.value.vehicle_id)
    after = replace(profile.value, status=Status.QUARANTINED)
    state = replace(found.value, policy=after.policy(), revision=found.value.revision + 1)
    await profiles.change(Versioned(after, profile.version), Versioned(state, found.version))
