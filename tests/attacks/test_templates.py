"""A template that was published renders whatever the facts are, in bounded size; what fails anyway is told."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions import inbox, telling
from shared.adapters.languages import FILTERS, ROOM
from shared.adapters.templates import LINE, LONGEST, JinjaRenderer
from shared.codec.inbox import item_document
from shared.domain.kinds import KINDS, Channel
from shared.domain.wording import PARTS, Context, variables
from shared.errors import Malformed
from tests.examples import BRAND
from tests.functions.conftest import ask
from tests.functions.test_telling import deliver, fact, mailed, tell
from tests.laws.test_quiet_hours import PROVE
from tests.memory import MemoryWorld

RENDERER = JinjaRenderer()
ESCAPED = 5
"""Characters that one becomes in HTML, at most."""
LOCALES = [
    "en",
    "en-US",
    "en-GB",
    "de",
    "de-AT",
    "ar",
    "fa",
    "hi",
    "ja",
    "my",
    "th",
    "zh-Hant-TW",
    "ne",
    "sr-Latn",
    "zz",
]
ZONES = ["UTC", "Europe/Vienna", "Pacific/Kiritimati", "America/St_Johns", "No/Such", ""]

_HALVES = st.text(st.characters(codec=None), max_size=30)
_NUMBERS = st.one_of(
    st.booleans(),
    st.integers(),
    st.floats(),
    st.integers(min_value=0, max_value=6_000).map(lambda digits: 10**digits),
    st.integers(min_value=0, max_value=6_000).map(lambda digits: -(10**digits)),
    st.sampled_from([2**53, 1e308, 253_402_300_800_000, -62_135_596_800_001, 8.64e15]),
)
_TEXTS = st.one_of(
    _HALVES,
    st.sampled_from(
        ["x" * 100_000, "&" * 30_000, "{{ 7 * 7 }}", "\r\nBcc: a@b.example", "\x00\x1b[2J", "\ud800", "\u202e"]
    ),
)
HOSTILE = st.recursive(st.one_of(st.none(), _NUMBERS, _TEXTS), lambda inner: st.lists(inner, max_size=5), max_leaves=8)


@st.composite
def sources(draw: st.DrawFn, known: list[str]) -> str:
    """A part as a brand may write it, a few pieces long and a few choices deep."""
    constants = st.sampled_from(["'a'", "1", "9007199254740992", "none", "true", "''"])
    value = st.one_of(st.sampled_from(known), constants)
    filters = st.lists(st.sampled_from(sorted(FILTERS)), max_size=3).map(lambda names: "".join(f"|{n}" for n in names))
    shown = st.builds(lambda name, how: f"{name}{how}", value, filters)
    compared = st.builds(lambda a, how, b: f"{a} {how} {b}", shown, st.sampled_from(["==", "!=", "and", "or"]), shown)
    said = st.one_of(st.text(max_size=20), st.just("<b>"), shown.map(lambda e: f"{{{{ {e} }}}}"))
    chosen = st.builds(
        lambda c, a, b: f"{{% if {c} %}}{a}{{% else %}}{b}{{% endif %}}", st.one_of(shown, compared), said, said
    )
    return "".join(draw(st.lists(st.one_of(said, chosen), min_size=1, max_size=6)))


@st.composite
def cases(draw: st.DrawFn) -> tuple[str, Channel, Mapping[str, str], Context]:
    kind, channel = draw(st.sampled_from(sorted(KINDS))), draw(st.sampled_from(sorted(PARTS)))
    known = sorted(variables(kind, channel))
    template = {part: draw(sources(known)) for part in PARTS[channel]}
    shows = {name: draw(HOSTILE) for name in known}
    return kind, channel, template, Context(draw(st.sampled_from(LOCALES)), draw(st.sampled_from(ZONES)), shows)


def holds(template: Mapping[str, str], context: Context) -> None:
    said = RENDERER.render(template, context)
    assert said.keys() == template.keys()
    for part, text in said.items():
        assert len(text) <= LONGEST + ROOM * (ESCAPED if part == "html" else 1)
        if part in ("title", "subject"):
            assert len(text) <= LINE
            assert len(text.splitlines()) <= 1
        assert not set(text.encode().decode()) & set(map(chr, (0, 8, 11, 27, 127)))


@settings(max_examples=20_000 if PROVE else 400)
@given(cases())
def test_what_is_accepted_renders_for_every_value_of_its_facts(case: Any) -> None:
    kind, channel, template, context = case
    try:
        RENDERER.check(kind, channel, template)
    except Malformed:
        return
    holds(template, context)


def test_what_is_drawn_is_mostly_accepted() -> None:
    """Or the law above would hold of nothing."""
    accepted = list[bool]()

    @settings(max_examples=200, database=None)
    @given(cases())
    def drawn(case: Any) -> None:
        try:
            RENDERER.check(*case[:3])
            accepted.append(True)
        except Malformed:
            accepted.append(False)

    drawn()
    assert sum(accepted) > len(accepted) / 2


EVERY: list[Any] = [
    None,
    True,
    10**5_000,
    float("nan"),
    float("inf"),
    1e300,
    -(2**63),
    "x" * 50_000,
    "\ud800",
    [None],
    [[1]] * 9,
    [],
]


@pytest.mark.parametrize("locale", ["en", "de"])
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_what_is_shipped_renders_for_every_value_of_its_facts(kind: str, locale: str) -> None:
    for channel in PARTS:
        template = RENDERER.shipped(kind, channel, locale)
        assert template
        for value in EVERY:
            holds(template, Context(locale, "Europe/Vienna", dict.fromkeys(variables(kind, channel), value)))


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("{{ charge }}", 10**5_000),
        ("{{ charge|number }}", 10**5_000),
        ("{{ charge|datetime }}", 1e300),
        ("{{ charge|time }}", float("nan")),
        ("{{ charge|percent }}", float("inf")),
        ("{{ charge|upper }}", "\ud800"),
        ("{{ charge|lines }}", [10**5_000, None, "x" * 100_000]),
        ("{{ charge }}" * 800, "<" * 1_000),
        ("{{ charge|lines }}" * 500, ["&" * 100] * 1_000),
        ("{% if charge == charge %}{{ charge }}{% endif %}", [[[[1]]]]),
    ],
    ids=range(10),
)
async def test_hostile_facts_neither_fail_nor_swell_what_is_stored_and_sent(
    world: MemoryWorld, source: str, value: Any
) -> None:
    mailed(world)
    for channel, parts in (
        ("inbox", {"title": "{{ charge }}", "body": source}),
        ("email", {"subject": "{{ charge }}", "text": source, "html": f"<p>{source}</p>"}),
    ):
        route = {"kind": "battery_low", "channel": channel, "locale": "en"}
        assert (await ask(telling.put_template, body={"parts": parts}, route=route)).status == 200
    path = "Vehicle.Powertrain.TractionBattery.StateOfCharge.Displayed"
    for template in (await world.wordings.all(BRAND)).values():
        holds(template, Context("en", "UTC", {"charge": value, "vehicle": value, "at": value}))
    if isinstance(value, str) and value.isprintable():
        await tell(replace(fact(), facts={path: value[:4_096]}))  # as long as a message takes it
        await deliver(world)
        assert world.parking.reasons == []
        (mail,) = world.mailer.sent
        assert len(mail.html) <= LONGEST + ESCAPED * ROOM
        (item,) = world.inbox.items
        doc = item_document(item)
        assert len(doc["title"]) <= LINE
        assert len(doc["body"]) <= LONGEST + ROOM


@pytest.mark.parametrize("source", ["{{ " + "9" * 5_000 + " }}", "{{ 1" + "_0" * 4_900 + " }}"])
async def test_a_number_that_cannot_be_read_is_refused_when_it_is_published(world: MemoryWorld, source: str) -> None:
    route = {"kind": "battery_low", "channel": "inbox", "locale": "en"}
    answer = await ask(telling.put_template, body={"parts": {"title": "x", "body": source}}, route=route)
    assert (answer.status, answer.code) == (400, "invalid_template")


# ---- what fails anyway


async def former(world: MemoryWorld, channel: Channel = Channel.INBOX) -> None:
    """Published when there was more to show."""
    parts = dict.fromkeys(PARTS[channel], "{{ range_left }}")
    await world.wordings.commit(BRAND, {("battery_low", channel, "en"): parts}, None)


@pytest.mark.parametrize("channel", [Channel.INBOX, Channel.EMAIL])
async def test_operators_are_told_once_a_day_of_a_template_that_made_way(world: MemoryWorld, channel: Channel) -> None:
    mailed(world)
    await former(world, channel)
    for number in range(3):
        await tell(fact(number))
        await deliver(world)
    assert (await ask(inbox.read_inbox, "ada")).body["items"][0]["title"] == "Battery low"
    (item,) = (await ask(inbox.read_inbox, "operator")).body["items"]
    assert item["kind"] == "template_failed"
    assert item["facts"] == {"template": "battery_low", "channel": channel.value, "language": "en"}
    assert "battery_low" in item["body"]
    world.clock.at += 86_400_000
    await tell(fact(4, at=world.clock.at))
    await deliver(world)
    assert len((await ask(inbox.read_inbox, "operator")).body["items"]) == 2


async def test_what_there_are_no_words_for_is_parked_and_told(
    world: MemoryWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    render = world.renderer.render

    def fails(template: Mapping[str, str], context: Context) -> Mapping[str, str]:
        if "charge" in context.values:
            raise Malformed("a defect of ours")
        return render(template, context)

    monkeypatch.setattr(world.renderer, "render", fails)
    await tell(fact())
    assert world.parking.reasons == ["store_refused"]
    assert [i["kind"] for i in (await ask(inbox.read_inbox, "operator")).body["items"]] == ["template_failed"]
    assert (await ask(inbox.read_inbox, "ada")).body["items"] == []


async def test_a_template_of_the_notice_itself_that_fails_ends_there(
    world: MemoryWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world.renderer, "render", _fails)
    await tell(fact())
    assert (world.parking.reasons, world.inbox.items) == (["store_refused"], [])


def _fails(*_: object) -> Mapping[str, str]:
    raise Malformed("a defect of ours")


@pytest.mark.parametrize("source", ["{{ none_such }}", "{{ x.y.z }}", "{{ x / 0 }}", "{{ x.append }}", "{{ [][0] }}"])
def test_any_error_of_a_renderer_is_one_that_is_handled(source: str) -> None:
    with pytest.raises(Malformed):
        RENDERER.render({"title": source}, Context("en", "UTC", {"x": 1}))
