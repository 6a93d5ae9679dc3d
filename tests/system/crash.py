"""Drives with many episodes through a cloud whose parts are killed at random, and what must hold afterwards."""

import asyncio
import contextlib
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from signal import SIGCONT, SIGSTOP
from time import monotonic, time

import aiohttp

from local.cloud import Cloud, Ports
from local.demo import owes, quiet
from local.fleet.drives import Sample
from local.fleet.sender import Fleet, fleet
from local.host.triggers import OWNED_FOR
from local.mailbox import mails
from local.signin import BRAND
from local.town import Resident, inboxes, introduce, operator, settle
from shared.bootstrap import world
from shared.codec.signals import shipped
from shared.domain.conditions import DEFAULTS
from shared.domain.folding import fold
from shared.domain.inbox import Item, delivery_id
from shared.domain.inbox import Outcome as Mailed
from shared.domain.kinds import Channel
from shared.domain.notification import Notification
from shared.domain.paths import STATE_OF_CHARGE
from shared.domain.person import PersonId
from shared.domain.policy import Policy
from shared.domain.rules import Book
from shared.domain.telemetry import Event, Telemetry
from shared.domain.telemetry import Sample as Seen
from shared.domain.vehicle import Reading, VehicleState
from shared.errors import Unavailable
from shared.use_cases.amend import Reach
from shared.use_cases.wake import Outside, wake

VEHICLES, PARTS = 5, ("host", "host1", "broker", "cosmos")
SAMPLES = 600
"""Of each vehicle: a battery that runs low every 24 of them, so that it may tell so each time."""
SLICE = 10
"""Samples sent at once."""
DAWDLES = 0.7
"""Seconds that a slow instance needs to hand on one notification."""
PAUSE = 0.4, 2.0
"""Seconds between two kills, at least and at most."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it: the books, what each vehicle should and does know, what should be and is in the inboxes."""

    accepted: int
    counted: int
    expected_signals: list[dict[str, Reading]]
    signals: list[dict[str, Reading]]
    expected_told: set[str]
    told: Counter[str]
    committed: int
    kills: Counter[str]
    attempts: dict[str, tuple[int, bool]]
    mails: Counter[str]


def drives(seed: int) -> list[list[Sample]]:
    start, random = datetime.now(UTC) - timedelta(seconds=SAMPLES), Random(seed)
    return [
        [
            Sample(
                (start + timedelta(seconds=n)).isoformat(timespec="milliseconds"),
                {STATE_OF_CHARGE: (5.0, 20.0)[(n + 5) // 12 % 2] + random.random(), **witness(n)},
            )
            for n in range(SAMPLES)
        ]
        for _ in range(VEHICLES)
    ]


def witness(number: int) -> dict[str, float]:
    """A signal that only this and few other samples carry: a lost update loses it for good."""
    floats = sorted(p for p, leaf in shipped().items() if leaf.datatype == "float" and leaf.least is leaf.most is None)
    return {floats[number // 10 % len(floats)]: float(number)}


async def crash_run(folder: Path, kills: int, seed: int) -> Outcome:
    """Send everything while that many parts are killed, wait until all is quiet, and look."""
    cloud, random = Cloud(folder, Ports.free(), instances=2), Random(seed)
    killed: Counter[str] = Counter()
    try:
        await cloud.start()
        os.environ.update(cloud.env)
        world.cache_clear()
        plans = drives(seed)
        residents = await settle(cloud, VEHICLES)
        await introduce(cloud, residents)
        async with operator(cloud) as api:
            await api.call("PUT", "notification-defaults", {"cap": 200})
        async with fleet(cloud.env["EVENTHUBS"]) as vehicles:
            rest = kills * sum(PAUSE) / 2 / (SAMPLES / SLICE)
            pairs = zip(residents, plans, strict=True)
            driving = asyncio.gather(*(_drive(vehicles, r, plan, rest) for r, plan in pairs))
            freezing, over = asyncio.create_task(_freeze(cloud, random, residents)), asyncio.Event()
            dawdling = asyncio.gather(*(_dawdle(r, over) for r in residents))
            for _ in range(kills):
                await asyncio.sleep(random.uniform(*PAUSE))
                killed.update(await _kill(cloud, random, residents))
            freezing.cancel()
            await asyncio.wait([freezing])
            await driving
            await _counted(vehicles.sent)
            over.set()
            await dawdling
            await _settled(cloud, residents, vehicles.sent)
        await _delivered(residents)
        outcome = await _look(cloud, residents, plans, killed)
        await world().close()
        return outcome
    finally:
        await cloud.stop()


async def _kill(cloud: Cloud, random: Random, residents: Sequence[Resident]) -> list[str]:
    """Any part at any moment; or the hosts when they have committed what they cannot hand on, as the broker hangs."""
    if random.random() < 0.6:
        names = [random.choice(PARTS)]
        cloud.parts[names[0]].kill()
        return names
    names, broker = ["host", "host1"], cloud.parts["broker"]
    await _telling(residents)
    broker.send_signal(SIGSTOP)
    await asyncio.sleep(0.2)
    for name in names:
        cloud.parts[name].kill()
    broker.send_signal(SIGCONT)
    return names


class Slow:
    """The way to the queue of an instance whose connection is slow."""

    async def send(self, notification: Notification, attempt: int = 0, delay: float = 0, replay: int = 0) -> None:
        await asyncio.sleep(DAWDLES)
        await world().notifications.send(notification, attempt, delay, replay)


async def _dawdle(resident: Resident, over: asyncio.Event) -> None:
    """Another instance that wakes the vehicle early, and so slowly that the state has long been written again."""
    while not over.is_set():
        await asyncio.sleep(0)
        if await _owes(resident.vehicle_id):
            with contextlib.suppress(Unavailable):
                w = world()
                reach = Reach(w.profiles, w.states, Slow(), w.people)
                outside = Outside(reach, w.histories, w.rules, w.brands)
                await wake(resident.vehicle_id, lambda: int(time() * 1000), outside, 3_000)


async def _counted(sent: int) -> None:
    deadline = monotonic() + 30
    while monotonic() < deadline:
        with contextlib.suppress(Unavailable):
            if sum(book.accepted for book in await world().ledgers.all()) >= sent:
                return
        await asyncio.sleep(0.1)
    raise TimeoutError("the other host did not take over")


async def _freeze(cloud: Cloud, random: Random, residents: Sequence[Resident]) -> None:
    """Stop a host until its partitions have gone to the other, and let it go on with what it held: two owners."""
    while True:
        await _telling(residents)
        frozen = cloud.parts[random.choice(("host", "host1"))]
        frozen.send_signal(SIGSTOP)
        try:
            await asyncio.sleep(OWNED_FOR + 1.5)
        finally:
            frozen.send_signal(SIGCONT)


async def _telling(residents: Sequence[Resident]) -> None:
    """A moment at which a vehicle owes what was committed; or in three seconds, if none comes."""
    deadline = monotonic() + 3
    while monotonic() < deadline:
        for resident in residents:
            if await _owes(resident.vehicle_id):
                return
        await asyncio.sleep(0)


async def _owes(vehicle_id: str) -> bool:
    """Whether the vehicle's outbox holds a notification."""
    with contextlib.suppress(Unavailable):
        return owes((await world().states.load(vehicle_id)).value)
    return False


async def _drive(vehicles: Fleet, resident: Resident, samples: Sequence[Sample], rest: float) -> None:
    """In slices, with a rest after each."""
    for start in range(0, len(samples), SLICE):
        slice_ = samples[start : start + SLICE]
        await vehicles.send(resident.vehicle_id, [vehicles.message(resident.vehicle_id, [s]) for s in slice_])
        await asyncio.sleep(rest)


async def _settled(cloud: Cloud, residents: Sequence[Resident], sent: int) -> None:
    """A part that was killed last may not be back yet: ask again until the deadline of `quiet` itself."""
    for _ in range(100):
        with contextlib.suppress(ConnectionError, aiohttp.ClientError, RuntimeError, Unavailable):
            await quiet(cloud, residents, sent)
            return
        await asyncio.sleep(0.2)
    raise RuntimeError("the parts did not come back")


async def _delivered(residents: Sequence[Resident]) -> None:
    """Nothing is left to be mailed. An attempt that was killed is made again once it must be over."""
    deadline = monotonic() + 120
    while monotonic() < deadline:
        with contextlib.suppress(Unavailable):
            if not any(d.open for item in await _items(residents) for d in item.deliveries.values()):
                return
        await asyncio.sleep(0.5)
    raise TimeoutError("some mail was neither sent nor given up")


async def _items(residents: Sequence[Resident]) -> list[Item]:
    return [item for r in residents for item in await world().inbox.all_of(PersonId(BRAND, r.user))]


async def _look(
    cloud: Cloud, residents: Sequence[Resident], plans: Sequence[list[Sample]], killed: Counter[str]
) -> Outcome:
    books = await world().ledgers.all()
    states = [(await world().states.load(r.vehicle_id)).value for r in residents]
    items = await inboxes(cloud, residents)
    expected = [oracle(r.vehicle_id, plan) for r, plan in zip(residents, plans, strict=True)]
    return Outcome(
        sum(book.accepted for book in books),
        sum(sum(book.outcomes.values()) for book in books),
        [dict(state.signals) for state in expected],
        [dict(state.signals) for state in states],
        {told.id for state in expected for told in state.outbox if isinstance(told, Notification)},
        Counter(item["notificationId"] for item in items),
        sum(state.committed for state in states),
        killed,
        {
            delivery_id(item.id, Channel.EMAIL): (len(mail.attempts), mail.outcome is Mailed.SENT)
            for item in await _items(residents)
            if (mail := item.deliveries.get(Channel.EMAIL)) is not None
        },
        Counter(str(mail["Message-ID"]).strip("<>").partition("@")[0] for mail in mails(cloud.data)),
    )


def oracle(vehicle_id: str, samples: Sequence[Sample]) -> VehicleState:
    """The same drive without a cloud: one fold in the order in which the vehicle sent it."""
    state = VehicleState(vehicle_id, Policy("aurora"))
    events = []
    for number, sample in enumerate(samples):
        at = int(datetime.fromisoformat(sample.time).timestamp() * 1000)
        events.append(Event(Telemetry(vehicle_id, number, (Seen(at, sample.signals),)), at))
    return fold(state, events, Book.of(DEFAULTS))[0]
