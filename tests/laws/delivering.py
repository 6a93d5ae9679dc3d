"""Planning and delivering under seeded faults: processes that die at any call, stores that are busy or lose replies,
lost settlement and redelivery, providers that fail, hang up after they took it, or refuse. The same seed always gives
the same run."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any
from unittest.mock import patch
from uuid import uuid4

from shared.codec.messages import notification_message_id, turn_message_id
from shared.domain import inbox as inbox_domain
from shared.domain.breaker import Breakers
from shared.domain.garage import Member, Role
from shared.domain.inbox import Item, Outcome, Reply, Turn, delivery_id, is_system
from shared.domain.kinds import Channel
from shared.domain.notification import Notification
from shared.domain.person import Contact, Person, PersonId
from shared.domain.preferences import Preferences
from shared.domain.profile import Consent
from shared.domain.webhooks import Endpoint
from shared.domain.wording import Call, Mail
from shared.errors import Unavailable
from shared.use_cases import planning as planning_module
from shared.use_cases.attempts import attempted
from shared.use_cases.delivering import Delivering, deliver
from shared.use_cases.outgoing import Outgoing
from shared.use_cases.planning import Planning, plan
from tests.examples import BRAND, NOON, PROFILE
from tests.laws.faults import Fate, Faulty, KilledError
from tests.memory import MemoryWorld

NOTIFICATIONS = 100
"""In one run."""
LOST, FAILS, REFUSES = 0.04, 0.25, 0.02
WINDOW = 3_600_000
"""Milliseconds for which the broker knows a message by its id."""
BUGS = ("reused_message_id", "completed_before_recorded", "no_inbox_id", "key_per_attempt", "forgotten_attempts")
MEMBERS = {"veh-0": ("ada",), "veh-1": ("ada", "ben"), "veh-2": ("ben", "cleo", "dag")}
MAILED = ("ada", "ben", "dag")


@dataclass
class Queue:
    """Peek-lock, scheduled messages, and duplicate detection, which forgets."""

    run: "Run"
    ready: list[tuple[int, Any, int]] = field(default_factory=list)
    locked: int = 0
    known: dict[str, int] = field(default_factory=dict)

    def put(self, id: str, content: Any, attempt: int, delay: float) -> None:
        now = self.run.clock
        if now - self.known.get(id, -WINDOW) < WINDOW:
            return
        self.known[id] = now
        self.ready.append((now + int(delay * 1000), content, attempt))

    def take(self) -> tuple[int, Any, int] | None:
        found = [m for m in self.ready if m[0] <= self.run.clock]
        if not found:
            return None
        message = self.run.random.choice(found)
        self.ready.remove(message)
        self.locked += 1
        return message

    def release(self, message: tuple[int, Any, int], again: bool) -> None:
        self.locked -= 1
        if again:
            self.ready.append((self.run.clock + 100, *message[1:]))


class Process(Fate):
    """One whose calls take less time, and fail in other odds."""

    tick, turns, busy, lost, conflict, kill = 20, 3, 0.03, 0.04, 0.02, 0.006


class Sender:
    """A queue as a process sends to it."""

    def __init__(self, fate: Fate, queue: Queue, id: Callable[..., str]) -> None:
        self._fate, self._queue, self._id = fate, queue, id

    async def send(self, content: Any, attempt: int = 0, delay: float = 0, replay: int = 0) -> None:
        more = () if isinstance(content, list) else (replay,)

        async def put() -> None:
            for one in content if isinstance(content, list) else [content]:
                self._queue.put(self._id(one, attempt, *more), one, attempt, delay)

        await self._fate.call("send", put)


class Provider:
    """Takes what it is sent, or fails before or after; whoever calls may die before or after."""

    def __init__(self, run: "Run", fate: Fate) -> None:
        self._run, self._fate = run, fate

    def check(self, url: str) -> None:
        """Any will do."""

    async def send(self, sent: Mail | Call) -> Reply:
        await self._fate.turn()
        random, faulty = self._run.random, self._run.faulty
        if faulty and random.random() < FAILS / 2:
            return Reply(Outcome.RETRYING, "500", random.choice([None, 1, 400]))
        self._run.calls.append((sent.key, self._run.clock))
        await self._fate.turn()
        if faulty and random.random() < FAILS / 2:
            return Reply(Outcome.RETRYING, "timeout")
        if faulty and random.random() < REFUSES:
            return Reply(Outcome.FAILED, "550")
        return Reply(Outcome.SENT, "200")

    call = send


class Run:
    def __init__(self, seed: int, bug: str | None = None) -> None:
        self.random, self.bug, self.faulty, self.kills, self.clock = Random(seed), bug, True, 0, NOON
        self.world, self.calls, self.parked = MemoryWorld(), list[tuple[str, int]](), 0
        self.notifications, self.deliveries = Queue(self), Queue(self)
        self.told = [self._notification(n) for n in range(NOTIFICATIONS)]
        self.left = list(self.told)
        agreed = {"partner.p": Consent("partner.p", 1, True, "t", 30, "ada", 0)}
        for vehicle, users in MEMBERS.items():
            members = {user: Member(Role.SECONDARY) for user in users}
            profile = replace(PROFILE, vehicle_id=vehicle, members=members, consents=agreed)
            self.world.profiles.shelf.commit(vehicle, profile, None)
        for user in MAILED:
            id = PersonId(BRAND, user)
            person = Person(id, contact=Contact(f"{user}@aurora.example", NOON, NOON))
            self.world.people.shelf.commit(str(id), person, None)
        self.world.brands.preferences[BRAND] = Preferences(cap=1_000_000)
        for name in ("whe-0", "whe-1"):
            made = Endpoint(name, BRAND, "p", "https://p.example/", frozenset(), NOON)
            self.world.endpoints.shelf.commit(f"{BRAND}/{name}", made, None)

    def _notification(self, number: int) -> Notification:
        return Notification(f"n-{number}", "vehicle_claimed", f"veh-{number % 3}", BRAND, NOON + number, {"role": "x"})

    # ---- processes

    async def source(self) -> None:
        """Hands every fact over at least once, and some again much later."""
        while self.left:
            await asyncio.sleep(0)
            told = self.left.pop()
            for _ in range(1 + (self.random.random() < 0.2)):
                self.notifications.put(f"{told.id}:{self.random.random()}", told, 0, self.random.choice([0, 0, 4000]))

    async def worker(self, queue: Queue, act: Callable[[Fate, Any], Awaitable[object]]) -> None:
        fate = Process(self)
        while not self.done():
            await asyncio.sleep(0)
            message = queue.take()
            if message is None:
                continue
            early = self.bug == "completed_before_recorded"
            try:
                await self._work_on(fate, queue, message, act)
                queue.release(message, again=not early and self.faulty and self.random.random() < LOST)
            except Unavailable:
                queue.release(message, again=not early)
            except KilledError:
                fate = Process(self)
                queue.release(message, again=not early)

    async def _work_on(
        self, fate: Fate, queue: Queue, message: tuple[int, Any, int], act: Callable[[Fate, Any], Awaitable[object]]
    ) -> None:
        """As the function does it."""
        _, content, attempt = message

        async def again(content: Any, attempt: int, delay: float) -> None:
            sent = [content] if isinstance(content, Turn) else content
            await self._sender(fate, queue).send(sent, attempt, delay)

        if await attempted(content, attempt, lambda c: act(fate, c), again):
            self.parked += 1  # and an operator has it taken in again
            anew = content._replace(number=self.clock) if isinstance(content, Turn) else content
            queue.put(f"{anew.id}:0:{self.clock}", anew, 0, 1)

    def _sender(self, fate: Fate, queue: Queue) -> Any:
        id: Callable[..., str] = turn_message_id if queue is self.deliveries else notification_message_id
        return Sender(fate, queue, id)

    async def plan(self, fate: Fate, told: Notification) -> None:
        w = self.world
        profiles, people, inbox = (Faulty(fate, port) for port in (w.profiles, w.people, w.inbox))
        ports: tuple[Any, ...] = profiles, people, w.brands, w.endpoints, inbox, self._sender(fate, self.deliveries)
        await plan(told, self.clock, Planning(*ports, w.words, w.catalogs))  # type: ignore[call-arg]

    async def deliver(self, fate: Fate, turn: Turn) -> None:
        w, provider = self.world, Provider(self, fate)
        profiles, people, endpoints, inbox = (
            Faulty(fate, port) for port in (w.profiles, w.people, w.endpoints, w.inbox)
        )
        told, left = self._sender(fate, self.notifications), self._sender(fate, self.deliveries)
        planning = profiles, people, w.brands, endpoints, inbox, left, w.words, w.catalogs
        ports: Any = *planning, told, w.codes, provider, provider
        outgoing = Outgoing(*ports, "https://api.example", w.quotas)  # type: ignore[call-arg]
        o = Delivering(outgoing, Breakers(), lambda: self.clock / 1000, self.random.random)
        await deliver(turn, lambda: self.clock, o)

    def done(self) -> bool:
        """When nothing is left to do, or ever will be."""
        queues = self.notifications, self.deliveries
        return not self.left and not any(q.ready or q.locked for q in queues)

    async def time(self) -> None:
        """Passes at once to when something is to be done, once nothing is."""
        while not self.done():
            await asyncio.sleep(0)
            queues = self.notifications, self.deliveries
            times = [at for q in queues for at, _, _ in q.ready]
            if self.left or not times or any(q.locked for q in queues) or min(times) <= self.clock:
                continue
            self.clock = min(times)
            self.faulty = self.faulty and self.clock < NOON + 8 * 3_600_000


async def _go(run: Run) -> None:
    planners = [run.worker(run.notifications, run.plan) for _ in range(2)]
    deliverers = [run.worker(run.deliveries, run.deliver) for _ in range(4)]
    async with asyncio.timeout(300):
        await asyncio.gather(run.source(), run.time(), *planners, *deliverers)


@contextlib.contextmanager
def _planted(bug: str | None) -> Iterator[None]:
    with contextlib.ExitStack() as stack:
        if bug == "reused_message_id":
            stack.enter_context(patch.object(Turn, "next", lambda self: self))
        if bug == "no_inbox_id":
            stack.enter_context(patch.object(planning_module, "item_id", lambda *_: str(uuid4())))
        if bug == "key_per_attempt":
            made = inbox_domain.delivery_id
            away = "shared.use_cases.outgoing.delivery_id"
            stack.enter_context(patch(away, lambda item, channel: made(f"{item}{uuid4()}", channel)))
        if bug == "forgotten_attempts":
            stack.enter_context(patch.object(inbox_domain, "ATTEMPTS_KEPT", 1))
        yield


def violations(seed: int, bug: str | None = None) -> set[str]:
    """Everything that did not hold once faults had stopped and all was drained."""
    run = Run(seed, bug)
    with _planted(bug):
        asyncio.run(_go(run))
    broken = set[str]()

    def must(holds: bool, name: str) -> None:
        if not holds:
            broken.add(name)

    items: list[Item] = run.world.inbox.items
    inboxes = Counter((i.recipient.user, i.notification.id) for i in items if not is_system(i.recipient) and i.shown)
    wanted = {(user, told.id) for told in run.told for user in MEMBERS[told.vehicle_id]}
    must(set(inboxes) == wanted, "inbox missing")
    must(all(n == 1 for n in inboxes.values()), "inbox twice")
    leaving = [(i, c, d) for i in items for c, d in i.deliveries.items() if c is not Channel.INBOX]
    mailed = {(user, told.id) for told in run.told for user in MEMBERS[told.vehicle_id] if user in MAILED}
    must(len(leaving) == len(mailed) + 2 * len(run.told), "delivery missing")
    must(all(d.outcome in (Outcome.SENT, Outcome.FAILED) for _, _, d in leaving), "never delivered")
    calls, explained = Counter(key for key, _ in run.calls), dict[str, int]()
    for item, channel, delivery in leaving:
        key = delivery_id(item.id, channel)
        explained[key] = len(delivery.attempts)
        must(calls[key] >= (delivery.outcome is Outcome.SENT), "sent to nobody")
        times = [at for of, at in run.calls if of == key]
        must(all(any(a.at <= at for a in delivery.attempts) for at in times), "attempt before its record")
    must(set(calls) <= set(explained), "key of no delivery")
    must(all(n <= explained.get(key, 0) for key, n in calls.items()), "attempt without a record")
    must(bool(run.kills), "nothing was killed")
    return broken
