"""Charges, derived from what is in history: one for each time that a vehicle was plugged in."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from shared.domain.battery import Ends, energy_between, number, state_of_charge
from shared.domain.motion import stated
from shared.domain.paths import CABLE, IS_CHARGING, STATE_OF_CHARGE
from shared.domain.span import Known, Span, id_of
from shared.domain.telemetry import Sample

PAUSE = 6 * 3_600_000
"""Milliseconds without charging after which a cable that is still in begins another charge: a night's tariff."""
HELD = 12 * 3_600_000
"""Milliseconds for which a vehicle that reports on change is taken to go on charging without a word: a night."""
SHORTEST = 60_000
"""Milliseconds of the shortest charge: less is a plug that did not hold."""


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
    for session in _sessions(samples):
        span = Span(session.start, session.end)
        charge = Charge(
            id=id_of("charge", span, known, [f.id for f in found]),
            vehicle_id=vehicle_id,
            span=span,
            soc=state_of_charge(samples, span),
            energy=energy_between(samples, span, capacity),
            pauses=tuple(session.pauses),
        )
        found.append(charge)
    return found


@dataclass(slots=True)
class _Session:
    """A charge as far as it is known; `soc` is the highest state of charge that was reported in it."""

    start: int
    end: int
    charging: bool = True
    soc: float = -1.0
    pauses: list[Span] = field(default_factory=list)

    def goes_on(self, at: int) -> bool:
        """Whether what is said at a moment can still be said of this charge."""
        return at - self.end <= (HELD if self.charging else PAUSE)

    def follow(self, sample: Sample) -> None:
        says, soc = sample.readings.get(IS_CHARGING), number(sample.readings.get(STATE_OF_CHARGE))
        grows = soc is not None and soc > self.soc
        if says is True and not self.charging:
            self.pauses.append(Span(self.end, sample.at))
        if says is True or (self.charging and (says is False or grows)):
            self.end = sample.at
        if isinstance(says, bool):
            self.charging = says
        self.soc = max(self.soc, soc if soc is not None else -1.0)


def _sessions(samples: Sequence[Sample]) -> list[_Session]:
    """A cable that is pulled, or a vehicle that moves, ends a charge at once."""
    found, going = list[_Session](), False
    for sample in samples:
        readings, unplugged = sample.readings, sample.readings.get(CABLE) is False
        going = going and found[-1].goes_on(sample.at) and not stated(readings)
        if not going and readings.get(IS_CHARGING) is True and not unplugged and not stated(readings):
            found.append(_Session(sample.at, sample.at))
            going = True
        if not going:
            continue
        if unplugged and found[-1].charging:
            found[-1].end = sample.at
        found[-1].follow(sample)
        going = not unplugged
    return [session for session in found if session.end - session.start >= SHORTEST]
