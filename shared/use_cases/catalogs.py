"""What a brand sells. What was sold keeps the version it was sold in."""

from collections.abc import Callable

from shared.domain.catalog import Catalog, Feature, Plan
from shared.domain.principal import Principal, require_operator
from shared.errors import Conflict, Unavailable
from shared.ports import Catalogs
from shared.use_cases.books import ATTEMPTS


async def publish(caller: Principal, catalog: Catalog, catalogs: Catalogs) -> Catalog:
    """Replace all that the operator's brand sells. Raises Forbidden, Contradiction."""
    return await _edit(caller, lambda before: catalog, catalogs)


async def put_feature(caller: Principal, feature: Feature, catalogs: Catalogs) -> Feature:
    """Raises Forbidden, Contradiction(catalog_full)."""
    return (await _edit(caller, lambda before: before.with_feature(feature), catalogs)).features[feature.id]


async def put_plan(caller: Principal, plan: Plan, catalogs: Catalogs) -> Plan:
    """As its next version, if it says something new. Raises Forbidden, Contradiction(unknown_feature, catalog_full)."""
    return (await _edit(caller, lambda before: before.with_plan(plan), catalogs)).plans[plan.id]


async def drop_feature(caller: Principal, id: str, catalogs: Catalogs) -> None:
    """Raises Forbidden, NotFound, Contradiction(unknown_feature) while a plan has it."""
    await _edit(caller, lambda before: before.without_feature(id), catalogs)


async def drop_plan(caller: Principal, id: str, catalogs: Catalogs) -> None:
    """Raises Forbidden, NotFound."""
    await _edit(caller, lambda before: before.without_plan(id), catalogs)


async def read(caller: Principal, catalogs: Catalogs) -> Catalog:
    """What the caller's brand sells."""
    return await catalogs.load(caller.brand)


async def _edit(caller: Principal, change: Callable[[Catalog], Catalog], catalogs: Catalogs) -> Catalog:
    require_operator(caller)
    for _ in range(ATTEMPTS):
        found = await catalogs.read(caller.brand)
        after = change(found.value).over(found.value)
        try:
            await catalogs.commit(after, found.version)
        except Conflict:
            continue
        return after
    raise Unavailable("the catalogue is being written by others")
