"""Deleting what a vehicle's history keeps for longer than its owner wants."""

from dataclasses import replace

from shared.domain.clearing import Clearing
from shared.domain.history import days_between
from shared.domain.profile import Profile
from shared.ports import Histories
from shared.use_cases.amend import Change, Reach, amend


async def clear_history(profile: Profile, now: int, settles: int, reach: Reach, histories: Histories) -> None:
    """Do one step of each deletion that is due (epoch ms). A step is a hundred days; how far it is stands in the
    profile, and the timer comes for the next one. `settles`: milliseconds for which anything may be on its way.

    A step that is done twice, or elsewhere at once, deletes the same."""
    for clearing in profile.clearing:
        if clearing.not_before > now:
            continue
        start, end = clearing.next_step(now)
        for day in days_between(start, end) if start < end else ():
            await histories.forget(profile.vehicle_id, day, clearing.start, end)
        await _progress(profile.vehicle_id, clearing, clearing.after_step(now, settles), reach)


async def _progress(vehicle_id: str, before: Clearing, after: Clearing | None, reach: Reach) -> None:
    """Put one in the place of the other, unless somebody else has done so or wants another."""

    def decide(profile: Profile) -> Change:
        left = (after if clearing == before else clearing for clearing in profile.clearing)
        return Change(replace(profile, clearing=tuple(c for c in left if c is not None)))

    await amend(vehicle_id, decide, reach)
