"""What a guest who was lent some features only is shown of a vehicle: what those features show, and nothing else."""

from collections.abc import Set
from dataclasses import replace

from shared.domain.catalog import Catalog, Data
from shared.domain.entitlement import Person, check
from shared.domain.location import Location
from shared.domain.profile import Profile
from shared.domain.sighting import Sighting
from shared.domain.vehicle import Gaps, VehicleState

ALL = frozenset(Data)
"""What operators, owners, secondary users and guests without such a limit are shown."""
PLACE = frozenset({"heading"})
"""The readings of a map that tell a place."""


def shown_to(profile: Profile, catalog: Catalog, person: Person, at: int) -> frozenset[Data]:
    """What someone is shown at a moment (epoch ms): what the features show that they were lent and may use then."""
    member = profile.member(person.user_id, at)
    if member is None or member.features is None:
        return ALL
    lent = (catalog.features[id] for id in member.features if id in catalog.features)
    used = [f for f in lent if f.shows and check(profile, catalog, f.id, person, at).allowed]
    return frozenset[Data]().union(*(feature.shows for feature in used))


def limited_state(state: VehicleState, shown: Set[Data], not_places: Set[str]) -> VehicleState:
    """The state without what is not shown: places by `position`, everything else by `state`, episodes by `rules`."""
    if shown >= ALL:
        return state
    signals = {p: r for p, r in state.signals.items() if (Data.STATE if p in not_places else Data.POSITION) in shown}
    after = replace(state, signals=signals, episodes=state.episodes if Data.RULES in shown else {})
    if Data.POSITION not in shown:
        after = replace(after, location=Location())
    if Data.STATE not in shown:
        after = replace(after, newest=-1, seen_at=-1, connection=None, gaps=Gaps())
    return after


def limited_sighting(seen: Sighting, shown: Set[Data]) -> Sighting | None:
    """The same for a map; None of a vehicle of which neither the place nor the state is shown."""
    if shown >= ALL:
        return seen
    if shown.isdisjoint({Data.POSITION, Data.STATE}):
        return None
    of = {name: Data.POSITION if name in PLACE else Data.STATE for name in seen.readings}
    seen = seen._replace(readings={name: r for name, r in seen.readings.items() if of[name] in shown})
    seen = seen if Data.RULES in shown else seen._replace(episodes=0)
    seen = seen if Data.POSITION in shown else seen._replace(fix=None)
    return seen if Data.STATE in shown else seen._replace(seen_at=-1, connected=None)
