"""docs/field-cases.md and tests/functions/field name the same reports and tests."""

import ast
import re

from tests.checks.test_project import ROOT

ROW = re.compile(
    r"^\| \[[^]]+\]\(https://github\.com/([\w.-]+/[\w.-]+)/(?:issues|pull)/(\d+)\) \|.*\| `(\w+)` \|$", re.M
)
SOURCE = re.compile(r"[\w.-]+/[\w.-]+#\d+")
FOLDER = ROOT / "tests" / "functions" / "field"


def cases() -> dict[str, ast.AsyncFunctionDef]:
    """Every test of the folder by its name."""
    trees = [ast.parse(path.read_text()) for path in sorted(FOLDER.glob("test_*.py"))]
    return {node.name: node for tree in trees for node in tree.body if isinstance(node, ast.AsyncFunctionDef)}


def sources(case: ast.AsyncFunctionDef) -> list[str]:
    """The reports that a test is about: named first in its docstring, or as the ids of its parameters."""
    said = SOURCE.match(ast.get_docstring(case) or "")
    if said:
        return [said[0]]
    constants = (node for decorator in case.decorator_list for node in ast.walk(decorator))
    texts = (node.value for node in constants if isinstance(node, ast.Constant) and isinstance(node.value, str))
    return [text for text in texts if SOURCE.fullmatch(text)]


def test_every_report_of_the_page_is_tried_and_every_test_has_its_row() -> None:
    rows = [(f"{repository}#{number}", name) for repository, number, name in ROW.findall(page())]
    assert sorted(rows) == sorted((source, name) for name, case in cases().items() for source in sources(case))
    assert all(sources(case) for case in cases().values())
    assert len({source for source, _ in rows}) >= 40


def test_every_case_is_held() -> None:
    marked = [
        name for name, case in cases().items() for d in case.decorator_list if "parametrize" not in ast.unparse(d)
    ]
    assert marked == [], "skipped, or expected to fail"


def page() -> str:
    return (ROOT / "docs" / "field-cases.md").read_text()
