"""Registering vehicles, and reading what they are known to be."""

from dataclasses import dataclass, replace

from shared.domain.catalog import Data
from shared.domain.folding import trusting
from shared.domain.freshness import Thresholds
from shared.domain.handover import seen_since
from shared.domain.limited import ALL, limited_state
from shared.domain.person import PersonId
from shared.domain.policy import Status
from shared.domain.principal import Principal, Scope, require_access, require_operator, visible_since
from shared.domain.profile import Profile, Request, moved_to
from shared.domain.vehicle import VehicleState
from shared.domain.vin import is_vin
from shared.errors import Code, Conflict, Contradiction, NotFound
from shared.ports import Brands, Catalogs, Page, Profiles, Sought, States, Versioned, Vocabularies
from shared.use_cases.amend import Change, Reach, amend, hand_on
from shared.use_cases.garage import NO_VEHICLE
from shared.use_cases.limited import not_lent, shown


@dataclass(frozen=True, slots=True)
class Reading:
    """What reading a state reaches."""

    profiles: Profiles
    states: States
    brands: Brands
    catalogs: Catalogs
    vocabularies: Vocabularies


async def register(caller: Principal, draft: Profile, key: str | None, digest: str, o: Reach) -> Profile:
    """Store a new vehicle, or return the one that the same idempotency key made.

    A registration that died after it took the VIN is completed by the next one for that VIN.
    Raises Forbidden, Contradiction(vin_in_use, too_many_vehicles) or Reused."""
    require_operator(caller)
    if key and (made := await _made_before(draft.vehicle_id, key, digest, o.profiles)):
        return made
    for user in draft.members:
        (await o.people.load(PersonId(caller.brand, user))).value.require_room()
    owner = await o.profiles.claim_vin(draft.vin, draft.vehicle_id)
    profile = replace(draft, vehicle_id=owner, requests=(Request(key, digest, owner),) if key else (), members={})
    for user, member in draft.members.items():
        profile = profile.admitting(user, member, caller.at)
    profile = profile.scheduled()
    try:
        version = await o.profiles.register(profile, VehicleState(owner, profile.policy()))
    except Conflict:
        made = await _made_before(owner, key, digest, o.profiles) if key and owner == draft.vehicle_id else None
        if made:
            return made
        raise Contradiction("a vehicle with this VIN is registered", Code.VIN_IN_USE) from None
    return await hand_on(Versioned(profile, version), o) if profile.outbox else profile


async def _made_before(vehicle_id: str, key: str, digest: str, profiles: Profiles) -> Profile | None:
    try:
        found = await profiles.load(vehicle_id)
    except NotFound:
        return None
    return found.value if found.value.asked_before(key, digest) else None


async def change_status(caller: Principal, vehicle_id: str, status: Status, o: Reach) -> Profile:
    """Set the status in the profile and, in the same write, in the copy that ingest goes by.

    Raises Forbidden, NotFound, or Contradiction(decommissioned, quarantined)."""
    require_operator(caller)

    def decide(profile: Profile) -> Change:
        require_access(caller, profile)
        return Change(moved_to(profile, status))

    return await amend(vehicle_id, decide, o)


async def release(caller: Principal, vehicle_id: str, o: Reach) -> Profile:
    """End a quarantine, or one that is about to begin: from now on the device that turned up last is the vehicle's."""
    require_operator(caller)

    def decide(profile: Profile) -> Change:
        require_access(caller, profile)
        quarantined = profile.status is Status.QUARANTINED
        return Change(replace(profile, status=Status.ACTIVE) if quarantined else profile, state=trusting)

    return await amend(vehicle_id, decide, o)


async def find(caller: Principal, sought: Sought, limit: int, cursor: str | None, profiles: Profiles) -> Page[Profile]:
    """Vehicles of the operator's brand; of a whole VIN the one that has it."""
    require_operator(caller)
    if sought.vin is None or not is_vin(sought.vin):
        return await profiles.list(sought, limit, cursor)
    vehicle = await profiles.find(sought.vin)
    try:
        found = [(await profiles.load(vehicle or NO_VEHICLE)).value]
    except NotFound:
        return Page([])
    return Page([p for p in found if sought.fits(p)])


async def read_profile(caller: Principal, vehicle_id: str, profiles: Profiles, scope: Scope | None = None) -> Profile:
    """Who the vehicle is, for whoever has access; else NotFound."""
    profile = (await profiles.load(vehicle_id)).value
    require_access(caller, profile, scope)
    return profile


async def read_state(caller: Principal, vehicle_id: str, o: Reading) -> tuple[VehicleState, Thresholds]:
    """The newest reading of every signal that the caller may see, and how old it may be; NotFound without access,
    Forbidden for guests to whom no feature shows any."""
    profile, brands = await read_profile(caller, vehicle_id, o.profiles, Scope.STATE), o.brands
    allowed = await shown(caller, profile, o.catalogs)
    if allowed.isdisjoint({Data.STATE, Data.POSITION}):
        raise not_lent()
    state = seen_since((await o.states.load(vehicle_id)).value, visible_since(caller, profile))
    if allowed < ALL:
        state = limited_state(state, allowed, await o.vocabularies.not_places(profile.brand))
    return state, await brands.thresholds(profile.brand)
