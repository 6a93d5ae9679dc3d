"""What has to be told of a day, and nothing else: what is expected, from when to when, and whether it has to be told.

All times are seconds since the day began. What did not reach the backend in time may be told, but need not be."""

from bisect import bisect_left
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from shared.domain.conditions import CONFIRM
from shared.domain.geo import Place, distance
from shared.domain.paths import STATE_OF_CHARGE, TROUBLE_CODES
from tests.laws.car_days.charging import PlugIn, Span
from tests.laws.car_days.day import FENCE, WINDOW
from tests.laws.car_days.disorder import DAWN
from tests.laws.car_days.evidence import MOVES, Case, Heard
from tests.laws.car_days.run import SETTLED, SILENT_AFTER, Told

LOW, CLEARED = 10.0, 15.0
"""Percent at which a battery is low, and above which it is not any more."""
CONFIRMED = CONFIRM / 1000
"""Seconds after which one reading is enough."""
SOON = 130.0
"""Seconds for a batch of the hub, a message's latency and the timer of each minute."""
MARGIN, WAVERS = 50.0, 20.0
"""Metres beyond a fence at which a car has left; and by which a fix may be off."""
OPEN_FOR = 600.0
"""Seconds after which something is left open."""
STALE = 15 * 60.0
"""Seconds after which what a car saw is too old to be told."""
TOGETHER = 600.0
"""Seconds within which two halves are a fix."""
NEVER = float("inf")


class Expected(NamedTuple):
    """A notification that may come within a time, and has to if it is `certain`."""

    kind: str
    start: float
    end: float
    certain: bool
    rule: str | None = None

    def fits(self, told: Told) -> bool:
        notification, at = told.notification, (told.at - DAWN) / 1000
        same = notification.kind == self.kind and self.rule in (None, notification.facts.get("rule"))
        return same and self.start <= at <= self.end


def broken(case: Case) -> Iterator[str]:
    """Everything that was told and should not have been, and the other way round."""
    left = sorted(expected(case), key=lambda e: (not e.certain, e.end))
    for told in case.run.told:
        found = next((e for e in left if e.fits(told)), None)
        if found is None:
            yield f"phantom {_of(case, told)}"
        else:
            left.remove(found)
        yield from _stale(case, told)
    for missing in (e for e in left if e.certain):
        yield f"missing {missing.kind} {missing.rule or ''} between {missing.start:.0f} and {missing.end:.0f}"


def expected(case: Case) -> list[Expected]:
    found = [*_low(case), *_complete(case), *_codes(case), *_left_open(case), *_off(case), *_silence(case)]
    for id, centre in (("home", case.day.place(0.0)), ("work", case.day.place(case.day.work))):
        found += _fence(case, id, centre)
    return found


def _of(case: Case, told: Told) -> str:
    seen = case.true_time(told.notification.at)
    facts = {path.rpartition(".")[2]: value for path, value in told.notification.facts.items()}
    return f"{told.notification.kind} at {(told.at - DAWN) / 1000:.0f} of {seen:.0f} {facts}"


def _stale(case: Case, told: Told) -> Iterator[str]:
    """Nothing begins with a report that came too late."""
    held = {"left_open": OPEN_FOR, "silent": SILENT_AFTER / 1000}.get(told.notification.kind, CONFIRMED)
    age = (told.at - DAWN) / 1000 - case.true_time(told.notification.at)
    ends = told.notification.kind in ("geofence_left", "trouble_code_closed")
    if not ends and age > STALE + held + SOON + case.profile.interval:
        yield f"stale {_of(case, told)}"


def _late(case: Case) -> float:
    """Seconds after which what a car saw has arrived and been looked at, if it is on line."""
    return case.profile.interval * case.profile.batch + SOON + case.wrong_by


def _low(case: Case) -> Iterator[Expected]:
    """Each time that the charge falls below what is low, as it is reported."""
    low_since: Heard | None = None
    confirmed = 0.0
    step = case.profile.percent_step
    for h in (h for h in case.heard if STATE_OF_CHARGE in h.report.told):
        true = case.day.soc(h.at, h.driven)
        said = true // 1 if step == 1.0 else round(true, 1)
        if said < LOW and low_since is None:
            low_since, confirmed = h, h.at + CONFIRMED
        elif low_since is not None and said > CLEARED:
            yield _of_low(case, low_since.at, confirmed, h)
            low_since = None
        elif low_since is not None:
            confirmed = min(confirmed, h.at)
    if low_since is not None:
        yield _of_low(case, low_since.at, confirmed, None)
    for a, b in pairwise(h for h in case.heard if STATE_OF_CHARGE in h.report.told):
        if a.report.told[STATE_OF_CHARGE] == 0 and b.arrived - a.arrived > CONFIRMED - SOON:
            yield Expected("battery_low", a.at, b.arrived, certain=False)  # nothing tells in time that it is none


def _of_low(case: Case, since: float, confirmed: float, cleared: Heard | None) -> Expected:
    certain = case.is_live(since, confirmed)
    until = cleared.arrived + SOON if cleared else NEVER
    return Expected("battery_low", since, confirmed + _late(case) if certain else until, certain)


def _complete(case: Case) -> Iterator[Expected]:
    """Once for each plug-in that charges up to the limit."""
    for plug_in in case.day.plug_ins:
        limit, driven = case.day.battery.limit, case.day.motion(plug_in.span.start)[2]
        full = next((s.end for s in plug_in.charging if case.day.soc(s.end, driven) >= limit - 0.01), None)
        nearly = max(case.day.soc(s.end, driven) for s in plug_in.charging) >= limit - 2.5
        if plug_in.soc[0] >= limit or not (full or nearly):
            continue
        certain = full is not None and plug_in.soc[0] < limit - 2.5 and case.is_live(plug_in.span.start, full + 1)
        start = full if full is not None else plug_in.span.start
        yield Expected("charging_complete", start, start + _late(case) if certain else _gone(plug_in), certain)


def _gone(plug_in: PlugIn) -> float:
    return plug_in.plugged.end + 2 * 3600


def _codes(case: Case) -> Iterator[Expected]:
    for span in case.day.codes:
        for kind, at in (("trouble_code_opened", span.start), ("trouble_code_closed", span.end)):
            told = next((h for h in case.heard if h.at >= at and TROUBLE_CODES in h.report.told), None)
            certain = told is not None and case.is_live(span.start, told.at)
            latest = told.at + _late(case) if told and certain else NEVER
            yield Expected(kind, at, latest, certain)


def _left_open(case: Case) -> Iterator[Expected]:
    """A window that stays down for more than ten minutes while the car is parked, of a car that says so. It may look
    like that where nobody hears in time that it was closed, or that the car only stood at a light."""
    for opening in (o for o in case.day.openings if case.profile.offline or _seems_to_stand(case, o.span)):
        yield Expected("left_open", opening.span.start + OPEN_FOR, NEVER, certain=False)
    for opening in (o for o in case.day.openings if o.path == WINDOW and o.value == 30):
        at = opening.span.start
        if any(WINDOW in h.report.told for h in case.heard_between(at, opening.span.end - OPEN_FOR)):
            stands = case.profile.motion != "positions"  # one that says neither may stand or not
            certain = stands and case.is_live(at - 60, at + OPEN_FOR + SOON)
            latest = at + OPEN_FOR + _late(case) if certain else opening.span.end + 2 * 3600
            yield Expected("left_open", at + OPEN_FOR - case.profile.interval - 30, latest, certain)


def _seems_to_stand(case: Case, span: Span) -> bool:
    """Whether no report shows for long enough that the car moves, though it does: it crawls from light to light."""
    moving = [(h.at, h.arrived) for h in case.heard_between(*span) if abs(h.speed) > MOVES]
    edges = [(span.start, span.start), *moving, (span.end, span.end)]
    return bool(moving) and any(b[1] - a[0] > OPEN_FOR - 60 for a, b in pairwise(edges))


def _off(case: Case) -> Iterator[Expected]:
    """Never, unless one hears that the car drives before one hears that it was switched on."""
    for drive in case.day.drives:
        if not case.is_live(drive.start - 30, drive.end):
            yield from (Expected("moving_while_off", drive.start, NEVER, certain=False) for _ in range(4))


def _silence(case: Case) -> Iterator[Expected]:
    """Each time that nothing came for hours."""
    arrivals, hold = sorted({h.arrived for h in case.heard}), SILENT_AFTER / 1000
    for a, b in pairwise([*arrivals, SETTLED]):
        if b - a >= hold - 10:
            yield Expected("silent", a + hold - 10, a + hold + SOON, certain=b - a > hold + SOON)


def _fence(case: Case, id: str, centre: Place) -> Iterator[Expected]:
    """Each time that the car comes in or goes out, as far as its fixes show it."""
    fixes = [h for h in case.heard if case.shows_place(h)]
    zones = [(h, _zone(distance(centre, h.place))) for h in fixes]
    clear, edges = [(h, inside) for h, inside in zones if inside is not None], [h.at for h, z in zones if z is None]
    sure = len(clear) > 1 and clear[0][1] == clear[1][1] and clear[1][0].at - clear[0][0].at < TOGETHER
    known = case.profile.clock != "behind" and sure and case.is_live(clear[0][0].at, clear[1][0].at)
    if clear and clear[0][1]:
        placed = fixes[:6][-1].arrived  # a few show no constant offset
        halves = case.profile.receiver in ("split", "null_island")  # that lie too far apart to be a fix
        yield Expected("geofence_entered", 0.0, NEVER if halves else placed + SOON, certain=False, rule=id)
    for n in range(1, len(clear)):
        (before, was), (after, inside) = clear[n - 1], clear[n]
        if was != inside:
            latest = _settled(case, clear[n:])
            stays = latest is not None and case.is_live(before.at, latest + SOON)
            end = latest + _late(case) if latest is not None and stays and known else NEVER
            yield Expected(_kind(inside), before.at, end, certain=end < NEVER, rule=id)
            known = stays
        elif bisect_left(edges, after.at) > bisect_left(edges, before.at):
            yield from _along_the_edge(before.at, after.arrived + _late(case), id)
    if zones and zones[0][1] is None:
        yield from _along_the_edge(0.0, clear[0][0].arrived + _late(case) if clear else NEVER, id)
    if zones and zones[-1][1] is None:
        yield from _along_the_edge(zones[-1][0].at, NEVER, id)


def _kind(inside: bool) -> str:
    return "geofence_entered" if inside else "geofence_left"


def _settled(case: Case, following: list[tuple[Heard, bool]]) -> float | None:
    """When the car has been on one side for long enough to be believed there; a car that stands is at a second fix."""
    (after, inside), slack = following[0], case.unseen + 2 * case.every
    for n, (h, zone) in enumerate(following):
        if zone != inside:
            return None
        if n >= (6 if case.profile.receiver == "split" else 3) and h.at >= after.at + slack:
            return h.at
    return None


def _along_the_edge(start: float, end: float, id: str) -> Iterator[Expected]:
    """Where fixes may say either."""
    for kind in ("geofence_entered", "geofence_left"):
        yield Expected(kind, start, end, certain=False, rule=id)


def _zone(metres: float) -> bool | None:
    """Whether the car is inside; None where a fix may say either."""
    return True if metres < FENCE - WAVERS else False if metres > FENCE + MARGIN + WAVERS else None
