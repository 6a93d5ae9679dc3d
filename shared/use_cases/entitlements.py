"""Answering who may use what."""

from datetime import datetime

from shared.domain import entitlement
from shared.domain.catalog import Catalog
from shared.domain.entitlement import Entitlement
from shared.domain.principal import Principal, require_access, require_operator
from shared.ports import Catalogs, Profiles


async def check(
    caller: Principal, vehicle_id: str, feature: str, at: datetime, profiles: Profiles, catalogs: Catalogs
) -> Entitlement:
    """The decision for a vehicle and a feature at a moment, from one point read; NotFound without access."""
    profile = (await profiles.load(vehicle_id)).value
    require_access(caller, profile)
    return entitlement.check(profile, await catalogs.load(profile.brand), feature, at)


async def publish(caller: Principal, catalog: Catalog, catalogs: Catalogs) -> None:
    """Replace what the operator's brand sells. Sales keep the features they were made with."""
    require_operator(caller)
    await catalogs.put(catalog)


async def read_catalog(caller: Principal, catalogs: Catalogs) -> Catalog:
    """What the caller's brand sells."""
    return await catalogs.load(caller.brand)
