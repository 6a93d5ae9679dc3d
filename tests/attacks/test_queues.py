"""Bodies on our own queues that mean harm, or are none: each is parked with its reason, and none comes back until it is
a dead letter."""

import json
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import azure.functions as func
import pytest

from functions import deliveries, lifecycle, notifications, wake
from shared.codec import messages
from shared.domain.inbox import Turn, item_id
from shared.domain.kinds import KINDS, Channel
from shared.domain.notification import Audience, Notification
from shared.domain.person import Contact, Person, PersonId
from shared.domain.preferences import ANY, Preferences
from shared.errors import Code, Conflict, Malformed, NotFound, Refused, Unavailable
from shared.use_cases.attempts import LONGEST_REST, MOST_ATTEMPTS
from tests.examples import BRAND, NOON, VEHICLE
from tests.functions.test_events import message, received, together
from tests.memory import MemoryWorld

ADA = PersonId(BRAND, "user-ada")
TOLD = Notification("n-1", "battery_low", VEHICLE, BRAND, NOON, {"charge": 9.0}, "00-ab-cd-01", named=("user-ada",))
TURN = Turn(ADA, item_id(TOLD.id, ADA), Channel.EMAIL)
HANDLERS: dict[str, Callable[[func.ServiceBusMessage], Awaitable[None]]] = {
    "notifications": notifications.plan_notification,
    "deliveries": deliveries.deliver_notification,
    "wake": wake.wake_due,
}
GOOD: dict[str, dict[str, Any]] = {
    "notifications": {
        **json.loads(messages.encode_notification(TOLD, 0))["content"],
        "audience": ["users"],
        "named": [],
        "urgency": "normal",
        "collapse": "veh/battery_low",
    },
    "deliveries": json.loads(messages.encode_turn(TURN, 0))["content"],
    "wake": {"vehicleId": VEHICLE, "due": NOON},
}
RAW = [
    b"",
    b" ",
    b"junk",
    b"null",
    b"true",
    b"7",
    b'"text"',
    b"[]",
    b"{}",
    b"{",
    b"\xff\xfe",
    b"\x00" * 64,
    b"[" * 99_999,
    b'{"a":' * 9_999,
    b"1" * 9_999,
    b"-" + b"9" * 9_999,
    b"NaN",
    b"1e999",
    b'\xef\xbb\xbf{"schema": 2, "attempt": 0, "content": {}}',
    b'{"schema": 2, "attempt": 0}',
    b'{"schema": 2, "attempt": 0, "content": null}',
    b'{"schema": 2, "attempt": 0, "content": []}',
    b'{"schema": 2, "attempt": 0, "content": "x"}',
    b'{"schema": 2, "attempt": 0, "content": {}}',
    b'{"schema": 2, "attempt": 0, "content": {"id": "\\ud800"}}',
    b"{" + b'"a": 1, ' * 30_000 + b'"b": 2}',
    json.dumps({"schema": 2, "attempt": 0, "content": {"id": "x" * 300_000}}).encode(),
    json.dumps({"schema": 2, "attempt": 0, "content": {}}).encode("utf-16"),
    b'{"schema": 2, "attempt": 0, "content": {}} {"schema": 2, "attempt": 0, "content": {}}',
    b'{"schema": 2, "attempt": 0, "content": {},}',
    b"{'schema': 2, 'attempt': 0, 'content': {}}",
    b'[{"schema": 2, "attempt": 0, "content": {}}]',
    b'"{\\"schema\\": 2}"',
    b"<message><schema>2</schema></message>",
    b"eyJzY2hlbWEiOiAyfQ==",
    b"schema=2&attempt=0",
    b'{"Schema": 2, "Attempt": 0, "Content": {}}',
    b'{"schema": 2, "attempt": 0, "content": {"$type": "System.Object", "__proto__": {}}}',
    b'/* a comment */ {"schema": 2, "attempt": 0, "content": {}}',
]
VERSIONS: list[Any] = [None, 0, 1, 3, -2, 2.5, "2", True, [2], {"v": 2}, 10**30]
ATTEMPTS: list[Any] = [
    None,
    -1,
    1.5,
    "0",
    "x",
    True,
    [0],
    {},
    10**30,
    -(10**30),
    2**63,
    1_001,
    float("inf"),
    float("nan"),
]
WRONG: list[Any] = [[[]], [{}], {"a": {"b": {}}}, -(10**30), 10**400, "\udfff", "a\x00b", "x" * 5_000, 2.5e300]
OPTIONAL = {"traceparent", "collapse", "due", "expiresAt", "urgency", "audience", "named", "facts"}
"""Fields for which some of the values are right."""


def whole(content: Any, **envelope: Any) -> bytes:
    return json.dumps({"schema": 2, "attempt": 0, "content": content} | envelope).encode()


def shapes(queue: str) -> Iterator[bytes]:
    good = GOOD[queue]
    yield from RAW
    for version in VERSIONS:
        yield whole(good, schema=version)
    for attempt in ATTEMPTS:
        yield whole(good, attempt=attempt)
    for name in good.keys() - OPTIONAL:
        yield whole({key: value for key, value in good.items() if key != name})
        others: list[Any] = [None, True, [], {}, "", 0 if isinstance(good[name], str) else "0", *WRONG]
        if name not in ("at", "generation", "number", "kind", "userId"):
            others += ["a/b", "a\\b", "a?b", "a#b", "../" * 40, "\x7f"]
        for other in others:
            if (name, other, queue) != ("vehicleId", "", "notifications"):
                yield whole(good | {name: other})


async def poison(world: MemoryWorld, queue: str, body: bytes) -> list[tuple[str, str, bytes]]:
    """What is parked after a body was handed to the queue's function, which completes it."""
    world.parking.held.clear()
    await HANDLERS[queue](message(body))
    return [(p.source, p.reason, p.body) for p in world.parking.held.values()]


@pytest.mark.parametrize("queue", HANDLERS)
async def test_every_body_that_is_no_message_is_parked_with_its_reason_and_completed(
    world: MemoryWorld, queue: str
) -> None:
    bodies = list(shapes(queue))
    assert len(bodies) >= 84
    for body in bodies:
        assert await poison(world, queue, body) == [(queue, "malformed_message", body)], body[:300]
    assert (world.notifications.sent, world.deliveries.sent, world.wakes.sent) == ([], [], [])
    assert world.inbox.items == []


@pytest.mark.parametrize("queue", HANDLERS)
async def test_a_body_that_is_right_is_acted_on(world: MemoryWorld, queue: str) -> None:
    assert await poison(world, queue, whole(GOOD[queue])) == []


OPTIONALS = [
    (name, value)
    for name in ("collapse", "urgency", "audience", "named", "facts", "expiresAt", "traceparent")
    for value in (7, -1, True, {"a": {"b": 1}}, [[1]], "nobody", ["nobody", 7], 10**30, "\x00")
]


@pytest.mark.parametrize(("name", "value"), OPTIONALS)
async def test_what_may_be_left_out_is_right_or_the_message_is_parked(
    world: MemoryWorld, name: str, value: Any
) -> None:
    parked = await poison(world, "notifications", whole(GOOD["notifications"] | {name: value}))
    assert [reason for _, reason, _ in parked] in ([], ["malformed_message"])
    assert parked or world.inbox.items


@pytest.mark.parametrize("user", ["aurora", "", ":", "a", ":user", "aurora:", "aurora:\x00", "aurora:" + "x" * 300])
async def test_a_wake_of_nobody_is_parked(world: MemoryWorld, user: str) -> None:
    body = whole({"userId": user, "due": NOON})
    assert await poison(world, "wake", body) == [("wake", "malformed_message", body)]


FACTS: list[Any] = [
    "",
    "text",
    "{{ 7 * 7 }}",
    True,
    None,
    0,
    -1,
    2**62,
    1e300,
    -0.0,
    [],
    ["a"],
    ["a", 1, None][:2],
    1e-300,
]


@pytest.mark.parametrize("kind", [*sorted(KINDS), "nobody_knows_it", "x" * 200])
async def test_facts_of_any_kind_that_are_not_as_expected_are_told_or_parked_and_never_lost(
    world: MemoryWorld, kind: str
) -> None:
    person = Person(
        ADA,
        preferences=Preferences(channels={ANY: {Channel.EMAIL: True}}, locale="de-AT"),
        contact=Contact("ada@aurora.example", NOON, NOON),
    )
    await world.people.commit(person, None)
    variables = KINDS[kind].variables.values() if kind in KINDS else [("value", 0)]
    for number, value in enumerate(FACTS):
        facts = {fact: value for fact, _ in variables}
        told = Notification(
            f"n-{number}", kind, VEHICLE, BRAND, NOON, facts, audience=frozenset(Audience), named=("user-ada",)
        )
        world.inbox.shelf.held.clear()
        world.deliveries.sent.clear()
        parked = await poison(
            world, "notifications", whole(json.loads(messages.encode_notification(told, 0))["content"])
        )
        assert parked or world.inbox.items, (kind, value)
        for turn in list(world.deliveries.contents):
            await poison(world, "deliveries", messages.encode_turn(turn, 0).encode())


# ---- defects of ours


@pytest.mark.parametrize(
    "error", [KeyError("x"), TypeError("x"), RecursionError(), UnicodeError("x"), ZeroDivisionError()]
)
async def test_a_defect_is_tried_again_later_and_parked_in_the_end(
    world: MemoryWorld, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(world.people, "load", broken)
    assert await poison(world, "notifications", messages.encode_notification(TOLD, 0).encode()) == []
    assert [(attempt, delay) for _, attempt, delay in world.notifications.sent] == [(1, 1.0)]
    last = messages.encode_notification(TOLD, MOST_ATTEMPTS - 1).encode()
    assert await poison(world, "notifications", last) == [("notifications", "internal", last)]


@pytest.mark.parametrize("error", [Unavailable("blob: away"), OSError("full")])
async def test_what_cannot_be_parked_now_waits_on_its_queue(
    world: MemoryWorld, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    async def away(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(world.people, "load", away)
    monkeypatch.setattr(world.parking, "park", away)
    last = messages.encode_notification(TOLD, MOST_ATTEMPTS - 1).encode()
    assert await poison(world, "notifications", last) == []
    assert [(attempt, delay) for _, attempt, delay in world.notifications.sent] == [(MOST_ATTEMPTS, LONGEST_REST)]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (NotFound("gone"), "not_found"),
        (Malformed("no"), "invalid_body"),
        (Refused("never"), "store_refused"),
        (Malformed("no", Code.INVALID_TEMPLATE), "invalid_template"),
    ],
)
async def test_what_is_rejected_for_good_is_parked_at_once(
    world: MemoryWorld, monkeypatch: pytest.MonkeyPatch, error: Exception, reason: str
) -> None:
    async def rejected(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(world.people, "load", rejected)
    body = messages.encode_notification(TOLD, 0).encode()
    assert await poison(world, "notifications", body) == [("notifications", reason, body)]
    assert world.notifications.sent == []


async def test_a_conflict_is_tried_again(world: MemoryWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    async def busy(*_: object, **__: object) -> None:
        raise Conflict("busy")

    monkeypatch.setattr(world.people, "load", busy)
    await HANDLERS["notifications"](message(messages.encode_notification(TOLD, 0)))
    assert [attempt for _, attempt, _ in world.notifications.sent] == [1]


async def test_why_a_message_is_parked_says_nothing_of_what_it_says(world: MemoryWorld) -> None:
    secret = "ada@aurora.example"
    for name in GOOD["notifications"]:
        await poison(world, "notifications", whole(GOOD["notifications"] | {name: {secret: [secret]}}))
        await poison(world, "notifications", whole(GOOD["notifications"] | {name: secret, secret: 1}))
        assert secret not in "".join(parked.detail for parked in world.parking.held.values())


# ---- connection events


CONNECTED = {"opType": "deviceConnected", "operationTimestamp": "2026-11-22T12:00:00Z", "deviceId": VEHICLE}
WRONG_TEXTS: list[Any] = [None, "", 7, [], ["deviceConnected"], {}, "x" * 9_999, "9999-99-99T00:00:00Z"]
WRONG_NUMBERS: list[Any] = [None, 7, "", "xyz", "0" * 129, [], {}, "\u0663"]
EVENTS: list[tuple[dict[str, Any], bytes]] = [
    *((CONNECTED | {"opType": text}, b'{"sequenceNumber": "0A"}') for text in WRONG_TEXTS),
    *((CONNECTED | {"operationTimestamp": text}, b'{"sequenceNumber": "0A"}') for text in WRONG_TEXTS),
    *((CONNECTED, body) for body in RAW),
    *((CONNECTED, json.dumps({"sequenceNumber": number}).encode()) for number in WRONG_NUMBERS),
]


async def test_a_connection_event_that_is_none_is_parked_and_its_neighbour_is_taken_in(world: MemoryWorld) -> None:
    """A partition is read again for ever if its function raises: one event would hold up all behind it."""
    good = received(len(EVENTS), b'{"sequenceNumber": "0A"}', properties=CONNECTED)
    bad = [received(n, body, properties=properties) for n, (properties, body) in enumerate(EVENTS)]
    await lifecycle.ingest_lifecycle(together([*bad, good]))
    assert world.parking.reasons == ["malformed_data"] * len(EVENTS)
    assert world.ledgers.shelf.held["lifecycle-3"].value.outcomes == {"parked": len(EVENTS), "applied": 1}


async def test_a_connection_event_that_the_store_refuses_is_parked(
    world: MemoryWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refused(*_: object) -> str:
        raise Refused("never")

    monkeypatch.setattr(world.states, "commit", refused)
    await lifecycle.ingest_lifecycle([received(0, b'{"sequenceNumber": "0A"}', properties=CONNECTED)])
    assert world.parking.reasons == ["store_refused"]
