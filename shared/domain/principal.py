"""Who is asking, as the token says, and what they have access to."""

from dataclasses import dataclass
from enum import StrEnum

from shared.domain.garage import Role
from shared.domain.person import PersonId
from shared.domain.profile import Profile
from shared.errors import Forbidden, NotFound


class Kind(StrEnum):
    OPERATOR = "operator"
    VEHICLE = "vehicle"
    PARTNER = "partner"
    USER = "user"


class Scope(StrEnum):
    """What a partner may be let do. `payments` concerns all vehicles of the brand, the others those whose owner agreed
    to the purpose `partner.<subject>`; `notifications` is to hear by webhook what happens to them."""

    VEHICLE = "vehicle"
    STATE = "state"
    HISTORY = "history"
    ENTITLEMENTS = "entitlements"
    PAYMENTS = "payments"
    NOTIFICATIONS = "notifications"


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller: an operator of a brand, a person, a vehicle (whose subject is its vehicle id) or a partner with scopes.

    `at` is when it asks (epoch ms); whether a person is verified and has accepted the terms comes only from the token.
    """

    subject: str
    brand: str
    kind: Kind
    at: int = 0
    verified: bool = False
    terms: bool = False
    scopes: frozenset[str] = frozenset()

    @property
    def person(self) -> PersonId:
        """Under which id it is kept what is kept of a person."""
        return PersonId(self.brand, self.subject)


def require_operator(caller: Principal) -> None:
    if caller.kind is not Kind.OPERATOR:
        raise Forbidden("only an operator may do this")


def require_user(caller: Principal) -> None:
    if caller.kind is not Kind.USER:
        raise Forbidden("only a person may do this")


def require_access(caller: Principal, profile: Profile, scope: Scope | None = None) -> None:
    """An operator of its brand, the vehicle itself, people with a role on it now, and for a scope the partners that
    have it and that its owner agreed to. Others see no such vehicle."""
    within = caller.brand == profile.brand
    if not (within and _is_let(caller, profile, scope)):
        raise NotFound("no such vehicle")


def _is_let(caller: Principal, profile: Profile, scope: Scope | None) -> bool:
    match caller.kind:
        case Kind.OPERATOR:
            return True
        case Kind.VEHICLE:
            return caller.subject == profile.vehicle_id
        case Kind.USER:
            return profile.member(caller.subject, caller.at) is not None
        case Kind.PARTNER:
            agreed = scope is Scope.PAYMENTS or profile.agreed(f"partner.{caller.subject}")
            return scope is not None and scope in caller.scopes and agreed


def require_owner(caller: Principal, profile: Profile) -> None:
    """An operator of its brand, or its primary user. Others with access are refused, the rest see no such vehicle."""
    _require_one_of(caller, profile, Role.PRIMARY)


def require_changes(caller: Principal, profile: Profile) -> None:
    """An operator of its brand, or a person with a lasting role on it; guests and the vehicle itself are refused."""
    _require_one_of(caller, profile, Role.PRIMARY, Role.SECONDARY)


def _require_one_of(caller: Principal, profile: Profile, *roles: Role) -> None:
    agreed = Scope.VEHICLE if caller.kind is Kind.PARTNER else None
    require_access(caller, profile, agreed)
    member = profile.members.get(caller.subject) if caller.kind is Kind.USER else None
    if caller.kind is not Kind.OPERATOR and (member is None or member.role not in roles):
        raise Forbidden(f"only an operator or a {' or '.join(roles)} user of the vehicle may do this")


def visible_since(caller: Principal, profile: Profile) -> int:
    """From when on (epoch ms) the caller may read what the vehicle reported: a person since the own access began, a
    partner since its owner agreed, and everyone but operators within the present ownership. The vehicle shows it to
    whoever sits in it: it is no exception."""
    match caller.kind:
        case Kind.OPERATOR:
            return 0
        case Kind.VEHICLE:
            return profile.owned_since
        case Kind.USER:
            member = profile.members.get(caller.subject)
            return max(profile.owned_since, member.since if member else 0)
        case Kind.PARTNER:
            agreed = profile.consents.get(f"partner.{caller.subject}")
            return max(profile.owned_since, agreed.at if agreed else caller.at)
