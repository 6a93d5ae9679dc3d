"""Changing what is said of a vehicle, in one write with the copy that ingest goes by, and handing on what follows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from shared.domain.garage import Membership
from shared.domain.person import PersonId
from shared.domain.profile import OWED, Consent, Profile, Request, remembering
from shared.domain.rules import Rule
from shared.domain.vehicle import VehicleState
from shared.errors import Conflict, NotFound, Refused, Unavailable
from shared.ports import Notifications, People, Profiles, States, Versioned
from shared.use_cases.books import ATTEMPTS


@dataclass(frozen=True, slots=True)
class Reach:
    """What a change of a vehicle's profile reaches."""

    profiles: Profiles
    states: States
    notifications: Notifications
    people: People


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


async def amend(vehicle_id: str, decide: Callable[[Profile], Change], o: Reach) -> Profile:
    """Commit what is decided over what is stored, deciding again after a conflict; what changes nothing is not written.

    A state that changes is due at once, as time may mean something else to it now. What the profile owes is handed on,
    at the latest by the timer. Raises what `decide` raises, or Unavailable."""
    for _ in range(ATTEMPTS):
        found = await o.profiles.load(vehicle_id)
        change = decide(found.value)
        if change.profile == found.value and change.state is None and found.value.due == found.value.next_moment:
            return found.value
        after = change.profile.scheduled()
        if len(after.outbox) > max(OWED, len(found.value.outbox)) and not change.protects:
            raise Unavailable(f"{vehicle_id}: what was done before is not handed on yet")
        try:
            state = await _state(found.value, change, o.states)
            version = await o.profiles.change(Versioned(after, found.version), state, change.also)
        except Conflict:
            continue
        after = replace(after, fresh=())
        return (await hand_on(Versioned(after, version), o)) if after.outbox else after
    raise Unavailable(f"{vehicle_id} is being written by others")


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
    refused for good holds nothing else up."""
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
        return found.value
    for _ in range(ATTEMPTS):
        left = found.value.handed_on(frozenset(done))
        if left == found.value:
            return left
        try:
            left = left.scheduled()
            await o.profiles.change(Versioned(left, found.version))
            return left
        except Conflict:
            found = await o.profiles.load(found.value.vehicle_id)
        except (Unavailable, NotFound):
            break
    return found.value


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
