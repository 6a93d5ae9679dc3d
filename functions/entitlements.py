"""HTTP: may this vehicle use this feature?"""

from datetime import UTC, datetime

import azure.functions as func

from functions.http import answer, caller, endpoint, path_id
from shared.bootstrap import world
from shared.codec.answers import entitlement_answer
from shared.use_cases import entitlements

bp = func.Blueprint()


@endpoint(bp, "GET", "v1/vehicles/{vehicle_id}/entitlements/{feature}")
async def check_entitlement(req: func.HttpRequest) -> func.HttpResponse:
    """A decision with all its reasons, for whoever has access to the vehicle."""
    who, vehicle, feature = await caller(req), path_id(req, "vehicle_id"), path_id(req, "feature")
    decision = await entitlements.check(who, vehicle, feature, datetime.now(UTC), world().profiles, world().catalogs)
    return answer(entitlement_answer(vehicle, decision))
