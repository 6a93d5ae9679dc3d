"""Answering who may use what, also while the store is away, and in a form that a car can carry."""

import json
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import uuid4

from shared.domain import entitlement
from shared.domain.catalog import Catalog, Feature
from shared.domain.entitlement import CACHE_FOR, Entitlement, Person
from shared.domain.principal import Kind, Principal, Scope, require_access
from shared.domain.profile import Profile
from shared.errors import Forbidden, Unavailable
from shared.ports import Catalogs, Profiles, Signer

HELD = 10_000
"""Vehicles that an instance can answer for while the store is away."""
PASSPORT_LIVES = 7 * 86_400
"""Seconds; the verifier in the car takes none that lives longer."""
LARGEST_FEATURES = 46_000
"""Bytes of JSON of the features in a passport: signed and with all else in it, it has no more characters than the
verifier takes (`LONGEST` in shared/passport.py)."""


@dataclass(frozen=True, slots=True)
class Question:
    """Which features of a vehicle, or all that its brand has; for the caller, or for a person whom an operator names.

    A command fails where the store is away; a read is answered from what was known last."""

    vehicle_id: str
    features: Sequence[str] | None = None
    user_id: str | None = None
    command: bool = False


@dataclass(frozen=True, slots=True)
class Answered:
    """Decisions, and whether they rest on what was stored some minutes ago."""

    decisions: Sequence[Entitlement]
    stale: bool


@dataclass(frozen=True, slots=True)
class Issued:
    """A passport, until when it holds and from when on passports of the vehicle do (epoch s); and the features that the
    vehicle may use and that did not fit into it."""

    passport: str
    expires_at: int
    min_issued_at: int
    left_out: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class _Snapshot:
    """What was read together, and when (epoch ms)."""

    profile: Profile
    catalog: Catalog
    at: int


class Checks:
    """Answers from one point read and the brand's catalogue. Holds what it read last for when the store is away."""

    def __init__(self, profiles: Profiles, catalogs: Catalogs) -> None:
        self._profiles, self._catalogs = profiles, catalogs
        self._held: OrderedDict[str, _Snapshot] = OrderedDict()

    async def check(self, caller: Principal, asked: Question) -> Answered:
        """Decide at the moment of the request. Raises NotFound without access, Forbidden, or Unavailable."""
        if asked.user_id is not None and caller.kind is not Kind.OPERATOR and asked.user_id != caller.subject:
            raise Forbidden("only an operator may ask for another person")
        snapshot, stale = await self._snapshot(caller, asked)
        require_access(caller, snapshot.profile, Scope.ENTITLEMENTS)
        person, at = _person(caller, asked.user_id), caller.at
        features = list(snapshot.catalog.features) if asked.features is None else asked.features
        found = [entitlement.check(snapshot.profile, snapshot.catalog, feature, person, at) for feature in features]
        if stale:
            left = snapshot.at + CACHE_FOR - at
            found = [replace(decision, cache_for=min(decision.cache_for, left)) for decision in found]
        return Answered(found, stale)

    async def _snapshot(self, caller: Principal, asked: Question) -> tuple[_Snapshot, bool]:
        vehicle = asked.vehicle_id
        try:
            profile = (await self._profiles.load(vehicle)).value
            require_access(caller, profile, Scope.ENTITLEMENTS)
            found = _Snapshot(profile, await self._catalogs.load(profile.brand), caller.at)
        except Unavailable:
            held = self._held.get(vehicle)
            if asked.command or held is None or not 0 <= caller.at - held.at < CACHE_FOR:
                raise
            return held, True
        self._held[vehicle] = found
        self._held.move_to_end(vehicle)
        if len(self._held) > HELD:
            self._held.popitem(last=False)
        return found, False

    async def passport(self, caller: Principal, vehicle_id: str, signer: Signer) -> Issued:
        """What the vehicle itself may use in the next week, signed.

        It says of which roles a person has to have one, as the car knows who sits in it; what asks for a verified
        person is not in it, as the car can't know. Of more features than a passport holds those are left out that stand
        last in the catalogue and do not fit; `leftOut` in the claims says how many. Raises NotFound."""
        snapshot, _ = await self._snapshot(caller, Question(vehicle_id, command=True))
        features = dict[str, Mapping[str, object]]()
        for id, feature in snapshot.catalog.features.items():
            decision = entitlement.check(snapshot.profile, snapshot.catalog, id, None, caller.at)
            if decision.allowed and not feature.needs.verified:
                features[id] = _carried(decision, feature)
        now = max(caller.at // 1000, snapshot.profile.min_issued_at)
        times = {"iat": now, "exp": now + PASSPORT_LIVES, "jti": uuid4().hex}
        who = {"sub": vehicle_id, "brand": snapshot.profile.brand}
        carried, left_out = _fitting(features)
        more = {"leftOut": len(left_out)} if left_out else {}
        token = signer.sign({**who, **times, "features": carried, **more})
        return Issued(token, now + PASSPORT_LIVES, snapshot.profile.min_issued_at, left_out)

    async def min_issued_at(self, caller: Principal, vehicle_id: str) -> int:
        """From when on passports of the vehicle hold (epoch s): never from memory, as it takes something back.

        Raises NotFound, Unavailable."""
        profile = (await self._profiles.load(vehicle_id)).value
        require_access(caller, profile, Scope.ENTITLEMENTS)
        return profile.min_issued_at


def _carried(decision: Entitlement, feature: Feature) -> Mapping[str, object]:
    ends = decision.valid_until
    found: dict[str, object] = {"until": None if ends is None else ends // 1000}
    found |= {"config": dict(decision.config)} if decision.config is not None else {}
    return found | ({"roles": sorted(feature.needs.roles)} if feature.needs.roles else {})


def _fitting(features: Mapping[str, Mapping[str, object]]) -> tuple[Mapping[str, Mapping[str, object]], Sequence[str]]:
    """Those that fit into a passport, the first first, and the ids of the others."""
    fitting, left_out, room = dict[str, Mapping[str, object]](), list[str](), LARGEST_FEATURES
    for id, feature in features.items():
        size = len(json.dumps({id: feature}, separators=(",", ":")))
        if size > room:
            left_out.append(id)
            continue
        fitting[id] = feature
        room -= size
    return fitting, left_out


def _person(caller: Principal, user_id: str | None) -> Person | None:
    """For whom it is decided: the person who asks, or one whom an operator names; else for the vehicle itself."""
    if caller.kind is Kind.USER:
        return Person(caller.subject, caller.verified, caller.terms)
    return Person(user_id) if user_id is not None else None
