"""What an operator says about all vehicles of the own brand."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from shared.domain.document_size import json_size
from shared.domain.freshness import Thresholds
from shared.domain.principal import Principal, require_operator
from shared.domain.signals import LEAVES, Leaf, Release
from shared.domain.trip_settings import TripSettings
from shared.errors import Code, Conflict, Malformed, Unavailable
from shared.ports import Brands, Vocabularies
from shared.use_cases.books import ATTEMPTS

LARGEST_SIGNALS = 900_000
"""Bytes of JSON of the signals that a brand loaded, with the overlay over them."""
LARGEST_TEXTS = 900_000
"""Bytes of JSON of what a brand's trouble codes mean."""


async def load_release(caller: Principal, leaves: Mapping[str, Leaf | None], vocabularies: Vocabularies) -> Release:
    """Let a whole release stand in the place of the shipped signals; an overlay that was loaded stays over it."""
    require_operator(caller)
    found = {path: leaf for path, leaf in leaves.items() if leaf is not None}
    if not found:
        raise Malformed("a release without signals", Code.INVALID_SIGNALS)
    return await _reload(caller.brand, lambda before: replace(before, leaves=found), vocabularies)


async def load_overlay(caller: Principal, overlay: Mapping[str, Leaf | None], vocabularies: Vocabularies) -> Release:
    """Add, change or take away signals over the release that holds; an empty overlay takes the last one back."""
    require_operator(caller)
    return await _reload(caller.brand, lambda before: replace(before, overlay=dict(overlay)), vocabularies)


async def drop_signals(caller: Principal, vocabularies: Vocabularies) -> None:
    """Go back to the shipped signals."""
    require_operator(caller)
    await _reload(caller.brand, lambda before: Release(), vocabularies)


async def _reload(brand: str, change: Callable[[Release], Release], vocabularies: Vocabularies) -> Release:
    """Commit a change of what the brand loaded over what it has loaded now, so that neither of two is lost."""
    for _ in range(ATTEMPTS):
        found = await vocabularies.read(brand)
        release = change(found.value)
        if len(release.overlay) + len(release.leaves or {}) > LEAVES:
            raise Malformed(f"more than {LEAVES} signals", Code.INVALID_SIGNALS)
        _require_size(release)
        try:
            await vocabularies.put(brand, release, found.version)
        except Conflict:
            continue
        return release
    raise Unavailable("the brand's signals are being written by others")


async def put_thresholds(caller: Principal, thresholds: Thresholds, brands: Brands) -> None:
    require_operator(caller)
    await brands.put_thresholds(caller.brand, thresholds)


async def put_trip_settings(caller: Principal, settings: TripSettings, brands: Brands) -> None:
    """Say what counts as a trip from now on; trips that are stored stay. Raises Forbidden."""
    require_operator(caller)
    await brands.put_trip_settings(caller.brand, settings)


async def put_trouble_codes(caller: Principal, texts: Mapping[str, str], brands: Brands) -> None:
    """Replace what trouble codes mean. Raises Forbidden, Malformed(trouble_codes_too_large)."""
    require_operator(caller)
    if json_size(texts) > LARGEST_TEXTS:
        raise Malformed(f"codes: at most {LARGEST_TEXTS} bytes", Code.TROUBLE_CODES_TOO_LARGE)
    await brands.put_trouble_codes(caller.brand, texts)


async def read_trouble_codes(caller: Principal, brands: Brands) -> Mapping[str, str]:
    require_operator(caller)
    return await brands.trouble_codes(caller.brand)


def _require_size(release: Release) -> None:
    if json_size(release) > LARGEST_SIGNALS:
        raise Malformed(f"signals have at most {LARGEST_SIGNALS} bytes", Code.SIGNALS_TOO_LARGE)
