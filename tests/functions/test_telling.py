"""How people are told, over HTTP and the queues: inbox, mail, preferences, words, digests."""

import asyncio
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from functions import deliveries, inbox, notifications, people, telling, wake
from functions import waiting as waits_of
from shared.codec import messages
from shared.domain.garage import Membership, Role
from shared.domain.inbox import OVERLAP, Delivery, Item, Outcome, Reply, item_id
from shared.domain.kinds import KINDS, Channel
from shared.domain.notification import Audience, Notification
from shared.domain.person import CODE_LIVES, CODE_TRIES, Contact, Person, PersonId
from shared.domain.preferences import Preferences, Quiet
from shared.use_cases import inbox as reading
from tests.examples import BRAND, NOON, VEHICLE
from tests.functions.conftest import ask
from tests.functions.test_events import message, work_off
from tests.memory import MemoryWorld

ADA = PersonId(BRAND, "user-ada")
HOUR = 3_600_000


def fact(number: int = 0, kind: str = "battery_low", at: int = NOON, **facts: Any) -> Notification:
    return Notification.of_fact(f"fact-{number}", kind, VEHICLE, BRAND, at, facts, None)


async def tell(*told: Notification) -> None:
    for one in told:
        await notifications.plan_notification(message(messages.encode_notification(one, 0)))


async def deliver(world: MemoryWorld, at: int | None = None) -> None:
    """Everything on the queue, each when its time has come; the clock moves on meanwhile."""
    if at is not None:
        world.clock.at = at
    for _ in range(100):
        if not world.deliveries.sent:
            return
        turn, _, delay = world.deliveries.sent.pop(0)
        world.clock.at += round(delay * 1000)
        await deliveries.deliver_notification(message(messages.encode_turn(turn, 0)))
    raise AssertionError("there is no end to it")


def mailed(world: MemoryWorld, preferences: Preferences | None = None) -> None:
    """Ada has an address, and wants mail of everything."""
    wants = preferences or Preferences(channels={"*": {Channel.EMAIL: True}})
    person = Person(ADA, preferences=wants, contact=Contact("ada@aurora.example", NOON, NOON))
    held = world.people.shelf.held.get(str(ADA))
    world.people.shelf.commit(str(ADA), person, held.version if held else None)


def mail_of(world: MemoryWorld, number: int = 0, kind: str = "battery_low") -> Delivery:
    found = next(i for i in world.inbox.items if i.notification.id == fact(number, kind).id)
    return found.deliveries[Channel.EMAIL]


# ---- the inbox


async def test_an_item_says_what_happened_in_the_persons_language(world: MemoryWorld) -> None:
    mailed(world, Preferences("de-AT"))
    charge = {"Vehicle.Powertrain.TractionBattery.StateOfCharge.Displayed": 9.5}
    await tell(replace(fact(), facts=charge))
    (item,) = (await ask(inbox.read_inbox, "ada")).body["items"]
    assert item["title"] == "Batterie schwach"
    assert item["body"].replace("\xa0", " ") == "Dein Polar hat noch 9,5 % Ladung."
    assert (item["facts"], item["urgency"], item["readAt"]) == (charge, "normal", None)


async def test_what_was_read_is_counted_no_more(world: MemoryWorld) -> None:
    await tell(*(fact(n) for n in range(5)))
    items = (await ask(inbox.read_inbox, "ada")).body["items"]
    assert (await ask(inbox.count_unread, "ada")).body == {"unread": 5}
    for _ in range(2):
        assert (await ask(inbox.read_one, "ada", item_id=items[2]["id"])).status == 204
    assert (await ask(inbox.count_unread, "ada")).body == {"unread": 4}
    assert (await ask(inbox.read_all, "ada")).body == {"unread": 0}
    assert all(item["readAt"] for item in (await ask(inbox.read_inbox, "ada")).body["items"])


async def test_so_many_are_read_at_once_and_the_rest_by_asking_again(
    world: MemoryWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert reading.READ_AT_ONCE == 500
    monkeypatch.setattr(reading, "READ_AT_ONCE", 3)
    await tell(*(fact(n) for n in range(5)))
    assert [(await ask(inbox.read_all, "ada")).body["unread"] for _ in range(2)] == [2, 0]


async def test_what_was_deleted_says_nothing_more_and_is_not_told_again(world: MemoryWorld) -> None:
    mailed(world)
    await tell(fact(secret="where it was"))
    id = (await ask(inbox.read_inbox, "ada")).body["items"][0]["id"]
    assert (await ask(inbox.delete_one, "ada", item_id=id)).status == 204
    await tell(fact(secret="where it was"))
    await deliver(world)
    assert (await ask(inbox.read_inbox, "ada")).body["items"] == []
    (item,) = world.inbox.items
    assert (item.title, item.body, dict(item.notification.facts)) == ("", "", {})
    assert (mail_of(world).outcome, mail_of(world).reason, world.mailer.sent) == ("suppressed", "deleted", [])
    assert (await ask(inbox.delete_one, "ada", item_id=id)).status == 404
    assert (await ask(inbox.read_one, "ada", item_id=id)).status == 404


async def test_operators_share_an_inbox_that_people_do_not_see(world: MemoryWorld) -> None:
    told = replace(fact(kind="webhook_disabled"), vehicle_id="", audience=frozenset({Audience.OPERATORS}))
    await tell(told)
    assert [i["kind"] for i in (await ask(inbox.read_inbox, "operator")).body["items"]] == ["webhook_disabled"]
    for other in ("ada", "rival"):
        assert (await ask(inbox.read_inbox, other)).body["items"] == []


# ---- waiting for what comes


class Waiting:
    """The clock passes while somebody waits, and something happens meanwhile."""

    def __init__(self, world: MemoryWorld, monkeypatch: pytest.MonkeyPatch, happens: Callable[[int], Any]) -> None:
        self._clock = world.clock
        self._start = world.clock.at
        self._happens = happens
        monkeypatch.setattr(inbox, "asyncio", self)

    @property
    def passed(self) -> float:
        """Seconds since it began."""
        return (self._clock.at - self._start) / 1000

    async def sleep(self, seconds: float) -> None:
        self._clock.at += round(seconds * 1000)
        await self._happens(int(self.passed))


async def nothing(second: int) -> None:
    """Happens."""


async def test_who_waits_is_answered_as_soon_as_something_comes_and_goes_on_from_there(
    world: MemoryWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    await tell(fact(0))
    mark = (await ask(inbox.read_inbox, "ada")).body["mark"]

    async def something(second: int) -> None:
        if second >= 7 and len(world.inbox.items) == 1:
            item = Item("came", ADA, fact(1), world.clock())
            await world.inbox.put(item)

    waiting = Waiting(world, monkeypatch, something)
    answer = await ask(inbox.read_inbox, "ada", query={"after": mark})
    assert [i["id"] for i in answer.body["items"]] == ["came"]
    assert 7 <= waiting.passed < 9
    waiting = Waiting(world, monkeypatch, nothing)
    again = await ask(inbox.read_inbox, "ada", query={"after": answer.body["mark"]})
    assert (again.body["items"], again.body["cursor"]) == ([], None)
    assert 29 <= waiting.passed <= 31


async def test_what_another_instance_planned_a_little_earlier_is_not_missed(
    world: MemoryWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    Waiting(world, monkeypatch, nothing)
    mark = (await ask(inbox.read_inbox, "ada")).body["mark"]
    at = world.clock() - OVERLAP + 2_000
    await world.inbox.put(Item("late", ADA, fact(1), at))
    first = (await ask(inbox.read_inbox, "ada", query={"after": mark})).body
    assert [i["id"] for i in first["items"]] == ["late"]
    assert (await ask(inbox.read_inbox, "ada", query={"after": first["mark"]})).body["items"] == []


async def test_a_caller_waits_so_often_at_once_and_no_more(world: MemoryWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    mark, gate = (await ask(inbox.read_inbox, "ada")).body["mark"], asyncio.Event()
    waiting = Waiting(world, monkeypatch, nothing)

    async def rest(seconds: float) -> None:
        await gate.wait()
        world.clock.at += 60_000

    monkeypatch.setattr(waiting, "sleep", rest)
    waits = [asyncio.create_task(ask(inbox.read_inbox, "ada", query={"after": mark})) for _ in range(waits_of.AT_ONCE)]
    async with asyncio.timeout(5):
        while waits_of._waiters.total() < waits_of.AT_ONCE:
            await asyncio.sleep(0)
    refused = await ask(inbox.read_inbox, "ada", query={"after": mark})
    assert (refused.status, refused.code, refused.headers["Retry-After"]) == (429, "too_many_requests", "1")
    gate.set()
    assert [(await wait).status for wait in waits] == [200] * 5
    assert waits_of._waiters == {}


@pytest.mark.parametrize("after", ["x", "W10", "WzEsMl0", "bnVsbA", "é", "WyJ4IixbXV0"])
async def test_a_mark_that_is_none_is_refused(world: MemoryWorld, after: str) -> None:
    assert (await ask(inbox.read_inbox, "ada", query={"after": after})).code == "invalid_cursor"


# ---- an address


async def verified(world: MemoryWorld, email: str = "ada@aurora.example") -> Any:
    """As a person does it: the code comes by mail."""
    assert (await ask(telling.put_contact, "ada", {"email": email})).body["pending"] == email
    await deliver(world)
    code = re.search(r"[0-9A-Z]{12}", world.mailer.sent[-1].text)
    assert code
    return await ask(telling.put_contact, "ada", {"email": email, "code": code[0].lower()})


async def test_an_address_is_verified_by_the_code_that_is_mailed_there(world: MemoryWorld) -> None:
    answer = await verified(world)
    assert answer.body == {"email": "ada@aurora.example", "verified": True, "pending": None}
    assert (await ask(telling.read_contact, "ada")).body == answer.body
    (mail,) = world.mailer.sent
    assert (mail.to, mail.unsubscribe) == ("ada@aurora.example", None)
    assert (await ask(inbox.read_inbox, "ada")).body["items"] == [], "nobody's inbox has the code"
    stored = repr(world.people.shelf.held) + repr(world.inbox.items)
    assert re.search(r"[0-9A-Z]{12}", mail.text)[0] not in stored  # type: ignore[index]


async def test_until_another_address_is_verified_the_one_before_holds(world: MemoryWorld) -> None:
    await verified(world)
    world.clock.at += 60_000
    answer = await ask(telling.put_contact, "ada", {"email": "new@aurora.example"})
    assert answer.body == {"email": "ada@aurora.example", "verified": True, "pending": "new@aurora.example"}
    assert (await ask(telling.put_contact, "ada", {"email": None})).body["email"] is None


async def test_a_wrong_code_counts_and_the_fifth_ends_it(world: MemoryWorld) -> None:
    assert (CODE_TRIES, CODE_LIVES) == (5, HOUR)
    await ask(telling.put_contact, "ada", {"email": "ada@aurora.example"})
    body = {"email": "ada@aurora.example", "code": "WRONG"}
    for _ in range(CODE_TRIES):
        answer = await ask(telling.put_contact, "ada", body)
        assert (answer.status, answer.code) == (403, "code_rejected")
    person = (await world.people.load(ADA)).value
    assert person.contact
    from shared.use_cases.outgoing import verification_code

    right = verification_code(person, world.codes)
    assert (await ask(telling.put_contact, "ada", body | {"code": right})).code == "code_rejected"


async def test_a_second_code_within_a_minute_is_too_many(world: MemoryWorld) -> None:
    await ask(telling.put_contact, "ada", {"email": "ada@aurora.example"})
    answer = await ask(telling.put_contact, "ada", {"email": "eve@aurora.example"})
    assert (answer.status, answer.code) == (429, "too_many_mails")
    assert 0 < int(answer.headers["Retry-After"]) <= 60


@pytest.mark.parametrize(
    "email", ["x", "a@b", "a b@c.example", "a@b.example\n", "a@b.example>", "a@[127.0.0.1]", "ä@b.example", "a@b.c"]
)
async def test_what_is_no_address_is_refused(world: MemoryWorld, email: str) -> None:
    assert (await ask(telling.put_contact, "ada", {"email": email})).code == "invalid_body"


# ---- mail


async def test_mail_goes_to_who_wants_it_with_a_link_that_ends_it(world: MemoryWorld) -> None:
    mailed(world)
    await tell(fact())
    await deliver(world)
    (mail,) = world.mailer.sent
    assert (mail.to, mail.subject) == ("ada@aurora.example", "Battery low")
    assert mail.unsubscribe
    assert mail.unsubscribe in mail.text
    assert mail.unsubscribe in mail.html
    sealed = mail.unsubscribe.rpartition("/")[2]
    page = await ask(telling.ask_unsubscribe, None, sealed=sealed)
    assert (page.status, page.media_type, '<form method="post">' in page.body) == (200, "text/html", True)
    assert (await world.people.load(ADA)).value.preferences.wants("battery_low", Channel.EMAIL), "looking ends nothing"
    for _ in range(2):
        assert (await ask(telling.unsubscribe, None, sealed=sealed)).status == 200
    await tell(fact(1), fact(2, "left_open"))
    await deliver(world)
    assert [m.subject for m in world.mailer.sent] == ["Battery low", "Something is open"]


@pytest.mark.parametrize("sealed", ["", "x", "AAAA", "é", "A" * 1000])
async def test_a_link_that_nobody_sealed_is_none(world: MemoryWorld, sealed: str) -> None:
    for handler in (telling.ask_unsubscribe, telling.unsubscribe):
        assert (await ask(handler, None, sealed=sealed)).status == 404


async def test_what_fails_is_tried_again_and_each_attempt_is_on_the_trail(world: MemoryWorld) -> None:
    mailed(world)
    world.mailer.replies = [Reply(Outcome.RETRYING, "smtp 451"), Reply(Outcome.RETRYING, "smtp: OSError")]
    await tell(fact())
    await deliver(world)
    assert len({mail.key for mail in world.mailer.sent}) == 1
    trail = (await ask(inbox.read_trail, "ada", notification_id=fact().id)).body
    mail = next(d for d in trail["items"][0]["deliveries"] if d["channel"] == "email")
    assert mail["outcome"] == "sent"
    assert [(a["outcome"], a["reason"]) for a in mail["attempts"]] == [
        ("retrying", "smtp 451"),
        ("retrying", "smtp: OSError"),
        ("sent", "250"),
    ]
    times = [a["at"][14:19] for a in mail["attempts"]]
    assert times == ["00:00", "01:00", "06:00"]


async def test_an_outage_of_the_mail_server_pauses_mail_and_nothing_is_lost(world: MemoryWorld) -> None:
    mailed(world)
    world.brands.preferences[BRAND] = Preferences(cap=100)
    world.mailer.replies = [Reply(Outcome.RETRYING, "smtp: OSError")] * 5
    await tell(*(fact(n, "left_open") for n in range(8)))
    for turn, _, _ in [*world.deliveries.sent]:
        await deliveries.deliver_notification(message(messages.encode_turn(turn, 0)))
    assert len(world.mailer.sent) == 5, "then it is left alone"
    paused = [i for i in world.inbox.items if not i.deliveries[Channel.EMAIL].attempts]
    assert len(paused) == 3
    world.clock.at += 10_000
    world.deliveries.sent = world.deliveries.sent[8:]
    await deliver(world)
    assert {i.deliveries[Channel.EMAIL].outcome for i in world.inbox.items} == {Outcome.SENT}
    assert all(len(i.deliveries[Channel.EMAIL].attempts) <= 2 for i in world.inbox.items)


async def test_an_attempt_that_nobody_saw_the_end_of_is_made_again_once_it_must_be_over(world: MemoryWorld) -> None:
    mailed(world)
    await tell(fact())
    (item,) = world.inbox.items
    begun = item.with_delivery(Channel.EMAIL, item.deliveries[Channel.EMAIL].started(NOON - 10_000))
    await world.inbox.commit(begun, (await world.inbox.load(ADA, item.id)).version)
    await deliver(world)
    attempts = mail_of(world).attempts
    assert [(a.at - NOON, a.outcome) for a in attempts] == [(-10_000, "started"), (20_000, "sent")]


async def test_without_a_mail_server_mail_is_suppressed(world: MemoryWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    mailed(world)
    monkeypatch.setattr(world, "mailer", None)
    await tell(fact())
    await deliver(world)
    assert (mail_of(world).outcome, mail_of(world).reason) == ("suppressed", "no mail server")


async def test_what_changes_while_mail_waits_is_looked_at_again(world: MemoryWorld) -> None:
    for number, (change, reason) in enumerate(
        {"preference": "preference", "address": "no address", "expiry": "too late to deliver"}.items()
    ):
        mailed(world)
        await tell(fact(number, "left_open"))
        if change == "preference":
            mailed(world, Preferences(channels={"*": {Channel.EMAIL: False}}))
        if change == "address":
            await ask(telling.put_contact, "ada", {"email": None})
        await deliver(world, NOON + (13 * HOUR if change == "expiry" else 0))
        assert mail_of(world, number, "left_open").reason == reason
    assert world.mailer.sent == []


async def test_of_what_waits_only_the_latest_is_told(world: MemoryWorld) -> None:
    mailed(world)
    await tell(fact(1, at=NOON + 1), fact(0), fact(2, "trouble_code_opened"))
    await deliver(world)
    assert [(d.outcome, d.reason) for d in (mail_of(world, 0), mail_of(world, 1))] == [
        ("suppressed", "superseded"),
        ("sent", "250"),
    ]
    assert len((await ask(inbox.read_inbox, "ada")).body["items"]) == 3, "the inbox holds all"


async def test_what_is_too_late_to_plan_is_on_record_and_not_shown(world: MemoryWorld) -> None:
    mailed(world)
    late = replace(fact(), expires_at=NOON)
    await tell(late)
    assert (await ask(inbox.read_inbox, "ada")).body["items"] == []
    trail = (await ask(inbox.read_trail, "ada", notification_id=late.id)).body["items"][0]
    assert {(d["channel"], d["outcome"]) for d in trail["deliveries"]} == {("inbox", "expired"), ("email", "expired")}
    assert world.deliveries.sent == []


# ---- hours, caps and digests


async def test_safety_passes_the_night_and_the_rest_waits_for_the_morning(world: MemoryWorld) -> None:
    night = Quiet(11 * 60, 14 * 60)
    mailed(world, Preferences(zone="UTC", quiet=night, channels={"*": {Channel.EMAIL: True}}))
    await tell(fact(0), fact(1, "moving_while_off"))
    delays = {turn.item: delay for turn, _, delay in world.deliveries.sent}
    assert delays[item_id(fact(1, "moving_while_off").id, ADA)] == 0
    assert delays[item_id(fact(0).id, ADA)] == (14 - 12) * 3600
    assert len((await ask(inbox.read_inbox, "ada")).body["items"]) == 2, "the inbox wakes nobody"


async def test_who_moves_while_mail_waits_sleeps_by_the_new_clock(world: MemoryWorld) -> None:
    channels, night = {"*": {Channel.EMAIL: True}}, Quiet(11 * 60, 14 * 60)
    mailed(world, Preferences(zone="UTC", quiet=night, channels=channels))
    await tell(fact())
    mailed(world, Preferences(zone="Etc/GMT+2", quiet=night, channels=channels))
    await deliver(world)
    assert mail_of(world).attempts[0].at == NOON + 4 * HOUR


async def test_more_than_so_many_an_hour_wait_for_the_digest(world: MemoryWorld) -> None:
    mailed(world)
    await ask(telling.put_notification_defaults, body={"cap": 2, "digestAt": "18:00", "zone": "UTC"})
    told = [fact(n, "trouble_code_opened", code=f"P000{n}") for n in range(5)]
    await tell(*told, *told)
    await deliver(world)
    assert [m.subject for m in world.mailer.sent] == ["Trouble code P0000", "Trouble code P0001"]
    person = (await world.people.load(ADA)).value
    assert person.digest_due == person.due == NOON + 6 * HOUR
    world.clock.at = NOON + 6 * HOUR
    for _ in range(2):
        await wake.wake_due(message(messages.encode_wake(str(ADA), 0, person=True)))
    await deliver(world, NOON + 6 * HOUR)
    digest = world.mailer.sent[-1]
    assert (len(world.mailer.sent), digest.subject) == (3, "3 news of your vehicle")
    assert [f"P000{n}" in digest.text for n in range(5)] == [False, False, True, True, True]
    assert digest.unsubscribe
    assert (await world.people.load(ADA)).value.digest_due is None
    assert {mail_of(world, n, "trouble_code_opened").outcome for n in range(2, 5)} == {Outcome.GATHERED}
    assert "digest" in mail_of(world, 4, "trouble_code_opened").reason


async def test_what_is_told_in_digests_waits_for_one_and_safety_never_does(world: MemoryWorld) -> None:
    mailed(world)
    world.brands.preferences[BRAND] = Preferences(cap=1)
    safety = [fact(n, "moving_while_off") for n in range(3)]
    await tell(fact(9, "battery_low_over"), *safety)
    await deliver(world)
    assert [m.subject for m in world.mailer.sent] == ["Your vehicle is being moved"] * 3
    assert mail_of(world, 9, "battery_low_over").outcome is Outcome.GATHERED


async def test_a_digest_that_breaks_off_is_finished_and_is_one(
    world: MemoryWorld, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    mailed(world)
    await tell(*(fact(n, "battery_low_over") for n in range(4)))
    due = (await world.people.load(ADA)).value.digest_due
    assert due
    world.clock.at = due
    commit, left = world.inbox.commit, [2]

    async def breaking(item: Item, version: str | None) -> str:
        left[0] -= 1
        if left[0] < 0:
            raise ConnectionError("the process is gone")
        return await commit(item, version)

    with monkeypatch.context() as broken:
        broken.setattr(world.inbox, "commit", breaking)
        await wake.wake_due(message(messages.encode_wake(str(ADA), 0, person=True)))
    assert caplog.messages[0].startswith("wake: ConnectionError at")
    await tell(fact(7, "battery_low_over"))
    await wake.wake_due(message(messages.encode_wake(str(ADA), 0, person=True)))
    await deliver(world, due)
    (digest,) = world.mailer.sent
    assert digest.subject == "4 news of your vehicle"
    later = (await world.people.load(ADA)).value.digest_due
    assert later, "what came in between waits for the next"
    assert later > due


async def test_a_digest_for_who_has_no_address_any_more_is_over_all_the_same(world: MemoryWorld) -> None:
    mailed(world)
    await tell(fact(0, "battery_low_over"))
    due = (await world.people.load(ADA)).value.digest_due
    assert due
    await ask(telling.put_contact, "ada", {"email": None})
    world.clock.at = due
    await wake.wake_due(message(messages.encode_wake(str(ADA), 0, person=True)))
    await deliver(world, due)
    person = (await world.people.load(ADA)).value
    assert (person.digest_due, person.due, world.mailer.sent) == (None, None, [])


async def test_what_comes_to_wait_while_a_digest_ends_is_not_forgotten(
    world: MemoryWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    mailed(world)
    await tell(fact(0, "battery_low_over"))
    due = (await world.people.load(ADA)).value.digest_due
    assert due
    world.clock.at = due
    gathered, came = world.inbox.gathered, [fact(1, "battery_low_over")]

    async def looking(recipient: PersonId, now: int) -> Any:
        found = await gathered(recipient, now)
        if now > due and came:
            await tell(came.pop())
        return found

    monkeypatch.setattr(world.inbox, "gathered", looking)
    await wake.wake_due(message(messages.encode_wake(str(ADA), 0, person=True)))
    assert came == []
    assert (await world.people.load(ADA)).value.digest_due == due + 24 * HOUR


async def test_what_a_replica_does_not_show_yet_is_looked_for_some_seconds(world: MemoryWorld) -> None:
    mailed(world)
    await tell(fact(0))
    held = dict(world.inbox.shelf.held)
    world.inbox.shelf.held.clear()
    (turn,) = world.deliveries.contents
    await deliveries.deliver_notification(message(messages.encode_turn(turn, 0)))
    world.inbox.shelf.held |= held
    world.deliveries.sent = world.deliveries.sent[1:]
    assert [delay for _, _, delay in world.deliveries.sent] == [1.0]
    await deliver(world)
    assert mail_of(world).outcome is Outcome.SENT
    world.inbox.shelf.held.clear()
    world.deliveries.sent = [(turn, 0, 0.0)]
    await deliver(world)
    assert len(world.mailer.sent) == 1, "and then it was forgotten"


# ---- preferences


async def test_preferences_are_the_persons_over_the_brands_and_say_what_stays_on(world: MemoryWorld) -> None:
    await ask(telling.put_notification_defaults, body={"locale": "de", "digestAt": "07:30"})
    wanted = {"zone": "Europe/Vienna", "quietHours": {"from": "22:00", "until": "06:30"}}
    wanted |= {"channels": {"*": {"inbox": False}, "battery_low": {"email": True}}}
    answer = (await ask(telling.put_preferences, "ada", wanted)).body
    assert answer["said"] == wanted | {"locale": None, "digestAt": None}
    holds = answer["holds"]
    assert (holds["locale"], holds["digestAt"], holds["zone"]) == ("de", "07:30", "Europe/Vienna")
    assert answer["keptOn"] == ["moving_while_off"]
    assert (await ask(telling.read_preferences, "ada")).body == answer
    assert (await ask(telling.read_preferences, "ben")).body["said"]["zone"] is None
    assert (await ask(telling.read_notification_defaults)).body["cap"] == 6


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"locale": "xx-YY"}, "invalid_locale"),
        ({"locale": "../de"}, "invalid_body"),
        ({"zone": "Mars/Olympus"}, "invalid_body"),
        ({"zone": "../../etc/passwd"}, "invalid_body"),
        ({"zone": "/etc/passwd"}, "invalid_body"),
        ({"quietHours": {"from": "24:00", "until": "06:00"}}, "invalid_body"),
        ({"quietHours": {"from": "22:00"}}, "invalid_body"),
        ({"digestAt": "8:00"}, "invalid_body"),
        ({"channels": {"battery_low": {"webhook": True}}}, "invalid_body"),
        ({"channels": {"../x": {"email": True}}}, "invalid_body"),
        ({"channels": {f"k{n}": {} for n in range(101)}}, "invalid_body"),
        ({"cap": 5}, "invalid_body"),
    ],
)
async def test_preferences_that_are_none_are_refused(world: MemoryWorld, wrong: dict[str, Any], code: str) -> None:
    assert (await ask(telling.put_preferences, "ada", wrong)).code == code


async def test_what_is_switched_off_in_the_inbox_is_not_shown_there(world: MemoryWorld) -> None:
    await ask(telling.put_preferences, "ada", {"channels": {"*": {"inbox": False}}})
    await tell(fact(0), fact(1, "moving_while_off"))
    assert [i["kind"] for i in (await ask(inbox.read_inbox, "ada")).body["items"]] == ["moving_while_off"]


async def test_a_test_reaches_the_caller_over_every_channel_once_a_key(world: MemoryWorld) -> None:
    mailed(world)
    key = {"idempotency-key": "k"}
    sent = [await ask(telling.send_test, "ada", headers=key) for _ in range(2)]
    assert (sent[0].status, sent[0].body) == (202, sent[1].body)
    world.deliveries.sent = world.deliveries.sent[:1]
    await deliver(world)
    assert [i["kind"] for i in (await ask(inbox.read_inbox, "ada")).body["items"]] == ["test"]
    assert [m.subject for m in world.mailer.sent] == ["A test"]
    trail = await ask(inbox.read_trail, "ada", notification_id=sent[0].body["notificationId"])
    assert {d["channel"] for d in trail.body["items"][0]["deliveries"]} == {"inbox", "email"}


# ---- words


async def test_a_brand_says_it_in_its_own_words_in_the_closest_language(world: MemoryWorld) -> None:
    route = {"kind": "battery_low", "channel": "inbox"}
    own = {"parts": {"title": "Servus", "body": "{{ vehicle }}: {{ charge|percent }}"}}
    seen = await ask(telling.put_template, body=own, route=route | {"locale": "de"})
    assert seen.body["parts"]["body"].replace("\xa0", " ") == "Polar: 9,5 %"
    mailed(world, Preferences("de-AT"))
    await tell(fact())
    assert (await ask(inbox.read_inbox, "ada")).body["items"][0]["title"] == "Servus"
    listed = (await ask(telling.read_templates)).body
    assert [(t["kind"], t["locale"]) for t in listed["own"]] == [("battery_low", "de")]
    assert {kind["kind"] for kind in listed["kinds"]} >= {"battery_low", "test"}
    for status in (204, 404):
        assert (await ask(telling.drop_template, route=route | {"locale": "de"})).status == status


async def test_mail_in_a_brands_own_words_is_escaped_where_it_is_html(world: MemoryWorld) -> None:
    mailed(world)
    parts = {"subject": "Code {{ code }}", "text": "{{ text }}", "html": "<b>{{ text }}</b>"}
    route = {"kind": "trouble_code_opened", "channel": "email", "locale": "en"}
    assert (await ask(telling.put_template, body={"parts": parts}, route=route)).status == 200
    await tell(fact(kind="trouble_code_opened", code="P1", text="<script>&"))
    await deliver(world)
    (mail,) = world.mailer.sent
    assert (mail.subject, mail.text, mail.html) == ("Code P1", "<script>&", "<b>&lt;script&gt;&amp;</b>")


@pytest.mark.parametrize(
    ("source", "where"),
    [
        ("one\n{{ chagre }}", "body, line 2: no such variable: chagre"),
        ("{{ vehicle", "body, line 1"),
        ("{% if vehicle %}", "body, line 1"),
        ("{{ vehicle.__class__ }}", "body, line 1: getattr is not allowed"),
        ("{{ vehicle['x'] }}", "body, line 1: getitem is not allowed"),
        ("{{ ''.join(vehicle) }}", "body, line 1: call is not allowed"),
        ("\n\n{% for c in vehicle %}x{% endfor %}", "body, line 3: for is not allowed"),
        ("{% set x = 1 %}", "body, line 1: assign is not allowed"),
        ("{% include 'x' %}", "body, line 1: include is not allowed"),
        ("{% macro x() %}{% endmacro %}", "body, line 1: macro is not allowed"),
        ("{{ 9 ** 9 }}", "body, line 1: pow is not allowed"),
        ("{{ 'a' * 999 }}", "body, line 1: mul is not allowed"),
        ("{{ vehicle|attr('x') }}", "body, line 1"),
        ("{{ vehicle|percnt }}", "body, line 1"),
        ("{{ _in }}", "body, line 1: no such variable: _in"),
        ("{{ self }}", "body, line 1: no such variable: self"),
        ("{{ range }}", "body, line 1: no such variable: range"),
        ("{% if charge < 3 %}x{% endif %}", "body, line 1: only == and != are allowed"),
        ("{% if vehicle in charge %}x{% endif %}", "body, line 1: only == and != are allowed"),
        ("{% if vehicle is defined %}x{% endif %}", "body, line 1"),
        ("x" * 10_001, "body, line 1: more than 10000 characters"),
        ("{% if vehicle %}" * 60 + "{% endif %}" * 60, "body, line 1: deeper than 10"),
    ],
)
async def test_a_template_that_could_fail_or_do_more_than_show_is_refused_with_line_and_name(
    world: MemoryWorld, source: str, where: str
) -> None:
    body = {"parts": {"title": "x", "body": source}}
    for handler, sent, route in (
        (telling.put_template, body, {"kind": "battery_low", "channel": "inbox", "locale": "en"}),
        (telling.preview_template, body | {"kind": "battery_low", "channel": "inbox", "locale": "en"}, {}),
    ):
        answer = await ask(handler, body=sent, route=route)
        assert (answer.status, answer.code) == (400, "invalid_template")
        assert where in answer.body["detail"]
    assert world.wordings.shelf.held == {}


@pytest.mark.parametrize(
    ("route", "parts", "code"),
    [
        ({"channel": "inbox"}, {"title": "x"}, "invalid_template"),
        ({"channel": "email"}, {"title": "x", "body": "y"}, "invalid_template"),
        ({"channel": "webhook"}, {"title": "x", "body": "y"}, "not_found"),
        ({"channel": "pigeon"}, {"title": "x", "body": "y"}, "not_found"),
        ({"channel": "inbox", "kind": "nothing"}, {"title": "x", "body": "y"}, "not_found"),
        ({"channel": "inbox", "locale": "zz"}, {"title": "x", "body": "y"}, "invalid_locale"),
    ],
)
async def test_a_template_for_nothing_is_refused(
    world: MemoryWorld, route: dict[str, str], parts: dict[str, str], code: str
) -> None:
    asked = {"kind": "battery_low", "locale": "en"} | route
    assert (await ask(telling.put_template, body={"parts": parts}, route=asked)).code == code


@pytest.mark.parametrize("locale", ["en", "de"])
@pytest.mark.parametrize("channel", [Channel.INBOX, Channel.PUSH, Channel.EMAIL])
async def test_everything_that_the_product_raises_is_shipped_in_two_languages(
    world: MemoryWorld, locale: str, channel: Channel
) -> None:
    english = {"kind": "", "channel": channel.value, "locale": "en"}
    for kind in KINDS:
        assert world.renderer.shipped(kind, channel, locale)
        seen = await ask(telling.preview_template, body=english | {"kind": kind, "locale": locale})
        for text in seen.body["parts"].values():
            assert text.strip()
            assert not re.search(r"\{\{|None|<<", text), (kind, text)
        if locale == "de":
            other = await ask(telling.preview_template, body=english | {"kind": kind})
            assert other.body["parts"] != seen.body["parts"], kind


async def test_numbers_and_times_are_written_as_the_country_does(world: MemoryWorld) -> None:
    source = "{{ charge|number }} {{ charge|distance }} {{ charge|temperature }} {{ at|date }} {{ at|time }}"
    body = {"kind": "battery_low", "channel": "inbox", "parts": {"title": "x", "body": source}}
    found = {}
    for locale in ("en-US", "en-GB", "de-AT"):
        answer = await ask(telling.preview_template, body=body | {"locale": locale})
        found[locale] = re.sub(r"\s", " ", answer.body["parts"]["body"])
    assert found == {
        "en-US": "9.5 0 mi 49.1°F Nov 22, 2026 8:30 AM",
        "en-GB": "9.5 0 mi 9.5°C 22 Nov 2026 08:30",
        "de-AT": "9,5 0 km 9,5 °C 22.11.2026 08:30",
    }


async def test_a_template_of_former_times_that_shows_what_there_is_no_more_makes_way(world: MemoryWorld) -> None:
    former = {("battery_low", Channel.INBOX, "en"): {"title": "x", "body": "{{ range_left }}"}}
    await world.wordings.commit(BRAND, former, None)
    await tell(fact())
    assert (await ask(inbox.read_inbox, "ada")).body["items"][0]["title"] == "Battery low"


async def test_what_there_are_no_words_for_is_parked_and_not_lost(
    world: MemoryWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world.renderer, "shipped", lambda *_: None)
    await tell(fact())
    assert (world.parking.reasons, world.inbox.items) == (["store_refused"], [])


# ---- forgetting


async def test_nothing_of_who_was_forgotten_comes_back_by_what_was_on_its_way(world: MemoryWorld) -> None:
    mailed(world)
    found = await world.people.load(ADA)
    owner = {VEHICLE: Membership(VEHICLE, ADA.user, Role.PRIMARY, 0)}
    world.people.shelf.commit(str(ADA), replace(found.value, memberships=owner), found.version)
    await tell(fact(0), fact(1, "battery_low_over"))
    link = world.codes.seal(f"{ADA}/battery_low")
    await ask(people.erase_person, "ada")
    await work_off(world, ADA)
    world.clock.at += world.everywhere.settles
    await work_off(world, ADA)
    await deliver(world)
    await tell(fact(0), fact(2, "trouble_code_opened"))
    await ask(telling.unsubscribe, None, sealed=link)
    assert (world.people.shelf.held, world.inbox.items, world.mailer.sent) == ({}, [], [])
