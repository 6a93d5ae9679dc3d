"""Nothing keeps, guesses at, names or frames an answer: attack 29."""

import pytest

from functions import console, fallback, http
from functions.http import ROUTES, SAFE, Route
from tests.functions.conftest import ask
from tests.functions.test_authorisation import asked, handler, populated
from tests.memory import MemoryWorld

KEPT = {
    "read_vehicle_state": "private, no-cache",
    "read_passport_status": "private, no-cache",
    "read_passport_keys": "public, max-age=3600",
}
"""Routes whose answers may be kept, and by whom: those with an ETag must be asked for anew, and keys are public."""


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
async def test_every_answer_of_every_route_says_so(monkeypatch: pytest.MonkeyPatch, route: Route) -> None:
    for caller in ("nobody", "operator", "primary", "stranger", "partner", "itself"):
        answer = await asked(populated(monkeypatch), route, caller, "own")
        expected = KEPT.get(route.name, "no-store") if answer.status in (200, 304) else "no-store"
        assert answer.headers["Cache-Control"] == expected, (caller, answer)
        assert {answer.headers[name] for name in SAFE if name != "Cache-Control"} == {*SAFE.values()} - {"no-store"}


async def test_an_answer_that_has_not_changed_says_so_too(world: MemoryWorld) -> None:
    by_name = {route.name: route for route in ROUTES}
    for name in ("read_vehicle_state", "read_passport_status"):
        answer = await ask(handler(by_name[name]), headers={"if-none-match": "*"}, vehicle_id="veh-0001")
        assert (answer.status, answer.headers["Cache-Control"]) == (304, "private, no-cache")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_so_do_errors_and_defects_and_what_is_not_served(
    world: MemoryWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(world.tokens, "verify", broken)
    answers = [await ask(handler(next(r for r in ROUTES if r.name == "read_me")))]
    answers += [await ask(fallback.no_such_route, path=path) for path in ("v1/nothing", "v1/me", "")]
    assert [answer.status for answer in answers] == [500, 404, 405, 404]
    for answer in answers:
        assert {name: answer.headers[name] for name in SAFE} == SAFE


async def test_the_console_is_asked_for_anew_and_its_files_are_kept(world: MemoryWorld) -> None:
    site = console.site()
    page, config = await ask(console.read_console, None), await ask(console.read_console_file, None, file="config.json")
    file = await ask(console.read_console_file, None, file=f"{site.digest}/app.js")
    none = await ask(console.read_console_file, None, file="nothing")
    kept = [answer.headers["Cache-Control"] for answer in (page, config, file, none)]
    assert kept == ["no-cache", "no-cache", console.FOR_EVER, "no-store"]
    for answer in (page, config, file, none):
        assert (answer.headers["X-Content-Type-Options"], answer.headers["Referrer-Policy"]) == (
            "nosniff",
            "no-referrer",
        )
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]


def test_every_handler_answers_through_the_same_door() -> None:
    """No function that is bound to HTTP goes without the headers: each is wrapped by `problems`."""
    import function_app

    bound = [f for f in function_app.app.get_functions() if f.is_http_function()]
    assert len(bound) >= len(ROUTES) + 3
    for function in bound:
        code = getattr(function.get_user_function(), "__code__", None)
        assert code is not None, function.get_function_name()
        assert code.co_filename == http.__file__, function.get_function_name()
