"""The product's own use cases under seeded faults: busy stores, lost replies, conflicts, kills at any call, two owners
of one partition, redelivery, lost settlement, and owners who change what their vehicles tell. The same seed always
gives the same run."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from heapq import heappop, heappush
from random import Random
from typing import Any, ClassVar
from unittest.mock import patch

from shared.domain import history
from shared.domain.history import Chunk, merged
from shared.domain.notification import Notification
from shared.domain.policy import Mode, Privacy
from shared.domain.principal import Kind, Principal
from shared.domain.profile import Profile
from shared.domain.telemetry import Position, Sample, Telemetry, Value
from shared.domain.vehicle import VehicleState
from shared.domain.window import Window
from shared.errors import Code, Conflict, Malformed, Unavailable
from shared.ports import Versioned
from shared.use_cases import privacy as privacy_use_case
from shared.use_cases import wake as wakes
from shared.use_cases.amend import Reach
from shared.use_cases.ingest import Arrival, Ingest
from shared.use_cases.ingest import Outside as IngestOutside
from shared.use_cases.planning import Planning, plan
from tests.examples import AT_ONCE, BRAND, NOON, PROFILE
from tests.laws.oracle import BATTERY, LATITUDE, Expected, Sent, expected, of_vehicle
from tests.memory import MemoryWorld

VEHICLES, PARTITIONS, SAMPLES, BATCH = 4, 2, 110, 25
TICK = 100
"""Milliseconds that each call to the outside takes in a run."""
BUSY, LOST, CONFLICT, KILL, REBALANCE = 0.03, 0.04, 0.01, 0.004, 0.03
BUGS = (
    "outbox_before_commit",
    "chunk_before_commit",
    "no_etag",
    "no_window",
    "no_outbox",
    "no_timer",
    "checkpoint_on_failure",
    "cache_under_exclusion",
    "ledger_recounts",
    "attempt_in_message_id",
    "clear_without_resend",
)
OWNER = Principal("user-ada", BRAND, Kind.USER)


class KilledError(BaseException):
    """The process is gone; whatever it still had in mind does not happen."""


@dataclass
class Fate:
    """One process: every call that it makes to the outside may fail, before or after it took effect, or be its last."""

    run: Any
    alive: bool = True
    unsure: bool = False
    tick: ClassVar[int] = TICK
    turns: ClassVar[int] = 4
    busy: ClassVar[float] = BUSY
    lost: ClassVar[float] = LOST
    conflict: ClassVar[float] = CONFLICT
    kill: ClassVar[float] = KILL

    async def call(self, name: str, step: Callable[[], Awaitable[Any]]) -> Any:
        await self.turn()
        random, faulty = self.run.random, self.run.faulty
        if faulty and random.random() < self.busy:
            raise Unavailable("busy, or lost on the way")
        if faulty and name in ("commit", "change") and random.random() < self.conflict:
            self.unsure = True
            raise Conflict("another was first")
        result = await step()
        await self.turn()
        if faulty and random.random() < self.lost:
            self.unsure = True
            raise Unavailable("the reply was lost")
        return result

    async def turn(self) -> None:
        self.run.clock += self.tick
        for _ in range(self.run.random.randrange(self.turns)):
            await asyncio.sleep(0)
        if self.run.faulty and self.alive and self.run.random.random() < self.kill:
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
        return lambda *args, **kwargs: self._fate.call(name, lambda: method(*args, **kwargs))


class Messages:
    """A vocabulary in which the body of a message is its number in the run."""

    def __init__(self, run: "Run") -> None:
        self._run = run

    async def decoder(self, brand: str) -> Callable[[str, bytes, int], Telemetry]:
        return self._run.read


class Run:
    """One seed: the hub, the processes, and what is stored."""

    def __init__(self, seed: int, bug: str | None = None) -> None:
        self.random, self.bug, self.faulty, self.kills, self.clock = Random(seed), bug, True, 0, NOON
        self.world = MemoryWorld()
        self.world.rules.held[BRAND] = AT_ONCE
        self.hub: list[list[Sent]] = [[] for _ in range(PARTITIONS)]
        self.messages: list[Sent] = []
        self.checkpoints, self.read_to = [0] * PARTITIONS, [0] * PARTITIONS
        self.sent_all, self.done, self.locked, self.flips = False, False, 0, 0
        for vehicle in range(VEHICLES):
            profile = replace(PROFILE, vehicle_id=f"veh-{vehicle}")
            self.world.profiles.shelf.commit(profile.vehicle_id, profile, None)
            state = VehicleState(profile.vehicle_id, profile.policy())
            self.world.states.shelf.commit(profile.vehicle_id, state, None)

    def read(self, device: str, body: bytes, arrived_at: int) -> Telemetry:
        sent = self.messages[int(body)]
        if not sent.readings:
            raise Malformed("poison", Code.NOT_JSON)
        not_places = sent.readings.keys() - {LATITUDE}
        return Telemetry(device, sent.sequence, (Sample(sent.at, sent.readings),), not_places=not_places)

    def arrival(self, partition: int, position: int) -> Arrival:
        sent = self.hub[partition][position]
        number = b"%d" % self.messages.index(sent)
        return Arrival(Position(position, sent.arrived_at, str(partition)), sent.vehicle, number)

    # ---- the outside

    async def devices(self) -> None:
        """In order, late, repeated, poison, and now and then a whole backlog at once."""
        random, flying, ties = self.random, list[tuple[int, int, Sent]](), 0
        made, level, silent = Counter[int](), dict.fromkeys(range(VEHICLES), 20.0), dict.fromkeys(range(VEHICLES), 0)
        while flying or sum(made.values()) < VEHICLES * SAMPLES:
            self.clock += TICK
            await asyncio.sleep(0)
            v = random.randrange(VEHICLES)
            if made[v] < SAMPLES:
                made[v] += 1
                level[v] = min(30.0, max(0.0, level[v] + random.uniform(-20, 20)))
                level[v] = {SAMPLES - 1: 30.0, SAMPLES: 3.0}.get(made[v], level[v])
                readings: dict[str, Value] = {
                    BATTERY: level[v],
                    f"Vehicle.W{made[v] % 7}": made[v],
                    LATITUDE: random.random(),
                }
                if random.random() < 0.02:
                    silent[v] = self.clock + random.randrange(400) * TICK
                sent, now = Sent(f"veh-{v}", made[v], self.clock, readings, 0), max(self.clock, silent[v])
                late = random.randrange(300) * TICK if random.random() < 0.1 else 0
                again = random.randrange(300) * TICK if random.random() < 0.1 else None
                for due in (now + late, *([] if again is None else [now + late + again])):
                    heappush(flying, (due, ties := ties + 1, sent))
                if random.random() < 0.03:
                    heappush(flying, (now, ties := ties + 1, sent._replace(readings={})))
            while flying and (flying[0][0] <= self.clock or sum(made.values()) == VEHICLES * SAMPLES):
                self._arrive(heappop(flying)[2])
        self.sent_all = True

    def _arrive(self, sent: Sent) -> None:
        self.clock += 1
        arrived = sent._replace(arrived_at=self.clock)
        self.messages.append(arrived)
        self.hub[int(sent.vehicle[4:]) % PARTITIONS].append(arrived)

    async def owner(self) -> None:
        """Changes what a vehicle tells, and changes it back."""
        modes = (Mode.OFFLINE, Mode.FULL, Mode.NO_POSITION)
        while not self.done and self.faulty:
            for _ in range(self.random.randrange(40)):
                await asyncio.sleep(0)
            fate, vehicle = Fate(self), f"veh-{self.random.randrange(VEHICLES)}"
            until = self.clock + 20_000 if self.random.random() < 0.2 else None
            mode = self.random.choice(modes)
            wish = privacy_use_case.Wish(mode, None if mode is Mode.FULL else until, f"k{self.flips}", "d")
            profiles: Any = Prompt(fate, self.world.profiles)
            states: Any = Faulty(fate, self.world.states)
            reach = Reach(profiles, states, *self._faulty(fate, self.world.notifications, self.world.people))
            with contextlib.suppress(Unavailable, KilledError):
                await privacy_use_case.change_mode(OWNER, vehicle, wish, lambda: self.clock, reach)
            self.flips += 1

    # ---- processes

    async def host(self, partition: int, batches: int | None = None) -> None:
        """An owner of a partition; one that lost it without knowing still takes that many batches."""
        fate = Fate(self)
        ingest, position = self._ingest(fate), self.checkpoints[partition]
        while not self.done and batches != 0:
            batches = None if batches is None else batches - 1
            end = min(len(self.hub[partition]), position + self.random.randint(1, BATCH))
            batch = [self.arrival(partition, number) for number in range(position, end)]
            await asyncio.sleep(0)
            if not batch:
                continue
            again = self.random.randrange(len(batch)) if self._strikes(REBALANCE) else len(batch)
            try:
                await ingest.batch(str(partition), batch + batch[again:], lambda: self.clock)
            except Unavailable:
                if self.bug != "checkpoint_on_failure":
                    continue
            except KilledError:
                fate, position = Fate(self), self.checkpoints[partition]
                ingest = self._ingest(fate)
                continue
            position += len(batch)
            self.checkpoints[partition] = position
            self.read_to[partition] = max(position, self.read_to[partition])
            if self._strikes(REBALANCE):
                zombie = asyncio.create_task(self.host(partition, batches=self.random.randrange(1, 4)))
                zombie.add_done_callback(lambda task: task.exception())
                position = max(0, position - self.random.randrange(2 * BATCH))

    def _strikes(self, chance: float) -> bool:
        return self.faulty and self.random.random() < chance

    def _ingest(self, fate: Fate) -> Ingest:
        w = self.world
        told, kept, counted, parked = self._faulty(fate, w.notifications, w.histories, w.ledgers, w.parking)
        messages: Any = Messages(self)
        outside = IngestOutside(self._states(fate), told, kept, counted, parked, w.rules, messages)
        return Ingest("telemetry", outside, 0)

    def _faulty(self, fate: Fate, *ports: object) -> list[Any]:
        return [Faulty(fate, port) for port in ports]

    def _states(self, fate: Fate) -> Any:
        """With the known ways to get this wrong."""
        states: Any = Faulty(fate, self.world.states)
        planted = PLANTED.get(self.bug or "")
        return planted(states, fate, self.world) if planted else states

    async def notifier(self) -> None:
        """A queue with peek-lock: what fails, or whose settlement is lost, comes again."""
        queue = self.world.notifications.sent
        while not self.done:
            await asyncio.sleep(0)
            if not queue:
                continue
            message = queue.pop(self.random.randrange(len(queue)))
            self.locked += 1
            try:
                await self._plan(message[0])
                if self._strikes(LOST):
                    queue.append(message)
            except (Unavailable, KilledError):
                queue.append(message)
            self.locked -= 1

    async def _plan(self, told: Notification) -> None:
        fate, w = Fate(self), self.world
        if self.bug == "attempt_in_message_id":
            told = replace(told, id=f"{told.id}/{self.random.random()}")
        profiles, people, inbox = self._faulty(fate, w.profiles, w.people, w.inbox)
        await plan(
            told, NOON, Planning(profiles, people, w.brands, w.endpoints, inbox, w.deliveries, w.words, w.catalogs)
        )

    async def timer(self) -> None:
        while not self.done and self.bug != "no_timer":
            fate, w = Fate(self), self.world
            states = self._states(fate)
            profiles, told, kept = self._faulty(fate, w.profiles, w.notifications, w.histories)
            reach = Reach(profiles, states, told, w.people)
            outside = wakes.Outside(reach, kept, w.rules, w.brands)
            try:
                await wakes.sweep(self.clock, states, w.people, Faulty(fate, w.wakes))  # type: ignore[arg-type]
                for vehicle, _ in w.wakes.contents:
                    await wakes.wake(vehicle, lambda: self.clock, outside, 0)
                w.wakes.sent.clear()
            except (Unavailable, KilledError):
                continue
            await asyncio.sleep(0)

    async def until_quiet(self) -> None:
        """Faults stop when all is read for the first time; then everything has to drain."""
        for turn in range(400_000):
            await asyncio.sleep(0)
            read = self.sent_all and all(c >= len(h) for c, h in zip(self.read_to, self.hub, strict=True))
            self.faulty = self.faulty and not read
            drained = not (self.world.notifications.sent or self.locked)
            states = [held.value for held in self.world.states.shelf.held.values()]
            owing = any(state.outbox for state in states) and (self.bug != "no_timer" or turn % 5_000)
            counted = sum(held.value.accepted for held in self.world.ledgers.shelf.held.values())
            if read and drained and not owing and counted >= sum(map(len, self.hub)) and turn % 50 == 0:
                break
        self.done = True


class Prompt(Faulty):
    """A change of policy is given up before the moment from which it is to hold."""

    async def change(
        self, profile: Versioned[Profile], state: Versioned[VehicleState] | None = None, also: object = None
    ) -> str:
        port: Any = self._port

        async def commit() -> str:
            run = self._fate.run
            known = run.world.profiles.shelf.load(profile.value.vehicle_id).value.privacy.exclusions
            edges = {e.starts_at for e in profile.value.privacy.exclusions} - {e.starts_at for e in known}
            begins = [int(r.made) for r in profile.value.requests[-1:]]
            if any(edge <= run.clock for edge in (*edges, *begins)):
                raise Unavailable("took too long")
            return str(await port.change(profile, state, also))

        return str(await self._fate.call("change", commit))


class Hasty:
    """Hands notifications, or chunks, on before it commits that they are owed."""

    def __init__(self, states: Any, fate: Fate, world: MemoryWorld, kind: type) -> None:
        self.load, self.due, self._states, self._kind = states.load, states.due, states, kind
        self._notifications: Any = Faulty(fate, world.notifications)
        self._histories: Any = Faulty(fate, world.histories)

    async def commit(self, state: VehicleState, version: str | None) -> str:
        for entry in state.outbox:
            if isinstance(entry, self._kind):
                await (self._histories.put(entry) if isinstance(entry, Chunk) else self._notifications.send(entry))
        left = tuple(entry for entry in state.outbox if not isinstance(entry, self._kind))
        version = await self._states.commit(replace(state, outbox=left), version)
        return str(version)


class Forgetful:
    """Takes what it finds owed after a commit it is unsure of for handed on."""

    def __init__(self, states: Any, fate: Fate, world: MemoryWorld) -> None:
        self.commit, self.due, self._states, self._fate = states.commit, states.due, states, fate

    async def load(self, vehicle: str) -> Versioned[VehicleState]:
        found: Versioned[VehicleState] = await self._states.load(vehicle)
        if not self._fate.unsure:
            return found
        self._fate.unsure = False
        return replace(found, value=replace(found.value, outbox=()))


class Reckless:
    """Writes over whatever is stored."""

    def __init__(self, states: Any, fate: Fate, world: MemoryWorld) -> None:
        self.load, self.due, self._states, self._shelf = states.load, states.due, states, world.states.shelf

    async def commit(self, state: VehicleState, version: str | None) -> str:
        return str(await self._states.commit(state, self._shelf.held[state.vehicle_id].version))


class Ownerless:
    """Commits a state without what it owes."""

    def __init__(self, states: Any, fate: Fate, world: MemoryWorld) -> None:
        self.load, self.due, self._states = states.load, states.due, states

    async def commit(self, state: VehicleState, version: str | None) -> str:
        return str(await self._states.commit(replace(state, outbox=(), due=None), version))


PLANTED: dict[str, Callable[[Any, Fate, MemoryWorld], Any]] = {
    "outbox_before_commit": lambda s, f, w: Hasty(s, f, w, Notification),
    "chunk_before_commit": lambda s, f, w: Hasty(s, f, w, Chunk),
    "clear_without_resend": Forgetful,
    "no_etag": Reckless,
    "no_outbox": Ownerless,
}


@contextlib.contextmanager
def _planted(run: Run) -> Iterator[None]:
    """Small chunks, so that there are many; and bugs that are not in a port."""
    with patch.object(history, "LARGEST", 300), _planted_outside_the_ports(run):
        yield


@contextlib.contextmanager
def _planted_outside_the_ports(run: Run) -> Iterator[None]:
    if run.bug == "cache_under_exclusion":
        with patch.object(Privacy, "pending", lambda self, now: False):
            yield
    elif run.bug == "no_window":
        with patch.object(Window, "holds", lambda self, sequence: False):
            yield
    elif run.bug == "ledger_recounts":
        load = run.world.ledgers.load

        async def unplaced(id: str) -> Versioned[Any]:
            found = await load(id)
            return Versioned(replace(found.value, position=None), found.version)

        with patch.object(run.world.ledgers, "load", unplaced):
            yield
    else:
        yield


async def _go(run: Run) -> None:
    processes = [run.host(p) for p in range(PARTITIONS)]
    processes += [run.notifier(), run.notifier(), run.timer(), run.devices(), run.owner()]
    tasks = [asyncio.create_task(p) for p in processes]
    await run.until_quiet()
    await asyncio.gather(*tasks)


def violations(seed: int, bug: str | None = None) -> set[str]:
    """Everything that did not hold once faults had stopped and all was drained."""
    run = Run(seed, bug)
    with _planted(run):
        asyncio.run(_go(run))
    broken: set[str] = set()

    def must(holds: bool, name: str) -> None:
        if not holds:
            broken.add(name)

    for number, held in enumerate(run.hub):
        book = run.world.ledgers.shelf.held[f"telemetry-{number}"].value
        must(book.balanced and book.accepted == len(held), "conservation")
    told = Counter(item.notification.id.partition("/")[0] for item in run.world.inbox.items)
    wanted: set[str] = set()
    for vehicle in range(VEHICLES):
        name = f"veh-{vehicle}"
        state = run.world.states.shelf.held[name].value
        oracle = expected(of_vehicle(run.hub[vehicle % PARTITIONS], name), state.policy.privacy)
        must(state.signals == oracle.signals, "signals")
        must(not state.outbox, "outbox not empty")
        must(state.committed == len(oracle.episodes), "committed")
        _history(run, state, oracle, must)
        wanted |= {_id(name, at) for at in oracle.episodes}
    must(set(told) >= wanted, "notification missing")
    must(set(told) <= wanted, "notification surplus")
    must(all(n == 1 for n in told.values()), "notification twice")
    return broken


def _history(run: Run, state: VehicleState, oracle: Expected, must: Callable[[bool, str], None]) -> None:
    chunks = [c for c in run.world.histories.chunks.values() if c.vehicle_id == state.vehicle_id]
    kept = merged([*(chunk.samples for chunk in chunks), state.open.samples])
    must({s.at: s.readings for s in kept} == oracle.samples, "history")
    once: Sequence[Sequence[Sample]] = [c.samples for c in chunks if c.id.startswith("chunk")]
    times = Counter(s.at for samples in (*once, state.open.samples) for s in samples)
    must(all(n == 1 or at in oracle.again for at, n in times.items()), "sample twice")


def _id(vehicle: str, at: int) -> str:
    fact = f"rules/battery_low/episodes/{at}"
    return Notification.of_fact(fact, "battery_low", vehicle, BRAND, at, {}, None).id
