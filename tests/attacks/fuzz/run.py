"""Inputs one after the other, each watched: what it comes to, how long it takes, and what it leaves behind.

Blocks of inputs share a world, which is then looked at once more: what is on the queues is delivered, what is parked is
taken in again, and everything is read."""

import faulthandler
import logging
import time
from collections import Counter
from collections.abc import Awaitable
from random import Random
from typing import Any

from functions.http import ROUTES
from shared.codec import messages
from shared.domain.history import day_of
from shared.domain.paths import SPEED
from tests.attacks.fuzz import drives, events, routes
from tests.attacks.fuzz.world import Defects, placed
from tests.functions.conftest import ask
from tests.functions.test_authorisation import handler, right_request
from tests.functions.test_events import message
from tests.memory import MemoryWorld

BLOCK = 100
SLOW = 1.0
"""Seconds of computing that one input may take."""
HANGS = 300.0
"""Seconds that a block may take before the process is taken for hanging."""
LATER = (0, 1_000, 3_600_000, 86_400_000, 40 * 86_400_000)
"""Milliseconds that pass before an input."""
MOST = 20
"""Findings that are told in full."""


class Run:
    def __init__(self, seed: int) -> None:
        self.seed, self.seen, self.asked = seed, Counter[str](), Counter[str]()
        self.findings: list[dict[str, Any]] = []
        self.defects = Defects()
        logging.getLogger("functions").addHandler(self.defects)
        logging.getLogger("functions").propagate = False
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)

    async def block(self, number: int, inputs: int, only: int | None = None) -> None:
        """So many inputs in one world, and a look at what they left behind."""
        faulthandler.dump_traceback_later(HANGS, exit=True)
        world, undo = placed()
        try:
            for index in range(number * BLOCK, number * BLOCK + inputs):
                await self._one(world, index, only)
            if only is None:
                await self._left_behind(world, number * BLOCK + inputs - 1)
        finally:
            undo()
            faulthandler.cancel_dump_traceback_later()

    async def _one(self, world: MemoryWorld, index: int, only: int | None) -> None:
        random = Random(f"{self.seed}/{index}")
        world.clock.at += random.choices(LATER, (80, 10, 5, 4, 1))[0]
        kind = random.choices(("route", "hub", "queue", "drive"), (68, 15, 15, 2))[0]
        if kind == "route":
            request = routes.drawn(world, random)
            step: Awaitable[object] = routes.answered(request)
            story: Any = request
            self.asked[request.route] += 1
        elif kind == "hub":
            story = batch = events.drawn_batch(random, index % BLOCK + 1)
            step = events.taken_in(batch, world)
        elif kind == "drive":
            story = drive = drives.drawn(random, index % BLOCK)
            step = drives.driven(drive, world)
        else:
            story = one = events.drawn_message(random)
            step = events.consumed(one, world)
        if only == index:
            print(story)
        await self._watched(kind, step, index, story)
        if kind == "drive":
            for name in drives.READS:
                await self._read(world, name, "operator", index, {})

    async def _watched(self, kind: str, step: Awaitable[object], index: int, story: Any) -> None:
        self.defects.last = ""
        began, outcome, wrong = time.process_time(), "", ""
        try:
            outcome = str(await step)
            if kind == "route" and int(outcome) >= 500:
                wrong = f"{outcome}: {self.defects.last}"
        except BaseException as error:
            trace, inner = error.__traceback__, None
            while trace is not None:
                inner, trace = trace, trace.tb_next
            place = f"{inner.tb_frame.f_code.co_filename}:{inner.tb_lineno}" if inner else ""
            outcome, wrong = "raised", f"{type(error).__name__}: {str(error)[:300]} at {place}"
        if (took := time.process_time() - began) > SLOW:
            wrong = wrong or f"took {took:.1f} s"
        self.seen[f"{kind} {outcome}"] += 1
        if wrong:
            self.seen["findings"] += 1
            if len(self.findings) < MOST:
                found = {"seed": self.seed, "input": index, "what": wrong, "story": repr(story)[:2_000]}
                self.findings.append(found)

    # ---- what is left behind

    async def _left_behind(self, world: MemoryWorld, index: int) -> None:
        for name in ("notifications", "deliveries"):
            queue = getattr(world, name)
            for content, attempt, _ in queue.sent[:50]:
                encode = messages.encode_notification if name == "notifications" else messages.encode_turn
                step = events.HANDLERS[name](message(encode(content, attempt)))
                await self._watched("left", step, index, (name, content))
            queue.sent.clear()
        for parked in events.parked_bodies(world)[:20]:
            name = f"{day_of(parked.at)}_{parked.source}-{parked.key}"
            await self._read(world, "replay_parked", "operator", index, {"name": name})
        for vehicle in ("veh-own", events.NEIGHBOUR):
            step = events.HANDLERS["wake"](message(messages.encode_wake(vehicle, 0)))
            await self._watched("left", step, index, vehicle)
        for person in ("aurora:user-ada", "aurora:user-ben"):
            step = events.HANDLERS["wake"](message(messages.encode_wake(person, 0, True)))
            await self._watched("left", step, index, person)
        for route in ROUTES:
            if route.method == "GET":
                for caller in ("operator", "primary"):
                    await self._read(world, route.name, caller, index, {})

    async def _read(self, world: MemoryWorld, name: str, caller: str, index: int, routed: dict[str, str]) -> None:
        route = next(route for route in ROUTES if route.name == name)
        told = right_request(world, route, caller, "own")
        told["route"] = told["route"] | routed
        if name == "read_history":
            told["query"] = {"path": SPEED, "resolution": "3600"}

        async def status() -> int:
            answer = await ask(handler(route), **told)
            routes.require_json(answer.body)
            return answer.status

        await self._watched("route", status(), index, ("left behind", name, caller, routed))
