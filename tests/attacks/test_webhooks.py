"""What is signed as ours to a partner: only what is ours, of whose owner agreed, to who listens there."""

import json
from dataclasses import replace
from typing import Any

import pytest

from functions import deliveries, inbox, rules, webhooks
from shared.codec import messages
from shared.codec.documents import notification, notification_document
from shared.codec.inbox import endpoint as stored_endpoint
from shared.codec.inbox import endpoint_document
from shared.codec.trails import webhook_body
from shared.domain import conditions
from shared.domain.history import day_of
from shared.domain.inbox import Outcome, Reply
from shared.domain.kinds import CONDITION_KINDS, KINDS, OURS, RULE_KINDS, THRESHOLD_KINDS, Channel
from shared.domain.notification import Notification
from shared.domain.preferences import Preferences
from shared.domain.rules import Rule
from shared.domain.webhooks import VERIFIED_WITHIN, Endpoint
from shared.use_cases.outgoing import WAITS
from tests.examples import BRAND, NOON, VEHICLE, cloud_event, encoded
from tests.functions.conftest import ask
from tests.functions.test_events import ingest, message, received
from tests.functions.test_telling import deliver, fact, mailed, tell
from tests.functions.test_webhooks import URL, agree, event_of, made, partner
from tests.memory import MemoryWorld

__all__ = ["partner"]

DAY = 86_400_000
SPEED = "Vehicle.Speed"
SYSTEMS = sorted(KINDS.keys() - RULE_KINDS)


async def reports(signals: dict[str, float]) -> None:
    body = cloud_event(data={"samples": [{"time": "2026-11-22T12:00:00Z", "signals": signals}]})
    await ingest(received(0, encoded(body)))


async def rule_of_ones_own(world: MemoryWorld, id: str = "r", **rule: Any) -> None:
    """As a secondary user of the vehicle makes it."""
    body = {"id": id, **rule}
    assert (await ask(rules.put_vehicle_rule, "ada", body, vehicle_id=VEHICLE, rule_id=id)).status == 200


def fast(name: str) -> dict[str, Any]:
    return {"kind": "threshold", "signal": SPEED, "above": 1, "clears": 0, "name": name, "confirmSeconds": 0}


async def told(world: MemoryWorld) -> list[Notification]:
    found = world.notifications.contents
    world.notifications.sent.clear()
    await tell(*found)
    return found


# ---- who raises which kind


@pytest.mark.parametrize("name", [*SYSTEMS, "moving_while_off", "battery_low", "geofence_entered_over"])
async def test_a_rule_of_a_vehicles_own_tells_under_no_name_but_its_own_kind(partner: MemoryWorld, name: str) -> None:
    id = await made()
    mailed(partner, Preferences(channels={"*": {Channel.EMAIL: False}}))
    await rule_of_ones_own(partner, **fast(name))
    await reports({SPEED: 50.0})
    (raised,) = await told(partner)
    assert (raised.kind, raised.facts["name"], raised.facts["own"]) == ("rule_triggered", name, True)
    await deliver(partner)
    assert partner.mailer.sent == [], "nothing passes what a person wants to hear of"
    (call,) = partner.caller.sent
    assert json.loads(webhook_body(call.told))["type"] == "vehicle.rule_triggered"
    assert event_of_kind(partner, id) == ["rule_triggered"]


def event_of_kind(world: MemoryWorld, endpoint: str) -> list[str]:
    found = (i for i in world.inbox.items if i.recipient.user.startswith(f"@{endpoint}") and i.shown)
    return [item.notification.kind for item in found]


async def test_a_rule_of_a_vehicles_own_never_concerns_safety_and_is_mailed_so_often_and_no_more(
    world: MemoryWorld,
) -> None:
    mailed(world, Preferences(channels={"*": {Channel.EMAIL: True}}))
    for number in range(10):
        await rule_of_ones_own(world, f"r{number}", **fast("moving_while_off"))
    await reports({SPEED: 50.0})
    raised = await told(world)
    assert {(n.kind, n.urgency) for n in raised} == {("rule_triggered", "normal")}
    assert sum(i.deliveries[Channel.EMAIL].outcome is Outcome.PLANNED for i in world.inbox.items) == 6


async def test_a_brands_rule_raises_the_kind_of_its_condition_and_by_name_only_what_is_meant_for_names(
    world: MemoryWorld,
) -> None:
    named = [{"id": f"r{n}", **fast(name)} for n, name in enumerate(("digest", "moving_while_off", "battery_low"))]
    assert (await ask(rules.publish_default_rules, body={"rules": named})).status == 200
    await reports({SPEED: 50.0})
    assert [n.kind for n in await told(world)] == ["rule_triggered", "rule_triggered", "battery_low"]


def test_kinds_are_a_closed_set_of_which_rules_raise_some_and_the_system_the_others() -> None:
    classes = [found for found in Rule.__subclasses__() if found.__module__ == conditions.__name__]
    shapes = {kind: CONDITION_KINDS.get(kind) for kind in (found.kind for found in classes)}
    assert shapes == {**CONDITION_KINDS, "threshold": None}
    assert KINDS.keys() > RULE_KINDS
    assert not RULE_KINDS & OURS
    assert THRESHOLD_KINDS < RULE_KINDS
    with pytest.raises(KeyError):
        Notification.of_fact("f", "tyre_low", VEHICLE, BRAND, NOON, {}, None)


# ---- what was stored before kinds were a closed set


@pytest.mark.parametrize(
    ("kind", "read_as", "name"),
    [
        ("tyre_low", "rule_triggered", "tyre_low"),
        ("tyre_low_over", "rule_triggered_over", "tyre_low"),
        ("contact_verification", "rule_triggered", "contact_verification"),
        ("test", "rule_triggered", "test"),
        ("battery_low", "battery_low", None),
        ("geofence_left", "geofence_left", None),
    ],
)
def test_what_a_rule_raised_before_is_read_as_what_it_is(kind: str, read_as: str, name: str | None) -> None:
    before = Notification("n", kind, VEHICLE, BRAND, NOON, {SPEED: 1.0}, collapse="x")
    read = notification(notification_document(before))
    assert (read.id, read.at, read.facts[SPEED]) == ("n", NOON, 1.0)
    assert (read.kind, read.facts.get("name")) == (read_as, name)


async def test_what_was_said_of_a_kind_before_holds_for_rules_of_its_condition(partner: MemoryWorld) -> None:
    fence = {"latitude": 48.0, "longitude": 11.0, "radius": 500}
    await rule_of_ones_own(partner, "home", kind="geofence", circle=fence)
    mailed(partner, Preferences(channels={"geofence_entered": {Channel.INBOX: False}}))
    wants, other = await made(kinds=["geofence_entered"]), await made(kinds=["silent"])
    place = {"Vehicle.CurrentLocation.Latitude": 48.0, "Vehicle.CurrentLocation.Longitude": 11.0}
    await reports(place)
    (raised,) = await told(partner)
    assert (raised.kind, raised.facts["name"], raised.facts["condition"]) == ("rule_triggered", "home", "geofence")
    assert (event_of_kind(partner, wants), event_of_kind(partner, other)) == (["rule_triggered"], [])
    assert (await ask(inbox.read_inbox, "ada")).body["items"] == []


async def test_a_name_of_a_vehicles_own_rule_is_no_filter_and_a_brands_is(partner: MemoryWorld) -> None:
    hears = await made(kinds=["tyre_low"])
    await rule_of_ones_own(partner, **fast("tyre_low"))
    await reports({SPEED: 50.0})
    await told(partner)
    assert event_of_kind(partner, hears) == []
    brands = Notification.of_fact("f", "rule_triggered", VEHICLE, BRAND, NOON, {"name": "tyre_low", "own": False}, None)
    await tell(brands)
    assert event_of_kind(partner, hears) == ["rule_triggered"]


# ---- consent and ownership, for then and for now


async def test_what_is_about_a_vehicle_needs_consent_whatever_it_is_called(partner: MemoryWorld) -> None:
    """A test too: only one that is about nothing goes without."""
    id = await made()
    await ask(webhooks.try_webhook, "partner-1", endpoint_id=id)
    (turn, *_), *_ = partner.deliveries.sent
    found = await partner.inbox.load(turn.recipient, turn.item)
    forged = replace(found.value, notification=replace(found.value.notification, vehicle_id=VEHICLE))
    await partner.inbox.commit(forged, found.version)
    agree(partner, False)
    await deliver(partner)
    after = (await partner.inbox.load(turn.recipient, turn.item)).value.deliveries[Channel.WEBHOOK]
    assert (after.outcome, after.reason, partner.caller.sent) == ("suppressed", "no consent", [])


async def replayed(world: MemoryWorld, id: str) -> tuple[str, str, int]:
    """What became of the delivery of the fact once its partner asked for it again; and how often it was called."""
    item = event_of(world, id)
    event = f"{day_of(NOON)}.{item.id}"
    assert (await ask(webhooks.replay_webhook_event, "partner-1", endpoint_id=id, event_id=event)).status == 202
    await deliver(world)
    delivery = event_of(world, id).deliveries[Channel.WEBHOOK]
    return delivery.outcome, delivery.reason, len(world.caller.sent)


async def sent(world: MemoryWorld) -> str:
    id = await made()
    await tell(fact())
    await deliver(world)
    return id


async def test_a_replay_gives_nothing_of_before_the_consent(partner: MemoryWorld) -> None:
    id = await sent(partner)
    agree(partner, True, NOON + DAY)
    assert await replayed(partner, id) == ("suppressed", "no consent", 1)


async def test_a_replay_gives_nothing_of_another_owner(partner: MemoryWorld) -> None:
    id = await sent(partner)
    held = partner.profiles.shelf.held[VEHICLE]
    partner.profiles.shelf.held[VEHICLE] = replace(held, value=replace(held.value, owned_since=NOON + 1))
    assert await replayed(partner, id) == ("suppressed", "no consent", 1)


async def test_a_consent_that_was_given_anew_takes_nothing_away(partner: MemoryWorld) -> None:
    profile = partner.profiles.shelf.held[VEHICLE].value
    partner.profiles.said.append((VEHICLE, profile.consents["partner.partner-1"]))
    id = await sent(partner)
    agree(partner, True, NOON + DAY)
    assert await replayed(partner, id) == ("sent", "200", 2)


async def test_what_came_about_while_it_was_refused_stays_untold(partner: MemoryWorld) -> None:
    granted = partner.profiles.shelf.held[VEHICLE].value.consents["partner.partner-1"]
    refused = replace(granted, granted=False, version=2, at=NOON + 1_000)
    partner.profiles.said += [(VEHICLE, granted), (VEHICLE, refused)]
    agree(partner, True, NOON + 2_000)
    id = await made()
    await tell(fact(0), fact(1, at=NOON + 1_500), fact(2, at=NOON + 2_000))
    found = [i.notification.id for i in partner.inbox.items if i.recipient.user.startswith(f"@{id}") and i.shown]
    assert found == [fact(0).id, fact(2).id]


# ---- where an endpoint listens


async def test_nothing_is_sent_to_an_endpoint_before_it_echoed_its_challenge_and_what_waits_is_kept(
    partner: MemoryWorld,
) -> None:
    partner.caller.replies = [Reply(Outcome.RETRYING, "challenge not echoed")] * 2
    id = (await ask(webhooks.make_webhook, "partner-1", {"url": URL})).body["id"]
    assert (await ask(webhooks.read_webhook, "partner-1", endpoint_id=id)).body["verified"] is False
    await tell(fact())
    await deliver(partner)
    assert [bool(call.challenge) for call in partner.caller.sent] == [True, True, True, False]
    assert partner.caller.sent[-1].told.id == fact().id
    assert (await ask(webhooks.read_webhook, "partner-1", endpoint_id=id)).body["verified"] is True


async def test_another_url_is_asked_again_and_hears_nothing_until_then(partner: MemoryWorld) -> None:
    id = await made()
    partner.caller.replies = [Reply(Outcome.RETRYING, "401")]
    moved = {"url": "https://elsewhere.example/", "kinds": []}
    answer = await ask(webhooks.put_webhook, "operator", moved, endpoint_id=id)
    assert answer.body["verified"] is False
    await tell(fact())
    await deliver(partner)
    calls = [(call.url, bool(call.challenge)) for call in partner.caller.sent]
    assert calls == [(moved["url"], True), (moved["url"], True), (moved["url"], False)]
    await ask(webhooks.put_webhook, "operator", moved | {"kinds": ["silent"]}, endpoint_id=id)
    assert partner.deliveries.sent == [], "the same URL need not be asked again"


async def test_a_challenge_of_another_url_verifies_nothing(partner: MemoryWorld) -> None:
    id = (await ask(webhooks.make_webhook, "partner-1", {"url": URL})).body["id"]
    (late,) = partner.deliveries.sent
    partner.deliveries.sent.clear()
    await ask(webhooks.put_webhook, "partner-1", {"url": URL + "2"}, endpoint_id=id)
    partner.deliveries.sent = [late]
    await deliver(partner)
    assert (partner.caller.sent, await verified(partner, id)) == ([], False)


async def verified(world: MemoryWorld, id: str) -> bool:
    return bool((await ask(webhooks.read_webhook, "partner-1", endpoint_id=id)).body["verified"])


async def test_who_never_echoes_is_switched_off_after_three_days_and_asked_anew_when_switched_on(
    partner: MemoryWorld,
) -> None:
    partner.caller.replies = [Reply(Outcome.RETRYING, "challenge not echoed")] * 10
    id = (await ask(webhooks.make_webhook, "partner-1", {"url": URL})).body["id"]
    await deliver(partner)
    found = (await ask(webhooks.read_webhook, "partner-1", endpoint_id=id)).body
    assert (found["enabled"], found["reason"], VERIFIED_WITHIN) == (False, "not verified", 3 * DAY)
    assert [n.kind for n in partner.notifications.contents] == ["webhook_disabled"]
    partner.caller.replies.clear()
    await ask(webhooks.put_webhook, "partner-1", {"url": URL}, endpoint_id=id)
    await deliver(partner)
    assert await verified(partner, id)


async def test_a_challenge_can_be_asked_for_at_once(partner: MemoryWorld) -> None:
    id = (await ask(webhooks.make_webhook, "partner-1", {"url": URL})).body["id"]
    partner.deliveries.sent.clear()
    asked = await ask(webhooks.verify_webhook, "partner-1", endpoint_id=id)
    assert (asked.status, asked.body["kind"]) == (202, "webhook_verification")
    await deliver(partner)
    assert await verified(partner, id)
    assert (await ask(webhooks.verify_webhook, "partner-2", endpoint_id=id)).status == 404


async def test_a_test_waits_for_the_challenge_too(partner: MemoryWorld) -> None:
    id = (await ask(webhooks.make_webhook, "partner-1", {"url": URL})).body["id"]
    partner.deliveries.sent.clear()
    await ask(webhooks.try_webhook, "partner-1", endpoint_id=id)
    for _ in range(3):
        turn, _, delay = partner.deliveries.sent.pop(0)
        partner.clock.at += round(delay * 1000)
        partner.deliveries.sent.append((turn, 0, 0.0))
        await one_turn(partner)
    assert partner.caller.sent == []
    assert partner.deliveries.sent[-1][2] >= WAITS[0] / 1000


async def one_turn(world: MemoryWorld) -> None:
    turn, _, _ = world.deliveries.sent.pop(0)
    await deliveries.deliver_notification(message(messages.encode_turn(turn, 0)))


def test_an_endpoint_of_before_there_were_challenges_is_taken_as_verified() -> None:
    before = endpoint_document(Endpoint("whe-1", BRAND, "partner-1", URL, frozenset(), NOON))
    del before["unverifiedSince"]
    assert stored_endpoint(before).unverified_since is None


async def test_who_has_strangers_called_may_do_so_only_so_often(partner: MemoryWorld) -> None:
    id = (await ask(webhooks.make_webhook, "partner-1", {"url": URL})).body["id"]
    bodies = [{"url": f"https://stranger.example/{number}"} for number in range(70)]
    answers = [await ask(webhooks.put_webhook, "partner-1", body, endpoint_id=id) for body in bodies]
    assert {(a.status, a.body["verified"]) for a in answers} == {(200, False)}
    assert len({turn.item for turn in partner.deliveries.contents}) == 60
    for _ in range(2):
        await ask(webhooks.make_webhook, "partner-2", {"url": "https://stranger.example/x"})
    assert len({turn.item for turn in partner.deliveries.contents}) == 61, "60 to this host, whoever has it called"
    asked = await ask(webhooks.verify_webhook, "partner-1", endpoint_id=id)
    assert (asked.status, asked.code, asked.headers["Retry-After"]) == (429, "too_many_challenges", "60")
