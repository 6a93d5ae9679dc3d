"""The console's page and files: how they are cached, what the page may do, and that its words are all there."""

import gzip
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from functions import console
from local.cloud import ROOT
from shared.errors import NotFound
from tests.functions.conftest import Answer, ask
from tests.memory import MemoryWorld

FOLDER = ROOT / "console"
SCRIPTS = [p for p in FOLDER.rglob("*.js") if "vendor" not in p.parts]
LANGUAGES = {name: json.loads((FOLDER / "words" / f"{name}.json").read_text()) for name in ("en", "de")}


async def page(**headers: str) -> Answer:
    return await ask(console.read_console, None, headers=headers)


async def file(name: str, **headers: str) -> Answer:
    return await ask(console.read_console_file, None, headers=headers, file=name)


async def test_the_page_is_never_cached_and_names_files_that_always_are(world: MemoryWorld) -> None:
    answer = await page()
    assert (answer.status, answer.headers["Cache-Control"]) == (200, "no-cache")
    named = re.findall(r'(?:href|src)="/console/([^"]+)"|": "/console/([^"]+)"', answer.body)
    names = [one or other for one, other in named]
    assert len(names) >= 12
    for name in names:
        found = await file(name)
        assert (found.status, found.headers["Cache-Control"]) == (200, "public, max-age=31536000, immutable")
        assert found.headers["X-Content-Type-Options"] == "nosniff"
        again = await file(name, **{"if-none-match": found.headers["ETag"]})
        assert (again.status, again.body) == (304, None)
    assert (await page(**{"if-none-match": answer.headers["ETag"]})).status == 304


async def test_files_of_another_version_are_served_but_not_kept(world: MemoryWorld) -> None:
    found = await file("0123456789abcdef/app.js")
    assert (found.status, found.headers["Cache-Control"]) == (200, "no-cache")


async def test_files_are_packed_for_who_takes_them_so(world: MemoryWorld) -> None:
    name = f"{console.site().digest}/style.css"
    plain, packed = console.site().files["style.css"]
    assert gzip.decompress(packed) == plain
    assert len(packed) < len(plain) / 2
    answer = await file(name)
    assert "Content-Encoding" not in answer.headers
    import azure.functions as func

    headers = {"accept-encoding": "br, gzip"}
    request = func.HttpRequest("GET", "/", headers=headers, params={}, route_params={"file": name}, body=b"")
    found = await console.read_console_file(request)
    assert (found.get_body(), found.headers["Content-Encoding"]) == (packed, "gzip")
    assert found.headers["Vary"] == "Accept-Encoding"


@pytest.mark.parametrize("name", ["", "x", "{}", "{}/none.js", "{}/index.html", "{}/build.py", "{}/../host.json"])
async def test_nothing_else_is_served(world: MemoryWorld, name: str) -> None:
    answer = await file(name.replace("{}", console.site().digest))
    assert (answer.status, answer.code) == (404, "not_found")


async def test_the_page_runs_only_its_own_files_and_calls_only_the_issuer(world: MemoryWorld) -> None:
    answer = await page()
    policy = dict(part.split(" ", 1) for part in answer.headers["Content-Security-Policy"].split("; "))
    assert "unsafe" not in str(policy)
    assert re.fullmatch(r"'self' 'sha256-[\w+/]+='", policy.pop("script-src"))
    assert policy == {
        "default-src": "'none'",
        "style-src": "'self'",
        "img-src": "'self' data: blob:",
        "connect-src": "'self' https://issuer.example",
        "worker-src": "'self'",
        "manifest-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
        "require-trusted-types-for": "'script'",
    }
    assert not re.search(r"<script(?![^>]*(src=|importmap))|\son\w+=|style=", answer.body)


async def test_tiles_of_ones_own_may_be_fetched(world: MemoryWorld) -> None:
    assert world.console
    world.console = replace(world.console, tiles="https://tiles.example/{z}/{x}/{y}.png")
    policy = (await page()).headers["Content-Security-Policy"]
    assert policy.count("https://tiles.example;") == 2
    config = (await file("config.json")).body
    assert config["tiles"] == "https://tiles.example/{z}/{x}/{y}.png"


async def test_the_page_is_told_who_signs_people_in(world: MemoryWorld) -> None:
    answer = await file("config.json")
    assert answer.body == {"issuer": "https://issuer.example", "clientId": "console", "scope": "openid", "tiles": None}
    assert answer.headers["Cache-Control"] == "no-cache"


async def test_without_a_client_there_is_no_console(world: MemoryWorld) -> None:
    world.console = None
    for answer in (await page(), await file("config.json")):
        assert (answer.status, answer.code) == (404, "not_found")


def test_without_its_build_step_there_is_no_console(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="not built"):
        console.site(tmp_path)


def test_another_file_is_another_digest(tmp_path: Path) -> None:
    (tmp_path / "vendor").mkdir()
    (tmp_path / "a.js").write_text("1")
    first = console.site(tmp_path).digest
    (tmp_path / "a.js").write_text("2")
    console.site.cache_clear()
    assert console.site(tmp_path).digest != first
    console.site.cache_clear()


# ---- words


def test_both_languages_have_the_same_words_with_the_same_gaps() -> None:
    gaps = {
        name: {k: set(re.findall(r"{\w+}", text)) for k, text in words.items()} for name, words in LANGUAGES.items()
    }
    assert gaps["en"] == gaps["de"]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_every_word_that_is_asked_for_is_there(script: Path) -> None:
    text = script.read_text()
    asked = set(re.findall(r'\bt\("([\w.]+)"', text))
    asked |= {key for pair in re.findall(r'\bt\([^()"`]*\? "([\w.]+)" : "([\w.]+)"', text) for key in pair}
    assert asked <= LANGUAGES["en"].keys()


def test_every_reason_outcome_and_channel_has_words() -> None:
    from shared.domain.entitlement import Reason
    from shared.domain.inbox import Outcome
    from shared.domain.kinds import Channel
    from shared.domain.policy import Mode, Status
    from shared.domain.vehicle import Outcome as Counted

    groups = {"reason": Reason, "need": Reason, "outcome": [*Outcome, *Counted], "channel": Channel, "status": Status}
    groups["mode"] = Mode
    missing = [f"{group}.{name}" for group, names in groups.items() for name in names]  # type: ignore[attr-defined]
    assert [key for key in missing if key not in LANGUAGES["de"]] == []
