"""What a vehicle is known to be."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import NamedTuple

from shared.domain.allowance import Allowance
from shared.domain.clock_offset import ClockOffset
from shared.domain.episodes import Episodes, next_moment
from shared.domain.history import Chunk, Open
from shared.domain.location import Location
from shared.domain.notification import Notification
from shared.domain.policy import Mode, Policy, Status
from shared.domain.rules import Book
from shared.domain.telemetry import Position, Value
from shared.domain.track import Track
from shared.domain.window import Window

RESTART = 2**20
"""A jump of the sequence beyond this is a device that lost its counter; a smaller one is a gap."""


CLOSES_AFTER = 3_600_000
"""Milliseconds of silence, at least, after which the open chunk is closed."""


class Outcome(StrEnum):
    """What became of one event: exactly one of these. The vehicle sent a `duplicate` twice; what is `redelivered` came
    again from the hub, after a crash of ours: it was taken in before, and was not counted."""

    APPLIED = "applied"
    DUPLICATE = "duplicate"
    REDELIVERED = "redelivered"
    STALE = "stale"
    SUPPRESSED = "suppressed"
    PARKED = "parked"


class Reading(NamedTuple):
    """One signal's value, and when the vehicle saw it (epoch ms)."""

    value: Value
    at: int


class Gaps(NamedTuple):
    """How many messages of the vehicle are missing, and how often its counter began anew."""

    missing: int = 0
    restarts: int = 0

    def after(self, window: Window, sequence: int) -> "Gaps":
        """Once a number that the window does not hold has come."""
        step = sequence - window.highest
        if window.highest < 0:
            return self
        if step > RESTART:
            return Gaps(self.missing, self.restarts + 1)
        if step > 1:
            return Gaps(self.missing + step - 1, self.restarts)
        return Gaps(max(0, self.missing - 1), self.restarts) if step < 0 and not window.passed(sequence) else self


class Connection(NamedTuple):
    """Whether the device is connected, as IoT Hub said last: when (epoch ms), and under which of its numbers."""

    connected: bool
    at: int
    order: str


type Entry = Notification | Chunk
"""What the outbox holds."""


@dataclass(frozen=True, slots=True)
class VehicleState:
    """The newest reading of every signal, and what is still to be handed on because of them.

    `newest` is the latest sample time seen, `seen_at` the latest arrival, `owed` when the timer looks after the outbox
    and has outdated trips derived, `due` the earliest moment at which time alone may do something (all epoch ms).
    `generation` is the device's registration that is trusted, `suspect` another that turned up. `committed` counts the
    notifications it ever owed, `revision` its writes. `location` is the last good position, `clock` how far behind the
    vehicle's clock was found to be, `allowance` what it raised lately."""

    vehicle_id: str
    policy: Policy
    signals: Mapping[str, Reading] = field(default_factory=dict)
    window: Window = Window()
    position: Position | None = None
    newest: int = -1
    episodes: Episodes = field(default_factory=dict)
    outbox: tuple[Entry, ...] = ()
    committed: int = 0
    due: int | None = None
    revision: int = 0
    open: Open = Open()
    track: Track = Track()
    gaps: Gaps = Gaps()
    seen_at: int = -1
    generation: str | None = None
    suspect: str | None = None
    connection: Connection | None = None
    owed: int | None = None
    location: Location = Location()
    clock: ClockOffset = ClockOffset()
    allowance: Allowance = Allowance()

    def handed_on(self, done: Iterable[Entry]) -> "VehicleState":
        """Without the entries that were handed on."""
        ids = {entry.id for entry in done}
        left = tuple(entry for entry in self.outbox if entry.id not in ids)
        return replace(self, outbox=left, owed=self.owed if left or self.track.outdated else None)

    def scheduled(self, book: Book, now: int, handover_after: int) -> "VehicleState":
        """As it is to be committed: one revision on, and with the moment at which the timer has to look at it. What is
        owed is looked after `handover_after` milliseconds after it came to be so, what is outdated the next time."""
        owed = (self.owed or now + handover_after) if self.outbox else None
        if self.track.outdated:
            owed = min(owed or now, now)
        offset = self.clock.offset
        moments = [owed, self.track.next_moment(self.seen_at, offset), self.open_until]
        if self.policy.privacy.mode(now) is Mode.OFFLINE:
            moments.append(self.policy.privacy.ends_at(now))
        elif self.policy.status is not Status.DECOMMISSIONED:
            moments.append(next_moment(book, self.episodes, self.heard_at(now), now, offset))
        if self.suspect and self.policy.status is not Status.QUARANTINED:
            moments.append(self.at_once)
        due = min((m for m in moments if m is not None), default=None)
        return replace(self, owed=owed, due=due, revision=self.revision + 1)

    @property
    def open_until(self) -> int | None:
        """When the open chunk is closed though nothing more came (epoch ms), so that its samples are kept no longer
        than others: an hour or two after it was heard last, on the hour, so that it does not move with every event."""
        return self.seen_at - self.seen_at % CLOSES_AFTER + 2 * CLOSES_AFTER if self.open.table.rows else None

    @property
    def at_once(self) -> int:
        """A `due` that has long come, and is another one after each write: a wake is no repeat of the one before."""
        return self.revision

    def may_be_held(self, now: int) -> bool:
        """Whether a copy in memory would be found to be old by the next event. Where events may change nothing, because
        they are suppressed or refused, it would not."""
        refused = self.suspect is not None or self.policy.status in (Status.QUARANTINED, Status.DECOMMISSIONED)
        return not refused and not self.policy.privacy.pending(now)

    def heard_at(self, now: int) -> int:
        """Since when it is silent (epoch ms): not while it was not to be heard; -1 if it never was."""
        if self.seen_at < 0:
            return -1
        ended = (e.ends_at for e in self.policy.privacy.exclusions if e.ends_at and e.ends_at <= now)
        return max([self.seen_at, *ended])
