"""What a vehicle is known to be, and what follows when it reports. State + event -> next state + what must follow."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import NamedTuple

from shared.domain import history
from shared.domain.episodes import Episodes, Told, elapse, heard, next_moment, weigh
from shared.domain.history import Chunk, Open
from shared.domain.notification import Notification
from shared.domain.policy import Mode, Policy, Status, visible
from shared.domain.rules import Book, View
from shared.domain.telemetry import Event, Position, Sample, Value, outranks
from shared.domain.track import Track
from shared.domain.window import Window
from shared.errors import Code

FIRES_WITHIN = 15 * 60_000
"""Milliseconds after which a sample is too old at arrival to begin an episode."""
RESTART = 2**20
"""A jump of the sequence beyond this is a device that lost its counter; a smaller one is a gap."""


class Outcome(StrEnum):
    """What became of one event: exactly one of these."""

    APPLIED = "applied"
    DUPLICATE = "duplicate"
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

    `newest` is the latest sample time seen, `seen_at` the latest arrival, `owed` when the timer looks after the outbox,
    `due` the earliest moment at which time alone may do something (all epoch ms). `generation` is the device's
    registration that is trusted, `suspect` another that turned up. `committed` counts the notifications it ever owed,
    `revision` its writes."""

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

    def handed_on(self, done: Iterable[Entry]) -> "VehicleState":
        """Without the entries that were handed on."""
        ids = {entry.id for entry in done}
        left = tuple(entry for entry in self.outbox if entry.id not in ids)
        return replace(self, outbox=left, owed=self.owed if left else None)

    def scheduled(self, book: Book, now: int, handover_after: int) -> "VehicleState":
        """With the moment at which the timer has to look at it. What is owed is looked after `handover_after`
        milliseconds after it came to be owed."""
        owed = (self.owed or now + handover_after) if self.outbox else None
        moments = [owed, self.track.next_moment()]
        if self.policy.privacy.mode(now) is Mode.OFFLINE:
            moments.append(self.policy.privacy.ends_at(now))
        elif self.policy.status is not Status.DECOMMISSIONED:
            moments.append(next_moment(book, self.episodes, self.heard_at(now), now))
        if self.track.outdated or (self.suspect and self.policy.status is not Status.QUARANTINED):
            moments.append(self.at_once)
        return replace(self, owed=owed, due=min((m for m in moments if m is not None), default=None))

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


def trusting(state: VehicleState) -> VehicleState:
    """With the device that turned up last as the vehicle's own."""
    return replace(state, generation=state.suspect or state.generation, suspect=None)


def refusal(state: VehicleState, event: Event) -> Code | None:
    """Why nothing of this device is taken in at all: it is out of service, or another took its name."""
    if state.policy.status is Status.DECOMMISSIONED:
        return Code.DECOMMISSIONED
    if state.policy.status is Status.QUARANTINED:
        return Code.QUARANTINED
    if event.generation and state.generation and event.generation != state.generation:
        return Code.QUARANTINED
    return None


def fold(state: VehicleState, events: Sequence[Event], book: Book) -> tuple[VehicleState, list[Outcome]]:
    """The state after one vehicle's events as the hub gave them, and each one's outcome.

    The very same state comes back when nothing in it changed but how far the hub was read."""
    after, outcomes, read_to = state, list[Outcome](), state.position
    for event in events:
        if refusal(after, event):
            if after.policy.status is not Status.DECOMMISSIONED and after.suspect is None:
                after = replace(after, suspect=event.generation)
            outcomes.append(Outcome.PARKED)
            continue
        if read_to and event.position and read_to.covers(event.position):
            outcomes.append(Outcome.DUPLICATE)
            continue
        after, outcome = observe(after, event, book)
        outcomes.append(outcome)
        read_to = event.position or read_to
    return (state if after is state else replace(after, position=read_to)), outcomes


def observe(state: VehicleState, event: Event, book: Book) -> tuple[VehicleState, Outcome]:
    """Late and repeated messages change no newer reading, so any message may come again."""
    telemetry, privacy = event.telemetry, state.policy.privacy
    if state.window.holds(telemetry.sequence):
        return state, Outcome.DUPLICATE
    samples, hidden = telemetry.samples, False
    if privacy.exclusions or privacy.floor:
        samples, hidden = visible(privacy, samples, event.arrived_at)
        if hidden and not samples:
            return state, Outcome.SUPPRESSED
    late = state.window.passed(telemetry.sequence)
    taken = _Taking(state, event, book, late)
    for sample in samples:
        if sample.readings:
            taken.take(sample)
    after = taken.result()
    if taken.new:
        return after, Outcome.APPLIED
    return (state if late else after), Outcome.SUPPRESSED if hidden else Outcome.STALE


class _Taking:
    """One event being taken in: its samples one by one, nothing sorted."""

    def __init__(self, state: VehicleState, event: Event, book: Book, late: bool) -> None:
        self._state, self._event, self._book, self._late = state, event, book, late
        self._signals = dict(state.signals)
        self._episodes, self._newest, self._open, self._track = state.episodes, state.newest, state.open, state.track
        self._told, self._closed, self._strays = list[Told](), list[Chunk](), list[Sample]()
        self.new = False

    def take(self, sample: Sample) -> None:
        fresh, before = _merge(self._signals, sample)
        self.new = self.new or bool(fresh)
        at = sample.at
        if fresh and not self._late and at >= self._newest:
            if not self._book.by_path.keys().isdisjoint(fresh):
                in_time = self._event.arrived_at - at <= FIRES_WITHIN
                view = View(self._signals, fresh, before, self._episodes, at)
                self._episodes, told = weigh(self._book, self._episodes, view, in_time)
                self._told += told
            self._track = self._track.follow(fresh, at)
        self._newest = max(self._newest, at)
        if self._state.policy.history_days:
            self._keep(sample)

    def _keep(self, sample: Sample) -> None:
        """Into the open chunk; what comes too late for it goes under an id of its own."""
        self.new = True
        self._track = self._track.touch(sample.at)
        if self._late or not self._open.precedes(sample.at):
            self._strays.append(sample)
            return
        if self._open.full_for(sample):
            self._closed.append(self._open.close(self._state.vehicle_id, self._state.policy.history_days))
            self._open = Open()
        self._open = self._open.add(sample, self._event.telemetry.sequence)

    def result(self) -> VehicleState:
        state, event = self._state, self._event
        if self._book.silences:
            self._episodes, told = heard(self._book, self._episodes, event.arrived_at)
            self._told += told
        sequence, days = event.telemetry.sequence, state.policy.history_days
        strays = history.late(self._strays, state.vehicle_id, sequence, days) if self._strays else []
        told_now = notifications(state, self._told, event.telemetry.traceparent)
        return replace(
            state,
            signals=self._signals,
            window=state.window.add(sequence),
            gaps=state.gaps.after(state.window, sequence),
            newest=self._newest,
            seen_at=max(state.seen_at, event.arrived_at),
            episodes=self._episodes,
            open=self._open,
            track=self._track,
            outbox=(*state.outbox, *self._closed, *strays, *told_now),
            committed=state.committed + len(told_now),
            generation=state.generation or event.generation,
        )


def passed(state: VehicleState, book: Book, now: int) -> VehicleState:
    """The state after what time alone has brought by `now` (epoch ms)."""
    after = replace(state, track=state.track.elapse(now))
    if state.policy.status is Status.DECOMMISSIONED or state.policy.privacy.mode(now) is Mode.OFFLINE:
        return after
    view = View(state.signals, {}, {}, state.episodes, now)
    episodes, told = elapse(book, state.episodes, view, state.heard_at(now), now)
    told_now = notifications(state, told, None)
    committed = state.committed + len(told_now)
    return replace(after, episodes=episodes, outbox=(*state.outbox, *told_now), committed=committed)


def connect(state: VehicleState, connection: Connection) -> tuple[VehicleState, Outcome]:
    """After what IoT Hub said of the connection; what is older than what is known changes nothing."""
    if state.connection and connection.order <= state.connection.order:
        return state, Outcome.DUPLICATE if connection.order == state.connection.order else Outcome.STALE
    if state.policy.privacy.mode(connection.at) is Mode.OFFLINE:
        return state, Outcome.SUPPRESSED
    return replace(state, connection=connection), Outcome.APPLIED


def notifications(state: VehicleState, told: Iterable[Told], traceparent: str | None) -> tuple[Notification, ...]:
    """What is told, as it is handed on: once for each fact of the vehicle."""
    vehicle, brand = state.vehicle_id, state.policy.brand
    return tuple(Notification.of_fact(t.fact, t.kind, vehicle, brand, t.at, t.facts, traceparent) for t in told)


def _merge(signals: dict[str, Reading], sample: Sample) -> tuple[dict[str, Value], dict[str, Reading]]:
    """Put into `signals` what of the sample is newer there; just that comes back, and what it replaced."""
    fresh: dict[str, Value] = {}
    before: dict[str, Reading] = {}
    at = sample.at
    for path, value in sample.readings.items():
        known = signals.get(path)
        if known is None:
            signals[path] = Reading(value, at)
            fresh[path] = value
        elif at > known.at or (at == known.at and outranks(value, known.value)):
            signals[path] = Reading(value, at)
            fresh[path], before[path] = value, known
    return fresh, before
