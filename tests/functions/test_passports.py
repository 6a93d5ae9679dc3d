"""What becomes of passports once the vehicle has changed hands."""

import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from functions import entitlements, garage
from shared.domain.ownership import handed_over
from shared.errors import Unavailable
from shared.passport import LEEWAY, LIVES
from tests.examples import NOON, PROFILE, VEHICLE
from tests.functions.conftest import Answer, ask
from tests.memory import MemoryWorld


async def status(token: str = "car", **headers: str) -> Answer:
    return await ask(entitlements.read_passport_status, token, headers=headers, vehicle_id=VEHICLE)


async def issued(token: str = "car") -> tuple[dict[str, Any], dict[str, Any]]:
    """What is answered, and the claims in it."""
    body = (await ask(entitlements.issue_passport, token, vehicle_id=VEHICLE)).body
    return body, json.loads(body["passport"])


async def test_a_passport_says_until_when_a_car_without_a_network_may_honour_it(world: MemoryWorld) -> None:
    body, claims = await issued()
    expires = datetime.fromtimestamp(claims["exp"], UTC)
    assert [datetime.fromisoformat(body[name]) for name in ("expiresAt", "offlineValidUntil")] == [expires, expires]
    assert body["minIssuedAt"] == (await status()).body["minIssuedAt"] == 0


async def _hand_over(world: MemoryWorld) -> None:
    code = (await ask(garage.make_transfer_code, "ada", vehicle_id=VEHICLE)).body["code"]
    assert (await ask(garage.claim_vehicle, "ben", {"vin": PROFILE.vin, "code": code})).status == 201


async def _give_up(world: MemoryWorld) -> None:
    assert (await ask(garage.remove_member, "ada", vehicle_id=VEHICLE, user_id="user-ada")).status == 204


@pytest.mark.parametrize("change", [_hand_over, _give_up])
async def test_passports_of_before_do_not_hold_once_the_vehicle_has_changed_hands(
    world: MemoryWorld, change: Callable[[MemoryWorld], Awaitable[None]]
) -> None:
    _, before = await issued()
    await change(world)
    since = (await status()).body["minIssuedAt"]
    body, after = await issued()
    assert before["iat"] < since == body["minIssuedAt"] <= after["iat"]
    assert after["iat"] - before["iat"] < LEEWAY, "its own car takes it at once"
    assert after["exp"] - after["iat"] == LIVES


def test_a_passport_of_a_request_that_was_under_way_at_the_handover_does_not_hold() -> None:
    assert PROFILE.min_issued_at == 0
    assert handed_over(PROFILE, "user-ben", NOON).min_issued_at == NOON // 1000 + 30


async def test_the_status_is_asked_for_again_with_its_etag_and_not_of_memory(
    world: MemoryWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await status()
    assert first.headers["Cache-Control"] == "private, no-cache"
    known = {"if-none-match": first.headers["ETag"]}
    assert (await status(**known)).status == 304
    await _hand_over(world)
    assert (await status(**known)).status == 200
    assert (await status("ada")).status == 404

    async def down(vehicle_id: str) -> None:
        raise Unavailable("the store is away")

    await issued()
    monkeypatch.setattr(world.profiles, "load", down)
    assert (await status()).status == 503
