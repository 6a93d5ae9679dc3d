"""How a car reports: drawn from a seed, and named, so that a failure says which."""

from dataclasses import asdict, dataclass, replace
from random import Random
from typing import Literal

Reporting = Literal["always", "on_change"]
Motion = Literal["speed", "moving", "positions"]
Odometer = Literal[
    "metres", "hectometres", "kilometres", "sparse", "none", "saturating", "wrapping", "resetting", "placeholders"
]
Receiver = Literal["good", "split", "freezing", "lagging", "null_island", "jumping"]
Charge = Literal["tenths", "whole", "dropouts"]
Clock = Literal["right", "behind", "ahead", "slow", "fast", "rollover", "none"]
Network = Literal[
    "steady", "duplicates", "losses", "restart", "silence", "offline_in_order", "offline_newest_first", "offline_mixed"
]
Rest = Literal["asleep", "events", "heartbeats"]

ODOMETERS: tuple[Odometer, ...] = (
    *("metres", "metres", "hectometres", "kilometres", "sparse", "none"),
    *("saturating", "wrapping", "resetting", "placeholders"),
)
RECEIVERS: tuple[Receiver, ...] = ("good", "good", "split", "freezing", "lagging", "null_island", "jumping")
CLOCKS: tuple[Clock, ...] = (*("right",) * 5, "behind", "ahead", "slow", "fast", "rollover", "none")
NETWORKS: tuple[Network, ...] = (
    *("steady", "steady", "duplicates", "losses", "restart", "silence"),
    *("offline_in_order", "offline_newest_first", "offline_mixed"),
)
ARRIVAL_TIMED: tuple[Clock, ...] = ("ahead", "rollover", "none")
"""Clocks in whose place the hub's is taken: what such a car buffers has no times."""
LONGEST_BATCH = 360
"""Seconds that one message covers at most: a trip is over once nothing was heard for seven minutes."""


@dataclass(frozen=True, slots=True)
class Profile:
    """`interval`: seconds between two reports of an awake car. `batch`: reports in one message. `rest`: a car sleeps as
    soon as it is parked, or reports what changes, or that every `beat` seconds too. `late_charging`: what it reports at
    a cable comes an hour late."""

    interval: int = 10
    batch: int = 1
    reporting: Reporting = "always"
    motion: Motion = "speed"
    odometer: Odometer = "metres"
    receiver: Receiver = "good"
    charge: Charge = "tenths"
    clock: Clock = "right"
    network: Network = "steady"
    rest: Rest = "events"
    beat: int = 600
    cable: bool = True
    late_charging: bool = False

    @property
    def name(self) -> str:
        """What differs from an orderly car."""
        usual = asdict(Profile())
        return ", ".join(f"{k}={v}" for k, v in asdict(self).items() if v != usual[k] and k != "beat") or "orderly"

    @property
    def arrival_timed(self) -> bool:
        return self.clock in ARRIVAL_TIMED

    @property
    def offline(self) -> bool:
        return self.network.startswith("offline")

    @property
    def percent_step(self) -> float:
        return 0.1 if self.charge == "tenths" else 1.0


def profile_of(seed: int) -> Profile:
    """The same seed always gives the same profile, and never one that no backend could make sense of."""
    random = Random(f"profile {seed}")
    drawn = Profile(
        interval=random.choice((1, 5, 10, 30, 60)),
        batch=random.choice((1, 6, 60)),
        reporting=random.choice(("always", "on_change")),
        motion=random.choice(("speed", "speed", "moving", "positions")),
        odometer=random.choice(ODOMETERS),
        receiver=random.choice(RECEIVERS),
        charge=random.choice(("tenths", "whole", "dropouts")),
        clock=random.choice(CLOCKS),
        network=random.choice(NETWORKS),
        rest=random.choice(("asleep", "events", "heartbeats")),
        beat=random.randint(300, 1800),
        cable=random.random() < 0.7,
        late_charging=random.random() < 0.1,
    )
    return possible(drawn)


def possible(p: Profile) -> Profile:
    """Without what goes beyond any reckoning: buffers without times, and losses of what is told only once."""
    longest = {"none": 0, "rollover": 10}.get(p.clock, LONGEST_BATCH)
    if p.interval * p.batch > longest:
        p = replace(p, batch=1)
    if p.arrival_timed and (p.offline or p.network in ("losses", "duplicates")):
        p = replace(p, network="steady")
    if p.arrival_timed and p.charge == "dropouts":
        p = replace(p, charge="whole")
    if p.network == "losses" and (p.interval * p.batch > 60 or p.reporting == "on_change"):
        p = replace(p, network="duplicates")
    if p.clock != "right" or p.network != "steady":
        p = replace(p, late_charging=False)
    return p
