"""HTTP: which vehicles there are, and their status."""

from typing import Any

import azure.functions as func

from functions.http import answer, body, caller, digest, endpoint, idempotency_key, new_id
from functions.reading import limit, path_id, word
from shared.bootstrap import world
from shared.codec import schemas
from shared.codec.answers import vehicle_answer
from shared.codec.requests import RegisterOneOrMany, RegisterVehicle, RegisterVehicles
from shared.domain.policy import Status
from shared.domain.principal import Principal, Scope
from shared.domain.profile import Profile
from shared.errors import Rejected
from shared.ports import Sought
from shared.use_cases import vehicles

bp = func.Blueprint()


@endpoint(
    bp,
    "POST",
    "v1/vehicles",
    schemas.VehicleAnswer | schemas.RegisteredAnswers,
    asks=RegisterOneOrMany,
    status=201,
    keyed=True,
)
async def register_vehicle(req: func.HttpRequest) -> func.HttpResponse:
    """An operator registers a vehicle of the own brand (201); or several, each answered for itself (200)."""
    who = await caller(req)
    key = idempotency_key(req, who, "vehicles")
    if req.get_body().lstrip()[:1] != b"[":
        wanted = body(RegisterVehicle, req)
        return answer(vehicle_answer(await _register(who, wanted, key, digest(req.get_body()))), 201)
    many = [
        await _one_of_many(who, one, f"{key}/{number}" if key else None)
        for number, one in enumerate(body(RegisterVehicles, req).root)
    ]
    return answer({"items": many})


async def _one_of_many(who: Principal, one: RegisterVehicle, key: str | None) -> dict[str, Any]:
    try:
        made = await _register(who, one, key, digest(one.model_dump_json().encode()))
    except Rejected as error:
        return {"vin": one.vin, "status": error.status, "code": error.code.value, "detail": error.detail}
    return {"vin": one.vin, "status": 201, "vehicle": vehicle_answer(made)}


async def _register(who: Principal, wanted: RegisterVehicle, key: str | None, digested: str) -> Profile:
    draft = wanted.profile(new_id("veh", key), who.brand)
    return await vehicles.register(who, draft, key, digested, world().reach)


@endpoint(
    bp, "GET", "v1/vehicles", schemas.VehiclesAnswer, query=("region", "model", "status", "vin", "limit", "cursor")
)
async def list_vehicles(req: func.HttpRequest) -> func.HttpResponse:
    """An operator looks for vehicles of the own brand, a page at a time; `vin` is how the VIN begins."""
    who = await caller(req)
    sought = Sought(who.brand, word(req, "region"), word(req, "model"), word(req, "status"), word(req, "vin"))
    page = await vehicles.find(who, sought, limit(req), req.params.get("cursor"), world().profiles)
    return answer({"items": [vehicle_answer(profile) for profile in page.items], "cursor": page.cursor})


@endpoint(bp, "GET", "v1/vehicles/{vehicle_id}", schemas.VehicleAnswer)
async def read_vehicle(req: func.HttpRequest) -> func.HttpResponse:
    """Who the vehicle is, for whoever has access."""
    who, vehicle = await caller(req), path_id(req, "vehicle_id")
    return answer(vehicle_answer(await vehicles.read_profile(who, vehicle, world().profiles, Scope.VEHICLE)))


@endpoint(bp, "POST", "v1/vehicles/{vehicle_id}/activate", schemas.VehicleAnswer)
async def activate_vehicle(req: func.HttpRequest) -> func.HttpResponse:
    """An operator lets a suspended vehicle use its features again."""
    return await _set(req, Status.ACTIVE)


@endpoint(bp, "POST", "v1/vehicles/{vehicle_id}/suspend", schemas.VehicleAnswer)
async def suspend_vehicle(req: func.HttpRequest) -> func.HttpResponse:
    """An operator takes a vehicle's features away for the time being; what it was sold stays."""
    return await _set(req, Status.SUSPENDED)


async def _set(req: func.HttpRequest, status: Status) -> func.HttpResponse:
    who, vehicle = await caller(req), path_id(req, "vehicle_id")
    return answer(vehicle_answer(await vehicles.change_status(who, vehicle, status, world().reach)))


@endpoint(bp, "POST", "v1/vehicles/{vehicle_id}/decommission", schemas.VehicleAnswer)
async def decommission_vehicle(req: func.HttpRequest) -> func.HttpResponse:
    """An operator takes a vehicle out of service for good; nothing that it sends is taken in any more."""
    return await _set(req, Status.DECOMMISSIONED)


@endpoint(bp, "POST", "v1/vehicles/{vehicle_id}/release", schemas.VehicleAnswer)
async def release_vehicle(req: func.HttpRequest) -> func.HttpResponse:
    """An operator ends a quarantine: the device that turned up last is the vehicle's."""
    who, vehicle = await caller(req), path_id(req, "vehicle_id")
    return answer(vehicle_answer(await vehicles.release(who, vehicle, world().reach)))
