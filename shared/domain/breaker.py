"""Leaving a provider alone that fails, and never letting one take all there is."""

from collections import OrderedDict
from dataclasses import dataclass

FAILURES = 5
"""Failures one after the other after which a provider is left alone."""
FIRST_PAUSE, LONGEST_PAUSE = 5.0, 300.0
"""Seconds for which it is; twice as long each time it fails again."""
AT_ONCE = 4
"""Attempts at one provider that an instance makes at once; one while the last one failed."""
BUSY, DOUBTFUL = 0.25, 1.0
"""Seconds after which it is worth asking again whether there is room: at a provider that is well, at one that is not
known to be."""
HELD = 10_000
"""Providers that an instance remembers."""


@dataclass(slots=True)
class _Known:
    failures: int = 0
    under_way: int = 0
    pause: float = 0.0
    until: float = 0.0


class Breakers:
    """What an instance knows of each provider. Times are seconds of a clock that never goes back."""

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._at_once = at_once
        self._known: OrderedDict[str, _Known] = OrderedDict()

    def wait(self, provider: str, now: float) -> float:
        """0 if an attempt may be made; or the seconds until it is worth asking again."""
        known = self._known.get(provider)
        if known is None:
            return 0.0
        if now < known.until:
            return known.until - now
        if known.under_way >= (1 if known.failures else self._at_once):
            return max(DOUBTFUL, known.pause) if known.failures else BUSY
        return 0.0

    def enter(self, provider: str, now: float) -> float:
        """As `wait`; if it is 0 the attempt is begun, and has to be left again."""
        if wait := self.wait(provider, now):
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
