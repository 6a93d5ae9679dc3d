"""The local broker while its disk is full: what it accepted stays, of what it refuses the sender hears, and once there
is room all goes on without a restart."""

import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from azure.core.exceptions import AzureError
from azure.eventhub import EventData
from azure.eventhub.aio import EventHubProducerClient
from azure.eventhub.exceptions import EventHubError
from azure.servicebus.aio import ServiceBusClient

from local.broker.codec import AmqpError
from local.broker.server import Broker
from local.broker.store import Store
from shared.adapters.servicebus import ServiceBusNotifications
from shared.codec import messages
from shared.domain.notification import Notification
from shared.errors import Unavailable
from shared.topology import topology
from shared.use_cases.ingest import Ingest
from tests.attacks.test_ingest import arrival, held, message, sample
from tests.conformance.conftest import KEY, bus_at
from tests.examples import BRAND, NOON, VEHICLE
from tests.memory import MemoryClock, MemoryWorld

QUEUE = "notifications"


class Local(NamedTuple):
    broker: Broker
    connection: str
    bus: ServiceBusClient

    @property
    def store(self) -> Store:
        return self.broker._store

    def notifications(self) -> ServiceBusNotifications:
        return ServiceBusNotifications(self.bus.get_queue_sender(QUEUE), MemoryClock())

    def fill(self) -> None:
        """Let no page be added any more: SQLite says then what it says of a full disk."""
        ((pages,),) = self.store.read("PRAGMA page_count")
        self.store.read(f"PRAGMA max_page_count = {pages}")

    def make_room(self) -> None:
        self.store.read("PRAGMA max_page_count = 1000000")


@pytest.fixture
async def local(tmp_path: Path) -> AsyncIterator[Local]:
    broker = Broker(topology(), tmp_path / "broker.db", KEY, lock=2_000)
    connection = bus_at(await broker.start("127.0.0.1", 0))
    async with ServiceBusClient.from_connection_string(connection, retry_total=0) as bus:
        yield Local(broker, connection, bus)
    await broker.stop()


def told(number: int) -> Notification:
    return Notification(f"n-{number}", "battery_low", VEHICLE, BRAND, NOON, {"note": "x" * 3_000})


async def taken(local: Local, count: int) -> list[str]:
    """The ids of so many notifications, each received and completed, and that there are no others."""
    found = list[str]()
    async with local.bus.get_queue_receiver(QUEUE) as receiver:
        while True:
            some = await receiver.receive_messages(50, max_wait_time=5 if len(found) < count else 0.5)
            if not some:
                return found
            for one in some:
                found.append(messages.decode_notification(b"".join(one.body)).content.id)
                await receiver.complete_message(one)


async def until_refused(local: Local, first: int, most: int = 500) -> list[str]:
    """The ids of what was accepted before a send was refused."""
    queue, accepted = local.notifications(), list[str]()
    for number in range(first, first + most):
        try:
            await queue.send(told(number))
        except Unavailable:
            return accepted
        accepted.append(f"n-{number}")
    raise AssertionError("the disk was never full")


async def test_what_was_accepted_is_kept_and_all_goes_on_once_there_is_room(local: Local) -> None:
    await local.notifications().send(told(0))
    local.fill()
    accepted = await until_refused(local, 1)
    for number in (600, 601, 602):
        with pytest.raises(Unavailable):
            await local.notifications().send(told(number))
    local.make_room()
    await local.notifications().send(told(700))
    assert await taken(local, len(accepted) + 2) == ["n-0", *accepted, "n-700"]


class Failing:
    """A database whose commits fail."""

    def __init__(self, db: Any) -> None:
        self._db, self.fails = db, True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._db, name)

    def execute(self, sql: str, *parameters: Any) -> Any:
        if self.fails and sql == "COMMIT":
            raise sqlite3.OperationalError("database or disk is full")
        return self._db.execute(sql, *parameters)


async def test_nothing_is_acknowledged_of_a_turn_that_cannot_be_committed(local: Local) -> None:
    await local.notifications().send(told(0))
    failing: Any = Failing(local.store._db)
    local.store._db = failing
    for number in (1, 2):
        with pytest.raises(Unavailable):
            await local.notifications().send(told(number))
    failing.fails = False
    await local.notifications().send(told(1))
    assert await taken(local, 2) == ["n-0", "n-1"], "the id of what was refused is no repeat"


async def test_a_message_whose_completion_was_not_stored_comes_again(local: Local) -> None:
    await local.notifications().send(told(0))
    failing: Any = Failing(local.store._db)
    async with local.bus.get_queue_receiver(QUEUE) as receiver:
        (one,) = await receiver.receive_messages(1, max_wait_time=5)
        local.store._db = failing
        with pytest.raises(AzureError):
            await receiver.complete_message(one)
    failing.fails = False
    assert await taken(local, 1) == ["n-0"]


async def test_sends_are_refused_before_the_disk_is_full_and_what_is_there_is_still_settled(
    local: Local, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = local.notifications()
    await queue.send(told(0))
    usage = type(shutil.disk_usage("/"))
    with monkeypatch.context() as full:
        full.setattr(shutil, "disk_usage", lambda _: usage(10**12, 10**12 - 1_000, 1_000))
        with pytest.raises(Unavailable):
            await queue.send(told(1))
        assert await taken(local, 1) == ["n-0"]
    await queue.send(told(2))
    assert await taken(local, 1) == ["n-2"]


@pytest.mark.parametrize(
    ("free", "total", "room"),
    [(15 * 2**20, 2**40, False), (17 * 2**20, 2**40, True), (300_000, 4 * 2**20, True), (100_000, 4 * 2**20, False)],
)
async def test_sends_leave_sixteen_megabytes_free_or_a_twentieth_of_a_small_disk(
    local: Local, monkeypatch: pytest.MonkeyPatch, free: int, total: int, room: bool
) -> None:
    usage = type(shutil.disk_usage("/"))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(total, total - free, free))
    require: Callable[[], None] = local.store.require_room
    if room:
        require()
    else:
        with pytest.raises(AmqpError, match="full"):
            require()


async def test_notifications_wait_in_the_vehicles_outbox_while_the_queue_refuses_them(
    local: Local, world: MemoryWorld
) -> None:
    queue: Any = local.notifications()
    taking = Ingest("telemetry", replace(world.outside, notifications=queue), 60_000)
    low = arrival(0, message(1, [sample(NOON, {"Vehicle.Powertrain.TractionBattery.StateOfCharge.Displayed": 5.0})]))
    failing: Any = Failing(local.store._db)
    local.store._db = failing
    for _ in range(2):
        with pytest.raises(Unavailable):
            await taking.batch("0", [low], world.clock)
        assert [n.kind for n in held(world).outbox if isinstance(n, Notification)] == ["battery_low"]
    failing.fails = False
    await taking.batch("0", [low], world.clock)
    assert held(world).outbox == ()
    assert len(await taken(local, 1)) == 1


async def test_a_hub_goes_on_counting_where_it_was(local: Local) -> None:
    async def send(number: int) -> None:
        async with EventHubProducerClient.from_connection_string(
            local.connection, eventhub_name="telemetry", retry_total=0
        ) as producer:
            await producer.send_event(EventData(b"%d" % number), partition_id="0")

    await send(0)
    failing: Any = Failing(local.store._db)
    local.store._db = failing
    with pytest.raises(EventHubError):
        await send(1)
    failing.fails = False
    await send(2)
    hub = local.broker.hubs["telemetry"]
    assert hub._next[0] == 2
    assert [seq for seq, _ in hub.read(0, 0, 10)] == [0, 1]


async def test_the_timers_of_the_broker_go_on_after_one_of_them_could_not_write(local: Local) -> None:
    """What has expired, locks that lapse and scheduled messages hang on them."""
    failing: Any = Failing(local.store._db)
    local.store._db = failing
    tries = 0

    def breaking() -> None:
        nonlocal tries
        tries += 1
        local.store.write("DELETE FROM recent")

    local.store.at(0, breaking)
    with pytest.raises(Unavailable):
        await local.notifications().send(told(1))
    failing.fails = False
    await local.notifications().send(told(2), delay=0.5)
    assert await taken(local, 1) == ["n-2"]
    assert tries == 1
