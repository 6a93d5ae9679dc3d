"""What is worth telling, as data: what a rule is, and which rules hold for a vehicle."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import ClassVar, NamedTuple

from shared.domain.kinds import CONDITION_KINDS, RULE, RULE_OVER
from shared.domain.location import Fix
from shared.domain.telemetry import Value

OWN_RULES, CORNERS = 50, 100
"""How many rules a vehicle may have, and a fence corners."""
type Facts = Mapping[str, Value]


class Episode(NamedTuple):
    """Since when the condition holds (epoch ms), and whether it has lasted long enough to count; and since when it does
    not hold any more, as long as that is not confirmed (-1 while it holds)."""

    since: int
    told: bool
    clears: int = -1


class View(NamedTuple):
    """What a vehicle is known to be after a sample: each signal's value, what the sample told anew, what its readings
    replaced, with their times (epoch ms), and the episodes that are open.

    `last_at` is when the newest sample before it was seen, `fix` the place that it shows, `last_fix` the one before it;
    `charged_from` the state of charge (%) at which the last charging began, `full_at` when charging last stopped at the
    limit before this sample, `moved_at` when the vehicle moved last."""

    values: Mapping[str, tuple[Value, int]]
    fresh: Mapping[str, Value]
    before: Mapping[str, tuple[Value, int]]
    held: Mapping[str, Episode]
    at: int
    last_at: int = -1
    fix: Fix | None = None
    last_fix: Fix | None = None
    charged_from: float | None = None
    full_at: int = -1
    moved_at: int = -1

    def value(self, path: str) -> Value | None:
        known = self.values.get(path)
        return known[0] if known else None

    def number(self, path: str) -> float | None:
        value = self.value(path)
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A condition on signals. An episode of it is told when it begins, when it ends, or both (`on`); one that has to
    last is told after `hold` milliseconds, one that has to be confirmed by a second reading or after `confirm`."""

    kind: ClassVar[str]
    by_time_alone: ClassVar[bool] = False
    """Whether no sample begins an episode."""

    id: str
    on: frozenset[str] = frozenset({"enter"})
    hold: int = 0
    confirm: int = 0
    enabled: bool = True
    own: bool = False
    """Whether it is a vehicle's, and not its brand's. Not stored: it follows from where it stands."""

    @property
    def paths(self) -> tuple[str, ...]:
        """The signals whose readings can begin or end an episode."""
        return ()

    @property
    def name(self) -> str:
        return self.id

    @property
    def tells(self) -> tuple[str, str]:
        """The kinds of the notifications of an episode that begins, and of one that is over. A vehicle's own rule never
        speaks for the brand."""
        return (RULE, RULE_OVER) if self.own else self.kinds

    @property
    def kinds(self) -> tuple[str, str]:
        """What a brand's raises."""
        return CONDITION_KINDS[self.kind]

    def facts(self, kind: str, found: Facts) -> Facts:
        """What is told of it: what was found, and of what has no kind of its own which rule it is."""
        if kind not in (RULE, RULE_OVER):
            return found
        return {**found, "rule": self.id, "name": self.name, "condition": self.kind, "own": self.own}

    def made(self, now: int, known: "Rule | None") -> "Rule":
        """As it is stored at `now` (epoch ms) in the place of one of the same id, if there is any."""
        return self

    @property
    def lasts(self) -> int:
        """Milliseconds after which time alone tells an episode."""
        return self.hold or self.confirm

    def held_since(self, view: View) -> int | None:
        """Since when (epoch ms) it had held already when the rule was made, if this is the first sample after that."""
        return None

    def active(self, view: View) -> Mapping[str, Facts] | None:
        """The subjects for which it holds ("" for the vehicle itself), with what to tell; None if the sample does not
        say."""
        return None


@dataclass(frozen=True)
class Book:
    """The rules that hold for one vehicle."""

    rules: tuple[Rule, ...] = ()
    by_path: Mapping[str, tuple[int, ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        found: dict[str, tuple[int, ...]] = {}
        for number, rule in enumerate(self.rules):
            for path in rule.paths:
                found[path] = (*found.get(path, ()), number)
        object.__setattr__(self, "by_path", found)

    @classmethod
    def of(cls, defaults: Iterable[Rule], own: Iterable[Rule] = ()) -> "Book":
        """A vehicle's own rule takes the place of the brand's of the same id, also to switch it off."""
        both = {rule.id: rule for rule in defaults} | {rule.id: replace(rule, own=True) for rule in own}
        return cls(tuple(rule for rule in both.values() if rule.enabled))

    def touched(self, fresh: Mapping[str, Value]) -> list[Rule]:
        """The rules that a sample with these readings may begin or end, in order."""
        numbers = {n for path in fresh if path in self.by_path for n in self.by_path[path]}
        return [self.rules[n] for n in sorted(numbers)]

    @cached_property
    def silences(self) -> tuple[Rule, ...]:
        return tuple(rule for rule in self.rules if rule.by_time_alone)

    @cached_property
    def by_id(self) -> Mapping[str, Rule]:
        return {rule.id: rule for rule in self.rules}


def with_rule(own: Iterable[Rule], rule: Rule) -> tuple[Rule, ...]:
    """The rules with this one put in, in the place of one of the same id."""
    kept = {r.id: r for r in own} | {rule.id: rule}
    return tuple(kept.values())
