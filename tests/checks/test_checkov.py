"""A scanner that we did not write looks over the templates, and a schema over the workflow."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.bicep.agreement import ROOT

INFRA = ROOT / "infra"
OTHERS = ROOT / ".venv" / "checkov" / "bin"


def scanned(folder: Path, *more: str) -> dict[str, Any]:
    """checkov's report. It ends well with files that it could not read, so that its own count has to be looked at."""
    if not OTHERS.is_dir():
        pytest.skip("checkov has an environment of its own, which `make check` and `make test` make")
    # Its parser does not know fail(): to it, that is a function that gives a text.
    copy = shutil.copytree(INFRA, folder / "infra")
    main = copy / "main.bicep"
    main.write_text(re.sub(r"\bfail\(", "string(", main.read_text()))
    asked: list[str | Path] = [
        OTHERS / "checkov",
        "-d",
        copy,
        "--framework",
        "bicep",
        "--skip-download",
        "--quiet",
        "--output",
        "json",
        *more,
    ]
    env = {"PATH": os.environ["PATH"], "HOME": str(folder), "LOG_LEVEL": "ERROR"}
    done = subprocess.run(asked, capture_output=True, cwd=folder, env=env, timeout=240)
    report: dict[str, Any] = json.loads(done.stdout)
    return report


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return scanned(tmp_path_factory.mktemp("checkov"))


def test_checkov_reads_every_file(report: dict[str, Any]) -> None:
    assert report["summary"]["parsing_errors"] == 0
    declared = sum(len(re.findall(r"(?m)^ *(?:resource|module) ", p.read_text())) for p in INFRA.rglob("*.bicep"))
    assert report["summary"]["resource_count"] >= declared


def test_what_checkov_finds_is_what_is_justified(report: dict[str, Any]) -> None:
    lines = re.findall(r"^  - (\w+) # (.+)$", (INFRA / "checkov.yaml").read_text(), re.MULTILINE)
    justified = dict(lines)
    assert len(justified) == (INFRA / "checkov.yaml").read_text().count("- CKV_")
    found = {check["check_id"] for check in report["results"]["failed_checks"]}
    assert found | {"CKV_AZURE_189"} == justified.keys()  # the one that it fails to run counts as neither
    assert report["summary"]["passed"] > 25


def test_the_workflow_is_one_has_no_secret_and_does_what_the_makefile_does() -> None:
    path = ROOT / ".github" / "workflows" / "cloud.yml"
    if not OTHERS.is_dir():
        pytest.skip("check-jsonschema has an environment of its own, which `make check` and `make test` make")
    command: list[str | Path] = [OTHERS / "check-jsonschema", "--builtin-schema", "vendor.github-workflows", path]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout
    text = path.read_text()
    assert "secrets." not in text
    assert "pull_request_target" not in text
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert {t for line in re.findall(r"run: make ([a-z ]+)", text) for t in line.split()} <= targets
    used = set(
        re.findall(r"readEnvironmentVariable\('(\w+)'", "".join(p.read_text() for p in INFRA.rglob("*.bicepparam")))
    )
    assert used <= set(re.findall(r"^  (\w+): \$\{\{ vars", text, re.MULTILINE))
