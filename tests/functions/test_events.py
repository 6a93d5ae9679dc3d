import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import azure.functions as func
import pytest
from azure.functions._eventhub import EventHubEvent
from azure.functions.meta import Datum
from azure.functions.servicebus import ServiceBusMessage
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from functions import deliveries, notifications, telemetry, wake
from shared.codec import messages
from shared.domain.inbox import Turn, item_id
from shared.domain.kinds import Channel
from shared.domain.notification import Notification
from shared.domain.person import Contact, Person, PersonId
from shared.domain.policy import Status
from shared.domain.preferences import ANY, Preferences
from shared.domain.principal import Kind, Principal
from shared.domain.vehicle import VehicleState
from shared.errors import Conflict, Unavailable
from shared.use_cases import ingest as ingest_module
from shared.use_cases.attempts import MOST_ATTEMPTS
from shared.use_cases.books import ATTEMPTS
from shared.use_cases.vehicles import change_status
from tests.examples import BRAND, NOON, PROFILE, VEHICLE, cloud_event, encoded
from tests.memory import MemoryWorld

TRACE = "0af7651916cd43dd8448eb211c80319c"
SOC = "Vehicle.Powertrain.TractionBattery.StateOfCharge.Displayed"


def low(sequence: int, soc: float = 5.0, **changes: Any) -> bytes:
    time = datetime.fromtimestamp(NOON / 1000 + sequence, UTC).isoformat()
    data = {"samples": [{"time": time, "signals": {SOC: soc}}]}
    return encoded(cloud_event(sequence=str(sequence), data=data, **changes))


def received(
    position: int,
    body: bytes,
    device: str | None = VEHICLE,
    generation: str | None = None,
    properties: Mapping[str, str] | None = None,
) -> EventHubEvent:
    """As the host hands it over: the enqueued time comes naive, in UTC."""
    stamped = {"connection-device-id": device} if device else {}
    where = {"PartitionContext": Datum(json.dumps({"PartitionId": "3"}), "json")}
    where["PropertiesArray"] = Datum(json.dumps([properties or {}]), "json")
    return EventHubEvent(
        body=body,
        trigger_metadata=where,
        sequence_number=position,
        enqueued_time=datetime.fromtimestamp(NOON / 1000 + position, UTC).replace(tzinfo=None),
        iothub_metadata=stamped | ({"connection-auth-generation-id": generation} if generation else {}),
    )


def together(events: Sequence[EventHubEvent]) -> list[EventHubEvent]:
    """A batch whose first event carries the properties of all, as the host gives them."""
    said = [(event.metadata or {})["PropertiesArray"][0] for event in events]
    (events[0].metadata or {})["PropertiesArray"][:] = said
    return list(events)


async def ingest(*events: EventHubEvent) -> None:
    await telemetry.ingest_telemetry(list(events))


def state(world: MemoryWorld) -> Any:
    return world.states.shelf.held[VEHICLE].value


def outcomes(world: MemoryWorld) -> dict[str, int]:
    return dict(world.ledgers.shelf.held["telemetry-3"].value.outcomes)


async def test_a_bad_event_is_parked_alone_and_its_neighbours_are_applied(world: MemoryWorld) -> None:
    await ingest(received(0, low(1, soc=50)), received(1, b"junk"), received(2, low(3)))
    assert outcomes(world) == {"applied": 2, "parked": 1}
    parked = world.parking.held["telemetry", "3-1"]
    assert (parked.body, parked.reason, parked.device, parked.at) == (b"junk", "not_json", VEHICLE, NOON + 1000)
    assert [n.kind for n in world.notifications.contents] == ["battery_low"]


async def test_an_event_is_its_devices_whatever_it_says_itself(world: MemoryWorld) -> None:
    await ingest(received(0, low(1, source="/vehicles/veh-0002")))
    assert world.parking.reasons == ["spoofed_source"]


async def test_a_device_that_is_not_registered_is_parked(world: MemoryWorld) -> None:
    await ingest(received(0, low(1, source="/vehicles/veh-new"), device="veh-new"), received(1, low(2)))
    assert (world.parking.reasons, outcomes(world)) == (["unregistered_device"], {"parked": 1, "applied": 1})


async def test_an_event_without_a_device_is_parked(world: MemoryWorld) -> None:
    await ingest(received(0, low(1), device=None))
    assert world.parking.reasons == ["no_device"]


async def test_a_vehicle_is_written_once_a_batch(world: MemoryWorld) -> None:
    await ingest(*(received(n, low(n + 1, soc=50 + n)) for n in range(40)))
    assert state(world).revision == 1


def reads_of(world: MemoryWorld, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every vehicle whose state is read from now on."""
    reads: list[str] = []
    load = world.states.load

    async def counted(vehicle_id: str) -> Any:
        reads.append(vehicle_id)
        return await load(vehicle_id)

    monkeypatch.setattr(world.states, "load", counted)
    return reads


async def test_a_warm_vehicle_is_not_read_again(world: MemoryWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    await ingest(received(0, low(1, soc=50)))
    reads = reads_of(world, monkeypatch)
    await ingest(received(1, low(2, soc=51)))
    assert reads == []
    await ingest(received(5, low(3, soc=52)))
    assert reads == [VEHICLE], "after a gap the partition may have been elsewhere"


async def vehicles(world: MemoryWorld, count: int) -> list[str]:
    names = [f"veh-{number}" for number in range(count)]
    for name in names:
        world.states.shelf.commit(name, VehicleState(name, PROFILE.policy()), None)
    return names


async def test_an_instance_holds_as_many_vehicles_as_its_limit_says(
    world: MemoryWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ingest_module.WARM == 5_000
    monkeypatch.setattr(ingest_module, "WARM", 2)
    names = await vehicles(world, 3)
    for position, name in enumerate(names):
        await ingest(received(position, low(1, soc=50, source=f"/vehicles/{name}"), name))
    reads = reads_of(world, monkeypatch)
    batch = [
        received(3 + n, low(2, soc=50, source=f"/vehicles/{name}"), name) for n, name in enumerate(reversed(names))
    ]
    await ingest(*batch)
    assert reads == names[:1]


async def test_no_more_vehicles_are_written_at_once_than_the_limit_says(
    world: MemoryWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ingest_module.IN_FLIGHT == 32
    names, at_once, most = await vehicles(world, 80), 0, 0
    commit = world.states.commit

    async def counted(*arguments: Any) -> str:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(0)
        at_once -= 1
        return await commit(*arguments)

    monkeypatch.setattr(world.states, "commit", counted)
    await ingest(*(received(n, low(1, 50, source=f"/vehicles/{name}"), name) for n, name in enumerate(names)))
    assert most == 32


async def test_another_writer_is_noticed_and_nothing_of_either_is_lost(world: MemoryWorld) -> None:
    await ingest(received(0, low(1, soc=50)))
    shelf = world.states.shelf
    shelf.commit(VEHICLE, replace(state(world), due=None), shelf.held[VEHICLE].version)
    await ingest(received(1, low(2, soc=51)))
    assert outcomes(world) == {"applied": 2}
    assert state(world).signals[SOC].value == 51


async def test_the_very_next_event_sees_a_changed_status(world: MemoryWorld) -> None:
    await ingest(received(0, low(1, soc=50)))
    operator = Principal("operator-1", BRAND, Kind.OPERATOR)
    await change_status(operator, VEHICLE, Status.SUSPENDED, world.reach)
    await ingest(received(1, low(2, soc=51)))
    assert (state(world).policy.status, state(world).signals[SOC].value) == ("suspended", 51)


async def test_the_same_batch_again_changes_nothing(world: MemoryWorld) -> None:
    batch = [received(0, low(1)), received(1, b"junk")]
    await ingest(*batch)
    before = (state(world), outcomes(world), len(world.parking.held))
    await ingest(*batch)
    assert (state(world), outcomes(world), len(world.parking.held)) == before


async def test_what_was_committed_and_not_sent_is_sent_with_the_next_batch(
    world: MemoryWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = world.notifications.send
    monkeypatch.setattr(world.notifications, "send", _down)
    with pytest.raises(Unavailable):
        await ingest(received(0, low(1)))
    assert len(state(world).outbox) == 1
    assert state(world).due is not None
    monkeypatch.setattr(world.notifications, "send", send)
    await ingest(received(0, low(1)))
    assert [n.kind for n in world.notifications.contents] == ["battery_low"]
    assert (state(world).outbox, state(world).due) == ((), state(world).open_until)


async def test_an_outage_of_the_store_raises_so_that_the_batch_comes_again(
    world: MemoryWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[object] = []

    async def down(*_: object) -> str:
        tries.append(_)
        raise Conflict("busy")

    monkeypatch.setattr(world.states, "commit", down)
    with pytest.raises(Unavailable):
        await ingest(received(0, low(1)))
    assert len(tries) == ATTEMPTS
    assert world.ledgers.shelf.held == {}


async def _down(*_: object, **__: object) -> None:
    raise Unavailable("away")


# ---- queues


TOLD = Notification("n-1", "battery_low", VEHICLE, BRAND, NOON, {SOC: 9.0}, f"00-{TRACE}-b7ad6b7169203331-01")


def message(body: str | bytes) -> ServiceBusMessage:
    return _Message(body.encode() if isinstance(body, str) else body)


async def work_off(world: MemoryWorld, id: PersonId, runs: int = 500) -> int:
    """Wake a person as long as that is due, and return how often it was."""
    for number in range(runs):
        held = world.people.shelf.held.get(str(id))
        if held is None or held.value.due is None or held.value.due > world.clock():
            return number
        await wake.wake_due(message(messages.encode_wake(str(id), held.value.due, person=True)))
    raise AssertionError("it stays due")


class _Message(ServiceBusMessage):
    """Just a body: nothing else of a message is ever looked at."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def get_body(self) -> bytes:
        return self._body


ADA = PersonId(BRAND, "user-ada")


async def mailed(world: MemoryWorld) -> None:
    """Ada has an address, and wants mail of everything."""
    wants = Preferences(channels={ANY: {Channel.EMAIL: True}})
    person = Person(ADA, preferences=wants, contact=Contact("ada@aurora.example", NOON, NOON))
    await world.people.commit(person, (await world.people.load(ADA)).version)


async def test_everyone_with_a_role_finds_it_in_the_inbox_once_however_often_it_comes(world: MemoryWorld) -> None:
    for _ in range(3):
        await notifications.plan_notification(message(messages.encode_notification(TOLD, 0)))
    assert [(i.recipient.user, i.id) for i in world.inbox.items] == [("user-ada", item_id(TOLD.id, ADA))]


async def test_who_has_no_role_any_more_is_not_told(world: MemoryWorld) -> None:
    await mailed(world)
    await notifications.plan_notification(message(messages.encode_notification(TOLD, 0)))
    held = world.profiles.shelf.held[VEHICLE]
    world.profiles.shelf.held[VEHICLE] = replace(held, value=replace(held.value, members={}))
    (turn,) = world.deliveries.contents
    await deliveries.deliver_notification(message(messages.encode_turn(turn, 0)))
    delivery = world.inbox.items[0].deliveries[Channel.EMAIL]
    assert (delivery.outcome, delivery.reason, world.mailer.sent) == ("suppressed", "no access", [])


@pytest.mark.parametrize(
    "body",
    [
        b"junk",
        b"{}",
        b'{"schema": 3, "attempt": 0, "content": {}}',
        b"\xff",
        b"[" * 9999,
        b'{"schema": 2, "attempt": 0}',
    ],
)
@pytest.mark.parametrize("queue", ["notifications", "deliveries", "wake"])
async def test_a_message_that_is_none_is_parked(world: MemoryWorld, queue: str, body: bytes) -> None:
    handlers = {
        "notifications": notifications.plan_notification,
        "deliveries": deliveries.deliver_notification,
        "wake": wake.wake_due,
    }
    await handlers[queue](message(body))
    assert [(p.source, p.reason, p.body) for p in world.parking.held.values()] == [(queue, "malformed_message", body)]


async def test_an_outage_schedules_a_copy_under_another_attempt(
    world: MemoryWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    turn = Turn(ADA, item_id(TOLD.id, ADA), Channel.EMAIL)
    monkeypatch.setattr(world.inbox, "load", _down)
    for attempt in (0, 3, 12):
        await deliveries.deliver_notification(message(messages.encode_turn(turn, attempt)))
    assert [(attempt, delay) for _, attempt, delay in world.deliveries.sent] == [(1, 1.0), (4, 8.0), (13, 600.0)]


async def test_after_the_last_attempt_a_message_is_parked(world: MemoryWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(world.profiles, "load", _down)
    await notifications.plan_notification(message(messages.encode_notification(TOLD, MOST_ATTEMPTS - 1)))
    assert (world.notifications.sent, world.parking.reasons) == ([], ["unavailable"])


async def test_only_if_the_copy_cannot_be_sent_does_the_function_raise(
    world: MemoryWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world.profiles, "load", _down)
    monkeypatch.setattr(world.notifications, "send", _down)
    with pytest.raises(Unavailable):
        await notifications.plan_notification(message(messages.encode_notification(TOLD, 0)))


# ---- time


async def test_the_timer_finds_what_a_crash_left_and_the_wake_hands_it_on(
    world: MemoryWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = world.notifications.send
    monkeypatch.setattr(world.notifications, "send", _down)
    with pytest.raises(Unavailable):
        await ingest(received(0, low(1)))
    monkeypatch.setattr(world.notifications, "send", send)
    due = state(world).due
    world.clock.at = due - 1
    await wake.sweep_due(_tick())
    assert world.wakes.contents == []
    world.clock.at = due
    await wake.sweep_due(_tick())
    assert world.wakes.contents == [(VEHICLE, due)]
    await wake.wake_due(message(messages.encode_wake(VEHICLE, due)))
    assert [n.kind for n in world.notifications.contents] == ["battery_low"]
    assert (state(world).outbox, state(world).due) == ((), state(world).open_until)


async def test_waking_a_vehicle_that_owes_nothing_or_is_gone_does_nothing(world: MemoryWorld) -> None:
    await wake.wake_due(message(messages.encode_wake(VEHICLE, NOON)))
    await wake.wake_due(message(messages.encode_wake("veh-gone", NOON)))
    assert (world.notifications.sent, world.parking.held) == ([], {})


def _tick() -> func.TimerRequest:
    return func.TimerRequest()


# ---- traces


async def test_plan_and_delivery_go_on_with_the_trace_of_the_vehicles_event(
    world: MemoryWorld, spans: InMemorySpanExporter
) -> None:
    await ingest(received(0, low(1, traceparent=f"00-{TRACE}-b7ad6b7169203331-01")))
    spans.clear()  # a batch is of many vehicles, and its trace is its own
    (told,) = world.notifications.contents
    await mailed(world)
    await notifications.plan_notification(message(messages.encode_notification(told, 0)))
    (turn,) = world.deliveries.contents
    await deliveries.deliver_notification(message(messages.encode_turn(turn, 0)))
    finished: Sequence[Any] = spans.get_finished_spans()
    assert [span.name for span in finished] == ["plan notification", "deliver notification"]
    assert {f"{span.context.trace_id:032x}" for span in finished} == {TRACE}
    assert finished[1].parent.span_id == finished[0].context.span_id


async def test_a_traceparent_that_is_none_does_no_harm(world: MemoryWorld, spans: InMemorySpanExporter) -> None:
    await ingest(received(0, low(1, traceparent="garbage\x00")))
    (told,) = world.notifications.contents
    await notifications.plan_notification(message(messages.encode_notification(told, 0)))
    assert len(world.inbox.items) == 1
