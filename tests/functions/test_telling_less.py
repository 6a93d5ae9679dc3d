"""Privacy at the door, consents, and what is worth telling."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from functions import privacy, rules, states
from functions import wake as wake_functions
from shared.codec import messages
from shared.domain.notification import Notification
from shared.domain.profile import PURPOSES
from shared.domain.rules import CORNERS, OWN_RULES
from shared.use_cases import privacy as use_case
from shared.use_cases.ingest import Ingest
from tests.examples import NOON, VEHICLE, called, cloud_event, encoded
from tests.functions.conftest import ask
from tests.functions.test_events import ingest, low, message, outcomes, received, state
from tests.memory import MemoryWorld

BEGINS = use_case.BEGINS_AFTER


async def go(mode: str, token: str = "ada", **more: Any) -> Any:
    return await ask(privacy.change_privacy, token, {"mode": mode, **more}, vehicle_id=VEHICLE)


# ---- modes


async def test_the_answer_names_the_moment_from_which_it_holds(world: MemoryWorld) -> None:
    answer = await go("offline")
    assert answer.body == {"vehicleId": VEHICLE, "mode": "offline", "from": "2026-11-22T12:00:02.000Z", "until": None}
    shown = (await ask(privacy.read_privacy, "ada", vehicle_id=VEHICLE)).body
    assert (shown["mode"], shown["exclusions"][0]["from"]) == ("full", "2026-11-22T12:00:02.000Z")


async def test_the_next_event_on_any_instance_sees_the_change(world: MemoryWorld) -> None:
    warm, other = world.ingest, Ingest("telemetry", world.outside, 60_000)
    await ingest(received(0, low(0, soc=50)))
    await go("offline")
    await ingest(received(1, low(1, soc=49)), received(2, low(2, soc=5)), received(3, low(3, soc=5)))
    assert outcomes(world) == {"applied": 2, "suppressed": 2}
    world.ingest = other
    await ingest(received(4, low(4, soc=4)))
    world.ingest = warm
    await ingest(received(5, low(5, soc=4)))
    assert outcomes(world) == {"applied": 2, "suppressed": 4}
    assert (state(world).signals[next(iter(state(world).signals))].value, world.notifications.sent) == (49.0, [])


async def test_what_was_buffered_while_offline_stays_out_when_it_is_uploaded_afterwards(world: MemoryWorld) -> None:
    await go("offline", until="2026-11-22T12:01:00Z")
    await ingest(received(100, low(30, soc=5)), received(101, low(61, soc=50)), received(102, low(1, soc=50)))
    assert outcomes(world) == {"suppressed": 1, "applied": 2}
    assert sorted(s.at - NOON for s in state(world).open.samples) == [1_000, 61_000]


async def test_a_crash_between_the_change_and_the_next_event_changes_nothing(world: MemoryWorld) -> None:
    await ingest(received(0, low(0, soc=50)))
    await go("offline")
    world.ingest = Ingest("telemetry", world.outside, 60_000)
    await ingest(received(0, low(0, soc=50)), received(3, low(3, soc=5)))
    assert (outcomes(world)["suppressed"], world.notifications.sent) == (1, [])


async def test_a_change_that_takes_too_long_is_not_said_to_hold(
    world: MemoryWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert use_case.COMMITS_WITHIN * 1000 < BEGINS, "it holds before it begins, or it is not said to hold"
    monkeypatch.setattr(use_case, "COMMITS_WITHIN", 0.01)

    async def hang(*_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(world.profiles, "change", hang)
    answer = await go("offline")
    assert (answer.status, answer.code) == (503, "unavailable")


async def test_the_same_request_again_changes_nothing_and_names_the_same_moment(world: MemoryWorld) -> None:
    key: dict[str, Any] = {"headers": {"idempotency-key": "k"}, "vehicle_id": VEHICLE}
    first = await ask(privacy.change_privacy, "ada", {"mode": "offline"}, **key)
    world.clock.at = NOON + 60_000
    assert (await ask(privacy.change_privacy, "ada", {"mode": "offline"}, **key)).body == first.body
    assert len(state(world).policy.privacy.exclusions) == 1
    assert (await ask(privacy.change_privacy, "ada", {"mode": "full"}, **key)).code == "idempotency_key_reused"


@pytest.mark.parametrize(
    "body",
    [
        {"mode": "hidden"},
        {"mode": "full", "until": "2026-11-23T00:00:00Z"},
        {"mode": "offline", "until": "2026-11-22T12:00:01Z"},
        {"mode": "offline", "until": "2026-11-23T00:00:00"},
        {"until": "2026-11-23T00:00:00Z"},
    ],
)
async def test_a_mode_that_is_none_or_an_end_that_is_past_is_refused(world: MemoryWorld, body: dict[str, Any]) -> None:
    assert (await ask(privacy.change_privacy, "ada", body, vehicle_id=VEHICLE)).code == "invalid_body"


@pytest.mark.parametrize(("token", "code"), [("ben", "not_found"), ("car", "forbidden"), ("rival", "not_found")])
async def test_only_the_primary_user_or_an_operator_changes_it(world: MemoryWorld, token: str, code: str) -> None:
    assert (await go("offline", token)).code == code


async def test_of_a_private_vehicle_no_unreadable_body_is_kept(world: MemoryWorld) -> None:
    await go("offline", until="2026-11-22T12:01:00Z")
    await ingest(received(100, b"junk"))
    assert (outcomes(world), world.parking.held) == ({"parked": 1}, {})


async def test_a_connection_while_offline_is_not_told(world: MemoryWorld) -> None:
    from tests.functions.test_vehicle_routes import announced, connections

    await go("offline")
    await connections(announced(0, "deviceConnected", 5, second=10))
    assert (await ask(states.read_vehicle_state, vehicle_id=VEHICLE)).body["connected"] is None


# ---- consents


async def consent(granted: bool, purpose: str = "history", **more: Any) -> Any:
    body = {"granted": granted, "text": "terms-7", **more}
    return await ask(privacy.give_consent, "ada", body, vehicle_id=VEHICLE, purpose=purpose)


async def test_every_version_of_a_consent_stays(world: MemoryWorld) -> None:
    for granted in (True, True, False, True):
        answer = await consent(granted)
    assert answer.body["version"] == 3
    found = (await ask(privacy.read_consents, "ada", vehicle_id=VEHICLE, purpose="history")).body["versions"]
    assert [(c["version"], c["granted"], c["by"]) for c in found] == [
        (1, True, "user-ada"),
        (2, False, "user-ada"),
        (3, True, "user-ada"),
    ]


async def test_history_is_kept_as_long_as_was_consented_to_and_not_at_all_without(world: MemoryWorld) -> None:
    await consent(True, days=7)
    await ingest(received(0, low(0, soc=50)), received(601, low(601, soc=49)))
    assert [chunk.keep_days for chunk in world.histories.chunks.values()] == [7]
    await consent(False)
    await ingest(received(1300, low(1300, soc=48)))
    assert state(world).open.samples == (), "nothing new, and not what was still on its way"


async def test_as_many_purposes_are_kept_as_the_limit_says(world: MemoryWorld) -> None:
    for number in range(PURPOSES):
        assert (await consent(True, f"purpose-{number}")).status == 200
    assert (await consent(True, "one-more")).code == "too_many_consents"


@pytest.mark.parametrize("days", [0, 366, "7"])
async def test_history_is_kept_for_one_day_to_a_year(world: MemoryWorld, days: Any) -> None:
    assert (await consent(True, days=days)).code == "invalid_body"


# ---- rules

FENCE = {"id": "home", "kind": "geofence", "circle": {"latitude": 48.0, "longitude": 11.0, "radius": 500}}


async def put(rule: dict[str, Any], token: str = "ada") -> Any:
    return await ask(rules.put_vehicle_rule, token, rule, vehicle_id=VEHICLE, rule_id=str(rule["id"]))


def at_home(sequence: int) -> bytes:
    signals = {"Vehicle.CurrentLocation.Latitude": 48.0, "Vehicle.CurrentLocation.Longitude": 11.0}
    time = datetime.fromtimestamp(NOON / 1000 + sequence, UTC).isoformat()
    return encoded(cloud_event(sequence=str(sequence), data={"samples": [{"time": time, "signals": signals}]}))


async def test_the_very_next_event_is_held_against_a_new_rule(world: MemoryWorld) -> None:
    await ingest(received(0, low(0, soc=50)))
    await put(FENCE)
    await ingest(received(1, at_home(1)))
    assert [called(n) for n in world.notifications.contents] == ["geofence_entered"]


async def test_rules_are_read_replaced_and_taken_away(world: MemoryWorld) -> None:
    await put(FENCE)
    await put(FENCE | {"on": ["exit", "enter"], "enabled": False})
    found = (await ask(rules.read_vehicle_rules, "ada", vehicle_id=VEHICLE)).body["rules"]
    assert [(r["id"], r["on"], r["enabled"], r["circle"]["radius"]) for r in found] == [
        ("home", ["enter", "exit"], False, 500.0)
    ]
    assert (await ask(rules.drop_vehicle_rule, "ada", vehicle_id=VEHICLE, rule_id="home")).status == 204
    assert (await ask(rules.drop_vehicle_rule, "ada", vehicle_id=VEHICLE, rule_id="home")).code == "not_found"
    assert (await ask(rules.read_vehicle_rules, "ada", vehicle_id=VEHICLE)).body == {"rules": []}


async def test_a_vehicle_has_fifty_rules_of_its_own_and_not_one_more(world: MemoryWorld) -> None:
    for number in range(OWN_RULES):
        assert (await put(FENCE | {"id": f"fence-{number}"})).status == 200
    assert (await put(FENCE | {"id": "one-more"})).code == "too_many_rules"
    assert (await put(FENCE | {"id": "fence-0", "enabled": False})).status == 200


def corners(count: int) -> list[dict[str, float]]:
    return [{"latitude": n * 0.001, "longitude": (n % 7) * 0.001} for n in range(count)]


WRONG: list[dict[str, Any]] = [
    {"kind": "wish"},
    {"kind": "geofence"},
    {"kind": "geofence", "polygon": corners(2)},
    {"kind": "geofence", "polygon": corners(CORNERS + 1)},
    {"kind": "geofence", "polygon": corners(3), "circle": FENCE["circle"]},
    {"kind": "geofence", "polygon": [{"latitude": 0, "longitude": x} for x in (-170, 170, 0)]},
    {"kind": "geofence", "circle": {"latitude": 91, "longitude": 0, "radius": 500}},
    {"kind": "geofence", "circle": {"latitude": 0, "longitude": 0, "radius": 9}},
    {"kind": "threshold", "signal": "Vehicle.Speed", "clears": 5},
    {"kind": "threshold", "signal": "Vehicle.Speed", "below": 5, "above": 9, "clears": 5},
    {"kind": "threshold", "signal": "Vehicle.Speed", "below": 5, "clears": 4},
    {"kind": "threshold", "signal": "no path", "below": 5, "clears": 5},
    {"kind": "silent", "hours": 0},
    {"kind": "silent", "hours": 721},
    {"kind": "left_open", "holdSeconds": 86_401},
    {"kind": "trouble_code", "on": []},
    {"kind": "trouble_code", "on": ["never"]},
]


@pytest.mark.parametrize("rule", WRONG, ids=str)
async def test_a_rule_that_is_none_is_refused(world: MemoryWorld, rule: dict[str, Any]) -> None:
    assert (await put({"id": "r"} | rule)).code == "invalid_body"


async def test_a_polygon_may_have_a_hundred_corners(world: MemoryWorld) -> None:
    assert (await put({"id": "p", "kind": "geofence", "polygon": corners(CORNERS)})).status == 200


async def test_a_rule_goes_by_the_id_in_the_path(world: MemoryWorld) -> None:
    answer = await ask(rules.put_vehicle_rule, "ada", FENCE, vehicle_id=VEHICLE, rule_id="other")
    assert answer.code == "invalid_body"


@pytest.mark.parametrize(("token", "code"), [("ben", "not_found"), ("car", "forbidden")])
async def test_who_is_no_user_of_the_vehicle_changes_no_rule(world: MemoryWorld, token: str, code: str) -> None:
    assert (await put(FENCE, token)).code == code


async def test_a_brand_says_what_it_tells(world: MemoryWorld) -> None:
    shipped = (await ask(rules.read_default_rules)).body["rules"]
    assert [rule["id"] for rule in shipped][:2] == ["battery_low", "trouble_code"]
    low_at_30 = {"id": "battery_low", "kind": "threshold", "signal": shipped[0]["signal"], "below": 30, "clears": 35}
    await ask(rules.publish_default_rules, body={"rules": [low_at_30 | {"name": "battery_low"}]})
    await ingest(received(0, low(0, soc=29)), received(1, low(1, soc=29)))
    assert [n.kind for n in world.notifications.contents] == ["battery_low"]
    assert (await ask(rules.publish_default_rules, "ada", {"rules": []})).code == "forbidden"
    assert (await ask(rules.publish_default_rules, body={"rules": [low_at_30, low_at_30]})).code == "invalid_body"


async def test_silence_is_told_by_the_timer_and_not_while_the_vehicle_is_to_be_silent(world: MemoryWorld) -> None:
    await put({"id": "quiet", "kind": "silent", "hours": 2})
    await ingest(received(0, low(0, soc=50)))
    await go("offline", until="2026-11-22T18:00:00Z")
    for hours, told in ((5, 0), (7, 0), (8, 1), (20, 1)):
        world.clock.at = NOON + hours * 3_600_000
        await wake_functions.sweep_due(None)
        for vehicle, due in world.wakes.contents:
            await wake_functions.wake_due(message(messages.encode_wake(vehicle, due)))
        world.wakes.sent.clear()
        assert [called(n) for n in world.notifications.contents] == ["silent"] * told, hours


async def test_a_trouble_code_is_told_with_what_the_operator_says_that_it_means(world: MemoryWorld) -> None:
    from functions import brands, notifications

    await ask(brands.set_trouble_codes, body={"codes": {"P0420": "Catalyst below threshold"}})
    fact = Notification("n", "trouble_code_opened", VEHICLE, "aurora", NOON, {"code": "P0420"})
    await notifications.plan_notification(message(messages.encode_notification(fact, 0)))
    assert world.inbox.items[0].notification.facts["text"] == "Catalyst below threshold"
