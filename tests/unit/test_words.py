"""Everything that the product raises has words in English and German that show its real facts."""

import re
from collections.abc import Iterable
from dataclasses import replace

import pytest

from shared.adapters.templates import JinjaRenderer
from shared.domain import folding, ownership
from shared.domain.allowance import A_MINUTE
from shared.domain.conditions import ChargingComplete, LeftOpen, MovingWhileOff, Silent, Threshold, TroubleCode
from shared.domain.folding import passed
from shared.domain.garage import Code, Member, Role, digest_of
from shared.domain.kinds import KINDS, OURS, RULE_KINDS, Channel, shown
from shared.domain.notification import Notification
from shared.domain.paths import CABLE, OPENINGS, STATE_OF_CHARGE, SYSTEM, TROUBLE_CODES
from shared.domain.period import DAY
from shared.domain.profile import Profile
from shared.domain.rules import Book, Rule
from shared.domain.sales import TOLD, bought, cancelled, elapsed, failed, paid
from shared.domain.telemetry import Value
from shared.domain.wording import MAIL, Context, values
from tests.examples import CATALOG, NOON, PROFILE, VEHICLE, owed
from tests.unit.test_rules import BOTH, HOME, HOUR, charge, drive, north, seen

RENDERER = JinjaRenderer()
OF_OPERATORS = {"webhook_disabled", "template_failed"}
OPTIONAL = {("trouble_code_opened", "text"), ("trouble_code_closed", "text"), ("rule_triggered", "code")}
"""What only an operator's words fill in, or rules of other conditions. Of sales, `days` stands only for what is
ahead."""


def by_rules() -> Iterable[Notification]:
    """A day in the life of a vehicle, as its rules tell of it."""
    low = Threshold(id="battery_low", signal=STATE_OF_CHARGE, below=10.0, clears=15.0, name="battery_low", on=BOTH)
    yield from owed(drive(low, *map(_charged, (5.0, 5.0, 50.0, 50.0))))
    own = replace(low, own=True, name="nearly empty")
    yield from owed(drive(own, *map(_charged, (5.0, 5.0, 50.0, 50.0))))
    code = TroubleCode(id="trouble_code", on=BOTH)
    yield from owed(drive(code, {TROUBLE_CODES: [f"P{number:04}" for number in range(A_MINUTE + 1)]}))
    yield from owed(drive(code, {TROUBLE_CODES: ["P0420"]}, {TROUBLE_CODES: []}))
    full = ChargingComplete(id="charging_complete", on=BOTH)
    yield from owed(drive(full, charge(79, True), charge(80, False), charge(80, False, **{CABLE: False})))
    towed = MovingWhileOff(id="moving_while_off", on=BOTH)
    yield from owed(drive(towed, {SYSTEM: "OFF"}, {"Vehicle.Speed": 12.0}, {SYSTEM: "ON"}))
    yield from owed(drive(HOME, north(0), north(5_000), every=600))
    yield from _by_time(LeftOpen(id="left_open", hold=600_000, on=BOTH), {OPENINGS[0]: True}, {OPENINGS[0]: False})
    yield from _by_time(Silent(id="silent", hold=2 * HOUR, on=BOTH), {"Vehicle.Speed": 0.0}, {"Vehicle.Speed": 0.0})


def _charged(soc: float) -> dict[str, Value]:
    return {STATE_OF_CHARGE: soc}


def _by_time(rule: Rule, begins: dict[str, Value], ends: dict[str, Value]) -> Iterable[Notification]:
    book = Book((rule,))
    lasting = passed(drive(rule, {"Vehicle.Speed": 0.0, **begins}), book, NOON + 3 * HOUR)
    over, _ = folding.fold(lasting, [seen(12_000, ends)], book)
    yield from owed(over)


def by_people() -> Iterable[Notification]:
    """A vehicle that is claimed, shared and handed on."""
    nobodys = replace(PROFILE, members={}, code=Code(digest_of(VEHICLE, "GOOD"), NOON + DAY, transfers=False))
    mine, _ = ownership.claimed(nobodys, "user-ada", digest_of(VEHICLE, "GOOD"), NOON)
    shared = ownership.invited(mine, "inv-1", Member(Role.GUEST, 0, 0, NOON + DAY), "digest", NOON)
    accepted = ownership.accepted(shared, "user-ben", "digest", NOON)
    assert accepted
    removed = ownership.removed(accepted, "user-ben", NOON)
    yield from _told(ownership.handed_over(removed, "user-cleo", NOON))


def by_sales() -> Iterable[Notification]:
    """A plan that ends, one that nobody pays for, one that is cancelled, and a payment that fails."""
    plan = replace(CATALOG.sold(CATALOG.plans["comfort"]), period="P1M")
    sold = bought(PROFILE, plan, "sub-1", NOON, NOON, "operator")
    ending = cancelled(paid(sold, "sub-1", 1, NOON, "operator"), "sub-1", False, NOON, "operator")
    yield from _told(elapsed(ending, NOON + 40 * DAY))
    unpaid = elapsed(paid(sold, "sub-1", 1, NOON, "operator"), NOON + 33 * DAY)
    yield from _told(failed(unpaid, "sub-1", 2, NOON + 33 * DAY, "operator"))
    yield from _told(elapsed(unpaid, NOON + 60 * DAY))


def _told(profile: Profile) -> list[Notification]:
    return [entry for entry in profile.outbox if isinstance(entry, Notification)]


def raised() -> dict[str, Notification]:
    return {told.kind: told for source in (by_rules(), by_people(), by_sales()) for told in source}


def test_every_kind_that_the_product_raises_is_raised_here() -> None:
    assert RULE_KINDS | set(TOLD.values()) <= raised().keys()
    assert raised().keys() == KINDS.keys() - OURS - OF_OPERATORS


@pytest.mark.parametrize("kind", sorted(KINDS.keys() - OURS - OF_OPERATORS))
def test_what_templates_show_is_what_the_facts_say(kind: str) -> None:
    unknown = {(kind, name) for name, value in shown(kind, raised()[kind].facts).items() if value is None}
    assert unknown <= OPTIONAL | {(kind, "days")}


@pytest.mark.parametrize("locale", ["en", "de", "de-AT", "en-US"])
@pytest.mark.parametrize("channel", [Channel.INBOX, Channel.EMAIL])
def test_real_facts_are_told_whole_in_every_language(locale: str, channel: Channel) -> None:
    for kind, told in raised().items():
        said = RENDERER.shipped(kind, channel, locale.partition("-")[0])
        assert said
        shows = {**values(told, "Polar"), **MAIL}
        parts = RENDERER.render(said, Context(locale, "Europe/Vienna", shows))
        for text in (parts.get("title") or parts["subject"], parts.get("body") or parts["text"]):
            assert text.strip()
            assert not re.search(r"  | \.|None|\{\{|Vehicle\.|: *$|\(\)", text), (kind, text)
