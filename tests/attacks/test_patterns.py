"""No text of a caller makes a pattern go back and forth: attacks 1 and, on templates, what they may cost."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from functions import brands, openapi, states
from shared.adapters.languages import ROOM
from shared.adapters.templates import JinjaRenderer
from shared.domain.kinds import Channel
from shared.domain.wording import Context
from shared.errors import Code, Malformed
from tests.attacks import patterns
from tests.examples import VEHICLE
from tests.functions.conftest import ask
from tests.memory import MemoryWorld

ROOT = Path(__file__).parents[2]
DEADLINE = 300.0
"""Seconds for a few seconds' work: a pattern that goes back and forth would need years."""


def within_deadline(module: str, *arguments: str, deadline: float = DEADLINE) -> tuple[int, str]:
    """The exit code and the output of a module that is run by itself."""
    command = [sys.executable, "-m", module, *arguments]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=deadline, check=False)
    except subprocess.TimeoutExpired as error:
        output = error.stdout or b""
        return -1, output.decode() if isinstance(output, bytes) else output
    return done.returncode, done.stdout + done.stderr


def test_no_pattern_of_the_code_takes_long_over_any_text() -> None:
    code, output = within_deadline("tests.attacks.patterns")
    assert (code, output.splitlines()[-1]) == (0, "done"), output


def test_nothing_else_that_reads_callers_words_takes_long_over_any_text() -> None:
    code, output = within_deadline("tests.attacks.readers")
    assert (code, "done" in output) == (0, True), output


def test_a_pattern_that_goes_back_and_forth_is_found_out() -> None:
    code, _ = within_deadline("tests.attacks.patterns", r"(a+)+b", deadline=3)
    assert code != 0


def test_every_pattern_is_a_literal() -> None:
    made = [found.where for found in patterns.written() if found.pattern is None]
    assert made == [], "a pattern is made of something: of what a caller says?"


def test_every_pattern_that_is_in_use_is_found_in_the_source() -> None:
    known = {found.pattern for found in patterns.written()}
    ours = {f.pattern for f in patterns.compiled() if "TraceContext" not in f.where}
    assert ours <= known
    assert len(ours) >= 10
    served = {p for p in _named(json.loads(json.dumps(openapi.document())), "pattern") if isinstance(p, str)}
    assert served - {"^[!-~]+$"} <= known
    assert len(served) >= 10


def _named(found: Any, name: str) -> Iterator[Any]:
    if isinstance(found, dict):
        yield from (value for key, value in found.items() if key == name)
        yield from (inner for value in found.values() for inner in _named(value, name))
    elif isinstance(found, list):
        yield from (inner for value in found for inner in _named(value, name))


def test_pydantic_keeps_the_engine_that_never_goes_back() -> None:
    used = [path.name for path in patterns.sources() if "regex_engine" in path.read_text()]
    assert used == []


@pytest.mark.parametrize(
    "paths", ["*****Z", "*" * 30 + "Z", "*" * 256, "*".join("Vehicle.Sped"), ",".join(["*a*b*c*d*Z"] * 20)]
)
async def test_paths_of_many_stars_are_answered(world: MemoryWorld, paths: str) -> None:
    for handler, route in ((brands.read_signals, {}), (states.read_vehicle_state, {"vehicle_id": VEHICLE})):
        answer = await ask(handler, "ada", query={"paths": paths}, route=route)
        assert answer.status == 200


async def test_patterns_beyond_their_limits_are_refused(world: MemoryWorld) -> None:
    for paths in ("*a" * 17, ",".join(["a"] * 21), "a" * 257):
        answer = await ask(brands.read_signals, "ada", query={"paths": paths})
        assert (answer.status, answer.code) == (400, Code.INVALID_QUERY)


# ---- templates


@pytest.mark.parametrize(
    "source",
    [
        "{% for i in range(10**9) %}x{% endfor %}",
        "{{ 'a' * 10**9 }}",
        "{{ 9 ** 9 ** 9 }}",
        "{{ vehicle * 9999999 }}",
        "{{ vehicle ~ vehicle }}",
        "{{ vehicle.__class__ }}",
        "{{ vehicle|center(9999999) }}",
        "{% set a = 1 %}",
        "{{ " + "9" * 5_000 + " }}",
        "{{ 0x" + "f" * 5_000 + " }}",
        "{{ 1e999 }}",
        "{{ " + "(" * 2_000 + "vehicle" + ")" * 2_000 + " }}",
        "{{ vehicle" + "|upper" * 1_000 + " }}",
        "{{ " + "not " * 2_000 + "vehicle }}",
    ],
)
def test_a_template_can_neither_loop_nor_multiply_nor_reach_into_anything(source: str) -> None:
    with pytest.raises(Malformed) as refused:
        JinjaRenderer().check("silent", Channel.INBOX, {"title": source, "body": ""})
    assert refused.value.code is Code.INVALID_TEMPLATE


def test_what_a_template_shows_has_a_limit() -> None:
    renderer, template = JinjaRenderer(), {"title": "", "body": "{{ vehicle }}" * 700}
    renderer.check("silent", Channel.INBOX, template)
    for length in (ROOM // 700, ROOM // 700 + 1, 10 * ROOM):
        shown = renderer.render(template, Context("en", "UTC", {"vehicle": "x" * length}))
        assert len(shown["body"]) == min(700 * length, ROOM)
