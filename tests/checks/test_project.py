"""The project holds together: documents, limits and names that no type checker looks at."""

import json
import re
from pathlib import Path

import pytest

from shared.errors import Code
from shared.topology import topology

ROOT = Path(__file__).parent.parent.parent
SOURCES = [
    p for folder in ("functions", "shared", "local", "tests", "infra", "docs") for p in (ROOT / folder).rglob("*")
]
TEXTS = [p for p in SOURCES if p.suffix in {".py", ".md", ".json", ".toml"}] + [ROOT / "README.md", ROOT / "Makefile"]


def test_every_code_stands_in_the_documents_and_no_other() -> None:
    documented = set(re.findall(r"^\| `(\w+)`", (ROOT / "docs" / "errors.md").read_text(), re.MULTILINE))
    assert documented == {code.value for code in Code}


COMMANDS = {"__main__.py", "dead_letters.py", "demo.py", "journey.py", "parked.py", "town.py", "view.py"}
"""What is run on the local cloud, and is no part of it."""


def test_the_parts_of_the_local_cloud_have_few_enough_lines_to_be_read() -> None:
    parts = [p for p in (ROOT / "local").rglob("*.py") if p.parent.name != "local" or p.name not in COMMANDS]
    assert sum(len(p.read_text().splitlines()) for p in parts) <= 3_200


def test_everything_that_runs_has_a_pinned_version() -> None:
    for name in ("requirements.txt", "requirements-dev.txt"):
        for line in (ROOT / name).read_text().splitlines():
            assert not line or line.startswith(("#", "-r ")) or re.fullmatch(r"[\w\[\]-]+==[\w.]+", line), line


def test_every_query_of_the_adapters_is_justified_in_the_topology() -> None:
    text = "".join(p.read_text() for p in sorted((ROOT / "shared" / "adapters" / "cosmos").glob("*.py")))
    assert len(re.findall(r'"SELECT ', text)) == len(topology().queries)
    assert {q.container for q in topology().queries} <= {c.name for c in topology().cosmos.containers}
    assert all(q.why for q in topology().queries)


def test_the_functions_name_only_what_the_topology_has() -> None:
    golden = json.loads((ROOT / "tests" / "system" / "functions.golden.json").read_text())
    triggers = [bindings[0] for bindings, _ in golden.values()]
    assert {t["queueName"] for t in triggers if "queueName" in t} == {q.name for q in topology().queues}
    assert {t["eventHubName"] for t in triggers if "eventHubName" in t} == {h.name for h in topology().event_hubs}
    groups = {(h.name, g) for h in topology().event_hubs for g in h.consumer_groups}
    assert {(t["eventHubName"], t["consumerGroup"]) for t in triggers if "eventHubName" in t} <= groups


@pytest.mark.parametrize("path", TEXTS, ids=lambda p: str(p.relative_to(ROOT)))
def test_no_file_names_a_place_on_one_machine(path: Path) -> None:
    assert not re.search(r"(?<![\w.])/(?:work|home|root|Users)/\w", path.read_text())
