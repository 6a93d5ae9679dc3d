"""HTTP: vehicles, their subscriptions and their state."""

from datetime import UTC, datetime

import azure.functions as func

from functions.http import answer, body, caller, digest, endpoint, idempotency_key, new_id, path_id
from shared.bootstrap import world
from shared.codec.http import RegisterVehicle, Subscribe, state_answer, subscription_answer, vehicle_answer
from shared.domain.profile import Status
from shared.use_cases import vehicles
from shared.use_cases.vehicles import Order

bp = func.Blueprint()


@endpoint(bp, "POST", "v1/vehicles")
async def register_vehicle(req: func.HttpRequest) -> func.HttpResponse:
    """An operator registers a vehicle of the own brand."""
    who = await caller(req)
    key = idempotency_key(req, who, "vehicles")
    draft = body(RegisterVehicle, req).profile(new_id("veh", key), who.brand)
    profile = await vehicles.register(who, draft, key, digest(req), world().profiles)
    return answer(vehicle_answer(profile), 201)


@endpoint(bp, "POST", "v1/vehicles/{vehicle_id}/subscriptions")
async def subscribe_vehicle(req: func.HttpRequest) -> func.HttpResponse:
    """An operator sells a plan for a vehicle."""
    who, vehicle = await caller(req), path_id(req, "vehicle_id")
    key = idempotency_key(req, who, f"vehicles/{vehicle}/subscriptions")
    wanted = body(Subscribe, req)
    starts_at = wanted.starts_at or datetime.now(UTC)
    order = Order(vehicle, wanted.plan, new_id("sub", key), starts_at, key, digest(req))
    sold = await vehicles.sell(who, order, world().profiles, world().catalogs)
    return answer(subscription_answer(sold), 201)


@endpoint(bp, "GET", "v1/vehicles/{vehicle_id}")
async def read_vehicle(req: func.HttpRequest) -> func.HttpResponse:
    """Who the vehicle is, for whoever has access."""
    who, vehicle = await caller(req), path_id(req, "vehicle_id")
    return answer(vehicle_answer(await vehicles.read_profile(who, vehicle, world().profiles)))


@endpoint(bp, "POST", "v1/vehicles/{vehicle_id}/activate")
async def activate_vehicle(req: func.HttpRequest) -> func.HttpResponse:
    """An operator lets a suspended vehicle use its features again."""
    return await _set(req, Status.ACTIVE)


@endpoint(bp, "POST", "v1/vehicles/{vehicle_id}/suspend")
async def suspend_vehicle(req: func.HttpRequest) -> func.HttpResponse:
    """An operator takes a vehicle's features away for the time being; what it was sold stays."""
    return await _set(req, Status.SUSPENDED)


async def _set(req: func.HttpRequest, status: Status) -> func.HttpResponse:
    who, vehicle = await caller(req), path_id(req, "vehicle_id")
    profile = await vehicles.change_status(who, vehicle, status, world().profiles, world().states)
    return answer(vehicle_answer(profile))


@endpoint(bp, "GET", "v1/vehicles/{vehicle_id}/state")
async def read_vehicle_state(req: func.HttpRequest) -> func.HttpResponse:
    """The newest reading of every signal, for whoever has access."""
    who, vehicle = await caller(req), path_id(req, "vehicle_id")
    return answer(state_answer(await vehicles.read_state(who, vehicle, world().profiles, world().states)))
