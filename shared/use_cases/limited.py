"""Keeping what a guest was not lent from them."""

from shared.domain.catalog import Data
from shared.domain.entitlement import Person
from shared.domain.garage import Member
from shared.domain.limited import ALL, shown_to
from shared.domain.principal import Kind, Principal
from shared.domain.profile import Profile
from shared.errors import Forbidden
from shared.ports import Catalogs


async def shown(caller: Principal, profile: Profile, catalogs: Catalogs) -> frozenset[Data]:
    """What the caller is shown of a vehicle that they have access to. The catalogue is read for limited guests only."""
    if not _is_limited(caller, profile):
        return ALL
    person = Person(caller.subject, caller.verified, caller.terms)
    return shown_to(profile, await catalogs.load(profile.brand), person, caller.at)


async def require_shown(caller: Principal, profile: Profile, wanted: frozenset[Data], catalogs: Catalogs) -> None:
    """Raises Forbidden unless the caller is shown all of it."""
    if not wanted <= await shown(caller, profile, catalogs):
        raise not_lent()


def require_unlimited(caller: Principal, profile: Profile) -> None:
    """Raises Forbidden for guests who were lent some features only."""
    if _is_limited(caller, profile):
        raise not_lent()


def not_lent() -> Forbidden:
    return Forbidden("your access is limited to features that do not show this")


async def is_told(user: str, member: Member, profile: Profile, at: int, catalogs: Catalogs) -> bool:
    """Whether someone with access is told what the vehicle's rules find (`at` in epoch ms)."""
    if member.features is None:
        return True
    return Data.NOTIFICATIONS in shown_to(profile, await catalogs.load(profile.brand), Person(user), at)


def _is_limited(caller: Principal, profile: Profile) -> bool:
    member = profile.members.get(caller.subject) if caller.kind is Kind.USER else None
    return member is not None and member.features is not None
