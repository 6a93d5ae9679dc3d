"""Who is asking, as the token says."""

from dataclasses import dataclass
from enum import StrEnum

from shared.domain.profile import Profile, Role
from shared.errors import Forbidden, NotFound


class Kind(StrEnum):
    OPERATOR = "operator"
    VEHICLE = "vehicle"
    USER = "user"


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller: an operator of a brand, a person, or a vehicle (whose subject is its vehicle id)."""

    subject: str
    brand: str
    kind: Kind


def require_operator(caller: Principal) -> None:
    if caller.kind is not Kind.OPERATOR:
        raise Forbidden("only an operator may do this")


def require_user(caller: Principal) -> None:
    if caller.kind is not Kind.USER:
        raise Forbidden("only a person may do this")


def require_access(caller: Principal, profile: Profile) -> None:
    """An operator of its brand, the vehicle itself, and people with a role on it. Others see no such vehicle."""
    within = caller.brand == profile.brand
    itself = caller.kind is Kind.VEHICLE and caller.subject == profile.vehicle_id
    theirs = caller.kind is Kind.USER and caller.subject in profile.roles
    if not (within and (caller.kind is Kind.OPERATOR or itself or theirs)):
        raise NotFound("no such vehicle")


def require_owner(caller: Principal, profile: Profile) -> None:
    """An operator of its brand, or its primary user. Others with access are refused, the rest see no such vehicle."""
    require_access(caller, profile)
    if caller.kind is not Kind.OPERATOR and profile.roles.get(caller.subject) is not Role.PRIMARY:
        raise Forbidden("only the vehicle's primary user or an operator may do this")


def require_changes(caller: Principal, profile: Profile) -> None:
    """An operator of its brand, or a person with a lasting role on it; guests and the vehicle itself are refused."""
    require_access(caller, profile)
    if caller.kind is Kind.OPERATOR:
        return
    if caller.kind is not Kind.USER or profile.roles[caller.subject] is Role.GUEST:
        raise Forbidden("only an operator or a user of the vehicle may do this")


def visible_since(caller: Principal, profile: Profile) -> int:
    """From when on (epoch ms) the caller may read what the vehicle reported: a person within the own ownership."""
    return profile.owned_since if caller.kind is Kind.USER else 0
