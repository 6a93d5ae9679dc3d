"""Who is asking, as the token says."""

from dataclasses import dataclass
from enum import StrEnum

from shared.domain.profile import Profile
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
