"""docs/deploy.md says what the templates do."""

import re
import subprocess

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.bench.cost import DAYS, OURS, PRICES, dollars, request_units
from tests.bench.stamps import HOURS, INFRA, MORE_PRICES, costs, costs_table, fleet, sizes_table
from tests.bicep.agreement import ROOT
from tests.bicep.stamps import dev
from tests.bicep.syntax import Refused

PAGE = (ROOT / "docs" / "deploy.md").read_text()
MAIN = (INFRA / "main.bicep").read_text()


def up(number: int, by: int) -> int:
    return -(-number // by)


def as_the_page_says(vehicles: int, messages: int, factor: int) -> dict[str, object] | None:
    """The formulas of the page once more, for production; None where it says that a stamp is refused."""
    m = vehicles * messages
    p = up(m * factor, 86_400)
    if up(p * 3, 1_000) > 40:
        return None
    tiers = [("S1", 25, 400_000, 12, 200), ("S2", 250, 6_000_000, 120, 200), ("S3", 2500, 300_000_000, 6_000, 10)]
    hubs = []
    for name, price, quota, rate, most in tiers:
        capacity = max(up(m, quota), 1 if name == "S1" and p <= 100 else up(p, rate))
        if capacity <= most:
            hubs.append((price * capacity, name, capacity))
    _, name, capacity = min(hubs)
    partitions = 8 if p <= 2_000 else 16 if p <= 4_000 else 32
    hundreds = up(p, 100)
    return {
        "iotHub": {"name": name, "capacity": capacity},
        "throughputUnits": up(p * 3, 1_000),
        "partitions": {"telemetry": partitions, "lifecycle": partitions // 4},
        "requestUnits": {
            "vehicles": up(12 * p, 1_000) * 1_000,
            "history": max(up(3 * p, 1_000), up(m // 4_000, 1_000)) * 1_000 or 1_000,
            "others": up(3 * p, 1_000) * 1_000,
        },
        "instances": {"most": max(40, partitions * 5 // 4 + hundreds + 16), "http": max(2, up(hundreds, 4))},
    }


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 1_000_000), st.integers(1, 2_000), st.integers(1, 20))
def test_sizes_follow_from_the_fleet_as_the_page_says(vehicles: int, messages: int, factor: int) -> None:
    asked = {"vehicles": vehicles, "messagesPerDay": messages, "peakFactor": factor, "environmentName": "prod"}
    expected = as_the_page_says(vehicles, messages, factor)
    try:
        found = dev(INFRA, **asked).outputs["sizes"]
    except Refused as refused:
        assert "add a stamp" in str(refused)
        found = None
    assert found == expected


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 1_000_000), st.integers(1, 120), st.integers(1, 5))
def test_a_stamp_can_take_what_its_fleet_sends_in_the_busiest_second(vehicles: int, messages: int, factor: int) -> None:
    asked = {"vehicles": vehicles, "messagesPerDay": messages, "peakFactor": factor, "environmentName": "prod"}
    s = dev(INFRA, **asked).outputs["sizes"]
    peak = vehicles * messages * factor / 86_400
    of = {"S1": (400_000, 12), "S2": (6_000_000, 120), "S3": (300_000_000, 6_000)}[s["iotHub"]["name"]]
    assert vehicles * messages <= s["iotHub"]["capacity"] * of[0]
    assert peak <= max(s["iotHub"]["capacity"] * of[1], 100)
    assert peak * OURS.message_kb <= s["throughputUnits"] * 1_000
    assert peak <= s["throughputUnits"] * 1_000
    each = request_units(OURS) / DAYS / 60
    assert peak * each <= s["requestUnits"]["vehicles"] + s["requestUnits"]["history"]


def test_the_page_shows_what_fleets_come_to_and_cost() -> None:
    assert sizes_table() in PAGE
    assert costs_table() in PAGE


def test_the_page_says_what_ten_thousand_vehicles_add() -> None:
    each = {name: 10_000 * round(dollars(OURS)[name], 5) for name in dollars(OURS)}
    serverless = 10_000 * request_units(OURS) / 1e6 * MORE_PRICES["Cosmos DB serverless, million request units"]
    events = 10_000 * DAYS * 60 / 1e6 * PRICES["Event Hubs Standard, million events"]
    parts = [each["Cosmos DB throughput"], serverless, each["Cosmos DB storage"], each["Functions"]]
    said = PAGE.partition("In use adds")[2].partition("\n\n")[0]
    numbers = [float(number) for number in re.findall(r"\b\d+\.\d\d\b", said)]
    assert numbers == [round(n, 2) for n in (*parts, each["Service Bus"], each["Logs"], events)]


def test_the_page_says_what_is_paid_for_nothing_that_moves() -> None:
    said = PAGE.partition("Idle is: ")[2].partition("Further regions")[0]
    units, capacity, ready = PRICES["Event Hubs Standard, throughput unit and hour"], HOURS, 2 * HOURS * 3600
    expected = {
        "throughput units at": units * capacity,
        "Service Bus at": MORE_PRICES["Service Bus Standard, month"],
        "most at": PRICES["Cosmos DB autoscale, 100 RU/s and hour"] * capacity,
        "if serverless),": MORE_PRICES["Functions Flex Consumption, always ready, GB-second"] * ready,
        "alerts, and": MORE_PRICES["Private endpoint, hour"] * capacity,
    }
    for words, dollars_ in expected.items():
        assert re.search(rf"{re.escape(words)}\s+{dollars_:.2f}\b", said), words
    assert f"({MORE_PRICES['Service Bus Premium, messaging unit and hour'] * HOURS:.0f} if isolated)" in said


def test_more_vehicles_cost_more_and_each_of_them_less() -> None:
    found = [(number, costs(fleet(number))) for number in (1_000, 10_000, 100_000, 1_000_000)]
    assert [c.idle for _, c in found] == sorted(c.idle for _, c in found)
    assert all(c.in_use >= c.idle for _, c in found)
    each = [c.in_use / number for number, c in found]
    assert each == sorted(each, reverse=True)


def test_the_blocks_are_shell_and_name_what_there_is() -> None:
    blocks = re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 6
    for block in blocks:
        subprocess.run(["bash", "-n"], input=block.encode(), check=True)
    outputs = set(re.findall(r"^output (\w+) ", MAIN, re.MULTILINE))
    asked = set(re.findall(r"\$\(out (\w+)\)", PAGE))
    assert asked <= outputs
    numbers = set(re.findall(r"(?:SCOPE|ROLE)=([0-9a-f-]{36})", PAGE))
    assert numbers == set(re.findall(r'"id": "([0-9a-f-]{36})"', (INFRA / "entra.json").read_text()))
    for path in re.findall(
        r"(?:infra|scripts|docs|tests|\.github)/[\w./-]*\.(?:json|py|bicepparam|bicep|kql|yml|md)", PAGE
    ):
        assert (ROOT / path).exists(), path


def test_the_parameters_of_the_page_are_those_of_the_template() -> None:
    declared = set(re.findall(r"^param (\w+) ", MAIN, re.MULTILINE))
    (table,) = re.findall(r"^\| parameter \|.*?\n\n", PAGE, re.MULTILINE | re.DOTALL)
    named = {name for row in table.strip().splitlines()[2:] for name in re.findall(r"`(\w+)`", row.split("|")[1])}
    assert named <= declared
    needed = set(re.findall(r"^param (\w+) \w+$", MAIN, re.MULTILINE))
    assert needed == set(re.findall(r"`(\w+)`", PAGE.partition("Needed are ")[2].partition("; all others")[0]))
