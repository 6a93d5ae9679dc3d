"""A car's day through the product's own use cases: what the hub holds is taken in, and the timer comes each minute."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from shared.domain.charges import Charge
from shared.domain.conditions import DEFAULTS, Geofence, Silent
from shared.domain.geo import Circle
from shared.domain.ledger import Counted
from shared.domain.location import Fix
from shared.domain.notification import Notification
from shared.domain.rules import Rule
from shared.domain.sighting import sighting
from shared.domain.telemetry import Position
from shared.domain.trips import Trip
from shared.domain.vehicle import VehicleState
from shared.use_cases import wake as waking
from shared.use_cases.ingest import Arrival
from tests.examples import BRAND, PROFILE, VEHICLE
from tests.laws.car_days.day import FENCE, LENGTH, Day
from tests.laws.car_days.disorder import Message, epoch_ms
from tests.memory import MemoryClock, MemoryWorld

MINUTE = 60_000
SETTLED = LENGTH + 10 * 3600
"""Seconds after which nothing of the day is still under way."""
SILENT_AFTER = 4 * 3_600_000
POLLED, LARGEST = 5_000, 64
"""Milliseconds of arrivals that come in one batch of the hub, and messages of it."""


class Told(NamedTuple):
    """A notification, and when it was sent (epoch ms)."""

    at: int
    notification: Notification


class Listed(NamedTuple):
    """A trip or charge as it came to be listed, and when (epoch ms)."""

    at: int
    derived: Trip | Charge


@dataclass
class Run:
    """What came of a day."""

    world: MemoryWorld = field(default_factory=lambda: MemoryWorld(MemoryClock(epoch_ms(0))))
    told: list[Told] = field(default_factory=list)
    listed: list[Listed] = field(default_factory=list)
    seen: list[Fix] = field(default_factory=list)
    counted: list[Counted] = field(default_factory=list)

    @property
    def now(self) -> int:
        """By the clock of the backend (epoch ms)."""
        return self.world.clock.at

    @property
    def derived(self) -> list[Trip | Charge]:
        """What is listed in the end."""
        return list(self.world.histories.found.values())

    @property
    def state(self) -> VehicleState:
        return self.world.states.shelf.held[VEHICLE].value

    async def day(self, day: Day, messages: Sequence[Message]) -> None:
        """Until all has been taken in and time alone has nothing more to do."""
        self._register(rules_for(day))
        arriving = sorted((at, n) for n, m in enumerate(messages) for at in m.arrivals)
        start, known = 0, dict[str, Trip | Charge]()
        while True:
            tick = self._next_tick()
            if start < len(arriving) and (tick is None or arriving[start][0] < tick):
                until = min(arriving[start][0] + POLLED, tick or 1 << 62)
                end = next((n for n in range(start, len(arriving)) if arriving[n][0] >= until), len(arriving))
                end = min(end, start + LARGEST)
                arrived = [(at, messages[n].body) for at, n in arriving[start:end]]
                await self._take_in(start, arrived)
                start = end
            elif tick is not None and tick <= epoch_ms(SETTLED):
                await self._wake(tick)
            else:
                break
            known = self._look(known)

    def _register(self, rules: Sequence[Rule]) -> None:
        self.world.rules.held[BRAND] = tuple(rules)
        self.world.profiles.shelf.commit(VEHICLE, PROFILE, None)
        self.world.states.shelf.commit(VEHICLE, VehicleState(VEHICLE, PROFILE.policy()), None)

    def _next_tick(self) -> int | None:
        """The next full minute at which anything is due."""
        shelves = (self.world.states.shelf, self.world.profiles.shelf)
        due = [held.value.due for shelf in shelves for held in shelf.held.values() if held.value.due is not None]
        first = max(min(due), self.now + 1) if due else None
        return None if first is None else first + -first % MINUTE

    async def _take_in(self, first: int, arrived: Sequence[tuple[int, bytes]]) -> None:
        self.world.clock.at = arrived[-1][0] + 100
        batch = [Arrival(Position(first + n, at, "0"), VEHICLE, body) for n, (at, body) in enumerate(arrived)]
        self.counted += await self.world.ingest.batch("0", batch, self.world.clock)

    async def _wake(self, at: int) -> None:
        world = self.world
        world.clock.at = at
        outside = waking.Outside(world.reach, world.histories, world.rules, world.brands)
        await waking.sweep(at, world.states, world.people, world.wakes)
        for vehicle, _ in world.wakes.contents:
            await waking.wake(vehicle, world.clock, outside, world.handover_after)
        world.wakes.sent.clear()

    def _look(self, known: dict[str, Trip | Charge]) -> dict[str, Trip | Charge]:
        """Note what is new."""
        self.told += [Told(self.now, notification) for notification in self.world.notifications.contents]
        self.world.notifications.sent.clear()
        now = {d.id: d for d in self.derived}
        self.listed += [Listed(self.now, d) for id, d in now.items() if known.get(id) != d]
        fix = sighting(self.state).fix
        if fix and (not self.seen or fix != self.seen[-1]):
            self.seen.append(fix)
        return now


def rules_for(day: Day) -> list[Rule]:
    """What is shipped, fences around home and work that tell of both ways, and silence."""
    both = frozenset({"enter", "exit"})
    places = {"home": day.place(0.0), "work": day.place(day.work)}
    fences = [Geofence(id=id, shape=Circle(place, FENCE), on=both) for id, place in places.items()]
    return [*DEFAULTS, *fences, Silent(id="silent", hold=SILENT_AFTER)]
