"""Whom a vehicle belongs to, and who else may use it."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from shared.domain import ownership
from shared.domain.garage import CODE_LIVES, INVITATION_LIVES, SHOWN_FOR, Invitation, Member, digest_of
from shared.domain.handover import handed_over
from shared.domain.principal import Kind, Principal, require_access, require_changes, require_owner, require_user
from shared.domain.profile import SWITCHED_OFF, Profile, Request, remembering
from shared.domain.vin import is_vin
from shared.errors import Code, Contradiction, Forbidden, Malformed, NotFound
from shared.ports import Catalogs, Codes
from shared.use_cases.amend import Asked, Change, Reach, amend, amend_once

NO_VEHICLE = "veh-none"
"""Read in the place of a vehicle that is not there, so that it takes as long as one of another brand."""
IN_FLIGHT = 8
"""Profiles of one person's vehicles that are read at once."""


@dataclass(frozen=True, slots=True)
class Made:
    """A code that was made for people to type, and until when it can be used (epoch ms)."""

    code: str
    expires_at: int


async def make_code(caller: Principal, vehicle_id: str, asked: Asked, codes: Codes, o: Reach) -> Made:
    """A code with which a person becomes the owner of a vehicle that has none, for the operator or the car to show.

    Raises Forbidden, NotFound, Contradiction(already_claimed, code_spent), Reused."""

    def admit(profile: Profile) -> None:
        require_access(caller, profile)
        if caller.kind not in (Kind.OPERATOR, Kind.VEHICLE):
            raise Forbidden("only an operator or the vehicle itself may do this")

    return await _code(caller, vehicle_id, asked, False, codes, o, admit)


async def make_transfer(caller: Principal, vehicle_id: str, asked: Asked, codes: Codes, o: Reach) -> Made:
    """A code with which another person takes the vehicle over from its owner, for the owner or an operator to give.

    Raises Forbidden, NotFound, Contradiction(code_spent), Reused."""

    def admit(profile: Profile) -> None:
        require_owner(caller, profile)

    return await _code(caller, vehicle_id, asked, True, codes, o, admit)


async def _code(
    caller: Principal,
    vehicle_id: str,
    asked: Asked,
    transfers: bool,
    codes: Codes,
    o: Reach,
    admit: Callable[[Profile], None],
) -> Made:
    secret = codes.make(asked.key)
    digest = digest_of(vehicle_id, secret)

    def decide(profile: Profile) -> Change:
        return Change(ownership.with_code(profile, digest, transfers, caller.at))

    expires = str(caller.at + CODE_LIVES)
    profile, made = await amend_once(vehicle_id, replace(asked, made=expires), decide, o, admit)
    if not (profile.code and profile.code.digest == digest and profile.code.holds(caller.at)):
        raise _spent()
    return Made(secret, int(made))


async def claim(caller: Principal, vin: str, code: str, asked: Asked, o: Reach) -> Profile:
    """Become the owner of the vehicle whose code it is. Whatever is wrong with it, the answer is the same.

    Raises Forbidden(code_rejected), Contradiction(being_forgotten, too_many_vehicles), Reused, Unavailable."""
    await _require_staying(caller, o)
    vehicle_id = await o.profiles.find(vin) if is_vin(vin) else None
    vehicle_id, claimed = vehicle_id or NO_VEHICLE, False
    digest = digest_of(vehicle_id, code)

    def decide(profile: Profile) -> Change:
        nonlocal claimed
        claimed = False
        if profile.brand != caller.brand:
            raise _rejected()
        if profile.asked_before(asked.key, asked.digest) is not None:
            claimed = profile.primary == caller.subject
            return Change(profile)
        after, claimed = ownership.claimed(profile, caller.subject, digest, caller.at)
        if claimed and asked.key:
            after = remembering(after, Request(asked.key, asked.digest, vehicle_id))
        begins = after.owned_since != profile.owned_since
        return Change(after, lambda state: handed_over(state, after.owned_since), ()) if begins else Change(after)

    try:
        after = await amend(vehicle_id, decide, o)
    except NotFound:
        raise _rejected() from None
    if not claimed:
        raise _rejected()
    return after


async def invite(
    caller: Principal, vehicle_id: str, member: Member, asked: Asked, codes: Codes, o: Reach
) -> tuple[Invitation, str]:
    """Let whoever accepts it use the vehicle; with the secret to hand over, shown for ten minutes at most.

    Raises Forbidden, NotFound, Contradiction(too_many_members, code_spent), Reused."""
    secret = codes.make(asked.key)

    def decide(profile: Profile) -> Change:
        digest = digest_of(vehicle_id, secret)
        return Change(ownership.invited(profile, asked.made, member, digest, caller.at))

    profile, made = await amend_once(vehicle_id, asked, decide, o, lambda profile: require_owner(caller, profile))
    found = next((i for i in profile.invitations if i.id == made), None)
    if found is None or caller.at >= found.expires_at - INVITATION_LIVES + SHOWN_FOR:
        raise _spent()
    return found, f"{vehicle_id}.{secret}"


async def withdraw(caller: Principal, vehicle_id: str, id: str, o: Reach) -> None:
    """Take an invitation back before it is accepted. Raises Forbidden, NotFound."""

    def decide(profile: Profile) -> Change:
        require_owner(caller, profile)
        return Change(ownership.withdrawn(profile, id))

    await amend(vehicle_id, decide, o)


async def accept(caller: Principal, token: str, asked: Asked, o: Reach) -> Profile:
    """Accept an invitation, once.

    Raises Forbidden(code_rejected), Contradiction(already_member, being_forgotten, too_many_vehicles), Reused."""
    await _require_staying(caller, o)
    vehicle_id, _, secret = token.partition(".")

    def decide(profile: Profile) -> Change:
        after = None
        if profile.brand == caller.brand:
            after = ownership.accepted(profile, caller.subject, digest_of(vehicle_id, secret), caller.at)
        if after is None:
            raise _rejected()
        return Change(after)

    try:
        profile, _ = await amend_once(vehicle_id, replace(asked, made=vehicle_id), decide, o, lambda profile: None)
    except NotFound:
        raise _rejected() from None
    member = profile.members.get(caller.subject)
    if member is None or (member.ends_at is not None and member.ends_at <= caller.at):
        raise _rejected()  # what was accepted then has ended since
    return profile


async def remove(caller: Principal, vehicle_id: str, user_id: str, o: Reach) -> None:
    """End somebody's access: one's own, or for the owner and operators anybody's. With the owner's all other ends.

    Raises Forbidden, NotFound."""

    def decide(profile: Profile) -> Change:
        require_access(caller, profile)
        if caller.kind is not Kind.USER or caller.subject != user_id:
            require_owner(caller, profile)
        after = ownership.removed(profile, user_id, caller.at)
        ends = after.owned_since != profile.owned_since
        if not ends:
            return Change(after, protects=True)
        return Change(after, lambda state: handed_over(state, after.owned_since), (), protects=True)

    await amend(vehicle_id, decide, o)


async def switch(caller: Principal, vehicle_id: str, feature: str, on: bool, catalogs: Catalogs, o: Reach) -> None:
    """Switch a feature of the brand off for everyone who uses the vehicle, or on again.

    Raises Forbidden, NotFound, Malformed(unknown_feature)."""
    known = (await catalogs.load(caller.brand)).features.keys()

    def decide(profile: Profile) -> Change:
        require_changes(caller, profile)
        if on:
            return Change(replace(profile, off=profile.off - {feature}))
        if feature not in known:
            raise Malformed(f"{caller.brand} has no feature {feature}", Code.UNKNOWN_FEATURE)
        off = profile.off if len(profile.off) < SWITCHED_OFF else profile.off & known
        return Change(replace(profile, off=off | {feature}))

    await amend(vehicle_id, decide, o)


async def read_members(caller: Principal, vehicle_id: str, o: Reach) -> Profile:
    """Who may use it, for its owner and operators. Raises Forbidden, NotFound."""
    profile = (await o.profiles.load(vehicle_id)).value
    require_owner(caller, profile)
    return profile


async def read_own(caller: Principal, o: Reach) -> Sequence[tuple[Profile, Member]]:
    """The vehicles that the person has access to now, each with what kind of access."""
    require_user(caller)
    person, slots = (await o.people.load(caller.person)).value, asyncio.Semaphore(IN_FLIGHT)

    async def load(vehicle_id: str) -> Profile | None:
        async with slots:
            try:
                return (await o.profiles.load(vehicle_id)).value
            except NotFound:
                return None

    profiles = [p for p in await asyncio.gather(*map(load, person.vehicles)) if p and p.brand == caller.brand]
    pairs = ((profile, profile.member(caller.subject, caller.at)) for profile in profiles)
    return [(profile, member) for profile, member in pairs if member is not None]


async def _require_staying(caller: Principal, o: Reach) -> None:
    """Who is being forgotten gets no access that would be forgotten with them, and nobody has access to too many."""
    require_user(caller)
    person = (await o.people.load(caller.person)).value
    if person.erasure is not None:
        raise Contradiction("what is held about you is being forgotten", Code.BEING_FORGOTTEN)
    person.require_room()


def _spent() -> Contradiction:
    return Contradiction("what this key made is shown no more: ask with another key", Code.CODE_SPENT)


def _rejected() -> Forbidden:
    return Forbidden("no vehicle can be had with this code now", Code.CODE_REJECTED)
