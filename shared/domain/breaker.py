"""Leaving a provider alone that fails, and never letting one take all there is."""

from collections import OrderedDict
from dataclasses import dataclass

FAILURES = 5
"""Failures one after the other after which a provider is left alone."""
FIRST_PAUSE, LONGEST_PAUSE = 5.0, 300.0
"""Seconds for which it is; twice as long each time it fails again."""
AT_ONCE, UNKNOWN = 8, 2
"""Attempts that an instance makes at once at a provider whose last one went well, and at one that was never asked; one
at whom the last one failed."""
BUSY, BUSIEST = 0.25, 8.0
"""Seconds after which it is worth asking again whether there is room: at first, and at most."""
HELD = 10_000
"""Providers that an instance remembers."""


@dataclass(slots=True)
class _Known:
    well: bool = False
    failures: int = 0
    under_way: int = 0
    pause: float = 0.0
    until: float = 0.0


class Breakers:
    """What an instance knows of each provider. Times are seconds of a clock that never goes back."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, _Known] = OrderedDict()

    def wait(self, provider: str, now: float, asked: int = 0) -> float:
        """0 if an attempt may be made; or the seconds until it is worth asking again, longer for who `asked` often."""
        known = self._known.get(provider)
        if known is None:
            return 0.0
        if now < known.until:
            return known.until - now
        room = 1 if known.failures else AT_ONCE if known.well else UNKNOWN
        return 0.0 if known.under_way < room else min(BUSY * 2.0 ** min(asked, 10), BUSIEST)

    def enter(self, provider: str, now: float, asked: int = 0) -> float:
        """As `wait`; if it is 0 the attempt is begun, and has to be left again."""
        if wait := self.wait(provider, now, asked):
            return wait
        self._known.setdefault(provider, _Known()).under_way += 1
        self._known.move_to_end(provider)
        self._forget_one()
        return 0.0

    def leave(self, provider: str, well: bool | None, now: float) -> None:
        """After an attempt that was let in; `well` if the provider is at work, whatever it thinks of what it got, and
        None if it was not asked after all."""
        known = self._known.setdefault(provider, _Known(under_way=1))
        known.under_way = max(0, known.under_way - 1)
        if well is None:
            return
        known.well = well
        if well:
            known.failures, known.pause = 0, 0.0
            return
        known.failures += 1
        if known.failures >= FAILURES:
            known.pause = min(max(FIRST_PAUSE, known.pause * 2), LONGEST_PAUSE)
            known.until = now + known.pause

    def _forget_one(self) -> None:
        if len(self._known) > HELD:
            oldest = next(iter(self._known))
            if not self._known[oldest].under_way:
                del self._known[oldest]
