"""How people come to have access, and how it ends."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from functions import garage, privacy, rules, sales, states, vehicles, wake
from shared.codec import messages
from shared.domain.garage import CODE_LIVES, MEMBERS, SKEW, TRIES, Code, Member, Role, digest_of
from shared.domain.notification import Audience
from shared.domain.ownership import accepted, claimed, invited, with_code
from shared.domain.principal import Kind, Principal
from shared.domain.profile import Profile
from shared.errors import Contradiction
from tests.examples import BRAND, NOON, PROFILE, VEHICLE, VIN
from tests.functions.conftest import Answer, ask
from tests.functions.test_events import message
from tests.memory import MemoryWorld

SOON = "2026-11-22T13:00:00Z"


def stored(world: MemoryWorld) -> Profile:
    return world.profiles.shelf.held[VEHICLE].value


def told(world: MemoryWorld) -> list[tuple[str, Audience, tuple[str, ...]]]:
    return [(n.kind, next(iter(n.audience)), n.named) for n in world.notifications.contents]


@pytest.fixture
def nobodys(world: MemoryWorld) -> MemoryWorld:
    """The vehicle without any people."""
    held = world.profiles.shelf.held[VEHICLE]
    world.profiles.shelf.held[VEHICLE] = replace(held, value=replace(held.value, members={}))
    return world


async def claim(token: str, code: str, vin: str = VIN, headers: Mapping[str, str] | None = None) -> Answer:
    return await ask(garage.claim_vehicle, token, {"vin": vin, "code": code}, headers=headers)


async def code_of(handler: Any = garage.make_claim_code, token: str = "operator") -> str:
    return str((await ask(handler, token, vehicle_id=VEHICLE)).body["code"])


async def test_who_has_the_code_becomes_the_owner_and_is_told(nobodys: MemoryWorld) -> None:
    code = await code_of(token="car")
    answer = await claim("ben", code.lower())
    assert (answer.status, answer.body["id"]) == (201, VEHICLE)
    assert stored(nobodys).primary == "user-ben"
    assert stored(nobodys).owned_since == NOON
    assert told(nobodys) == [("vehicle_claimed", Audience.NAMED, ("user-ben",))]
    mine = await ask(garage.read_own_vehicles, "ben")
    assert [(item["vehicle"]["vin"], item["access"]["role"]) for item in mine.body["items"]] == [(VIN, "primary")]
    assert (await claim("ada", code)).code == "code_rejected", "it can be used once"


async def test_a_code_is_locked_after_five_wrong_ones(nobodys: MemoryWorld) -> None:
    code = await code_of()
    for number in range(TRIES):
        assert (await claim("ben", f"WRONG{number}")).code == "code_rejected"
    assert (await claim("ben", code)).code == "code_rejected"
    assert (await claim("ben", await code_of())).status == 201, "until there is a new one"


def test_a_code_lives_for_ten_minutes_and_four_wrong_ones() -> None:
    bare = with_code(replace(PROFILE, members={}), "digest", False, NOON)
    assert claimed(bare, "user-ben", "digest", NOON + CODE_LIVES - 1)[1]
    assert not claimed(bare, "user-ben", "digest", NOON + CODE_LIVES)[1]
    for _ in range(TRIES - 1):
        bare, _done = claimed(bare, "user-ben", "wrong", NOON)
    assert claimed(bare, "user-ben", "digest", NOON)[1]


def test_a_code_is_stored_as_a_digest_that_is_the_vehicles_own() -> None:
    assert "SECRET" not in digest_of("veh-1", "SECRET")
    assert digest_of("veh-1", "SECRET") != digest_of("veh-2", "SECRET")


@pytest.mark.parametrize("vin", [VIN[:-1] + "9", "", "no vin", "ZZZAURRA0DEM0000\u0660"])
async def test_whatever_is_wrong_with_a_claim_the_answer_is_the_same(nobodys: MemoryWorld, vin: str) -> None:
    code = await code_of()
    wrong, absent = await claim("ben", "WRONG"), await claim("ben", code, vin)
    assert (wrong.status, wrong.body) == (absent.status, absent.body) == (403, absent.body)


async def test_a_claim_that_is_repeated_under_its_key_is_answered_again(nobodys: MemoryWorld) -> None:
    code, key = await code_of(), {"idempotency-key": "claim"}
    first = await claim("ben", code, headers=key)
    assert (await claim("ben", code, headers=key)).body == first.body


async def test_a_vehicle_with_an_owner_is_not_claimed_but_handed_on(world: MemoryWorld) -> None:
    assert (await ask(garage.make_claim_code, vehicle_id=VEHICLE)).code == "already_claimed"
    held = world.profiles.shelf.held[VEHICLE]
    car_code = Code(digest_of(VEHICLE, "SHOWN"), NOON * 2, transfers=False)
    world.profiles.shelf.held[VEHICLE] = replace(held, value=replace(held.value, code=car_code))
    assert (await claim("ben", "SHOWN")).code == "code_rejected", "a code that the car showed before it had an owner"
    assert (await claim("ben", await code_of(garage.make_transfer_code, "ada"))).status == 201
    assert stored(world).members.keys() == {"user-ben"}


async def test_a_transfer_ends_what_was_the_old_owners_in_one_write(world: MemoryWorld) -> None:
    await ask(sales.subscribe_vehicle, body={"plan": "comfort"}, vehicle_id=VEHICLE)
    rule = {"id": "mine", "kind": "threshold", "signal": "Vehicle.Speed", "above": 90.0, "clears": 80.0}
    await ask(rules.put_vehicle_rule, "ada", rule, vehicle_id=VEHICLE, rule_id="mine")
    consent = {"granted": True, "text": "terms"}
    await ask(privacy.give_consent, "ada", consent, vehicle_id=VEHICLE, purpose="maintenance")
    await ask(privacy.change_privacy, "ada", {"mode": "offline"}, vehicle_id=VEHICLE)
    await ask(garage.invite_member, "ada", {"role": "secondary"}, vehicle_id=VEHICLE)
    await ask(garage.switch_service, "ada", {"enabled": False}, vehicle_id=VEHICLE, feature="live-traffic")
    writes = len(world.profiles.lines)
    await claim("ben", await code_of(garage.make_transfer_code, "ada"))
    after = stored(world)
    assert set(after.members) == {"user-ben"}
    assert (after.invitations, after.code, len(after.consents), len(after.off)) == ((), None, 0, 0)
    assert after.subscriptions[0].cancels_at == after.subscriptions[0].paid_until
    assert len(world.profiles.lines) == writes + 1
    assert (await ask(rules.read_vehicle_rules, "ben", vehicle_id=VEHICLE)).body == {"rules": []}
    assert (await ask(privacy.read_consents, "ben", vehicle_id=VEHICLE, purpose="maintenance")).body["versions"] == []
    assert (await ask(vehicles.read_vehicle, "ada", vehicle_id=VEHICLE)).status == 404
    kinds = [(kind, named) for kind, _, named in told(world) if kind.startswith("vehicle_")]
    assert kinds == [("vehicle_handed_over", ("user-ada",)), ("vehicle_claimed", ("user-ben",))]


async def test_a_new_owner_sees_nothing_that_the_vehicle_reported_before(world: MemoryWorld) -> None:
    from shared.domain.vehicle import Reading

    held = world.states.shelf.held[VEHICLE]
    signals = {"Vehicle.Speed": Reading(1.0, NOON)}
    world.states.shelf.held[VEHICLE] = replace(held, value=replace(held.value, signals=signals))
    assert "Vehicle.Speed" in (await ask(states.read_vehicle_state, "ada", vehicle_id=VEHICLE)).body["signals"]
    world.clock.at += 1
    await claim("ben", await code_of(garage.make_transfer_code, "ada"))
    assert (await ask(states.read_vehicle_state, "ben", vehicle_id=VEHICLE)).body["signals"] == {}


async def invite(token: str = "ada", **body: Any) -> Answer:
    return await ask(garage.invite_member, token, {"role": "secondary"} | body, vehicle_id=VEHICLE)


async def test_an_invitation_is_accepted_once_and_the_owner_is_told(world: MemoryWorld) -> None:
    token = (await invite()).body["token"]
    assert (await ask(garage.accept_invitation, "ben", {"token": token})).status == 201
    assert stored(world).members["user-ben"].role is Role.SECONDARY
    assert told(world) == [("access_granted", Audience.PRIMARY, ())]
    world.tokens.held["cleo"] = Principal("user-cleo", BRAND, Kind.USER)
    assert (await ask(garage.accept_invitation, "cleo", {"token": token})).code == "code_rejected"


async def test_who_has_access_accepts_no_other(world: MemoryWorld) -> None:
    token = (await invite()).body["token"]
    assert (await ask(garage.accept_invitation, "ada", {"token": token})).code == "already_member"


@pytest.mark.parametrize("token", ["veh-absent.AAAA", f"{VEHICLE}.WRONG"])
async def test_a_made_up_invitation_is_none(world: MemoryWorld, token: str) -> None:
    assert (await ask(garage.accept_invitation, "ben", {"token": token})).code == "code_rejected"


def test_an_invitation_is_open_for_a_week_and_a_vehicle_has_twenty_people() -> None:
    profile = PROFILE
    for number in range(MEMBERS - 1):
        profile = invited(profile, f"inv-{number}", Member(Role.SECONDARY), f"d{number}", NOON)
    with pytest.raises(Contradiction):
        invited(profile, "one-more", Member(Role.SECONDARY), "d", NOON)
    week = 7 * 86_400_000
    assert accepted(profile, "user-ben", "d0", NOON + week - 1) is not None
    assert accepted(profile, "user-ben", "d0", NOON + week) is None
    assert invited(profile, "one-more", Member(Role.SECONDARY), "d", NOON + week)


async def test_an_invitation_can_be_withdrawn(world: MemoryWorld) -> None:
    made = (await invite()).body
    route = {"vehicle_id": VEHICLE, "invitation_id": made["id"]}
    assert (await ask(garage.withdraw_invitation, "ada", route=route)).status == 204
    assert (await ask(garage.accept_invitation, "ben", {"token": made["token"]})).code == "code_rejected"
    assert (await ask(garage.withdraw_invitation, "ada", route=route)).status == 404


@pytest.mark.parametrize(
    "body",
    [{"role": "guest"}, {"role": "guest", "endsAt": "2020-01-01T00:00:00Z"}, {"endsAt": SOON}, {"role": "primary"}],
)
async def test_a_guest_has_an_end_and_nobody_else_has(world: MemoryWorld, body: dict[str, Any]) -> None:
    assert (await invite(**body)).code == "invalid_body"


async def test_a_guest_whose_time_is_over_is_gone_and_taken_off_later(world: MemoryWorld) -> None:
    token = (await invite(role="guest", endsAt=SOON)).body["token"]
    await ask(garage.accept_invitation, "ben", {"token": token})
    held = world.profiles.shelf.held[VEHICLE]
    over = replace(held.value.members["user-ben"], ends_at=held.value.members["user-ben"].since)
    ended = replace(held.value, members={**held.value.members, "user-ben": over})
    world.profiles.shelf.held[VEHICLE] = replace(held, value=replace(ended, due=over.ends_at))
    assert (await ask(vehicles.read_vehicle, "ben", vehicle_id=VEHICLE)).status == 404
    assert (await ask(garage.read_own_vehicles, "ben")).body["items"] == []
    await wake.wake_due(message(messages.encode_wake(VEHICLE, 1)))
    assert "user-ben" in stored(world).members, "not before every clock agrees"
    assert stored(world).due == (over.ends_at or 0) + SKEW


async def test_one_leaves_or_is_removed_and_both_are_told(world: MemoryWorld) -> None:
    await ask(garage.accept_invitation, "ben", {"token": (await invite()).body["token"]})
    left = await ask(garage.remove_member, "ben", vehicle_id=VEHICLE, user_id="user-ben")
    assert (left.status, "user-ben" in stored(world).members) == (204, False)
    assert told(world)[-1] == ("access_ended", Audience.NAMED, ("user-ben", "user-ada"))
    assert (await ask(garage.read_own_vehicles, "ben")).body["items"] == []


async def test_with_the_owner_all_other_access_ends(world: MemoryWorld) -> None:
    await ask(garage.accept_invitation, "ben", {"token": (await invite()).body["token"]})
    assert (await ask(garage.remove_member, "ada", vehicle_id=VEHICLE, user_id="user-ada")).status == 204
    assert stored(world).members == {}
    assert (await ask(garage.make_claim_code, vehicle_id=VEHICLE)).status == 201


async def test_what_could_not_be_handed_on_is_handed_on_by_the_timer(
    world: MemoryWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    from shared.errors import Unavailable

    async def down(*_: object) -> None:
        raise Unavailable("the broker is away")

    token = (await invite()).body["token"]
    with monkeypatch.context() as away:
        away.setattr(world.people, "commit", down)
        assert (await ask(garage.accept_invitation, "ben", {"token": token})).status == 201
    assert len(stored(world).outbox) == 2
    assert (await ask(garage.read_own_vehicles, "ben")).body["items"] == []
    due = stored(world).due
    assert due is not None
    assert (VEHICLE, due) in (await world.states.due(NOON)).items
    await wake.wake_due(message(messages.encode_wake(VEHICLE, due)))
    assert (stored(world).outbox, stored(world).due) == ((), None)
    assert len((await ask(garage.read_own_vehicles, "ben")).body["items"]) == 1
