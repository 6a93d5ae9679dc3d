"""What callers get who may not, or may no more: repeated requests, made-up VINs, guests who were lent one feature."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from functions import garage, vehicles, webhooks
from functions.http import ROUTES, Route
from shared.domain.garage import CODE_LIVES, SHOWN_FOR
from shared.domain.principal import Kind, Principal, Scope
from tests.examples import BRAND, VEHICLE, VIN
from tests.functions.conftest import Answer, ask
from tests.functions.test_authorisation import VINS, asked, populated
from tests.functions.test_garage import claim, code_of
from tests.memory import MemoryWorld

KEY = {"idempotency-key": "again"}

# ---- repeated requests


async def test_who_was_removed_is_not_answered_again_what_accepting_once_gave(world: MemoryWorld) -> None:
    invitation = (await ask(garage.invite_member, "ada", {"role": "secondary"}, vehicle_id=VEHICLE)).body["token"]
    first = await ask(garage.accept_invitation, "ben", {"token": invitation}, headers=KEY)
    again = await ask(garage.accept_invitation, "ben", {"token": invitation}, headers=KEY)
    assert (first.status, first.body) == (again.status, again.body) == (201, again.body)
    await ask(garage.remove_member, "ada", vehicle_id=VEHICLE, user_id="user-ben")
    assert (await ask(garage.accept_invitation, "ben", {"token": invitation}, headers=KEY)).code == "code_rejected"


async def test_a_guest_whose_time_is_over_is_not_answered_again(world: MemoryWorld) -> None:
    body = {"role": "guest", "endsAt": "2026-11-22T13:00:00Z"}
    invitation = (await ask(garage.invite_member, "ada", body, vehicle_id=VEHICLE)).body["token"]
    assert (await ask(garage.accept_invitation, "ben", {"token": invitation}, headers=KEY)).status == 201
    world.clock.at += 3_600_000
    assert (await ask(garage.accept_invitation, "ben", {"token": invitation}, headers=KEY)).code == "code_rejected"


async def test_who_sold_the_vehicle_is_not_answered_again_what_claiming_once_gave(world: MemoryWorld) -> None:
    code = await code_of(garage.make_transfer_code, "ada")
    first = await claim("ben", code, headers=KEY)
    assert (await claim("ben", code, headers=KEY)).body == first.body
    await claim("ada", await code_of(garage.make_transfer_code, "ben"))
    assert (await claim("ben", code, headers=KEY)).code == "code_rejected"


@pytest.mark.parametrize("ends", ["used", "expired", "replaced"])
async def test_a_code_that_is_worth_nothing_any_more_is_not_shown_again(world: MemoryWorld, ends: str) -> None:
    made = await ask(garage.make_transfer_code, "operator", headers=KEY, vehicle_id=VEHICLE)
    assert (await ask(garage.make_transfer_code, "operator", headers=KEY, vehicle_id=VEHICLE)).body == made.body
    if ends == "used":
        assert (await claim("ben", made.body["code"])).status == 201
    elif ends == "expired":
        world.clock.at += CODE_LIVES
    else:
        await code_of(garage.make_transfer_code, "ada")
    again = await ask(garage.make_transfer_code, "operator", headers=KEY, vehicle_id=VEHICLE)
    assert (again.status, again.code) == (409, "code_spent")
    assert made.body["code"] not in str(again.body)


@pytest.mark.parametrize("ends", ["accepted", "withdrawn", "ten minutes ago"])
async def test_an_invitation_is_not_shown_again_once_it_is_over_or_ten_minutes_old(
    world: MemoryWorld, ends: str
) -> None:
    async def invited() -> Answer:
        return await ask(garage.invite_member, "ada", {"role": "secondary"}, headers=KEY, vehicle_id=VEHICLE)

    made = await invited()
    assert (await invited()).body == made.body
    if ends == "accepted":
        assert (await ask(garage.accept_invitation, "ben", {"token": made.body["token"]})).status == 201
    elif ends == "withdrawn":
        await ask(garage.withdraw_invitation, "ada", vehicle_id=VEHICLE, invitation_id=made.body["id"])
    else:
        world.clock.at += SHOWN_FOR
    assert (await invited()).code == "code_spent"


async def test_the_secret_of_an_endpoint_is_not_shown_again_after_ten_minutes_or_once_it_was_rotated(
    world: MemoryWorld,
) -> None:
    scopes = frozenset({Scope.NOTIFICATIONS})
    world.tokens.held["partner"] = Principal("partner-1", BRAND, Kind.PARTNER, scopes=scopes)

    async def made(key: str) -> Answer:
        body, headers = {"url": "https://partner.example/hook"}, {"idempotency-key": key}
        return await ask(webhooks.make_webhook, "partner", body, headers=headers)

    first = await made("one")
    assert (await made("one")).body == first.body
    world.clock.at += SHOWN_FOR
    assert "secret" not in (await made("one")).body
    other = await made("two")
    await ask(webhooks.rotate_webhook_secret, "partner", endpoint_id=other.body["id"])
    assert "secret" not in (await made("two")).body


async def test_an_owner_of_before_repeats_nothing_of_what_was_bought_or_made(world: MemoryWorld) -> None:
    code = await ask(garage.make_transfer_code, "ada", headers=KEY, vehicle_id=VEHICLE)
    await ask(garage.invite_member, "ada", {"role": "secondary"}, headers=KEY, vehicle_id=VEHICLE)
    assert (await claim("ben", code.body["code"])).status == 201
    for handler, body in ((garage.make_transfer_code, None), (garage.invite_member, {"role": "secondary"})):
        assert (await ask(handler, "ada", body, headers=KEY, vehicle_id=VEHICLE)).status == 404


# ---- VINs and ids of others

PORTS = ("profiles", "states", "people", "catalogs", "rules", "histories", "inbox", "endpoints", "brands", "audit")


@contextmanager
def counting(world: MemoryWorld, monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter[str]]:
    """How often each call of a store is made."""
    calls = Counter[str]()
    with monkeypatch.context() as patch:
        for port in PORTS:
            found = getattr(world, port)
            for name in dir(type(found)):
                method = getattr(found, name)
                if not name.startswith("_") and callable(method) and not isinstance(method, type):
                    patch.setattr(found, name, _counted(f"{port}.{name}", method, calls))
        yield calls


def _counted(name: str, method: Any, calls: Counter[str]) -> Any:
    def call(*args: Any, **kwargs: Any) -> Any:
        calls[name] += 1
        return method(*args, **kwargs)

    return call


async def test_a_vin_of_another_brand_is_claimed_with_the_same_answer_and_the_same_reads_as_an_unknown_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen = list[Any]()
    for column in ("foreign", "absent"):
        world = populated(monkeypatch)
        with counting(world, monkeypatch) as calls:
            answer = await ask(garage.claim_vehicle, "stranger", {"vin": VINS[column], "code": "GOOD"})
        seen.append((answer.status, answer.body, answer.headers, dict(calls)))
    assert seen[0] == seen[1]
    assert seen[0][3]["profiles.load"] == 1


async def test_an_operator_finds_a_vin_of_another_brand_no_more_than_an_unknown_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen = list[Any]()
    for column in ("foreign", "absent"):
        world = populated(monkeypatch)
        with counting(world, monkeypatch) as calls:
            answer = await ask(vehicles.list_vehicles, "operator", query={"vin": VINS[column]})
        seen.append((answer.status, answer.body, answer.headers, dict(calls)))
    assert seen[0] == seen[1]
    assert seen[0][1] == {"items": [], "cursor": None}


CALLERS = ("operator", "stranger", "primary", "itself", "partner", "partner without consent")


@pytest.mark.parametrize("route", [r for r in ROUTES if "{vehicle_id}" in r.template], ids=lambda route: route.name)
async def test_a_vehicle_of_another_brand_is_read_as_often_as_one_that_is_not_there(
    monkeypatch: pytest.MonkeyPatch, route: Route
) -> None:
    for caller in CALLERS:
        seen = list[Any]()
        for column in ("foreign", "absent"):
            world = populated(monkeypatch)
            with counting(world, monkeypatch) as calls:
                answer = await asked(world, route, caller, column)
            seen.append((answer.status, answer.body, answer.headers, dict(calls)))
        assert seen[0] == seen[1], (route.name, caller)
        assert seen[0][0] in (403, 404)


@pytest.mark.parametrize("name", ["check_entitlements", "accept_invitation"])
async def test_nor_is_one_that_the_body_names(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    route = next(route for route in ROUTES if route.name == name)
    for caller in ("stranger", "primary"):
        seen = list[Any]()
        for column in ("foreign", "absent"):
            world = populated(monkeypatch)
            with counting(world, monkeypatch) as calls:
                answer = await asked(world, route, caller, column)
            seen.append((answer.status, answer.body, answer.headers, dict(calls)))
        assert seen[0] == seen[1], (name, caller)


def test_the_vin_of_these_examples_is_the_registered_one() -> None:
    assert VINS["own"] == VIN
