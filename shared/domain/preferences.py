"""How people want to be told: over which channels, in which language, and at which hours."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from shared.domain.kinds import KINDS, OURS, Channel, Urgency, kind_of

ANY = "*"
"""Stands for every kind of which nothing more exact is said."""
MINUTE, DAY = 60_000, 86_400_000
KINDS_SAID = 100
"""Kinds that a person, or a brand, says something of."""


class Quiet(NamedTuple):
    """Minutes of the day, by the clock on the wall: from the first to the last, over midnight if that is earlier. From
    one to the same is never."""

    start: int
    end: int

    def covers(self, minute: int) -> bool:
        if self.start <= self.end:
            return self.start <= minute < self.end
        return minute >= self.start or minute < self.end


NEVER = Quiet(0, 0)


@dataclass(frozen=True, slots=True)
class Preferences:
    """What a person, or a brand for those who don't say, wants; None where nothing is said. `digest_at` is a minute of
    the day, `channels` holds by kind (or `*`) which channels are on and off, `cap` is the brand's alone: how often an
    hour a person is told of one kind before the rest waits for the digest."""

    locale: str | None = None
    zone: str | None = None
    quiet: Quiet | None = None
    digest_at: int | None = None
    channels: Mapping[str, Mapping[Channel, bool]] = field(default_factory=dict)
    cap: int | None = None

    def over(self, others: "Preferences") -> "Preferences":
        """These, and where they say nothing the others."""
        # what is said here of all kinds goes before what the others say of one
        inherited = {ANY: others.channels.get(ANY, {})} if ANY in self.channels else others.channels
        known = {kind: {**inherited.get(kind, {}), **own} for kind, own in self.channels.items()}
        return replace(
            self,
            locale=self.locale or others.locale,
            zone=self.zone or others.zone,
            quiet=self.quiet if self.quiet is not None else others.quiet,
            digest_at=self.digest_at if self.digest_at is not None else others.digest_at,
            channels={**inherited, **known},
            cap=self.cap if self.cap is not None else others.cap,
        )

    def wants(self, kind: str, channel: Channel, *more: str) -> bool:
        """Whether to tell of a kind over a channel; `more` are names under which it was known before, for which what is
        said holds too. What concerns safety always comes into the inbox, and what was asked for comes as it was asked
        for."""
        if kind in OURS:
            return channel in kind_of(kind).channels
        if channel is Channel.INBOX and kind_of(kind).urgency is Urgency.SAFETY:
            return True
        for said in map(self.channels.get, (kind, *more, ANY)):
            if said is not None and channel in said:
                return said[channel]
        return channel in kind_of(kind).channels

    def kept_on(self) -> list[str]:
        """The kinds that were to be silenced in the inbox, and are not: they concern safety."""
        safety = [k for k, known in KINDS.items() if known.urgency is Urgency.SAFETY and k not in OURS]
        off = (self.channels.get(k, self.channels.get(ANY, {})).get(Channel.INBOX) for k in safety)
        return [kind for kind, on in zip(safety, off, strict=True) if on is False]

    def switched(self, kind: str, channel: Channel, on: bool) -> "Preferences":
        said = {**self.channels.get(kind, {}), channel: on}
        return replace(self, channels={**self.channels, kind: said})


SHIPPED = Preferences("en", "UTC", NEVER, 8 * 60, cap=6)


def told_from(now: int, quiet: Quiet, zone: str) -> int:
    """The first moment from now on that lies outside the quiet hours (epoch ms): now, or the minute they end."""
    place = ZoneInfo(zone)
    if not quiet.covers(_minute(now, place)):
        return now
    this_minute = now - now % MINUTE
    ends = this_minute + (quiet.end - _minute(now, place)) % (24 * 60) * MINUTE
    if _offset(now, place) == _offset(ends, place):
        return ends
    # the clocks change on the way: the hours may end in what is skipped, or begin anew in what comes twice
    moment = this_minute
    while quiet.covers(_minute(moment, place)):
        moment += MINUTE
    return moment


def next_digest(now: int, minute: int, zone: str) -> int:
    """When the clock on the wall says so next, after now (epoch ms); if it skips that, when it would have been."""
    place = ZoneInfo(zone)
    today = _local(now, place).replace(hour=minute // 60, minute=minute % 60, second=0, microsecond=0, fold=0)
    days = (today + timedelta(days=n) for n in range(-1, 4))
    return min(at for day in days if (at := int(day.timestamp() * 1000)) > now)


def _local(moment: int, place: ZoneInfo) -> datetime:
    return datetime.fromtimestamp(moment / 1000, UTC).astimezone(place)


def _minute(moment: int, place: ZoneInfo) -> int:
    local = _local(moment, place)
    return local.hour * 60 + local.minute


def _offset(moment: int, place: ZoneInfo) -> timedelta | None:
    return _local(moment, place).utcoffset()
