"""docs/security.md names for each threat a test that there is."""

import ast
import re

import pytest

from tests.checks.test_project import ROOT

PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
BOUNDARIES = ("vehicle", "app", "partner", "operator", "pipeline", "neighbour brand")
STRIDE = {"spoofing", "tampering", "repudiation", "disclosure", "denial", "elevation"}
ROW = re.compile(r"^\| (\w+) \| (.+) \| (.+) \| (.+) \|$", re.MULTILINE)
NAMED = re.compile(r"`([\w/.]+\.py)::(test_\w+)`")
SUBJECTS = {"authorisation", "tokens", "patterns", "privacy", "erasure", "limits", "jobs", "webhooks", "templates"}


def section(name: str) -> str:
    return PAGE.partition(f"## {name.capitalize()}\n")[2].partition("\n## ")[0]


@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_each_boundary_has_every_kind_of_threat_with_its_control_and_a_test(boundary: str) -> None:
    rows = [row for row in ROW.findall(section(boundary)) if row[0] in STRIDE]
    assert {kind for kind, *_ in rows} == STRIDE
    assert all(NAMED.search(tests) for *_, tests in rows)


def test_every_test_that_the_page_names_is_there() -> None:
    assert len(NAMED.findall(PAGE)) >= 60
    for path, name in NAMED.findall(PAGE):
        tree = ast.parse((ROOT / "tests" / path).read_text(encoding="utf-8"))
        assert name in {
            node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        }, f"{path}::{name}"


def test_the_attacks_have_a_file_for_each_subject() -> None:
    there = {path.stem.removeprefix("test_") for path in (ROOT / "tests" / "attacks").glob("test_*.py")}
    assert there >= SUBJECTS
