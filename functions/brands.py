"""HTTP: what an operator says about all vehicles of the own brand: signals, freshness, trouble codes."""

import azure.functions as func
from pydantic_core import from_json

from functions.http import answer, body, caller, endpoint, no_content, raw_body
from functions.reading import wanted
from shared.bootstrap import world
from shared.codec import schemas, vspec
from shared.codec.answers import signals_answer, thresholds_answer, trip_settings_answer
from shared.codec.requests import PutThresholds, PutTripSettings, PutTroubleCodes, SignalTree
from shared.codec.signals import shipped
from shared.domain.signals import Leaf
from shared.errors import Malformed
from shared.use_cases import brands

bp = func.Blueprint()

LARGEST_TREE = 2 * 1024 * 1024
"""Bytes of a whole release."""


@endpoint(bp, "GET", "v1/signals", schemas.SignalsAnswer, query=("paths",))
async def read_signals(req: func.HttpRequest) -> func.HttpResponse:
    """The signals that are understood of the caller's brand, or those that `paths` asks for."""
    release = await world().vocabularies.load((await caller(req)).brand)
    return answer(signals_answer(release.over(shipped()), wanted(req)))


@endpoint(bp, "PUT", "v1/signals", schemas.Count, asks=SignalTree)
async def load_signals(req: func.HttpRequest) -> func.HttpResponse:
    """An operator loads a whole release, as `vspec export json` writes it."""
    who, leaves = await caller(req), _tree(req)
    release = await brands.load_release(who, leaves, world().vocabularies)
    return answer({"signals": len(release.over(shipped()))})


@endpoint(bp, "DELETE", "v1/signals")
async def drop_signals(req: func.HttpRequest) -> func.HttpResponse:
    """An operator goes back to the shipped signals."""
    await brands.drop_signals(await caller(req), world().vocabularies)
    return no_content()


@endpoint(bp, "PUT", "v1/signals/overlay", schemas.Count, asks=SignalTree)
async def overlay_signals(req: func.HttpRequest) -> func.HttpResponse:
    """An operator adds, changes or takes away signals over the release that holds."""
    who, overlay = await caller(req), _tree(req)
    release = await brands.load_overlay(who, overlay, world().vocabularies)
    return answer({"signals": len(release.over(shipped()))})


@endpoint(bp, "GET", "v1/freshness", schemas.ThresholdsAnswer)
async def read_freshness(req: func.HttpRequest) -> func.HttpResponse:
    """For how long readings of the caller's brand are live, and stale."""
    return answer(thresholds_answer(await world().brands.thresholds((await caller(req)).brand)))


@endpoint(bp, "PUT", "v1/freshness", schemas.ThresholdsAnswer, asks=PutThresholds)
async def set_freshness(req: func.HttpRequest) -> func.HttpResponse:
    """An operator says for how long readings are live, and stale."""
    who, thresholds = await caller(req), body(PutThresholds, req).thresholds()
    await brands.put_thresholds(who, thresholds, world().brands)
    return answer(thresholds_answer(thresholds))


@endpoint(bp, "GET", "v1/trip-settings", schemas.TripSettingsAnswer)
async def read_trip_settings(req: func.HttpRequest) -> func.HttpResponse:
    """What counts as a trip of the caller's brand."""
    return answer(trip_settings_answer(await world().brands.trip_settings((await caller(req)).brand)))


@endpoint(bp, "PUT", "v1/trip-settings", schemas.TripSettingsAnswer, asks=PutTripSettings)
async def set_trip_settings(req: func.HttpRequest) -> func.HttpResponse:
    """An operator says what counts as a trip."""
    who, settings = await caller(req), body(PutTripSettings, req).settings()
    await brands.put_trip_settings(who, settings, world().brands)
    return answer(trip_settings_answer(settings))


@endpoint(bp, "GET", "v1/trouble-codes", schemas.TroubleCodesAnswer)
async def read_trouble_codes(req: func.HttpRequest) -> func.HttpResponse:
    """What trouble codes mean, for an operator."""
    return answer({"codes": dict(await brands.read_trouble_codes(await caller(req), world().brands))})


@endpoint(bp, "PUT", "v1/trouble-codes", schemas.CodesCount, asks=PutTroubleCodes)
async def set_trouble_codes(req: func.HttpRequest) -> func.HttpResponse:
    """An operator replaces what trouble codes mean."""
    who, codes = await caller(req), body(PutTroubleCodes, req, LARGEST_TREE).codes
    await brands.put_trouble_codes(who, codes, world().brands)
    return answer({"codes": len(codes)})


def _tree(req: func.HttpRequest) -> dict[str, Leaf | None]:
    try:
        return vspec.read(from_json(raw_body(req, LARGEST_TREE), allow_inf_nan=False))
    except (ValueError, RecursionError) as error:
        raise Malformed(f"not JSON: {str(error)[:200]}") from None
