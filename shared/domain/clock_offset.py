"""A vehicle's clock that runs behind by a constant: what it reports is current all the same."""

from typing import NamedTuple

SMALLEST = 15 * 60_000
"""Milliseconds behind arrival from which a lag is looked at: below it every sample is current anyway."""
STEADY = 5_000
"""Milliseconds by which a lag may waver and still be the same: what networks add."""
WATCHED = 10_000
"""Milliseconds of arrivals over which a lag has to be steady. An upload of a buffer sends more than ten seconds of
samples in ten seconds, so that its lag shrinks."""
MESSAGES, LONG = 4, 45_000
"""Messages in a row whose lag has to be the same, unless it is for so many milliseconds: in an upload in disorder it is
for two by chance."""
DRIFT = 60_000
"""Milliseconds by which a recognised offset may change from one message to the next and still be followed."""


class ClockOffset(NamedTuple):
    """Since which arrival (epoch ms, -1 if none) the lag has been steady, that lag, the offset that was recognised (ms
    behind; 0 if none), and how many messages have had the lag."""

    since: int = -1
    lag: int = 0
    offset: int = 0
    messages: int = 1

    def follow(self, newest: int, arrived_at: int) -> "ClockOffset":
        """After a message whose newest sample claims to be seen at `newest` (both epoch ms)."""
        lag = arrived_at - newest
        if lag < SMALLEST:
            return self if self.since < 0 else ClockOffset()
        if self.offset:
            return self._adjusted(lag, arrived_at)
        if self.since < 0 or abs(lag - self.lag) > STEADY or arrived_at < self.since:
            return ClockOffset(arrived_at, lag)
        messages = self.messages + 1
        watched = arrived_at - self.since
        if watched < WATCHED or (messages < MESSAGES and watched < LONG):
            return self._replace(messages=messages)
        return self._replace(offset=lag, messages=messages)

    def _adjusted(self, lag: int, arrived_at: int) -> "ClockOffset":
        """A message that comes later than the offset alone explains was buffered; one that comes earlier shows that the
        clock was set."""
        if lag < self.offset - DRIFT:
            return ClockOffset(arrived_at, lag)
        return self._replace(offset=lag) if STEADY < abs(lag - self.offset) <= DRIFT else self
