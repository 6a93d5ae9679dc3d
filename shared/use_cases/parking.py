"""Looking at what was parked, and taking it in after all."""

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from shared.domain.audit import Access, Tally
from shared.domain.parked import Filter, Parked
from shared.domain.principal import Principal, require_operator
from shared.domain.telemetry import Position
from shared.domain.vehicle import Outcome
from shared.errors import NotFound
from shared.ports import Audit, Clock, Page, Parking, Profiles
from shared.use_cases.ingest import Arrival, Ingest
from shared.use_cases.trail import Trail

QUEUES = ("notifications", "deliveries")
"""Of ours, whose messages can be handed over again."""
REPLAYED_AT_ONCE = 500
"""Of a filter; the caller goes on while there is more."""


@dataclass(frozen=True, slots=True)
class Outside:
    """What replaying reaches; `resend` hands a message of one of our own queues over again."""

    parking: Parking
    profiles: Profiles
    trail: Trail
    ingest: Ingest
    resend: Callable[[str, bytes], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Replayed:
    """How many were taken in again and what became of them; `more` if there are others left to take in."""

    outcomes: Counter[str]
    more: bool


async def list_parked(
    caller: Principal, sought: Filter, limit: int, cursor: str | None, o: Outside
) -> Page[tuple[str, Parked]]:
    """What was parked of the operator's own vehicles and of devices that nobody registered, without bodies."""
    require_operator(caller)
    page = await o.parking.list(sought, limit, cursor)
    theirs = {device: await _is_theirs(caller, device, o) for device in {parked.device for _, parked in page.items}}
    return Page([(name, parked) for name, parked in page.items if theirs[parked.device]], page.cursor)


async def read_parked(caller: Principal, name: str, o: Outside) -> Parked:
    """One with its body. That it was seen is on record before it is shown."""
    parked = await _load(caller, name, o)
    await o.trail.record(caller, "read_parked", parked.device, name)
    return parked


async def replay(caller: Principal, name: str, clock: Clock, o: Outside) -> Outcome:
    """Take one in again as if it arrived when it first did: by today's signals, rules and privacy; or hand a message of
    our own queues over again.

    Raises Contradiction(not_replayable) for what comes again by itself. What can't be taken in stays parked."""
    return await _again(caller, name, await _load(caller, name, o), clock, o)


async def replay_all(caller: Principal, sought: Filter, clock: Clock, o: Outside) -> Replayed:
    """Take in everything that fits and was not taken in yet, up to a number at once."""
    require_operator(caller)
    outcomes, cursor = Counter[str](), None
    while True:
        page = await list_parked(caller, sought, 100, cursor, o)
        for name, parked in page.items:
            if parked.replayed_at is None and parked.source in (o.ingest.hub, *QUEUES):
                outcomes[(await _again(caller, name, await o.parking.read(name), clock, o)).value] += 1
                if outcomes.total() >= REPLAYED_AT_ONCE:
                    return Replayed(outcomes, more=True)
        cursor = page.cursor
        if cursor is None:
            return Replayed(outcomes, more=False)


async def _again(caller: Principal, name: str, parked: Parked, clock: Clock, o: Outside) -> Outcome:
    await o.trail.record(caller, "replay_parked", parked.device, name, each=True)
    if parked.source != o.ingest.hub:
        await o.resend(parked.source, parked.body)
        await o.parking.mark_replayed(name, clock())
        return Outcome.APPLIED
    outcome = await o.ingest.replay(
        Arrival(Position(-1, parked.at), parked.device, parked.body, parked.generation), clock
    )
    if outcome is not Outcome.PARKED:
        await o.parking.mark_replayed(name, clock())
    return outcome


async def _load(caller: Principal, name: str, o: Outside) -> Parked:
    require_operator(caller)
    parked = await o.parking.read(name)
    if not await _is_theirs(caller, parked.device, o):
        raise NotFound("nothing of that name is parked")
    return parked


async def _is_theirs(caller: Principal, device: str, o: Outside) -> bool:
    """What comes from another brand's vehicle is not shown; what comes from nobody's is any operator's to mend."""
    if device.startswith("@"):
        return device.startswith(f"@{caller.brand}/")
    try:
        return (await o.profiles.load(device)).value.brand == caller.brand
    except NotFound:
        return True


async def read_audit(
    caller: Principal, day: str, limit: int, cursor: str | None, audit: Audit
) -> tuple[Page[Access], Sequence[Tally]]:
    """What operators and partners of the own brand asked for on a UTC day, a page at a time; with the first page, what
    was only counted. Raises Forbidden, Malformed(invalid_cursor)."""
    require_operator(caller)
    counted = await audit.counted(caller.brand, day) if cursor is None else ()
    return await audit.list(caller.brand, day, limit, cursor), counted
