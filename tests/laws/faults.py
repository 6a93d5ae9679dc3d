"""The product's own use cases under seeded faults: busy stores, lost replies, conflicts, kills at any call, two owners
of one partition, redelivery and lost settlement. The same seed always gives the same run."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from shared.domain.notification import Delivery, InboxItem, Notification, plan
from shared.domain.rules import STATE_OF_CHARGE
from shared.domain.telemetry import Event, Position, Sample, Telemetry
from shared.domain.vehicle import VehicleState, fold
from shared.errors import Code, Malformed, Unavailable
from shared.ports import Versioned
from shared.use_cases.ingest import Arrival, Ingest
from shared.use_cases.notifications import deliver, plan_deliveries
from shared.use_cases.wake import sweep, wake
from tests.examples import NOON, PROFILE
from tests.memory import MemoryWorld

VEHICLES, PARTITIONS, SAMPLES, BATCH = 4, 2, 120, 25
BUSY, LOST, KILL, REBALANCE = 0.03, 0.04, 0.004, 0.03
BUGS = ("no_etag", "no_outbox", "checkpoint_on_failure", "ledger_recounts", "no_inbox_id", "no_timer")


class KilledError(BaseException):
    """The process is gone; whatever it still had in mind does not happen."""


@dataclass
class Fate:
    """One process: every call that it makes to the outside may fail, before or after it took effect, or be its last."""

    run: "Run"
    alive: bool = True

    async def call(self, step: Callable[[], Awaitable[Any]]) -> Any:
        await self._turn()
        random, faulty = self.run.random, self.run.faulty
        if faulty and random.random() < BUSY:
            raise Unavailable("busy")
        result = await step()
        await self._turn()
        if faulty and random.random() < LOST:
            raise Unavailable("the reply was lost")
        return result

    async def _turn(self) -> None:
        for _ in range(self.run.random.randrange(4)):
            await asyncio.sleep(0)
        if self.run.faulty and self.alive and self.run.random.random() < KILL:
            self.alive = False
            self.run.kills += 1
        if not self.alive:
            raise KilledError


class Faulty:
    """A port of the world as one process sees it."""

    def __init__(self, fate: Fate, port: object) -> None:
        self._fate, self._port = fate, port

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        method = getattr(self._port, name)
        return lambda *args, **kwargs: self._fate.call(lambda: method(*args, **kwargs))


class Run:
    """One seed: the hub, the processes, and what is stored."""

    def __init__(self, seed: int, bug: str | None = None) -> None:
        self.random, self.bug, self.faulty, self.kills = Random(seed), bug, True, 0
        self.world = MemoryWorld()
        self.hub: list[list[Arrival]] = [[] for _ in range(PARTITIONS)]
        self.checkpoints = [0] * PARTITIONS
        self.done, self.locked = False, 0
        self._plant()
        for vehicle in range(VEHICLES):
            profile = replace(PROFILE, vehicle_id=f"veh-{vehicle}")
            self.world.profiles.shelf.commit(profile.vehicle_id, profile, None)
            state = VehicleState(profile.vehicle_id, profile.policy())
            self.world.states.shelf.commit(profile.vehicle_id, state, None)
        self._fill()

    def _plant(self) -> None:
        """The known ways to get this wrong."""
        states, ledgers, inbox = self.world.states, self.world.ledgers, self.world.inbox
        commit = states.commit
        if self.bug == "no_etag":

            async def unguarded(state: VehicleState, version: str | None) -> str:
                return await commit(state, states.shelf.held[state.vehicle_id].version)

            states.commit = unguarded  # type: ignore[method-assign]
        if self.bug == "no_outbox":

            async def forgetful(state: VehicleState, version: str | None) -> str:
                return await commit(replace(state, outbox=(), due=None), version)

            states.commit = forgetful  # type: ignore[method-assign]
        if self.bug == "ledger_recounts":
            load = ledgers.load

            async def unplaced(id: str) -> Versioned[Any]:
                found = await load(id)
                return Versioned(replace(found.value, position=None), found.version)

            ledgers.load = unplaced  # type: ignore[method-assign]
        if self.bug == "no_inbox_id":
            put = inbox.put

            async def unnamed(item: InboxItem) -> bool:
                return await put(replace(item, delivery=replace(item.delivery, id=str(self.random.random()))))

            inbox.put = unnamed  # type: ignore[method-assign]

    def _fill(self) -> None:
        """What vehicles sent, in the order in which the hub holds it: late, repeated, poison."""
        flying: list[tuple[float, int, Telemetry | Malformed, str]] = []
        for vehicle in range(VEHICLES):
            level, name = 30.0, f"veh-{vehicle}"
            for number in range(SAMPLES):
                level = min(40.0, max(0.0, level + self.random.uniform(-9, 9)))
                level = {SAMPLES - 2: 30.0, SAMPLES - 1: 3.0}.get(number, level)
                readings = {STATE_OF_CHARGE: level, f"Vehicle.W{number}": True}
                telemetry = Telemetry(name, number, (Sample(NOON + number * 1000, readings),))
                late = self.random.randrange(40) if self.random.random() < 0.1 else 0
                flying.append((number + late, vehicle, telemetry, name))
                if self.random.random() < 0.1:
                    flying.append((number + late + self.random.randrange(20), vehicle, telemetry, name))
                if self.random.random() < 0.03:
                    flying.append((number, vehicle, Malformed("poison", Code.NOT_JSON), name))
        for when, vehicle, parsed, name in sorted(flying, key=lambda f: (f[0], f[1])):
            held = self.hub[vehicle % PARTITIONS]
            held.append(Arrival(Position(len(held), int(NOON + when * 1000)), name, b"", parsed))

    # ---- processes

    async def host(self, partition: int, batches: int | None = None) -> None:
        """An owner of a partition; one that lost it without knowing still takes that many batches."""
        fate = Fate(self)
        ingest, position = self._ingest(fate), self.checkpoints[partition]
        while not self.done and batches != 0:
            batches = None if batches is None else batches - 1
            batch = self.hub[partition][position : position + self.random.randint(1, BATCH)]
            await asyncio.sleep(0)
            if not batch:
                continue
            again = (
                self.random.randrange(len(batch)) if self.faulty and self.random.random() < REBALANCE else len(batch)
            )
            try:
                await ingest.batch(str(partition), batch + batch[again:], lambda: NOON)
            except Unavailable:
                if self.bug != "checkpoint_on_failure":
                    continue
            except KilledError:
                fate, position = Fate(self), self.checkpoints[partition]
                ingest = self._ingest(fate)
                continue
            position += len(batch)
            self.checkpoints[partition] = position
            if self._strikes(REBALANCE):
                zombie = asyncio.create_task(self.host(partition, batches=self.random.randrange(1, 4)))
                zombie.add_done_callback(lambda task: task.exception())
                rewind = self.random.randrange(2 * BATCH)
                position = max(0, position - rewind)

    def _strikes(self, chance: float) -> bool:
        return self.faulty and self.random.random() < chance

    def _ingest(self, fate: Fate) -> Ingest:
        w = self.world
        states: Any = Faulty(fate, w.states)
        notifications: Any = Faulty(fate, w.notifications)
        ledgers: Any = Faulty(fate, w.ledgers)
        parking: Any = Faulty(fate, w.parking)
        return Ingest("telemetry", states, notifications, ledgers, parking, 0)

    async def notifier(self) -> None:
        """Both queues, peek-lock: what fails, or whose settlement is lost, comes again."""
        queues = self.world.notifications.sent, self.world.deliveries.sent
        while not self.done:
            await asyncio.sleep(0)
            queue: list[Any] = self.random.choice(queues)
            if not queue:
                continue
            message = queue.pop(self.random.randrange(len(queue)))
            self.locked += 1
            try:
                await self._work_on(message[0])
                if self._strikes(LOST):
                    queue.append(message)
            except (Unavailable, KilledError):
                queue.append(message)
            self.locked -= 1

    async def _work_on(self, content: Notification | Delivery) -> None:
        fate, w = Fate(self), self.world
        profiles: Any = Faulty(fate, w.profiles)
        if isinstance(content, Notification):
            await plan_deliveries(content, profiles, Faulty(fate, w.deliveries))  # type: ignore[arg-type]
        else:
            await deliver(content, NOON, profiles, Faulty(fate, w.inbox))  # type: ignore[arg-type]

    async def timer(self) -> None:
        while not self.done and self.bug != "no_timer":
            fate = Fate(self)
            states: Any = Faulty(fate, self.world.states)
            try:
                await sweep(NOON, states, Faulty(fate, self.world.wakes))  # type: ignore[arg-type]
                for vehicle, _ in self.world.wakes.contents:
                    await wake(vehicle, states, Faulty(fate, self.world.notifications))  # type: ignore[arg-type]
                self.world.wakes.sent.clear()
            except (Unavailable, KilledError):
                continue
            await asyncio.sleep(0)

    async def until_quiet(self) -> None:
        """Faults stop when all is read for the first time; then everything has to drain."""
        for turn in range(200_000):
            await asyncio.sleep(0)
            read = all(c >= len(h) for c, h in zip(self.checkpoints, self.hub, strict=True))
            self.faulty = self.faulty and not read
            drained = not (self.world.notifications.sent or self.world.deliveries.sent or self.locked)
            owing = any(held.value.outbox for held in self.world.states.shelf.held.values())
            counted = sum(held.value.accepted for held in self.world.ledgers.shelf.held.values())
            if read and drained and not owing and counted >= sum(map(len, self.hub)) and turn % 50 == 0:
                break
        self.done = True


async def _go(run: Run) -> None:
    processes = [run.host(p) for p in range(PARTITIONS)] + [run.notifier(), run.notifier(), run.timer()]
    tasks = [asyncio.create_task(p) for p in processes]
    await run.until_quiet()
    await asyncio.gather(*tasks)


def violations(seed: int, bug: str | None = None) -> set[str]:
    """Everything that did not hold once faults had stopped and all was drained."""
    run = Run(seed, bug)
    asyncio.run(_go(run))
    broken: set[str] = set()

    def must(holds: bool, name: str) -> None:
        if not holds:
            broken.add(name)

    for number, held in enumerate(run.hub):
        book = run.world.ledgers.shelf.held[f"telemetry-{number}"].value
        must(book.balanced and book.accepted == len(held), "conservation")
        parked = [a for a in held if not isinstance(a.parsed, Telemetry)]
        must(
            {p.key for p in run.world.parking.held.values()} >= {f"{number}-{a.position.sequence}" for a in parked},
            "parked",
        )
    told = Counter(item.delivery.notification.id for item in run.world.inbox.held.values())
    expected: set[str] = set()
    for vehicle in range(VEHICLES):
        oracle = _oracle(f"veh-{vehicle}", run.hub[vehicle % PARTITIONS])
        state = run.world.states.shelf.held[f"veh-{vehicle}"].value
        expected |= {d.notification.id for n in oracle.outbox for d in plan(n, PROFILE.roles)}
        must(state.signals == oracle.signals, "signals")
        must(state.committed == oracle.committed, "committed")
        must(not state.outbox, "outbox not empty")
    must(set(told) >= expected, "notification missing")
    must(set(told) <= expected, "notification surplus")
    must(all(n == 1 for n in told.values()), "notification twice")
    return broken


def _oracle(vehicle: str, held: Sequence[Arrival]) -> VehicleState:
    """One fold in hub order, without a fault."""
    events = [
        Event(a.parsed, a.position.enqueued_at, a.position)
        for a in held
        if a.device == vehicle and isinstance(a.parsed, Telemetry)
    ]
    return fold(VehicleState(vehicle, PROFILE.policy()), events)[0]
