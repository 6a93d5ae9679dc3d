"""Batches of hubs and messages of queues of which one is nearly right, beside others that are."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from random import Random
from typing import Any, NamedTuple

from functions import deliveries, lifecycle, notifications, telemetry, wake
from shared.codec import messages
from shared.codec.signals import shipped
from shared.domain.garage import Member, Role
from shared.domain.inbox import Turn, item_id
from shared.domain.kinds import KINDS, Channel
from shared.domain.notification import Notification
from shared.domain.parked import Parked
from shared.domain.person import PersonId
from shared.domain.vehicle import VehicleState
from tests.attacks.fuzz.values import changed, spoilt, text, value, written
from tests.examples import BRAND, NOON, PROFILE
from tests.functions.test_events import message, received, together
from tests.memory import MemoryWorld

SPEED = "Vehicle.Speed"
PATHS = sorted(shipped())
NEIGHBOUR, ITS_OWNER = "veh-neighbour", "user-neighbour"
"""The vehicle whose good events stand beside, and whom good notifications are for: no other input is about them."""


class Lost(AssertionError):
    """A good one was not taken in because of a bad one beside it."""


class Batch(NamedTuple):
    kind: str
    body: bytes
    properties: dict[str, Any]
    device: str
    number: int


class Message(NamedTuple):
    kind: str
    body: bytes


def neighbour(world: MemoryWorld) -> None:
    if NEIGHBOUR not in world.states.shelf.held:
        members = {ITS_OWNER: Member(Role.PRIMARY)}
        profile = replace(PROFILE, vehicle_id=NEIGHBOUR, vin="ZZZAURRA0DEM00055", members=members)
        world.profiles.shelf.commit(NEIGHBOUR, profile, None)
        world.states.shelf.commit(NEIGHBOUR, VehicleState(NEIGHBOUR, profile.policy()), None)
    release = world.vocabularies.held.get(PROFILE.brand)
    speed = release.leaves.get(SPEED) if release and release.leaves is not None else None
    if speed and speed.datatype.endswith("[]"):  # as its operator wants it: then no number is taken in, and rightly
        del world.vocabularies.held[PROFILE.brand]


# ---- hubs


def drawn_batch(random: Random, number: int) -> Batch:
    kind = random.choice(("telemetry", "telemetry", "telemetry", "lifecycle"))
    device = "veh-own" if random.random() < 0.9 else text(random)
    if kind == "lifecycle":
        properties = {"opType": "deviceConnected", "operationTimestamp": _time(number), "deviceId": device}
        content: Any = {"sequenceNumber": f"{number:032X}"}
        if random.random() < 0.5:
            properties = changed(properties, random)
        else:
            content = changed(content, random)
        if not isinstance(properties, dict):
            properties = {}
    else:
        properties, content = {}, changed(_event(device, number, random), random)
    raw = written(content)
    return Batch(kind, spoilt(raw, random) if random.random() < 0.1 else raw, properties, device, number)


def _event(device: str, number: int, random: Random) -> dict[str, Any]:
    signals: dict[str, Any] = {
        path: random.choice((1, 0.5, True, "LOCK", [], value(random))) for path in random.sample(PATHS, 3)
    }
    samples = [{"time": _time(number), "signals": {SPEED: 50.0, **signals}} for _ in range(random.choice((1, 2)))]
    event: dict[str, Any] = {
        "specversion": "1.0",
        "id": f"m-{number}",
        "source": f"/vehicles/{device}",
        "sequence": str(number),
    }
    event |= {"type": "automotive.telemetry.v1", "time": _time(number), "data": {"samples": samples}}
    more = {"dataschema": random.choice(("urn:vss:4", "urn:vss:5.1", "x")), "traceparent": text(random)}
    return event | {name: said for name, said in more.items() if random.random() < 0.3}


def _time(number: int) -> str:
    return datetime.fromtimestamp(NOON / 1000 + number, UTC).isoformat()


async def taken_in(batch: Batch, world: MemoryWorld) -> str:
    """The outcome of the one in the middle. Raises Lost, or what the handler raises."""
    neighbour(world)
    raw, at = batch.body, next_position(world, "telemetry-3", batch.number * 3)
    if batch.kind == "lifecycle":
        return await _announced(batch, world)
    good = [_good(batch.number * 2), _good(batch.number * 2 + 1)]
    events = [
        received(at, good[0], NEIGHBOUR),
        received(at + 1, raw, batch.device),
        received(at + 2, good[1], NEIGHBOUR),
    ]
    before, counted = _ledger(world, "telemetry-3"), len(events)
    await telemetry.ingest_telemetry(events)
    after = _ledger(world, "telemetry-3")
    newest = world.states.shelf.held[NEIGHBOUR].value.signals[SPEED]
    if newest.value != float(batch.number % 200) + 0.5 or after["applied"] - before["applied"] < 2:
        raise Lost(f"of the neighbours, {newest} and {after} after {before}")
    if sum(after.values()) - sum(before.values()) != counted:
        raise Lost(f"{after} after {before}")
    return _outcome(before, after, 2)


def _good(number: int) -> bytes:
    speed = float(number // 2 % 200) + (0.5 if number % 2 else 0.0)
    samples = [{"time": _time(number), "signals": {SPEED: speed}}]
    event = {"specversion": "1.0", "id": f"n-{number}", "source": f"/vehicles/{NEIGHBOUR}", "sequence": str(number + 1)}
    return json.dumps(event | {"type": "automotive.telemetry.v1", "data": {"samples": samples}}).encode()


async def _announced(batch: Batch, world: MemoryWorld) -> str:
    said = {"opType": "deviceConnected", "operationTimestamp": _time(batch.number)}
    fine = json.dumps({"sequenceNumber": f"{batch.number:032X}"}).encode()
    at = next_position(world, "lifecycle-3", batch.number * 2)
    events = [received(at, batch.body, None), received(at + 1, fine, NEIGHBOUR)]
    before = _ledger(world, "lifecycle-3")
    events = together(events)
    (events[0].metadata or {})["PropertiesArray"][:] = [batch.properties, said]
    await lifecycle.ingest_lifecycle(events)
    after = _ledger(world, "lifecycle-3")
    connection = world.states.shelf.held[NEIGHBOUR].value.connection
    if connection is None or int(connection.order, 16) != batch.number or after["applied"] == before["applied"]:
        raise Lost(f"of the neighbours, {connection} and {after} after {before}")
    return _outcome(before, after, 1)


def next_position(world: MemoryWorld, id: str, least: int = 0) -> int:
    """Where the hub puts the next event of a partition."""
    held = world.ledgers.shelf.held.get(id)
    counted = held.value.position if held else None
    return max(least, counted.sequence + 1 if counted else 0)


def _ledger(world: MemoryWorld, id: str) -> dict[str, int]:
    held = world.ledgers.shelf.held.get(id)
    names = ("applied", "duplicate", "stale", "suppressed", "parked")
    return {name: held.value.outcomes.get(name, 0) if held else 0 for name in names}


def _outcome(before: dict[str, int], after: dict[str, int], good: int) -> str:
    more = {name: after[name] - before[name] - (good if name == "applied" else 0) for name in after}
    return next((name for name, count in more.items() if count > 0), "none")


# ---- queues


def drawn_message(random: Random) -> Message:
    kind = random.choice(("notifications", "notifications", "deliveries", "wake"))
    raw = written(changed(json.loads(_content(kind, random)), random))
    return Message(kind, spoilt(raw, random) if random.random() < 0.1 else raw)


def _content(kind: str, random: Random) -> str:
    ada = PersonId(BRAND, "user-ada")
    if kind == "wake":
        person = random.random() < 0.5
        return messages.encode_wake(str(ada) if person else "veh-own", NOON, person)
    if kind == "deliveries":
        turn = Turn(ada, item_id("n-own", ada), random.choice(list(Channel)), traceparent=text(random))
        return messages.encode_turn(turn, random.choice((0, 1, 19)))
    name = random.choice(list(KINDS))
    facts: dict[str, Any] = dict(KINDS[name].variables.values())
    told = Notification.of_fact(f"fact-{random.random()}", name, "veh-own", BRAND, NOON, facts, None)
    return messages.encode_notification(told, random.choice((0, 1, 19)))


HANDLERS = {
    "notifications": notifications.plan_notification,
    "deliveries": deliveries.deliver_notification,
    "wake": wake.wake_due,
}


async def consumed(one: Message, world: MemoryWorld) -> str:
    """Parked or done. Raises Lost if a good message after it is not done, or what the handler raises."""
    neighbour(world)
    before = len(world.parking.held)
    await HANDLERS[one.kind](message(one.body))
    parked = len(world.parking.held) > before
    good = Notification.of_fact(f"good-{len(world.inbox.shelf.held)}", "silent", NEIGHBOUR, BRAND, NOON, {}, None)
    await notifications.plan_notification(message(messages.encode_notification(good, 0)))
    if not any(item.notification.id == good.id for item in await world.inbox.all_of(PersonId(BRAND, ITS_OWNER))):
        raise Lost("a good notification was not planned")
    return "parked" if parked else "done"


def parked_bodies(world: MemoryWorld) -> list[Parked]:
    return list(world.parking.held.values())
