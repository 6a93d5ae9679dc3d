"""What a vehicle is known to be, and what follows when it reports. State + event -> next state + what must follow."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import NamedTuple

from shared.domain.notification import Notification
from shared.domain.rules import RULES
from shared.domain.telemetry import Event, Position, Sample, Value
from shared.domain.window import Window

FIRES_WITHIN = 15 * 60_000
"""Milliseconds after which a sample is too old at arrival to begin an episode."""


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


class Policy(NamedTuple):
    """What ingest must know of the vehicle's profile: a copy that changes in one write with it."""

    brand: str
    status: str


@dataclass(frozen=True, slots=True)
class VehicleState:
    """The newest reading of every signal, and what is still to be told because of them.

    `newest` is the latest sample time seen, `due` the earliest moment at which time alone may do something
    (both epoch ms); `committed` counts the notifications it ever owed, `revision` its writes."""

    vehicle_id: str
    policy: Policy
    signals: Mapping[str, Reading] = field(default_factory=dict)
    window: Window = Window()
    position: Position | None = None
    newest: int = -1
    episodes: Mapping[str, int] = field(default_factory=dict)
    outbox: tuple[Notification, ...] = ()
    committed: int = 0
    due: int | None = None
    revision: int = 0

    def told(self, sent: Iterable[Notification]) -> "VehicleState":
        """Without the entries that were handed on."""
        done = {n.id for n in sent}
        left = tuple(n for n in self.outbox if n.id not in done)
        return replace(self, outbox=left, due=self.due if left else None)

    def owing(self, due: int) -> "VehicleState":
        """With the moment at which the timer looks after an outbox that nobody handed on."""
        return replace(self, due=due) if self.outbox and self.due is None else self


def fold(state: VehicleState, events: Sequence[Event]) -> tuple[VehicleState, list[Outcome]]:
    """The state after one vehicle's events as the hub gave them, and each one's outcome.

    The very same state comes back when nothing in it changed but how far the hub was read."""
    after, outcomes, read_to = state, list[Outcome](), state.position
    for event in events:
        if read_to and event.position and read_to.covers(event.position):
            outcomes.append(Outcome.DUPLICATE)
            continue
        after, outcome = observe(after, event)
        outcomes.append(outcome)
        read_to = event.position or read_to
    return (state if after is state else replace(after, position=read_to)), outcomes


def observe(state: VehicleState, event: Event) -> tuple[VehicleState, Outcome]:
    """Late and repeated messages change no newer reading, so any message may come again."""
    telemetry = event.telemetry
    if state.window.holds(telemetry.sequence):
        return state, Outcome.DUPLICATE
    late = state.window.passed(telemetry.sequence)
    signals = dict(state.signals)
    episodes, outbox, newest, changed = state.episodes, state.outbox, state.newest, False
    for sample in telemetry.samples:
        fresh = _merge(signals, sample)
        changed = changed or bool(fresh)
        if fresh and not late and sample.at >= newest:
            in_time = event.arrived_at - sample.at <= FIRES_WITHIN
            episodes, told = _episodes(state, episodes, fresh, sample.at, in_time, telemetry.traceparent)
            outbox += told
        newest = max(newest, sample.at)
    if late and not changed:
        return state, Outcome.STALE
    after = replace(
        state,
        signals=signals,
        window=state.window.add(telemetry.sequence),
        newest=newest,
        episodes=episodes,
        outbox=outbox,
        committed=state.committed + len(outbox) - len(state.outbox),
    )
    return after, Outcome.APPLIED if changed else Outcome.STALE


def _merge(signals: dict[str, Reading], sample: Sample) -> dict[str, Value]:
    """Put into `signals` what of the sample is newer there, and return just that."""
    fresh: dict[str, Value] = {}
    at = sample.at
    for path, value in sample.readings.items():
        known = signals.get(path)
        if known is None or at > known.at or (at == known.at and _outranks(value, known.value)):
            signals[path] = Reading(value, at)
            fresh[path] = value
    return fresh


def _outranks(value: Value, other: Value) -> bool:
    """An order on values that breaks a tie in time, so that the order of arrival never decides."""
    kind, other_kind = type(value).__name__, type(other).__name__
    return (kind, repr(value)) > (other_kind, repr(other)) if kind != other_kind else value > other  # type: ignore[operator]


def _episodes(
    state: VehicleState,
    open_: Mapping[str, int],
    fresh: Mapping[str, Value],
    at: int,
    in_time: bool,
    traceparent: str | None,
) -> tuple[Mapping[str, int], tuple[Notification, ...]]:
    """The open episodes after a sample, and what their beginning has to tell."""
    told: list[Notification] = []
    for rule in RULES:
        held = rule.id in open_
        holds = rule.holds(fresh, held)
        if holds and not held and in_time:
            open_ = {**open_, rule.id: at}
            facts = rule.facts(fresh)
            brand = state.policy.brand
            told.append(Notification.of_episode(rule.id, state.vehicle_id, brand, at, facts, traceparent))
        elif held and not holds:
            open_ = {r: start for r, start in open_.items() if r != rule.id}
    return open_, tuple(told)
