"""`make cost`: what fleets come to in Azure: sizes as infra/main.bicep computes them, and dollars a month from list
prices. Nothing here is measured in Azure."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tests.bench.cost import DAYS, OURS, PRICES, dollars, request_units
from tests.bicep.stamps import Stamp, dev

INFRA = Path(__file__).parent.parent.parent / "infra"
HOURS = 730
FLEETS = (100, 10_000, 100_000, 1_000_000)

MORE_PRICES: Mapping[str, float] = {
    "IoT Hub S1, unit and month": 25.0,
    "IoT Hub S2, unit and month": 250.0,
    "IoT Hub S3, unit and month": 2500.0,
    "Service Bus Standard, month": 9.81,
    "Service Bus Premium, messaging unit and hour": 0.928,
    "Cosmos DB serverless, million request units": 0.25,
    "Functions Flex Consumption, always ready, GB-second": 0.000004,
    "Private endpoint, hour": 0.01,
    "Log alert every 5 minutes, month": 1.5,
    "Log alert every 15 minutes or more, month": 0.5,
    "Metric alert, month": 0.1,
}
"""List prices in dollars beside those of tests/bench/cost.py."""


class Costs(NamedTuple):
    """Dollars a month: without any vehicle that moves, and with all of them."""

    idle: float
    in_use: float


def costs(stamp: Stamp) -> Costs:
    """Of a stamp whose vehicles do as docs/cost.md assumes."""
    fixed = sum(_fixed(stamp.outputs["sizes"], _kinds(stamp)).values())
    vehicles = stamp.given["vehicles"]
    each = dollars(OURS)
    units = vehicles * request_units(OURS)
    least = _least(stamp)
    if not least:
        throughput = units / 1e6 * MORE_PRICES["Cosmos DB serverless, million request units"]
    else:
        mean = units / (DAYS * 86_400)
        throughput = max(least, mean * 1.2 / 100 * PRICES["Cosmos DB autoscale, 100 RU/s and hour"] * HOURS)
    events = vehicles * DAYS * 60 / 1e6 * PRICES["Event Hubs Standard, million events"]
    used = vehicles * (each["Cosmos DB storage"] + each["Functions"] + each["Service Bus"] + each["Logs"])
    return Costs(fixed + least, fixed + throughput + events + used)


def _kinds(stamp: Stamp) -> Mapping[str, int]:
    rules = [r.body["properties"]["evaluationFrequency"] for r in stamp.of("Microsoft.Insights/scheduledQueryRules")]
    return {
        "Private endpoint, hour": HOURS * len(stamp.of("Microsoft.Network/privateEndpoints")),
        "Log alert every 5 minutes, month": rules.count("PT5M"),
        "Log alert every 15 minutes or more, month": len(rules) - rules.count("PT5M"),
        "Metric alert, month": len(stamp.of("Microsoft.Insights/metricAlerts")),
        "Service Bus Standard, month": int(not stamp.given.get("isolated")),
        "Service Bus Premium, messaging unit and hour": HOURS * int(bool(stamp.given.get("isolated"))),
    }


def _fixed(sizes: Mapping[str, Any], kinds: Mapping[str, int]) -> Mapping[str, float]:
    """What is paid whether or not anybody drives."""
    hub, ready = sizes["iotHub"], sizes["instances"]["http"] + 1
    seconds = ready * 2 * HOURS * 3600
    return {name: number * MORE_PRICES[name] for name, number in kinds.items()} | {
        "IoT Hub": hub["capacity"] * MORE_PRICES[f"IoT Hub {hub['name']}, unit and month"],
        "Event Hubs": sizes["throughputUnits"] * HOURS * PRICES["Event Hubs Standard, throughput unit and hour"],
        "Functions": seconds * MORE_PRICES["Functions Flex Consumption, always ready, GB-second"],
    }


def _least(stamp: Stamp) -> float:
    """Autoscale is paid for a tenth of its most at least; serverless for nothing."""
    accounts = stamp.of("Microsoft.DocumentDB/databaseAccounts")
    if any(c["name"] == "EnableServerless" for c in accounts[0].body["properties"]["capabilities"]):
        return 0.0
    most: int = sum(stamp.outputs["sizes"]["requestUnits"].values())
    return most / 10 / 100 * PRICES["Cosmos DB autoscale, 100 RU/s and hour"] * HOURS


def fleet(vehicles: int) -> Stamp:
    """A stamp of so many: up to 1,000 as `dev`, more as `prod`."""
    return dev(INFRA, vehicles=vehicles, environmentName="dev" if vehicles <= 1_000 else "prod")


def sizes_table() -> str:
    head = "vehicles", "IoT Hub", "TU", "partitions", "RU/s: vehicles, history, others", "ready", "most"
    lines = [f"{head[0]:>9}  {head[1]:7}  {head[2]:>2}  {head[3]:>10}  {head[4]:>31}  {head[5]:>5}  {head[6]:>4}"]
    for number in FLEETS:
        s = fleet(number).outputs["sizes"]
        hub, parts = f"{s['iotHub']['name']} x {s['iotHub']['capacity']}", s["partitions"]
        units = ", ".join(f"{s['requestUnits'][name]:,}" for name in ("vehicles", "history", "others"))
        units = units if number > 1_000 else "serverless"
        split, some = f"{parts['telemetry']} + {parts['lifecycle']}", s["instances"]
        row = f"{number:>9,}  {hub:7}  {s['throughputUnits']:>2}  {split:>10}  {units:>31}"
        lines.append(f"{row}  {some['http']:>5}  {some['most']:>4}")
    return "\n".join(lines)


def costs_table() -> str:
    lines = [f"{'vehicles':>9}  {'idle':>7}  {'in use':>7}  {'each 10,000 vehicles':>20}"]
    for number in FLEETS:
        found = costs(fleet(number))
        lines.append(
            f"{number:>9,}  {found.idle:>7,.0f}  {found.in_use:>7,.0f}  {found.in_use / number * 10_000:>20,.0f}"
        )
    return "\n".join(lines)
