"""What a vehicle may tell, and for how long it is kept."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from shared.domain.folding import without_history
from shared.domain.policy import Mode
from shared.domain.principal import Kind, Principal, Scope, require_access, require_owner
from shared.domain.profile import Consent, Profile, Request, consented, remembering
from shared.errors import Malformed, Unavailable
from shared.ports import Clock, Profiles
from shared.use_cases.amend import Change, Reach, amend
from shared.use_cases.limited import require_unlimited

BEGINS_AFTER = 2_000
"""Milliseconds from the request until a change of mode begins: longer than its commit may take."""
COMMITS_WITHIN = 1.0
"""Seconds that the commit may take; else it is not known whether it holds, and the caller has to ask again."""


@dataclass(frozen=True, slots=True)
class Wish:
    """The mode a vehicle shall be in, until a moment (epoch ms) or for good."""

    mode: Mode
    until: int | None
    key: str | None
    digest: str


async def change_mode(caller: Principal, vehicle_id: str, wish: Wish, clock: Clock, o: Reach) -> tuple[Profile, int]:
    """Set the mode, and return from when on (epoch ms) it holds on every instance.

    Raises Forbidden, NotFound, Malformed for an end that is past or of the mode `full`, Reused, Unavailable."""
    begins, limit = clock() + BEGINS_AFTER, asyncio.timeout(None)

    def decide(profile: Profile) -> Change:
        nonlocal begins
        require_owner(caller, profile)
        if made := profile.asked_before(wish.key, wish.digest):
            begins = int(made)
            return Change(profile)
        begins = clock() + BEGINS_AFTER
        limit.reschedule(asyncio.get_running_loop().time() + COMMITS_WITHIN)  # it waited for its turn till now
        if wish.until is not None and (wish.mode is Mode.FULL or wish.until <= begins):
            raise Malformed("until: lies in the past, or is given with the mode full")
        privacy = profile.privacy.changed(wish.mode, begins, wish.until, clock())
        request = Request(wish.key, wish.digest, str(begins)) if wish.key else None
        return Change(remembering(replace(profile, privacy=privacy), request))

    try:
        async with limit:
            return await amend(vehicle_id, decide, o), begins
    except TimeoutError:
        raise Unavailable("the change took too long: it may hold or not, ask again") from None


async def read_mode(caller: Principal, vehicle_id: str, profiles: Profiles) -> Profile:
    """The vehicle with its privacy, for whoever has access; Forbidden for guests who were lent some features only."""
    profile = (await profiles.load(vehicle_id)).value
    require_access(caller, profile)
    require_unlimited(caller, profile)
    return profile


async def give_consent(caller: Principal, vehicle_id: str, said: Consent, o: Reach) -> Consent:
    """Remember the next version of a consent; every version stays. What was said already is not said again.

    Where no history is kept any more, what was not stored yet never will be."""
    last = said

    def decide(profile: Profile) -> Change:
        nonlocal last
        require_owner(caller, profile)
        known = profile.consents.get(said.purpose)
        if known and (known.granted, known.text, known.days) == (said.granted, said.text, said.days):
            last = known
            return Change(profile)
        after, last = consented(profile, said)
        forgets = after.policy().history_days == 0
        return Change(after, without_history if forgets else None, last)

    await amend(vehicle_id, decide, o)
    return last


async def read_consents(caller: Principal, vehicle_id: str, purpose: str, profiles: Profiles) -> Sequence[Consent]:
    """Every version of a consent that the caller may see, the oldest first; NotFound without access. A partner sees
    what was said of itself, and not by whom."""
    profile = (await profiles.load(vehicle_id)).value
    require_access(caller, profile, Scope.VEHICLE)
    require_unlimited(caller, profile)
    since = profile.owned_since if caller.kind is not Kind.OPERATOR else 0
    found = [consent for consent in await profiles.consents(vehicle_id, purpose) if consent.at > since]
    if caller.kind is not Kind.PARTNER:
        return found
    return [replace(consent, by="") for consent in found if purpose == f"partner.{caller.subject}"]
