"""A vehicle's state where its ownership changes, and as it is seen from a moment on."""

from dataclasses import replace

from shared.domain.clock_offset import ClockOffset
from shared.domain.folding import settled
from shared.domain.location import Location
from shared.domain.track import Track
from shared.domain.vehicle import Gaps, VehicleState


def handed_over(state: VehicleState, border: int) -> VehicleState:
    """As it goes to the next owner at a moment (epoch ms): nothing that the vehicle reported to the last one.

    What stays recognises the device and repeats of its messages (`window`, `position`, `generation`, `suspect`, the
    connection's order), or is still owed to the last owner (`outbox`, spans whose trips are to be derived)."""
    state = settled(state, border)
    track = Track(outdated=state.track.outdated)
    blank = replace(state, signals={}, newest=-1, episodes={}, track=track, gaps=Gaps())
    return replace(blank, seen_at=-1, location=Location(), clock=ClockOffset())


def seen_since(state: VehicleState, since: int) -> VehicleState:
    """As someone may see it whose access began at a moment (epoch ms): nothing that is older than that."""
    if since <= 0:
        return state
    fix, connection = state.location.fix, state.connection
    return replace(
        state,
        signals={path: reading for path, reading in state.signals.items() if reading.at >= since},
        episodes={key: episode for key, episode in state.episodes.items() if episode.since >= since},
        newest=state.newest if state.newest >= since else -1,
        seen_at=state.seen_at if state.seen_at >= since else -1,
        connection=connection if connection and connection.at >= since else None,
        location=state.location if fix and fix.at >= since else Location(),
    )
