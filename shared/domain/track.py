"""Where a vehicle's journeys and charges begin and end, as far as the newest samples tell."""

from typing import NamedTuple

from shared.domain.battery import is_full, number
from shared.domain.geo import Place
from shared.domain.motion import TRUSTED, last_statement, moved, stated
from shared.domain.paths import CABLE, CHARGE_LIMIT, IS_CHARGING, SPEED, STATE_OF_CHARGE
from shared.domain.rules import View
from shared.domain.span import Span
from shared.domain.telemetry import Sample

STOP = 5 * 60_000
"""Milliseconds without moving after which a journey is over."""
PATIENCE = 2 * 60_000
"""Milliseconds for which time alone waits beyond that, and after anything was heard: samples may be on their way."""
LOOKS = 60_000
"""Milliseconds between the moments at which time alone looks, so that those do not move with every sample."""
SPANS = 8
"""Separate spans that are remembered; beyond it the two nearest become one."""


class Track(NamedTuple):
    """The journey and the charge under way; `outdated`: spans whose trips and charges are still to be derived from
    history; `closed`: the end of the last one that was over. `charged_from` is the state of charge (%) at which the
    last charging began, `full_at` when it last stopped at the charge limit, `moved_at` when the vehicle moved last
    (epoch ms), `anchor` where it was found after it last said whether it moves, and `anchored_at` when."""

    journey: Span | None = None
    charge: Span | None = None
    outdated: tuple[Span, ...] = ()
    closed: int = -1
    charged_from: float | None = None
    full_at: int = -1
    moved_at: int = -1
    anchor: Place | None = None
    anchored_at: int = -1

    def follow(self, view: View) -> "Track":
        """After a sample that tells anything anew: what moves goes on, what has rested long enough is over."""
        track, at = self, view.at
        if self.journey and at - self.journey.end > STOP:
            track = self.over(self.journey)._replace(journey=None)
        track = track._following(view)
        charges = view.fresh.get(IS_CHARGING)
        if (charges is True and not stated(view.fresh)) or charges is False:
            return track._charging(view)
        pulled = view.fresh.get(CABLE) is False and track.charge is not None and view.at >= track.charge.start
        return track._charging(view) if pulled else track

    def _following(self, view: View) -> "Track":
        """After what a sample shows of where the vehicle is and whether it moves."""
        track, at = self, view.at
        place = view.fix.place if view.fix else None
        said = stated(view.fresh)
        if said is None and place is None:
            return track
        if said or (said is False and SPEED in view.fresh):
            track = track._driving(at) if said else track
            return track if track.anchor is None else track._replace(anchor=None)
        known = self.anchor or (view.last_fix.place if view.last_fix else None)
        last = last_statement(view.values, view.fresh, view.before)
        silence = at - view.last_at
        if silence <= STOP and moved(view.fresh, at, place, last, known, silence):
            track = track._driving(at) if said else track._moving(at)
        if said is not None:
            return track if self.anchor is None else track._replace(anchor=None)
        rests = at - self.anchored_at > STOP or (last is not None and not last.moving and at - last.at <= TRUSTED)
        anchor = place if track.moved_at == at or rests else known or place
        return track if anchor == self.anchor else track._replace(anchor=anchor, anchored_at=at)

    def _driving(self, at: int) -> "Track":
        """A vehicle that says that it moves does not charge, whatever it forgot to say."""
        if self.charge is None or at < self.charge.start:
            return self._moving(at)
        return self.over(Span(self.charge.start, at))._replace(charge=None)._moving(at)

    def _moving(self, at: int) -> "Track":
        journey = self.journey or Span(at, at)
        if journey.start - at > STOP:
            return self.over(Span(at, at))
        journey = Span(min(journey.start, at), max(journey.end, at))
        return self._replace(journey=journey, moved_at=max(self.moved_at, at))

    def _charging(self, view: View) -> "Track":
        if view.fresh.get(IS_CHARGING) is True:
            if self.charge:
                return self._replace(charge=Span(min(self.charge.start, view.at), max(self.charge.end, view.at)))
            return self._replace(charge=Span(view.at, view.at), charged_from=_charge_at(view))
        if self.charge is None:
            return self
        full = is_full(view.number(STATE_OF_CHARGE), view.number(CHARGE_LIMIT))
        over = self.over(Span(min(self.charge.start, view.at), view.at))
        return over._replace(charge=None, full_at=view.at if full else self.full_at)

    def elapse(self, heard_at: int, now: int, offset: int = 0) -> "Track":
        """After that nothing was heard since `heard_at` (both epoch ms), from a clock that is `offset` ms behind."""
        if self.journey and now >= self._over_at(self.journey, heard_at, offset):
            return self.over(self.journey)._replace(journey=None)
        return self

    def touch(self, sample: Sample, newest: int) -> "Track":
        """After a sample, `newest` being the time of the newest before it (epoch ms): what a late one belongs to has to
        be derived again, unless that is under way. One that is late by little belongs to what is under way if it shows
        that the vehicle moves, and changes nothing if it shows nothing."""
        at, readings = sample
        if at >= newest or any(span.start <= at for span in self.unfinished):
            return self
        if at >= newest - STOP and stated(readings):
            return self._moving(at)
        if at >= newest - STOP and at > self.closed and readings.keys().isdisjoint((IS_CHARGING, CABLE)):
            return self
        return self.over(Span(at, at))

    def over(self, span: Span) -> "Track":
        return self._replace(outdated=_joined((*self.outdated, span)), closed=max(self.closed, span.end))

    def next_moment(self, heard_at: int, offset: int = 0) -> int | None:
        """When time alone looks whether the journey is over (epoch ms)."""
        if self.journey is None:
            return None
        over = self._over_at(self.journey, heard_at, offset)
        return over + -over % LOOKS

    @property
    def unfinished(self) -> tuple[Span, ...]:
        """What is under way: trips and charges that touch it are not told yet."""
        return tuple(span for span in (self.journey, self.charge) if span)

    @staticmethod
    def _over_at(journey: Span, heard_at: int, offset: int) -> int:
        """A journey that was uploaded late is over long ago, once nothing more of it follows."""
        return max(journey.end + offset + STOP, heard_at) + PATIENCE


def _charge_at(view: View) -> float | None:
    """The state of charge (%), or the one before where a sensor drops out."""
    charge, before = view.number(STATE_OF_CHARGE), view.before.get(STATE_OF_CHARGE)
    return number(before[0]) if charge == 0 and before else charge


def _joined(spans: tuple[Span, ...]) -> tuple[Span, ...]:
    """In order; those that touch become one, and the nearest two while there are too many."""
    found: list[Span] = []
    for span in sorted(spans):
        if found and span.start - found[-1].end <= STOP:
            found[-1] = Span(found[-1].start, max(found[-1].end, span.end))
        else:
            found.append(span)
    while len(found) > SPANS:
        nearest = min(range(1, len(found)), key=lambda n: found[n].start - found[n - 1].end)
        found[nearest - 1 : nearest + 1] = [Span(found[nearest - 1].start, found[nearest].end)]
    return tuple(found)
