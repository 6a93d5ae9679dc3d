"""The templates, as far as they can be checked without Azure; the compiler itself runs in the workflow."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from shared.domain.inbox import Outcome as Delivered
from shared.domain.vehicle import Outcome as TakenIn
from tests.bicep.agreement import GOLDEN, ROOT, scaling_agrees, settings_agree, topology_agrees
from tests.bicep.faults import FAULTS, OF_TYPES, Fault
from tests.bicep.rights import rights_agree
from tests.bicep.rules import LOCAL_AUTH, RULES, at, sources_are_clean
from tests.bicep.stamps import Stamp, dev, stamps
from tests.bicep.syntax import Refused, Wrong, parse, unused
from tests.bicep.types import Types

INFRA = ROOT / "infra"
TYPES = ROOT.parent / "shared" / "data" / "bicep-types.json"
FILES = sorted([*INFRA.rglob("*.bicep"), *INFRA.rglob("*.bicepparam")])


@cache
def types() -> Types | None:
    return Types(TYPES) if TYPES.exists() else None


def findings(infra: Path) -> Iterator[str]:
    """Everything that is wrong with the templates in a folder."""
    try:
        for path in sorted(infra.rglob("*.bicep")):
            parse(path)
            yield from unused(path)
        found = stamps(infra)
    except (Wrong, Refused, OSError, json.JSONDecodeError) as error:
        yield f"{type(error).__name__}: {error}"
        return
    for stamp in found:
        yield from (f"{stamp.name}: {rule.__name__}: {finding}" for rule in RULES for finding in rule(stamp))
        if known := types():
            yield from (f"{stamp.name}: {finding}" for r in stamp.resources for finding in known.findings(r))
    yield from sources_are_clean(infra)
    yield from topology_agrees(infra, found[-1])
    yield from settings_agree(found)
    yield from rights_agree(infra, found)
    yield from scaling_agrees(found)


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
def test_every_file_is_bicep(path: Path) -> None:
    parse(path)


def test_the_templates_hold_against_the_code_the_rules_and_the_types_of_azure() -> None:
    assert list(findings(INFRA)) == []


def test_every_file_is_part_of_a_stamp() -> None:
    used = {r.file for s in stamps(INFRA) for r in s.resources} | {"stamp.bicep"}
    assert used == {p.name for p in INFRA.rglob("*.bicep")}


def test_local_authentication_is_off_wherever_a_resource_knows_it() -> None:
    known = types()
    if known is None:
        pytest.skip("the types of ARM are not beside the project (../shared/data/bicep-types.json)")
    switches = re.compile(r"(?i)^(disable(local|key|devicesas|modulesas)\w*|allowSharedKeyAccess|isLocalUserEnabled)$")
    for resource in (r for s in stamps(INFRA) for r in s.resources):
        there = {name for name in known.properties(resource) if switches.match(name)}
        assert there <= {path.rpartition(".")[2] for path in LOCAL_AUTH.get(resource.type, {})}, resource.type


# ---- parameters


def lines_of(name: str) -> int:
    text = (INFRA / "params" / f"{name}.bicepparam").read_text()
    return len([line for line in text.splitlines() if line.strip()])


def test_a_dev_stamp_takes_less_than_ten_lines_and_a_second_brand_one_file() -> None:
    assert lines_of("aurora.dev.weu") < 10
    assert (INFRA / "params" / "aurora.dev.weu.bicepparam").read_text() in (ROOT / "README.md").read_text()
    assert lines_of("borealis.prod.sec") < 15
    text = "".join(p.read_text() for p in INFRA.rglob("*.bicep"))
    assert not re.search(r"(?i)aurora|borealis|westeurope|swedencentral", text)


def test_files_of_parameters_are_named_by_what_they_say() -> None:
    for path in (INFRA / "params").iterdir():
        said = dict(re.findall(r"^param (\w+) = '(\w+)'", path.read_text(), re.MULTILINE))
        assert path.name == f"{said['brand']}.{said['environmentName']}.{said['regionCode']}.bicepparam"


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"vehicles": 1_000_001}, "add a stamp"),
        ({"vehicles": 1_000_000, "messagesPerDay": 400, "serverless": False}, "add a stamp"),
        ({"vehicles": 0}, "minValue"),
        ({"peakFactor": 0}, "minValue"),
        ({"environmentName": "production"}, "allowed"),
        ({"brand": "aurora-borealis"}, "maxLength"),
        ({"brand": "Aurora"}, "small letters"),
        ({"vehicles": 300_000}, "set serverless to false"),
        ({"extraRegions": ["northeurope"]}, "set serverless to false"),
    ],
)
def test_what_a_stamp_cannot_be_is_refused_with_advice(given: dict[str, Any], why: str) -> None:
    with pytest.raises(Refused, match=why):
        dev(INFRA, **given)


# ---- queries of alerts and the workbook


def queries(stamp: Stamp) -> dict[str, str]:
    """By name: what the alerts and the workbook ask."""
    found = {r.body["name"]: at(r, "criteria")["allOf"][0] for r in stamp.of("Microsoft.Insights/scheduledQueryRules")}
    (workbook,) = stamp.of("Microsoft.Insights/workbooks")
    items = json.loads(at(workbook, "serializedData"))["items"]
    asked = {item["name"]: item["content"]["query"] for item in items if item["type"] == 3}
    return {name: rule["query"] for name, rule in found.items()} | asked


def test_every_query_is_kusto_and_gives_the_column_that_its_alert_looks_at() -> None:
    stamp = dev(INFRA)
    asked = [{"name": name, "query": query} for name, query in queries(stamp).items()]
    ran = ["node", "tests/bicep/kql.mjs"]
    done = subprocess.run(ran, cwd=ROOT, input=json.dumps(asked).encode(), capture_output=True, check=True, timeout=60)
    said = json.loads(done.stdout)
    assert [line for line in said if isinstance(line, str)] == []
    columns = {one["name"]: one["columns"] for one in said}
    for rule in stamp.of("Microsoft.Insights/scheduledQueryRules"):
        assert at(rule, "criteria")["allOf"][0]["metricMeasureColumn"] in columns[rule.body["name"]]


def test_the_workbook_tells_of_fleet_ingest_decisions_notifications_and_cost() -> None:
    (workbook,) = dev(INFRA).of("Microsoft.Insights/workbooks")
    items = json.loads(at(workbook, "serializedData"))["items"]
    heads = [item["content"]["json"].splitlines()[0] for item in items if item["type"] == 1]
    assert heads == ["## Fleet", "## Ingest", "## Decisions", "## Notifications", "## Cost"]
    looked_at = {id for item in items for id in item["content"].get("resourceIds", [])}
    assert looked_at <= {r.id for r in dev(INFRA).resources}
    assert len(looked_at) == 3


def test_queries_ask_for_what_the_code_measures() -> None:
    code = (ROOT / "shared" / "metering.py").read_text()
    measured = set(re.findall(r'create_\w+\("([\w.]+)"', code))
    attributes = set(re.findall(r'"(\w+)":', code))
    text = "\n".join(queries(dev(INFRA)).values())
    assert set(re.findall(r"Name == '([\w.]+)'", text)) == measured
    assert set(re.findall(r"Properties\.(\w+)", text)) == attributes
    outcomes = {o.value for o in (*TakenIn, *Delivered)}
    assert set(re.findall(r"'(\w+)'", " ".join(re.findall(r"[Oo]utcome\)? (?:==|in) (.+)", text)))) <= outcomes
    routes = {f"/{b['route']}" for bindings, _ in GOLDEN.values() for b in bindings if "route" in b}
    assert set(re.findall(r"Url has '([^']+)'", text)) <= routes


def test_an_alert_is_there_for_each_thing_that_somebody_has_to_look_at() -> None:
    stamp = dev(INFRA, alertMail="operators@example.com")
    kinds = "Microsoft.Insights/scheduledQueryRules", "Microsoft.Insights/metricAlerts"
    names = {r.body["name"].removesuffix("-aurora-dev-weu") for kind in kinds for r in stamp.of(kind)}
    asked = {"ingest-lag", "parked", "failed-deliveries", "server-errors", "check-latency", "silence"}
    assert names == asked | {"cosmos-throttling", "dead-letters"}
    (people,) = stamp.of("Microsoft.Insights/actionGroups")
    told = [at(r, "actions") for kind in kinds for r in stamp.of(kind)]
    assert all(people.id in json.dumps(actions) for actions in told)
    documented = set(re.findall(r"^\| `([\w-]+)` \|", (ROOT / "docs" / "deploy.md").read_text(), re.MULTILINE))
    assert names <= documented


# ---- faults that are seeded, and have to be found


def seeded(infra: Path, fault: Fault) -> list[str]:
    name, right, wrong, _ = fault
    shutil.copytree(INFRA, infra)
    path = infra / name
    text = path.read_text()
    assert right in text, f"{right!r} is not in {name} any more"
    path.write_text(text.replace(right, wrong))
    return list(findings(infra))


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found(fault: str, tmp_path: Path) -> None:
    found = seeded(tmp_path / "infra", FAULTS[fault])
    assert any(FAULTS[fault][3] in finding for finding in found), found


@pytest.mark.parametrize("fault", OF_TYPES)
def test_a_fault_of_types_is_found(fault: str, tmp_path: Path) -> None:
    if types() is None:
        pytest.skip("the types of ARM are not beside the project (../shared/data/bicep-types.json)")
    found = seeded(tmp_path / "infra", OF_TYPES[fault])
    assert any(OF_TYPES[fault][3] in finding for finding in found), found


def test_rules_say_why() -> None:
    rules: list[Callable[..., object]] = [
        *RULES,
        sources_are_clean,
        topology_agrees,
        settings_agree,
        rights_agree,
        scaling_agrees,
    ]
    assert all(rule.__doc__ for rule in rules)
