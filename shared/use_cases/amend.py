"""Changing what is said of a vehicle, in one write with the copy that ingest goes by, and handing on what follows."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace

from shared.domain.garage import Membership
from shared.domain.person import PersonId
from shared.domain.profile import OWED, Consent, Profile, Request, remembering
from shared.domain.rules import Rule
from shared.domain.vehicle import VehicleState
from shared.errors import Conflict, NotFound, Refused, Unavailable
from shared.ports import Notifications, People, Profiles, States, Versioned
from shared.use_cases.books import ATTEMPTS
from shared.use_cases.writers import TRIES, Turn, Writers


@dataclass(frozen=True, slots=True)
class Reach:
    """What a change of a vehicle's profile reaches."""

    profiles: Profiles
    states: States
    notifications: Notifications
    people: People
    writers: Writers[Profile] = field(default_factory=Writers)


@dataclass(frozen=True, slots=True)
class Change:
    """The profile as it is to be, with what goes into the same write: the state too, if more than its policy changes,
    and a version of a consent or the vehicle's own rules. What protects people goes through whatever is owed."""

    profile: Profile
    state: Callable[[VehicleState], VehicleState] | None = None
    also: Consent | Sequence[Rule] | None = None
    protects: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """Under which idempotency key a change is asked for, a digest of the body, and what it makes or concerns."""

    key: str | None
    digest: str
    made: str


async def amend(vehicle_id: str, decide: Callable[[Profile], Change | Awaitable[Change]], o: Reach) -> Profile:
    """Commit what is decided over what is stored, deciding again after a conflict; what changes nothing is not written.

    Writers of one vehicle take turns on an instance, and rest after they lost a race with another instance. A state
    that changes is due at once, as time may mean something else to it now. What the profile owes is handed on, at the
    latest by the timer. Raises what `decide` raises, or Unavailable."""
    for _ in range(ATTEMPTS):
        try:
            async with o.writers.turn(vehicle_id) as turn:
                written, changed = await _write(vehicle_id, decide, o, turn)
        except _OwesTooMuch as error:
            await _lighten(error.found, o)
            continue
        return (await hand_on(written, o)) if changed and written.value.outbox else written.value
    raise Unavailable(f"{vehicle_id} is being written by others")


async def _write(
    vehicle_id: str, decide: Callable[[Profile], Change | Awaitable[Change]], o: Reach, turn: Turn[Profile]
) -> tuple[Versioned[Profile], bool]:
    """What is stored after it was decided, and whether that had to be written."""
    found = turn.known()
    for lost in range(TRIES):
        found = found or await o.profiles.load(vehicle_id)
        try:
            decided = decide(found.value)
            change = decided if isinstance(decided, Change) else await decided
            if change.profile == found.value and change.state is None and found.value.due == found.value.next_moment:
                return found, False
            after = change.profile.scheduled()
            if len(after.outbox) > max(OWED, len(found.value.outbox)) and not change.protects:
                raise _OwesTooMuch(found)
            state = await _state(found.value, change, o.states)
            turn.start()
            version = await o.profiles.change(Versioned(after, found.version), state, change.also)
        except Conflict:
            found = None
            await o.writers.rest(lost)
            continue
        written = Versioned(replace(after, fresh=()), version)
        turn.finish(written)
        return written, True
    raise Unavailable(f"{vehicle_id} is being written by others")


class _OwesTooMuch(Exception):
    def __init__(self, found: Versioned[Profile]) -> None:
        super().__init__()
        self.found = found


async def _lighten(found: Versioned[Profile], o: Reach) -> None:
    """Hand on what the profile owes before it owes more. Raises Unavailable if none of it can be."""
    left = await hand_on(found, o)
    if len(left.outbox) >= len(found.value.outbox):
        raise Unavailable(f"{found.value.vehicle_id}: what was done before is not handed on yet")


async def amend_once(
    vehicle_id: str, asked: Asked, decide: Callable[[Profile], Change], o: Reach, admit: Callable[[Profile], None]
) -> tuple[Profile, str]:
    """As `amend`, but once for an idempotency key; with what the first one made. `admit` raises for who may not ask.

    Raises Reused too."""
    made = asked.made

    def once(profile: Profile) -> Change:
        nonlocal made
        admit(profile)
        if before := profile.asked_before(asked.key, asked.digest):
            made = before
            return Change(profile)
        made, change = asked.made, decide(profile)
        request = Request(asked.key, asked.digest, asked.made) if asked.key else None
        return replace(change, profile=remembering(change.profile, request))

    return await amend(vehicle_id, once, o), made


async def _state(before: Profile, change: Change, states: States) -> Versioned[VehicleState] | None:
    """The state as it has to be written with the profile; None if nothing in it changes."""
    if change.state is None and change.profile.policy() == before.policy():
        return None
    found = await states.load(before.vehicle_id)
    state = change.state(found.value) if change.state else found.value
    policy, revision = change.profile.policy(), found.value.revision + 1
    return Versioned(replace(state, policy=policy, due=state.at_once, revision=revision), found.version)


async def hand_on(found: Versioned[Profile], o: Reach) -> Profile:
    """Hand on what the committed profile owes, then forget it. What fails stays owed, and the timer finds it; what is
    refused for good holds nothing else up.

    One after the other on an instance: whose news another one handed on meanwhile has nothing left to do."""
    mine, vehicle_id = {entry.id for entry in found.value.outbox}, found.value.vehicle_id
    try:
        async with o.writers.turn(f"{vehicle_id}/outbox") as turn:
            if turn.waited:
                found = turn.known() or await o.profiles.load(vehicle_id)
            if mine.isdisjoint(entry.id for entry in found.value.outbox):
                return found.value
            turn.start()
            left = await _hand_on(found, o)
            turn.finish(left)
            return left.value
    except (Unavailable, NotFound):
        return found.value


async def _hand_on(found: Versioned[Profile], o: Reach) -> Versioned[Profile]:
    """What is left, as it is stored."""
    done = set[str]()
    for entry in found.value.outbox:
        try:
            if isinstance(entry, Membership):
                await follow(entry, found.value.brand, o.people)
            else:
                await o.notifications.send(entry)
        except Refused:
            continue
        except (Unavailable, Conflict):
            break  # committed is what was asked for: the caller is answered, and what is left stays due
        done.add(entry.id)
    if not done:
        return found
    async with o.writers.turn(found.value.vehicle_id) as turn:
        return await _forget(turn.known() or found, frozenset(done), o, turn)


async def _forget(found: Versioned[Profile], done: frozenset[str], o: Reach, turn: Turn[Profile]) -> Versioned[Profile]:
    for lost in range(TRIES):
        left = found.value.handed_on(done)
        if left == found.value:
            return found
        try:
            left = left.scheduled()
            turn.start()
            version = await o.profiles.change(Versioned(left, found.version))
        except Conflict:
            await o.writers.rest(lost)
            found = await o.profiles.load(found.value.vehicle_id)
            continue
        stored = Versioned(left, version)
        turn.finish(stored)
        return stored
    return found


async def follow(news: Membership, brand: str, people: People) -> None:
    """Bring the index by person up to what the profile says, or raise Unavailable."""
    for _ in range(ATTEMPTS):
        found = await people.load(PersonId(brand, news.user_id))
        after = found.value.following(news)
        if after is found.value:
            return
        try:
            await people.commit(after, found.version)
        except Conflict:
            continue
        return
    raise Unavailable("the person is being written by others")
