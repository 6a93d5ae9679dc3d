"""What a pull request's branch may do in Azure, whatever it writes into the workflow."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from scripts.pipeline import DATA_PLANE, DEFINITIONS, condition, role
from tests.bicep.agreement import ROOT
from tests.bicep.rights import rights_granted
from tests.bicep.stamps import stamps

INFRA = ROOT / "infra"
PAGE = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8").partition("## From a workflow")[2]
WORKFLOW = (ROOT / ".github" / "workflows" / "cloud.yml").read_text(encoding="utf-8")
RECORDER = """#!/usr/bin/env python3
import json, os, sys
body = sys.stdin.read() if "-" in sys.argv else ""
with open(os.environ["CALLS"], "a") as calls:
    calls.write(json.dumps([*sys.argv, body]) + "\\n")
kind = sys.argv[1:4]
if kind == ["ad", "app", "create"]:
    print("id-of-" + sys.argv[sys.argv.index("--display-name") + 1].split()[-1])
if kind[:2] == ["account", "show"]:
    print("sub-1")
"""


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> list[list[str]]:
    """What the page's block has the two command lines do."""
    folder: Path = tmp_path_factory.mktemp("pipeline")
    for name in ("az", "gh"):
        (folder / name).write_text(RECORDER)
        (folder / name).chmod(0o755)
    block = re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)[0]
    given = {"<owner>/<repository>": "octo/cars", "<the number of a team>": "7"}
    for words, value in given.items():
        block = block.replace(words, value)
    env = os.environ | {"PATH": f"{folder}:{ROOT / '.venv/bin'}:{os.environ['PATH']}", "NAME": "aurora-dev-weu"}
    env["CALLS"] = str(folder / "calls")
    subprocess.run(["bash", "-eu"], input=block.encode(), env=env, cwd=ROOT, check=True, timeout=60)
    lines = (folder / "calls").read_text().splitlines()
    return [[Path(words[0]).name, *words[1:]] for words in map(json.loads, lines)]


def option(call: list[str], name: str) -> str:
    return call[call.index(name) + 1]


def assigned(calls: list[list[str]]) -> set[tuple[str, str, str]]:
    found = [call for call in calls if call[1:4] == ["role", "assignment", "create"]]
    return {(option(c, "--assignee"), option(c, "--role").rpartition(": ")[2], option(c, "--scope")) for c in found}


def test_a_pull_request_can_only_look_and_a_release_changes_one_group(calls: list[list[str]]) -> None:
    everything, group = "/subscriptions/sub-1", "/subscriptions/sub-1/resourceGroups/rg-aurora-dev-weu"
    assert assigned(calls) == {
        ("id-of-reader", "ask", everything),
        ("id-of-reader", "read", group),
        ("id-of-deployer", "deploy", everything),
        ("id-of-deployer", "Contributor", group),
        ("id-of-deployer", "lock", group),
        ("id-of-deployer", "Role Based Access Control Administrator", group),
    }
    (admin,) = [call for call in calls if "Role Based Access Control Administrator" in call]
    assert option(admin, "--condition") == condition()


def test_the_roles_that_anybody_has_in_the_subscription_change_nothing_but_deployments(calls: list[list[str]]) -> None:
    made = [json.loads(option(c, "--role-definition")) for c in calls if c[1:4] == ["role", "definition", "create"]]
    assert made == [role(name, "/subscriptions/sub-1") for name in DEFINITIONS]
    allowed = ("Microsoft.Resources/deployments/", "Microsoft.Resources/subscriptions/operationresults/read")
    assert all(a.startswith(allowed) for name in ("ask", "deploy") for a in DEFINITIONS[name][1])
    readers = [a for name in ("ask", "read") for a in DEFINITIONS[name][1]]
    assert all(a.endswith(("/read", "/whatIf/action", "/validate/action")) for a in readers)
    assert not any("delete" in a.lower() or a == "*" for _, actions, _ in DEFINITIONS.values() for a in actions)


def test_each_identity_takes_one_kind_of_token_and_a_release_waits_for_approval(calls: list[list[str]]) -> None:
    credentials = [c for c in calls if c[1:4] == ["ad", "app", "federated-credential"]]
    subjects = {option(c, "--id"): json.loads(option(c, "--parameters"))["subject"] for c in credentials}
    assert subjects == {
        "id-of-reader": "repo:octo/cars:pull_request",
        "id-of-deployer": "repo:octo/cars:environment:aurora.dev.weu",
    }
    environment = json.loads(next(c[-1] for c in calls if "repos/octo/cars/environments/aurora.dev.weu" in c))
    assert environment["reviewers"] == [{"type": "Team", "id": 7}]
    assert environment["prevent_self_review"] is True
    assert environment["deployment_branch_policy"]["custom_branch_policies"]
    (policy,) = [c for c in calls if c[-2].startswith("type=") or "type=tag" in c]
    assert "name=v*" in policy
    held = [c for c in calls if c[1:4] == ["variable", "set", "AZURE_CLIENT_ID"]]
    assert [option(c, "--env") for c in held] == ["aurora.dev.weu"]


def test_the_condition_lets_a_deployment_assign_what_the_templates_assign_and_nothing_else() -> None:
    roles = json.loads((INFRA / "roles.json").read_text())
    granted = {right[1] for stamp in stamps(INFRA) for right in rights_granted(INFRA, stamp)}
    for part in condition().split(" AND "):
        named = set(re.findall(r"[0-9a-f]{8}-[0-9a-f-]{27}", part))
        assert named == {roles[name] for name in granted - DATA_PLANE}
    assert condition().count("(") == condition().count(")")


def test_in_the_workflow_a_pull_request_signs_in_as_the_reader_and_a_release_in_its_environment() -> None:
    jobs = dict(re.findall(r"^  ([\w-]+):\n(.*?)(?=^  [\w-]+:\n|\Z)", WORKFLOW.partition("\njobs:\n")[2], re.M | re.S))
    signing = {name: job for name, job in jobs.items() if "id-token: write" in job or "azure/login" in job}
    assert signing.keys() == {"what-if", "deploy"}
    assert re.findall(r"client-id: (.+)", jobs["what-if"]) == ["${{ vars.AZURE_READER_ID }}"]
    assert "--validation-level ProviderNoRbac" in jobs["what-if"]
    assert "head.repo.full_name == github.repository" in jobs["what-if"]
    assert re.findall(r"client-id: (.+)", jobs["deploy"]) == ["${{ vars.AZURE_CLIENT_ID }}"]
    assert "environment: ${{ vars.STAMP }}" in jobs["deploy"]
    assert "if: github.event_name == 'release'" in jobs["deploy"]
    assert "AZURE_CLIENT_ID" not in "".join(job for name, job in jobs.items() if name != "deploy")
