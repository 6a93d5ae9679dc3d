"""Registering vehicles, selling plans for them, and reading what they are known to be."""

from dataclasses import dataclass, replace
from datetime import datetime

from shared.domain.folding import trusting
from shared.domain.freshness import Thresholds
from shared.domain.policy import Status
from shared.domain.principal import Principal, require_access, require_operator
from shared.domain.profile import Profile, Request, Subscription, moved_to, subscribe
from shared.domain.vehicle import VehicleState
from shared.domain.vin import is_vin
from shared.errors import Code, Conflict, Contradiction, Malformed, NotFound, Unavailable
from shared.ports import Brands, Catalogs, Page, Profiles, Sought, States
from shared.use_cases.amend import Change, amend
from shared.use_cases.books import ATTEMPTS


@dataclass(frozen=True, slots=True)
class Order:
    """A plan to be sold for a vehicle from `starts_at`; `id` is the sale's if it was not made before."""

    vehicle_id: str
    plan: str
    id: str
    starts_at: datetime
    key: str | None
    digest: str


async def register(caller: Principal, draft: Profile, key: str | None, digest: str, profiles: Profiles) -> Profile:
    """Store a new vehicle, or return the one that the same idempotency key made.

    A registration that died after it took the VIN is completed by the next one for that VIN.
    Raises Forbidden, Contradiction(vin_in_use) or Reused."""
    require_operator(caller)
    if key and (made := await _made_before(draft.vehicle_id, key, digest, profiles)):
        return made
    owner = await profiles.claim_vin(draft.vin, draft.vehicle_id)
    profile = replace(draft, vehicle_id=owner, requests=(Request(key, digest, owner),) if key else ())
    try:
        await profiles.register(profile, VehicleState(owner, profile.policy()))
    except Conflict:
        made = await _made_before(owner, key, digest, profiles) if key and owner == draft.vehicle_id else None
        if made:
            return made
        raise Contradiction("a vehicle with this VIN is registered", Code.VIN_IN_USE) from None
    return profile


async def _made_before(vehicle_id: str, key: str, digest: str, profiles: Profiles) -> Profile | None:
    try:
        found = await profiles.load(vehicle_id)
    except NotFound:
        return None
    return found.value if found.value.asked_before(key, digest) else None


async def sell(caller: Principal, order: Order, profiles: Profiles, catalogs: Catalogs) -> Subscription:
    """Sell a plan of the vehicle's brand, once for each idempotency key.

    Raises Forbidden, NotFound, Malformed(unknown_plan), Contradiction(too_many_subscriptions) or Reused."""
    require_operator(caller)
    for _ in range(ATTEMPTS):
        found = await profiles.load(order.vehicle_id)
        profile = found.value
        require_access(caller, profile)
        if made := profile.asked_before(order.key, order.digest):
            return next(s for s in profile.subscriptions if s.id == made)
        plan = (await catalogs.load(profile.brand)).plans.get(order.plan)
        if plan is None:
            raise Malformed(f"{profile.brand} sells no plan {order.plan}", Code.UNKNOWN_PLAN)
        request = Request(order.key, order.digest, order.id) if order.key else None
        after = subscribe(profile, plan, order.id, order.starts_at, request)
        try:
            await profiles.commit(after, found.version)
        except Conflict:
            continue
        return after.subscriptions[-1]
    raise Unavailable(f"{order.vehicle_id} is being written by others")


async def change_status(
    caller: Principal, vehicle_id: str, status: Status, profiles: Profiles, states: States
) -> Profile:
    """Set the status in the profile and, in the same write, in the copy that ingest goes by.

    Raises Forbidden, NotFound, or Contradiction(decommissioned, quarantined)."""
    require_operator(caller)

    def decide(profile: Profile) -> Change:
        require_access(caller, profile)
        return Change(moved_to(profile, status))

    return await amend(vehicle_id, decide, profiles, states)


async def release(caller: Principal, vehicle_id: str, profiles: Profiles, states: States) -> Profile:
    """End a quarantine, or one that is about to begin: from now on the device that turned up last is the vehicle's."""
    require_operator(caller)

    def decide(profile: Profile) -> Change:
        require_access(caller, profile)
        quarantined = profile.status is Status.QUARANTINED
        return Change(replace(profile, status=Status.ACTIVE) if quarantined else profile, state=trusting)

    return await amend(vehicle_id, decide, profiles, states)


async def find(caller: Principal, sought: Sought, limit: int, cursor: str | None, profiles: Profiles) -> Page[Profile]:
    """Vehicles of the operator's brand; of a whole VIN the one that has it."""
    require_operator(caller)
    if sought.vin is None or not is_vin(sought.vin):
        return await profiles.list(sought, limit, cursor)
    vehicle = await profiles.find(sought.vin)
    try:
        found = [(await profiles.load(vehicle)).value] if vehicle else []
    except NotFound:
        return Page([])
    return Page([p for p in found if sought.fits(p)])


async def read_profile(caller: Principal, vehicle_id: str, profiles: Profiles) -> Profile:
    """Who the vehicle is, for whoever has access; else NotFound."""
    profile = (await profiles.load(vehicle_id)).value
    require_access(caller, profile)
    return profile


async def read_state(
    caller: Principal, vehicle_id: str, profiles: Profiles, states: States, brands: Brands
) -> tuple[VehicleState, Thresholds]:
    """The newest reading of every signal, and how old it may be, for whoever has access; else NotFound."""
    profile = (await profiles.load(vehicle_id)).value
    require_access(caller, profile)
    return (await states.load(vehicle_id)).value, await brands.thresholds(profile.brand)
