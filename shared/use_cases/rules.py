"""What is worth telling: the brand's rules, and a vehicle's own."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from shared.domain.catalog import Data
from shared.domain.principal import Principal, require_access, require_changes, require_operator
from shared.domain.profile import Profile
from shared.domain.rules import OWN_RULES, Rule, with_rule
from shared.errors import Code, Conflict, Contradiction, NotFound, Unavailable
from shared.ports import Catalogs, Rules
from shared.use_cases.amend import Change, Reach, amend
from shared.use_cases.books import ATTEMPTS
from shared.use_cases.limited import require_shown


@dataclass(frozen=True, slots=True)
class Outside:
    """What changing a vehicle's rules reaches."""

    reach: Reach
    rules: Rules
    catalogs: Catalogs


async def read_defaults(caller: Principal, rules: Rules) -> Sequence[Rule]:
    """What the caller's brand tells, for an operator."""
    require_operator(caller)
    return await rules.defaults(caller.brand)


async def publish_defaults(caller: Principal, wanted: Sequence[Rule], now: int, rules: Rules) -> Sequence[Rule]:
    """Replace what the operator's brand tells (`now` in epoch ms); every instance goes by it within a minute."""
    require_operator(caller)
    for _ in range(ATTEMPTS):
        found = await rules.read_defaults(caller.brand)
        known = {rule.id: rule for rule in found.value}
        made = [rule.made(now, known.get(rule.id)) for rule in wanted]
        try:
            await rules.put_defaults(caller.brand, made, found.version)
        except Conflict:
            continue
        return made
    raise Unavailable("the brand's rules are being written by others")


async def read_own(caller: Principal, vehicle_id: str, o: Outside) -> Sequence[Rule]:
    """The vehicle's own rules, for whoever has access."""
    for _ in range(ATTEMPTS):
        profile = (await o.reach.profiles.load(vehicle_id)).value
        require_access(caller, profile)
        await require_shown(caller, profile, frozenset({Data.RULES}), o.catalogs)
        try:
            return await o.rules.own(vehicle_id, profile.rules)
        except Conflict:
            continue
    raise Unavailable(f"the rules of {vehicle_id} are being written by others")


async def put_own(caller: Principal, vehicle_id: str, rule: Rule, now: int, o: Outside) -> None:
    """Put a rule in the place of the one of its id, as of `now` (epoch ms); the very next event is held against it.

    Raises Forbidden, NotFound, Contradiction(too_many_rules)."""

    def put(own: Sequence[Rule]) -> Sequence[Rule]:
        after = with_rule(own, rule.made(now, next((known for known in own if known.id == rule.id), None)))
        if len(after) > OWN_RULES:
            raise Contradiction(f"a vehicle has {OWN_RULES} rules of its own", Code.TOO_MANY_RULES)
        return after

    await _rewrite(caller, vehicle_id, put, o)


async def drop_own(caller: Principal, vehicle_id: str, id: str, o: Outside) -> None:
    """Take a rule away; NotFound if there is none of that id."""

    def drop(own: Sequence[Rule]) -> Sequence[Rule]:
        left = tuple(rule for rule in own if rule.id != id)
        if len(left) == len(own):
            raise NotFound("no such rule")
        return left

    await _rewrite(caller, vehicle_id, drop, o)


async def _rewrite(
    caller: Principal, vehicle_id: str, edit: Callable[[Sequence[Rule]], Sequence[Rule]], o: Outside
) -> None:
    """Write the next version over the one that was read, in one write with the number that ingest goes by."""

    async def decide(found: Profile) -> Change:
        require_changes(caller, found)
        after = edit(await o.rules.own(vehicle_id, found.rules))
        return Change(replace(found, rules=found.rules + 1), also=after)

    await amend(vehicle_id, decide, o.reach)
