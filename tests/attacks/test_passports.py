"""A passport is never larger than what the verifier in the car takes."""

import json
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from functions import entitlements
from shared.adapters.passports import Ed25519Signer
from shared.domain.catalog import FEATURES, Catalog, Feature, Kind, Needs
from shared.domain.garage import Role
from shared.domain.profile import Profile
from shared.domain.subscription import Grant
from shared.passport import LONGEST, verify
from tests.examples import BRAND, NOON, PROFILE
from tests.functions.conftest import ask
from tests.memory import MemoryWorld

ISSUER = "https://cloud.aurora.example/" + "i" * 200
LONGEST_ID = "v" * 64


def signer() -> Ed25519Signer:
    form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return Ed25519Signer([Ed25519PrivateKey.generate().private_bytes(*form).decode()], ISSUER)


def sold(world: MemoryWorld, features: dict[str, Feature]) -> None:
    """A vehicle of the longest id with all of the features, each for a time."""
    brand = "b" * 64
    grants = tuple(Grant(f"grant-{n}", f.id, f.config, NOON, NOON + 10**10) for n, f in enumerate(features.values()))
    profile: Profile = replace(PROFILE, vehicle_id=LONGEST_ID, brand=brand, grants=grants)
    world.profiles.shelf.commit(LONGEST_ID, profile, None)
    world.catalogs.shelf.commit(brand, Catalog(brand, features), None)
    world.tokens.held["operator"] = replace(world.tokens.held["operator"], brand=brand)
    world.signer = signer()  # type: ignore[assignment]


def named(number: int) -> str:
    return f"feature-{number:03}-".ljust(64, "x")


PLAIN = {named(n): Feature(named(n), needs=Needs(roles=frozenset(Role))) for n in range(FEATURES)}
CONFIGS: dict[str, Any] = {
    "short": {"guests": 5},
    "ASCII": {"text": "x" * 200},
    "escaped": {"text": "\N{GRINNING FACE}" * 60},
}


@pytest.mark.parametrize("config", CONFIGS)
async def test_the_largest_passport_holds_and_says_what_it_lacks(world: MemoryWorld, config: str) -> None:
    found = {id: replace(f, kind=Kind.STATIC, config=CONFIGS[config]) for id, f in PLAIN.items()}
    sold(world, found)
    answer = (await ask(entitlements.issue_passport, "operator", vehicle_id=LONGEST_ID)).body
    assert len(answer["passport"]) <= LONGEST
    passport = verify(answer["passport"], world.signer.published(), ISSUER, LONGEST_ID, NOON / 1000)
    assert passport.left_out == len(answer["leftOut"]) > 0
    assert {*passport.features, *answer["leftOut"]} == found.keys()
    assert len(answer["passport"]) > LONGEST * 0.9, "it holds as many as fit"


async def test_what_the_brand_names_first_is_what_a_passport_holds(world: MemoryWorld) -> None:
    sold(world, {id: replace(f, kind=Kind.STATIC, config={"text": "x" * 200}) for id, f in PLAIN.items()})
    answer = (await ask(entitlements.issue_passport, "operator", vehicle_id=LONGEST_ID)).body
    passport = verify(answer["passport"], world.signer.published(), ISSUER, LONGEST_ID, NOON / 1000)
    assert [*passport.features, *answer["leftOut"]] == list(PLAIN)


async def test_one_feature_that_does_not_fit_keeps_no_other_out(world: MemoryWorld) -> None:
    large = {"large": Feature("large", kind=Kind.STATIC, config={"text": "x" * 60_000})}
    sold(world, large | {id: PLAIN[id] for id in list(PLAIN)[:20]})
    answer = (await ask(entitlements.issue_passport, "operator", vehicle_id=LONGEST_ID)).body
    assert answer["leftOut"] == ["large"]


async def test_a_passport_that_lacks_nothing_says_nothing_of_it(world: MemoryWorld) -> None:
    answer = (await ask(entitlements.issue_passport, "operator", vehicle_id="veh-0001")).body
    assert answer["leftOut"] == []
    assert "leftOut" not in json.loads(answer["passport"])
    assert json.loads(answer["passport"])["brand"] == BRAND
