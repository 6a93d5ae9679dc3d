"""HTTP: what a vehicle reports, now and over time."""

import azure.functions as func

from functions.http import answer, answer_if_changed, caller, endpoint
from functions.reading import limit, moment, path_id, wanted, word
from shared.bootstrap import world
from shared.codec import schemas
from shared.codec.answers import charge_answer, point_answer, state_answer, trip_answer, trip_feature
from shared.domain.charges import Charge
from shared.domain.history import DAY
from shared.domain.trips import Trip
from shared.errors import Code, Malformed
from shared.use_cases import history, vehicles
from shared.use_cases.history import Outside, Stretch

bp = func.Blueprint()


@endpoint(bp, "GET", "v1/vehicles/{vehicle_id}/state", schemas.StateAnswer, query=("paths",))
async def read_vehicle_state(req: func.HttpRequest) -> func.HttpResponse:
    """The newest reading of every signal, or of those that `paths` asks for, for whoever has access."""
    who, vehicle, w = await caller(req), path_id(req, "vehicle_id"), world()
    reading = vehicles.Reading(w.profiles, w.states, w.brands, w.catalogs, w.vocabularies)
    state, thresholds = await vehicles.read_state(who, vehicle, reading)
    return answer_if_changed(req, state_answer(state, thresholds, world().clock(), wanted(req)))


@endpoint(
    bp,
    "GET",
    "v1/vehicles/{vehicle_id}/history",
    schemas.SeriesAnswer,
    query=("path", "resolution", "from", "to", "limit", "cursor"),
)
async def read_history(req: func.HttpRequest) -> func.HttpResponse:
    """One signal over time, as it was or by intervals of `resolution` seconds."""
    who, vehicle, path = await caller(req), path_id(req, "vehicle_id"), word(req, "path")
    if path is None:
        raise Malformed("path names a signal", Code.INVALID_QUERY)
    resolution, asked = _resolution(req), _stretch(req, 1_000)
    page = await history.read_series(who, vehicle, path, resolution, asked, _outside())
    points = [point_answer(point) for point in page.items]
    return answer({"vehicleId": vehicle, "path": path, "points": points, "cursor": page.cursor})


@endpoint(bp, "GET", "v1/vehicles/{vehicle_id}/trips", schemas.TripsAnswer, query=("from", "to", "limit", "cursor"))
async def list_trips(req: func.HttpRequest) -> func.HttpResponse:
    """The newest first, a page at a time."""
    who, vehicle = await caller(req), path_id(req, "vehicle_id")
    page = await history.read_derived(who, vehicle, Trip, _stretch(req, 100), _outside())
    return answer({"items": [trip_answer(trip) for trip in page.items], "cursor": page.cursor})


@endpoint(bp, "GET", "v1/vehicles/{vehicle_id}/trips/{trip_id}", schemas.TripFeature)
async def read_trip(req: func.HttpRequest) -> func.HttpResponse:
    """One trip with its line, as GeoJSON."""
    who, vehicle = await caller(req), path_id(req, "vehicle_id")
    return answer(trip_feature(await history.read_trip(who, vehicle, path_id(req, "trip_id"), _outside())))


@endpoint(bp, "GET", "v1/vehicles/{vehicle_id}/charges", schemas.ChargesAnswer, query=("from", "to", "limit", "cursor"))
async def list_charges(req: func.HttpRequest) -> func.HttpResponse:
    """The newest first, a page at a time."""
    who, vehicle = await caller(req), path_id(req, "vehicle_id")
    page = await history.read_derived(who, vehicle, Charge, _stretch(req, 100), _outside())
    return answer({"items": [charge_answer(charge) for charge in page.items], "cursor": page.cursor})


def _outside() -> Outside:
    w = world()
    return Outside(w.profiles, w.states, w.histories, w.catalogs, w.vocabularies)


def _stretch(req: func.HttpRequest, most: int) -> Stretch:
    """`from` and `to`; without, the last day until now."""
    end = moment(req, "to", world().clock() + 60_000)
    return Stretch(moment(req, "from", end - DAY), end, limit(req, most=most), req.params.get("cursor"))


def _resolution(req: func.HttpRequest) -> int | None:
    text = req.params.get("resolution")
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 7):
        raise Malformed("resolution is a number of seconds", Code.INVALID_QUERY)
    return int(text) * 1000
