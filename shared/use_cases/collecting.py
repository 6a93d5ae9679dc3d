"""Collecting everything that is held about a person."""

from shared.domain.charges import Charge
from shared.domain.garage import Role
from shared.domain.held import Held, HeldPeriod, HeldVehicle
from shared.domain.history import days_between
from shared.domain.person import Owned, PersonId
from shared.domain.profile import Profile
from shared.domain.trips import Trip
from shared.errors import NotFound
from shared.use_cases.derive import samples_between
from shared.use_cases.everywhere import KEPT_AT_MOST, Outside, known_vehicles, parked_in, sent_of


async def collect(id: PersonId, now: int, o: Outside) -> Held:
    """Everything that is held about a person: of their vehicles, and of their periods of ownership."""
    person = (await o.reach.people.load(id)).value
    vehicles = [v for known in known_vehicles(person) if (v := await _vehicle(known, id.user, now, o))]
    owning = [v.profile for v in vehicles if v.state is not None]
    current = [Owned(p.vehicle_id, p.owned_since, now + 1) for p in owning]
    periods = [await _period(period, now, o) for period in (*person.owned, *current)]
    return Held(now, person, vehicles, periods, await o.inbox.all_of(id))


async def _vehicle(vehicle_id: str, user_id: str, now: int, o: Outside) -> HeldVehicle | None:
    try:
        profile = (await o.reach.profiles.load(vehicle_id)).value
    except NotFound:
        return None
    consents, member = await o.reach.profiles.said_by(vehicle_id, user_id), profile.member(user_id, now)
    if member is None or member.role is not Role.PRIMARY:
        mine = {user_id: member} if member else {}
        what = profile.model, profile.model_year, profile.status
        public = Profile(vehicle_id, "", profile.brand, "", *what, frozenset(), mine)
        return HeldVehicle(public, consents)
    state = (await o.reach.states.load(vehicle_id)).value
    subjects = [s.id for s in profile.subscriptions] + [g.id for g in profile.grants]
    books = {id: await o.reach.profiles.books(vehicle_id, id) for id in subjects}
    return HeldVehicle(profile, consents, state, await o.rules.own(vehicle_id, profile.rules), books)


async def _period(period: Owned, now: int, o: Outside) -> HeldPeriod:
    vehicle, start, end = period.vehicle_id, max(period.starts_at, now - KEPT_AT_MOST), period.ends_at
    derived = list[Trip | Charge]()
    for day in days_between(start, end):
        derived += [d for d in await o.histories.derived(vehicle, day) if start <= d.span.start < end]
    state = (await o.reach.states.load(vehicle)).value
    samples = await samples_between(state, start, end - 1, o.histories)
    accesses = [a for a in await o.audit.of(vehicle) if start <= a.at < end]
    parked = [await o.parking.read(name) for name, _ in await parked_in(period, o)]
    return HeldPeriod(period, samples, derived, parked, accesses, await sent_of(period, start, o))
