"""Charges, derived from what is in history: one for each time that a vehicle was plugged in."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from shared.domain.battery import Ends, energy_between, number, state_of_charge
from shared.domain.motion import stated
from shared.domain.movement import believed_fixes, movement
from shared.domain.paths import CABLE, IS_CHARGING, STATE_OF_CHARGE
from shared.domain.span import Known, Span, id_of
from shared.domain.telemetry import Sample

PAUSE = 6 * 3_600_000
"""Milliseconds without charging after which a cable that is still in begins another charge: a night's tariff."""
HELD = 12 * 3_600_000
"""Milliseconds for which a vehicle that reports on change is taken to go on charging without a word: a night."""
FLICKER = 5 * 60_000
"""Milliseconds for which a cable that was pulled may have been in all the while: contacts flicker."""
SHORTEST = 60_000
"""Milliseconds of the shortest charge: less is a plug that did not hold."""

PAUSES = 1_000
"""Pauses of one charge that are told, the earliest."""


@dataclass(frozen=True, slots=True)
class Charge:
    """One plug-in, from when it began to charge until it charged last: percent from and to, the energy taken in (kWh)
    where known, and the pauses within it."""

    id: str
    vehicle_id: str
    span: Span
    soc: Ends
    energy: float | None
    pauses: tuple[Span, ...] = ()

    @property
    def paused(self) -> int:
        """Milliseconds of it in which it did not charge."""
        return sum(pause.end - pause.start for pause in self.pauses)


def charges(vehicle_id: str, samples: Sequence[Sample], capacity: float | None, known: Sequence[Known]) -> list[Charge]:
    """Every charge in the samples, which are in order of time. One that grew keeps the id it had."""
    found = list[Charge]()
    if not any(s.readings.get(IS_CHARGING) is True for s in samples):
        return found
    shown = movement(samples, believed_fixes(samples))
    for session in _sessions(samples, [moves for _, moves in shown]):
        span = Span(session.start, session.end)
        energy = energy_between(samples, span, capacity, grows=True)
        charge = Charge(
            id=id_of("charge", span, known, [f.id for f in found]),
            vehicle_id=vehicle_id,
            span=span,
            soc=state_of_charge(samples, span, grows=True),
            energy=max(0.0, energy) if energy is not None else None,
            pauses=tuple(session.pauses),
        )
        found.append(charge)
    return found


@dataclass(slots=True)
class _Session:
    """A charge as far as it is known: whether a cable may have been in, and the first and the highest state of charge
    that was reported in it."""

    start: int
    end: int
    cable: bool
    charging: bool = True
    unplugged: bool = False
    first: float | None = None
    soc: float = -1.0
    pauses: list[Span] = field(default_factory=list)

    def goes_on(self, at: int) -> bool:
        """Whether what is said at a moment can still be said of this charge."""
        return at - self.end <= (FLICKER if self.unplugged else HELD if self.charging else PAUSE)

    def follow(self, sample: Sample) -> None:
        says, soc = sample.readings.get(IS_CHARGING), number(sample.readings.get(STATE_OF_CHARGE))
        pulled = sample.readings.get(CABLE) is False and says is not True
        grows = soc is not None and soc > self.soc
        if says is True and not self.charging and len(self.pauses) < PAUSES:
            self.pauses.append(Span(self.end, sample.at))
        if says is True or (self.charging and (says is False or pulled or grows)):
            self.end = sample.at
        if isinstance(says, bool) or pulled:
            self.charging = says is True
        self.unplugged = pulled or (self.unplugged and says is not True)
        if soc is not None:
            self.first = soc if self.first is None else self.first
            self.soc = max(self.soc, soc)

    @property
    def counts(self) -> bool:
        """A car that says that it charges without a cable in does not, unless its charge grows."""
        grew = self.first is not None and self.soc > self.first
        return self.end - self.start >= SHORTEST and (self.cable or grew)


def _sessions(samples: Sequence[Sample], movement: Sequence[bool | None]) -> list[_Session]:
    """A vehicle that says that it moves ends a charge at once, a cable that is pulled soon. Positions end it in a pause
    only: while it charges, they leap, or are told late."""
    found, going, cable = list[_Session](), False, True
    for sample, moves in zip(samples, movement, strict=True):
        readings = sample.readings
        cable = readings.get(CABLE, cable) is not False
        left = moves and (stated(readings) or not found[-1].charging) if going else False
        going = going and found[-1].goes_on(sample.at) and not left
        if not going and readings.get(IS_CHARGING) is True and not stated(readings):
            found.append(_Session(sample.at, sample.at, cable))
            going = True
        if going:
            found[-1].follow(sample)
            found[-1].cable = found[-1].cable or cable
    return [session for session in found if session.counts]
