"""Partners' endpoints, what could not be delivered, and trails, over HTTP and the queues."""

import base64
import json
from dataclasses import replace
from typing import Any, cast

import pytest

from functions import deliveries, inbox, notifications, parked, webhooks
from shared.codec import messages
from shared.codec.trails import dead_letter_id, webhook_body
from shared.domain.history import day_of
from shared.domain.inbox import Outcome, Reply, endpoint_recipient
from shared.domain.kinds import Channel
from shared.domain.person import PersonId
from shared.domain.principal import Kind, Principal, Scope
from shared.domain.profile import Consent
from shared.domain.webhooks import ENDPOINTS, GIVES_UP_AFTER, OVERLAP
from shared.use_cases.attempts import MOST_ATTEMPTS
from tests.examples import BRAND, NOON, VEHICLE
from tests.functions.conftest import ask
from tests.functions.test_events import message
from tests.functions.test_telling import deliver, fact, mail_of, mailed, tell
from tests.memory import MemoryWorld

DAY = 86_400_000
URL = "https://partner.example/hook"
RETRY = Reply(Outcome.RETRYING, "500")


@pytest.fixture
def partner(world: MemoryWorld) -> MemoryWorld:
    """A partner that the owner agreed to, and one that the owner did not."""
    scopes = frozenset({Scope.NOTIFICATIONS.value})
    for name in ("partner-1", "partner-2"):
        world.tokens.held[name] = Principal(name, BRAND, Kind.PARTNER, scopes=scopes)
    agree(world, True)
    return world


def agree(world: MemoryWorld, granted: bool, at: int = NOON) -> None:
    held = world.profiles.shelf.held[VEHICLE]
    consent = Consent("partner.partner-1", 1, granted, "terms", 30, "user-ada", at)
    changed = replace(held.value, consents={consent.purpose: consent})
    world.profiles.shelf.held[VEHICLE] = replace(held, value=changed)


async def made(token: str = "partner-1", **body: Any) -> str:
    answer = await ask(webhooks.make_webhook, token, {"url": URL} | body)
    assert answer.status == 201
    world = cast(MemoryWorld, webhooks.world())  # type: ignore[attr-defined]
    await deliver(world)  # the challenge, which is echoed
    assert [call.challenge != "" for call in world.caller.sent] == [True]
    world.caller.sent.clear()
    return str(answer.body["id"])


def event_of(world: MemoryWorld, endpoint: str, number: int = 0) -> Any:
    recipient = endpoint_recipient(BRAND, endpoint, NOON)
    return next(i for i in world.inbox.items if i.recipient == recipient and i.notification.id == fact(number).id)


# ---- endpoints


async def test_a_partner_makes_changes_and_drops_an_endpoint_of_its_own(partner: MemoryWorld) -> None:
    id = await made(kinds=["battery_low"])
    found = (await ask(webhooks.read_webhook, "partner-1", endpoint_id=id)).body
    assert (found["url"], found["kinds"], found["enabled"], found["partner"]) == (
        URL,
        ["battery_low"],
        True,
        "partner-1",
    )
    assert "secret" not in found, "it is shown once"
    body = {"url": URL + "2", "kinds": [], "enabled": False}
    changed = (await ask(webhooks.put_webhook, "partner-1", body, endpoint_id=id)).body
    assert (changed["url"], changed["enabled"], changed["reason"]) == (URL + "2", False, "switched off")
    assert [e["id"] for e in (await ask(webhooks.list_webhooks, "partner-1")).body["items"]] == [id]
    assert (await ask(webhooks.list_webhooks, "partner-2")).body["items"] == []
    assert (await ask(webhooks.read_webhook, "partner-2", endpoint_id=id)).status == 404
    for status in (204, 404):
        assert (await ask(webhooks.drop_webhook, "partner-1", endpoint_id=id)).status == status


async def test_an_endpoint_is_made_once_a_key(partner: MemoryWorld) -> None:
    key = {"idempotency-key": "k"}
    answers = [await ask(webhooks.make_webhook, "partner-1", {"url": URL}, headers=key) for _ in range(2)]
    assert answers[0].body == answers[1].body
    other = await ask(webhooks.make_webhook, "partner-1", {"url": URL + "2"}, headers=key)
    assert (other.status, other.code) == (422, "idempotency_key_reused")


async def test_who_it_belongs_to_is_said_by_an_operator_and_never_by_another_partner(partner: MemoryWorld) -> None:
    assert (await ask(webhooks.make_webhook, "operator", {"url": URL})).code == "invalid_body"
    assert (await ask(webhooks.make_webhook, "operator", {"url": URL, "partner": "partner-9"})).status == 201
    assert (await ask(webhooks.make_webhook, "partner-1", {"url": URL, "partner": "partner-2"})).code == "forbidden"


async def test_a_brand_has_so_many_endpoints(partner: MemoryWorld) -> None:
    for _ in range(ENDPOINTS):
        await made()
    answer = await ask(webhooks.make_webhook, "partner-1", {"url": URL})
    assert (answer.status, answer.code) == (409, "too_many_endpoints")


@pytest.mark.parametrize("url", ["http://partner.example/", "https://127.0.0.1/", "https://user@partner.example/", "x"])
async def test_what_is_not_public_is_refused_when_it_is_said(partner: MemoryWorld, url: str) -> None:
    assert (await ask(webhooks.make_webhook, "partner-1", {"url": url})).code == "invalid_url"
    id = await made()
    assert (await ask(webhooks.put_webhook, "partner-1", {"url": url}, endpoint_id=id)).code == "invalid_url"


async def test_a_new_secret_signs_beside_the_old_one_for_a_day(partner: MemoryWorld) -> None:
    answer = (await ask(webhooks.make_webhook, "partner-1", {"url": URL})).body
    id, first = answer["id"], answer["secret"]
    await deliver(partner)
    partner.caller.sent.clear()
    second = (await ask(webhooks.rotate_webhook_secret, "partner-1", endpoint_id=id)).body["secret"]
    assert first != second
    assert first.startswith("whsec_")
    for passed in (0, OVERLAP + 60_000):
        await ask(webhooks.try_webhook, "partner-1", endpoint_id=id)
        await deliver(partner, partner.clock() + passed)
    signed = [["whsec_" + base64.b64encode(s).decode() for s in call.secrets] for call in partner.caller.sent]
    assert signed == [[second, first], [second]]


# ---- what is sent


async def test_a_partner_is_told_what_it_asked_for_of_whose_owner_agreed(partner: MemoryWorld) -> None:
    ids = [await made(), await made(kinds=["silent"]), await made("partner-2")]
    await tell(replace(fact(), facts={"Vehicle.Speed": 1.5}))
    await deliver(partner)
    (call,) = partner.caller.sent
    assert call.url == URL
    assert json.loads(webhook_body(call.told)) == {
        "type": "vehicle.battery_low",
        "timestamp": "2026-11-22T12:00:00.000Z",
        "data": {"notificationId": fact().id, "vehicleId": VEHICLE, "facts": {"Vehicle.Speed": 1.5}},
    }
    listed = (
        await ask(webhooks.list_webhook_events, "partner-1", query={"day": day_of(NOON)}, endpoint_id=ids[0])
    ).body
    assert [(e["kind"], e["delivery"]["outcome"]) for e in listed["items"]] == [("battery_low", "sent")]


@pytest.mark.parametrize(
    ("change", "reason"),
    [("consent", "no consent"), ("kinds", "not asked for"), ("off", "endpoint is off"), ("gone", "no such endpoint")],
)
async def test_what_changes_while_it_waits_is_looked_at_again(partner: MemoryWorld, change: str, reason: str) -> None:
    id = await made()
    await tell(fact())
    if change == "consent":
        agree(partner, False)
    elif change == "gone":
        await ask(webhooks.drop_webhook, "partner-1", endpoint_id=id)
    else:
        body = {"url": URL, "kinds": ["silent"] if change == "kinds" else [], "enabled": change != "off"}
        await ask(webhooks.put_webhook, "partner-1", body, endpoint_id=id)
    await deliver(partner)
    delivery = event_of(partner, id).deliveries[Channel.WEBHOOK]
    assert (delivery.outcome, delivery.reason, partner.caller.sent) == ("suppressed", reason, [])


async def test_a_system_is_told_for_days_though_people_would_not_be(partner: MemoryWorld) -> None:
    id = await made()
    partner.caller.replies = [RETRY] * 9
    await tell(fact())
    await deliver(partner)
    delivery = event_of(partner, id).deliveries[Channel.WEBHOOK]
    assert (delivery.outcome, len(delivery.attempts), len({c.key for c in partner.caller.sent})) == ("sent", 10, 1)
    assert delivery.attempts[-1].at - delivery.attempts[0].at > 3 * DAY


async def test_an_endpoint_that_is_gone_is_off_at_once_and_the_operators_are_told(partner: MemoryWorld) -> None:
    id = await made()
    partner.caller.replies = [Reply(Outcome.FAILED, "410", gone=True)]
    await tell(fact(0))
    await deliver(partner)
    found = (await ask(webhooks.read_webhook, "partner-1", endpoint_id=id)).body
    assert (found["enabled"], found["reason"]) == (False, "gone")
    (notice,) = partner.notifications.contents
    await tell(notice)
    (item,) = (await ask(inbox.read_inbox, "operator")).body["items"]
    assert (item["kind"], item["facts"]["endpoint"], item["facts"]["reason"]) == ("webhook_disabled", id, "gone")
    await tell(fact(1))
    assert len(partner.deliveries.sent) == 0
    back = await ask(webhooks.put_webhook, "partner-1", {"url": URL}, endpoint_id=id)
    assert (back.body["enabled"], back.body["reason"], back.body["failingSince"]) == (True, "", None)


async def test_five_days_of_failures_switch_it_off_with_one_notice(partner: MemoryWorld) -> None:
    id, at = await made(), NOON
    for number in range(4):
        partner.caller.replies = [RETRY] * 20
        await tell(fact(number))
        await deliver(partner, at)
        at += 2 * DAY
    found = (await ask(webhooks.read_webhook, "partner-1", endpoint_id=id)).body
    assert (found["enabled"], found["reason"]) == (False, "failing")
    assert len({n.id for n in partner.notifications.contents}) == 1
    assert GIVES_UP_AFTER == 5 * DAY


async def test_a_test_event_is_sent_whatever_is_heard(partner: MemoryWorld) -> None:
    id = await made(kinds=["silent"])
    sent = await ask(webhooks.try_webhook, "partner-1", endpoint_id=id)
    assert (sent.status, sent.body["kind"]) == (202, "test")
    await deliver(partner)
    assert [json.loads(webhook_body(c.told))["type"] for c in partner.caller.sent] == ["vehicle.test"]
    trail = await ask(inbox.read_trail, "partner-1", notification_id=sent.body["notificationId"])
    assert [d["outcome"] for d in trail.body["items"][0]["deliveries"]] == ["sent"]
    assert (await ask(inbox.read_trail, "partner-2", notification_id=sent.body["notificationId"])).status == 404


async def test_any_event_of_thirty_days_is_sent_again_under_its_id(partner: MemoryWorld) -> None:
    agree(partner, True, NOON - 60 * DAY)
    id = await made()
    now = partner.clock()
    told = [replace(fact(n, at=now - days * DAY), expires_at=None) for n, days in enumerate((0, 29, 32))]
    await tell(*told)
    await deliver(partner, now)
    keys = [call.key for call in partner.caller.sent]
    items = {i.notification.id: i for i in partner.inbox.items if i.recipient.user.startswith(f"@{id}")}
    events = [f"{day_of(n.at)}.{items[n.id].id}" for n in told]
    answers = [
        await ask(webhooks.replay_webhook_event, "partner-1", endpoint_id=id, event_id=e)
        for e in (*events, "2026-11-22.none", "x", "2026-11-22.", "..")
    ]
    assert [a.status for a in answers] == [202, 202, 404, 404, 404, 404, 404]
    await deliver(partner, now)
    assert [call.key for call in partner.caller.sent[3:]] == keys[:2]
    assert len(items[told[0].id].deliveries[Channel.WEBHOOK].attempts) == 1
    again = (await partner.inbox.load(items[told[0].id].recipient, items[told[0].id].id)).value
    assert (len(again.deliveries[Channel.WEBHOOK].attempts), again.deliveries[Channel.WEBHOOK].generation) == (2, 1)


# ---- what could not be delivered


async def failed(world: MemoryWorld) -> str:
    mailed(world)
    world.mailer.replies = [Reply(Outcome.FAILED, "smtp 550 5.1.1")]
    await tell(fact())
    await deliver(world)
    item = next(i for i in world.inbox.items if i.recipient == PersonId(BRAND, "user-ada"))
    return dead_letter_id(item)


async def test_what_failed_is_listed_read_and_replayed_under_its_key(world: MemoryWorld) -> None:
    id = await failed(world)
    listed = (await ask(webhooks.list_dead_letters)).body["items"]
    assert [(d["id"], d["recipient"], d["deliveries"][0]["reason"]) for d in listed] == [
        (id, "user-ada", "smtp 550 5.1.1")
    ]
    assert (await ask(webhooks.list_dead_letters, "rival")).body["items"] == []
    read = (await ask(webhooks.read_dead_letter, letter_id=id)).body
    assert [a["outcome"] for a in read["deliveries"][0]["attempts"]] == ["failed"]
    assert "read_dead_letter" in {a.what for a in world.audit.held.values()}
    for _ in range(2):
        assert (await ask(webhooks.replay_dead_letter, letter_id=id)).status == 202
    await deliver(world)
    assert len(world.mailer.sent) == 2
    assert len({m.key for m in world.mailer.sent}) == 1
    assert mail_of(world).outcome is Outcome.SENT
    assert (await ask(webhooks.list_dead_letters)).body["items"] == []
    assert (await ask(webhooks.replay_dead_letter, letter_id=id)).status == 404


async def test_a_replay_whose_handing_over_failed_is_made_up_for_by_asking_again(
    world: MemoryWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.functions.test_events import _down

    id = await failed(world)
    with monkeypatch.context() as away:
        away.setattr(world.deliveries, "send", _down)
        assert (await ask(webhooks.replay_dead_letter, letter_id=id)).status == 503
    assert (await ask(webhooks.replay_dead_letter, letter_id=id)).status == 202
    await deliver(world)
    assert mail_of(world).outcome is Outcome.SENT


async def test_what_is_let_go_is_listed_no_more_and_its_trail_stays(world: MemoryWorld) -> None:
    id = await failed(world)
    for status in (204, 404):
        assert (await ask(webhooks.discard_dead_letter, letter_id=id)).status == status
    assert (await ask(webhooks.list_dead_letters)).body["items"] == []
    trail = (await ask(inbox.read_trail, notification_id=fact().id)).body["items"][0]["deliveries"]
    mail = next(d for d in trail if d["channel"] == "email")
    assert (mail["outcome"], mail["reason"], len(mail["attempts"])) == ("suppressed", "discarded: smtp 550 5.1.1", 1)


@pytest.mark.parametrize("id", ["x", "W10", "WyJhIl0", "WyJhIiwiIl0", "bnVsbA", "é", "A" * 5000])
async def test_a_dead_letter_that_is_none_is_not_found(world: MemoryWorld, id: str) -> None:
    for handler in (webhooks.read_dead_letter, webhooks.replay_dead_letter, webhooks.discard_dead_letter):
        assert (await ask(handler, letter_id=id)).status == 404


# ---- messages of our own queues that were given up


async def test_a_message_that_was_given_up_is_handed_over_again_by_its_own_brands_operator(
    world: MemoryWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.functions.test_events import _down

    mailed(world)
    with monkeypatch.context() as away:
        away.setattr(world.profiles, "load", _down)
        body = messages.encode_notification(fact(), MOST_ATTEMPTS - 1)
        await notifications.plan_notification(message(body))
    await tell(fact())
    (turn,) = world.deliveries.contents
    with monkeypatch.context() as away:
        away.setattr(world.inbox, "load", _down)
        await deliveries.deliver_notification(message(messages.encode_turn(turn, MOST_ATTEMPTS - 1)))
    world.deliveries.sent.clear()
    listed = (await ask(parked.list_parked)).body["items"]
    assert {(p["source"], p["device"], p["reason"]) for p in listed} == {
        ("notifications", f"@{BRAND}/{VEHICLE}", "unavailable"),
        ("deliveries", f"@{BRAND}/", "unavailable"),
    }
    assert (await ask(parked.list_parked, "rival")).body["items"] == []
    for one in listed:
        assert (await ask(parked.read_parked, "rival", name=one["name"])).status == 404
        assert (await ask(parked.replay_parked, name=one["name"])).body["outcome"] == "applied"
    assert [n.id for n in world.notifications.contents] == [fact().id]
    (again,) = world.deliveries.contents
    assert again._replace(number=0) == turn
    assert messages.turn_message_id(again, 0) != messages.turn_message_id(turn, 0)


async def test_all_that_was_given_up_is_handed_over_again_at_once(
    world: MemoryWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.functions.test_events import _down

    with monkeypatch.context() as away:
        away.setattr(world.profiles, "load", _down)
        for number in range(3):
            await notifications.plan_notification(
                message(messages.encode_notification(fact(number), MOST_ATTEMPTS - 1))
            )
    assert (await ask(parked.replay_all_parked, body={})).body == {"outcomes": {"applied": 3}, "more": False}
    assert (await ask(parked.replay_all_parked, body={})).body == {"outcomes": {}, "more": False}
    assert len(world.notifications.contents) == 3


# ---- trails


async def test_a_trail_shows_each_only_the_own_part(partner: MemoryWorld) -> None:
    mailed(partner)
    id = await made()
    await tell(fact())
    await deliver(partner)

    async def recipients(token: str) -> list[str]:
        answer = await ask(inbox.read_trail, token, notification_id=fact().id)
        return [item["recipient"] for item in answer.body["items"]] if answer.status == 200 else []

    assert await recipients("operator") == [id, "user-ada"]
    assert await recipients("ada") == ["user-ada"]
    assert await recipients("partner-1") == [id]
    assert [await recipients(token) for token in ("ben", "partner-2", "rival")] == [[], [], []]
    assert (await ask(inbox.read_trail, "car", notification_id=fact().id)).status == 403
