"""What follows when a vehicle reports, or time passes: state + event -> next state + what must follow."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from shared.domain import history
from shared.domain.battery import number
from shared.domain.clock_offset import ClockOffset
from shared.domain.episodes import Told, elapse, heard, weigh
from shared.domain.history import Open
from shared.domain.location import LEAP, Fix, Location, fix_in
from shared.domain.motion import last_statement, stated
from shared.domain.notification import Notification
from shared.domain.paths import LATITUDE, LONGITUDE, ODOMETER
from shared.domain.policy import Mode, Status, visible
from shared.domain.rules import Book, View
from shared.domain.size import TEXTUAL, Room
from shared.domain.span import Span
from shared.domain.telemetry import Event, Sample, Value, outranks
from shared.domain.track import STOP, Track
from shared.domain.vehicle import Connection, Entry, Gaps, Outcome, Reading, VehicleState
from shared.errors import Code

BEHIND = 10_000
"""Milliseconds behind the newest sample from which one ends episodes and begins none: what it tells may be over."""
FIRES_WITHIN = 15 * 60_000
"""Milliseconds after which a sample is too old at arrival to begin an episode."""


def trusting(state: VehicleState) -> VehicleState:
    """With the device that turned up last as the vehicle's own."""
    return replace(state, generation=state.suspect or state.generation, suspect=None)


def without_history(state: VehicleState) -> VehicleState:
    """Without the samples that are still on their way into history, and what was to be derived of them."""
    left, track = tuple(e for e in state.outbox if isinstance(e, Notification)), state.track._replace(outdated=())
    return replace(state, open=Open(), outbox=left, track=track)


def closed(state: VehicleState) -> VehicleState:
    """With the open chunk on its way into history, if it holds anything."""
    if not state.open.table.rows:
        return state
    chunk = state.open.close(state.vehicle_id, state.policy.history_days)
    return replace(state, open=Open(), outbox=(*state.outbox, chunk))


def settled(state: VehicleState, border: int) -> VehicleState:
    """With what is still open closed at a border (epoch ms): what is seen from then on belongs to another period of
    ownership, also where the vehicle's clock was ahead. A journey or charge under way is over with it."""
    track = state.track
    for span in track.unfinished:
        track = track.over(Span(min(span.start, border - 1), min(span.end, border - 1)))
    state = replace(state, track=track._replace(journey=None, charge=None))
    if not state.open.table.rows:
        return state
    keep, sequence = state.policy.history_days, state.open.sequence
    sides = [state.open.table.where(lambda at: at < border), state.open.table.where(lambda at: at >= border)]
    chunks = [Open(side, sequence=sequence).close(state.vehicle_id, keep) for side in sides if side.rows]
    return replace(state, open=Open(), outbox=(*state.outbox, *chunks))


def forgotten(state: VehicleState) -> VehicleState:
    """Without anything that it reported; it still knows which messages it had."""
    blank = replace(state, signals={}, newest=-1, episodes={}, outbox=(), open=Open(), track=Track())
    blank = replace(blank, seen_at=-1, connection=None, owed=None, gaps=Gaps())
    return replace(blank, location=Location(), clock=ClockOffset())


def forgotten_between(state: VehicleState, start: int, end: int) -> VehicleState:
    """Without anything that it reported in [start, end) (epoch ms): readings, samples on their way into history, what
    is to be told, episodes, and where journeys, charges and positions were."""

    def outside(at: int) -> bool:
        return not start <= at < end

    def apart(span: Span | None) -> bool:
        return span is None or span.end < start or end <= span.start

    outbox = list[Entry]()
    for entry in state.outbox:
        if isinstance(entry, Notification):
            outbox += [entry] if outside(entry.at) else []
        elif (left := entry.table.where(outside)).rows:
            outbox.append(entry if len(left.rows) == len(entry.table.rows) else replace(entry, table=left))
    places, track, connection = state.location, state.track, state.connection
    return replace(
        state,
        newest=state.newest if outside(state.newest) else -1,
        seen_at=state.seen_at if outside(state.seen_at) else -1,
        connection=connection if connection is None or outside(connection.at) else None,
        signals={path: reading for path, reading in state.signals.items() if outside(reading.at)},
        episodes={key: episode for key, episode in state.episodes.items() if outside(episode.since)},
        outbox=tuple(outbox),
        open=state.open.where(outside),
        location=places if all(fix is None or outside(fix.at) for fix in places) else Location(),
        track=track._replace(
            journey=track.journey if apart(track.journey) else None,
            charge=track.charge if apart(track.charge) else None,
            outdated=tuple(span for span in track.outdated if apart(span)),
            anchor=track.anchor if outside(track.anchored_at) else None,
        ),
    )


def refusal(state: VehicleState) -> Code:
    """Why nothing of a device is taken in: the vehicle is out of service, or another device took its name."""
    return Code.DECOMMISSIONED if state.policy.status is Status.DECOMMISSIONED else Code.QUARANTINED


def fold(state: VehicleState, events: Sequence[Event], book: Book) -> tuple[VehicleState, list[Outcome]]:
    """The state after one vehicle's events as the hub gave them, and each one's outcome.

    The very same state comes back when nothing in it changed but how far the hub was read."""
    folding = _Folding(state, book)
    outcomes = [folding.observe(event) for event in events]
    return folding.result(), outcomes


def observe(state: VehicleState, event: Event, book: Book) -> tuple[VehicleState, Outcome]:
    """The state after one event: late and repeated messages change no newer reading, so any message may come again."""
    after, outcomes = fold(state, [event], book)
    return after, outcomes[0]


class _Folding:
    """A state on its way through a batch. Samples are taken one by one, nothing is sorted; what becomes of the state is
    put together once, at the end."""

    def __init__(self, state: VehicleState, book: Book) -> None:
        self._state, self._book = state, book
        self._signals = dict(state.signals)
        self._window, self._gaps, self._position = state.window, state.gaps, state.position
        self._newest, self._seen_at, self._episodes = state.newest, state.seen_at, state.episodes
        self._open, self._track = state.open, state.track
        self._location, self._clock = state.location, state.clock
        self._generation, self._suspect = state.generation, state.suspect
        self._owes, self._committed, self._changed = list[Entry](), state.committed, False
        self._allowance, self._room = state.allowance, Room(self._signals)

    def observe(self, event: Event) -> Outcome:
        if self._refuses(event):
            return Outcome.PARKED
        if event.position is not None:
            if self._position and self._position.covers(event.position):
                return Outcome.REDELIVERED
            self._position = event.position
        sequence, privacy = event.telemetry.sequence, self._state.policy.privacy
        if self._window.holds(sequence):
            return Outcome.DUPLICATE
        samples, hidden = event.telemetry.samples, False
        if privacy.exclusions or privacy.floor:
            samples, hidden = visible(privacy, samples, event.arrived_at, event.telemetry.not_places)
            if hidden and not samples:
                return Outcome.SUPPRESSED
        late = self._window.passed(sequence)
        new = self._take(samples, event, late)
        if new or not late:
            self._note(event)
        return Outcome.APPLIED if new else Outcome.SUPPRESSED if hidden else Outcome.STALE

    def _refuses(self, event: Event) -> bool:
        generation = event.generation
        if self._state.policy.status is Status.DECOMMISSIONED:
            return True
        strange = generation is not None and self._generation is not None and generation != self._generation
        if not strange and self._state.policy.status is not Status.QUARANTINED:
            return False
        if self._suspect is None and strange:
            self._suspect, self._changed = generation, True
        return True

    def _take(self, samples: Sequence[Sample], event: Event, late: bool) -> bool:
        """Whether any reading or history sample was new."""
        new, told, strays = False, list[Told](), list[Sample]()
        policy = self._state.policy
        if not late and samples:
            self._clock = self._clock.follow(max([s.at for s in samples]), event.arrived_at)
        for sample in samples:
            if not sample.readings:
                continue
            keeps = policy.history_days > 0 and sample.at >= policy.history_from
            if sample.at < policy.owned_since:
                new = new or keeps
                if keeps:
                    self._keep_for_last_owner(sample, event.telemetry.sequence, late, strays)
                continue
            fresh, before, beyond = _merge(self._signals, sample, self._room)
            if beyond:
                self._allowance = self._allowance.beyond(len(beyond))
                kept = {path: value for path, value in sample.readings.items() if path not in beyond}
                sample = Sample(sample.at, kept)
            new = new or bool(fresh)
            last_fix = self._location.fix
            fix = self._locate(fresh, before)
            if fresh and not late:
                told += self._weigh(self._view(fresh, before, sample.at, fix, last_fix), event.arrived_at)
            if keeps:
                new = True
                self._keep(sample, event.telemetry.sequence, late, strays)
            self._newest = max(self._newest, sample.at)
        if self._book.silences and new:
            self._episodes, over = heard(self._book, self._episodes, event.arrived_at)
            told += over
        if strays:
            days = self._state.policy.history_days
            sequence, ownership = event.telemetry.sequence, self._state.policy.ownership
            self._owes += history.late(strays, self._state.vehicle_id, sequence, days, ownership)
        if told:
            self._allowance, told = self._allowance.admit(told, event.arrived_at)
            self._owes += notifications(self._state, told, event.telemetry.traceparent)
            self._committed += len(told)
        return new

    def _locate(self, fresh: Mapping[str, Value], before: Mapping[str, Reading]) -> Fix | None:
        """The fix that a sample shows, if it does and can be believed."""
        if LATITUDE not in fresh and LONGITUDE not in fresh:
            return None
        found = fix_in(self._signals)
        if found is None:
            return None

        def stayed(metres: float) -> bool:
            """Whether the vehicle says that it stands where it was."""
            slept = found.at - self._newest > STOP
            if slept and metres > LEAP and self._was_driven(metres, fresh, before):
                return False
            last = last_statement(self._signals, fresh, before)
            return (last is not None and not last.moving) or (slept and stated(fresh) is False)

        self._location = self._location.follow(found, stayed)
        return found if self._location.fix is found else None

    def _was_driven(self, metres: float, fresh: Mapping[str, Value], before: Mapping[str, Reading]) -> bool:
        """Whether a vehicle that woke up so far from where it was can have been driven there: its odometer says so, or
        it has never been seen to move, as many report nothing but where they are parked."""
        counted = number(fresh.get(ODOMETER))
        if counted is None or ODOMETER not in before:
            return self._track.moved_at < 0
        return counted - (number(before[ODOMETER].value) or 0.0) >= metres / 2

    def _view(
        self, fresh: Mapping[str, Value], before: Mapping[str, Reading], at: int, fix: Fix | None, last_fix: Fix | None
    ) -> View:
        """By place, as this is done for every sample."""
        track, known = self._track, self._signals
        told = track.charged_from, track.full_at, track.moved_at
        return View(known, fresh, before, self._episodes, at, self._newest, fix, last_fix, *told)

    def _weigh(self, view: View, arrived_at: int) -> list[Told]:
        self._track = self._track.follow(view)
        if self._book.by_path.keys().isdisjoint(view.fresh):
            return []
        arrived_in_time = arrived_at - self._clock.offset - view.at <= FIRES_WITHIN
        in_time = arrived_in_time and self._newest - view.at <= BEHIND
        self._episodes, told, beyond = weigh(self._book, self._episodes, view, in_time)
        self._allowance = self._allowance.beyond(beyond)
        return told

    def _keep(self, sample: Sample, sequence: int, late: bool, strays: list[Sample]) -> None:
        """Into the open chunk, which never holds samples of two owners; of a message that may be a repeat, under an id
        of its own."""
        self._track = self._track.touch(sample, self._newest)
        self._store(sample, sequence, late, strays)

    def _store(self, sample: Sample, sequence: int, late: bool, strays: list[Sample]) -> None:
        if late:
            strays.append(sample)
            return
        if self._open.full_for(sample) or self._crosses_border(sample.at):
            self._owes.append(self._open.close(self._state.vehicle_id, self._state.policy.history_days))
            self._open = Open()
        self._open = self._open.add(sample, sequence)

    def _keep_for_last_owner(self, sample: Sample, sequence: int, late: bool, strays: list[Sample]) -> None:
        """What was seen before the vehicle changed hands says nothing of it now: it only goes into history."""
        self._track = self._track.over(Span(sample.at, sample.at))
        self._store(sample, sequence, late, strays)

    def _crosses_border(self, at: int) -> bool:
        policy = self._state.policy
        started = policy.borders and self._open.table.rows
        return bool(started) and policy.ownership(at) != policy.ownership(self._open.earliest)

    def _note(self, event: Event) -> None:
        sequence = event.telemetry.sequence
        self._gaps = self._gaps.after(self._window, sequence)
        self._window = self._window.add(sequence)
        self._seen_at = max(self._seen_at, event.arrived_at)
        self._generation = self._generation or event.generation
        self._changed = True

    def result(self) -> VehicleState:
        if not self._changed:
            return self._state
        return replace(
            self._state,
            signals=self._signals,
            window=self._window,
            position=self._position,
            newest=self._newest,
            episodes=self._episodes,
            outbox=(*self._state.outbox, *self._owes),
            committed=self._committed,
            open=self._open,
            track=self._track,
            gaps=self._gaps,
            seen_at=self._seen_at,
            generation=self._generation,
            suspect=self._suspect,
            location=self._location,
            clock=self._clock,
            allowance=self._allowance,
        )


def passed(state: VehicleState, book: Book, now: int) -> VehicleState:
    """The state after what time alone has brought by `now` (epoch ms)."""
    offset = state.clock.offset
    after = replace(state, track=state.track.elapse(state.seen_at, now, offset))
    closes_at = after.open_until
    after = closed(after) if closes_at is not None and now >= closes_at else after
    if state.policy.status is Status.DECOMMISSIONED or state.policy.privacy.mode(now) is Mode.OFFLINE:
        return after
    view = View(state.signals, {}, {}, state.episodes, now, moved_at=state.track.moved_at)
    episodes, told = elapse(book, state.episodes, view, state.heard_at(now), now, offset)
    allowance, told = state.allowance.admit(told, now) if told else (state.allowance, told)
    told_now = notifications(state, told, None)
    outbox, committed = (*after.outbox, *told_now), state.committed + len(told_now)
    return replace(after, episodes=episodes, outbox=outbox, committed=committed, allowance=allowance)


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


def _merge(
    signals: dict[str, Reading], sample: Sample, room: Room
) -> tuple[dict[str, Value], dict[str, Reading], set[str]]:
    """Put into `signals` what of the sample is newer there; just that comes back, what it replaced, and the paths for
    which there is no room."""
    fresh: dict[str, Value] = {}
    before: dict[str, Reading] = {}
    beyond = set[str]()
    at = sample.at
    for path, value in sample.readings.items():
        known = signals.get(path)
        if known is not None:
            if at < known[1] or (at == known[1] and not outranks(value, known[0])):
                continue
            before[path] = known
        if (known is None or type(value) in TEXTUAL) and not room.takes(path, value):
            beyond.add(path)
            before.pop(path, None)
            continue
        signals[path] = _reading(Reading, (value, at))
        fresh[path] = value
    return fresh, before, beyond


_reading = tuple.__new__
"""What Reading(value, at) comes to, in a third of the time: this is done for every value that comes in."""
