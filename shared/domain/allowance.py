"""How many notifications one vehicle may raise in a minute and in a day."""

from collections.abc import Sequence
from typing import NamedTuple

from shared.domain.episodes import Told
from shared.domain.kinds import Urgency, kind_of

MINUTE, DAY = 60_000, 86_400_000
A_MINUTE, A_DAY = 30, 300
"""Notifications of one vehicle in a minute and in a UTC day of arrival; as many again of those about safety."""
LIMITED = "notifications_limited"
"""The kind that says, once a day, that there were more."""


class Tally(NamedTuple):
    """The newest minute and UTC day in which something was raised (numbers since the epoch), and how much was."""

    minute: int = -1
    in_minute: int = 0
    day: int = -1
    in_day: int = 0

    def more(self, at: int) -> "Tally | None":
        """With one more that comes about at a moment (epoch ms); None if that is one too many. A moment before the
        newest minute, of an event that is taken in again, counts as one in it."""
        minute, day = max(self.minute, at // MINUTE), max(self.day, at // DAY)
        in_minute = self.in_minute if minute == self.minute else 0
        in_day = self.in_day if day == self.day else 0
        if in_minute >= A_MINUTE or in_day >= A_DAY:
            return None
        return Tally(minute, in_minute + 1, day, in_day + 1)


class Allowance(NamedTuple):
    """What a vehicle raised lately, about safety and otherwise: a flood of the one never keeps back the other.

    `limited` counts what was beyond a limit and left out, `said_on` is the UTC day on which that was last told."""

    other: Tally = Tally()
    safety: Tally = Tally()
    limited: int = 0
    said_on: int = -1

    def admit(self, told: Sequence[Told], at: int) -> tuple["Allowance", list[Told]]:
        """What of this is raised at a moment (epoch ms), and what it leaves."""
        admitted = list[Told]()
        tallies = {True: self.safety, False: self.other}
        for one in told:
            safety = kind_of(one.kind).urgency is Urgency.SAFETY
            after = tallies[safety].more(at)
            if after is not None:
                tallies[safety] = after
                admitted.append(one)
        beyond, said_on = len(told) - len(admitted), self.said_on
        if beyond and said_on < at // DAY:
            said_on = at // DAY
            admitted.append(Told(LIMITED, f"{LIMITED}/{said_on}", at, {"minute": A_MINUTE, "day": A_DAY}))
        return Allowance(tallies[False], tallies[True], self.limited + beyond, said_on), admitted

    def beyond(self, count: int) -> "Allowance":
        """With so much more that was left out."""
        return self._replace(limited=self.limited + count) if count else self
