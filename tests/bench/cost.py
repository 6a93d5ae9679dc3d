"""`make cost`: request units and dollars for a vehicle and month, modelled from counts that `make bench` prints and
from published list prices, beside a naive design. Nothing here is measured in Azure."""

from collections.abc import Mapping
from dataclasses import dataclass

DAYS = 30.4
SAMPLES_A_DAY = 360
"""An hour of driving, a sample every ten seconds."""
FLEET = 1_000_000
"""Vehicles of one stamp, over which whole units are shared."""
PEAK = 3.0
"""Busiest hour over the mean."""

PRICES: Mapping[str, float] = {
    "IoT Hub S3, unit and month, 300 M messages of 4 KB a day": 2500.0,
    "Event Hubs Standard, throughput unit and hour": 0.030,
    "Event Hubs Standard, million events": 0.028,
    "Cosmos DB autoscale, 100 RU/s and hour": 0.012,
    "Cosmos DB storage, GB and month": 0.25,
    "Functions Flex Consumption, GB-second": 0.000026,
    "Functions Flex Consumption, million executions": 0.40,
    "Service Bus Standard, million operations": 0.80,
    "Log Analytics, GB": 2.76,
}
"""List prices in dollars, West Europe, pay as you go, 2026; an agreement with Microsoft changes them."""


@dataclass(frozen=True, slots=True)
class Design:
    """What a sample leads to. RU of a write: `index` + 0.57 a KB; sizes in KB."""

    samples_a_message: int
    message_kb: float
    state_writes_a_message: float
    state_kb: float
    history_writes_a_sample: float
    history_kb: float
    index: float
    microseconds_a_sample: float
    logged_kb_a_message: float
    derived_ru_a_day: float
    queue_operations_a_day: float


OURS = Design(
    samples_a_message=6,
    message_kb=2.4,
    state_writes_a_message=1.0,  # bench: state_writes_per_vehicle_batch
    state_kb=4.7,
    history_writes_a_sample=0.028,  # bench: history_writes_per_sample
    history_kb=4.3,
    index=4.4,
    microseconds_a_sample=120,  # bench: function_us_six_samples
    logged_kb_a_message=1 / 64,  # a request of 1 KB for a batch of 64
    derived_ru_a_day=90,  # two trips: the state, some ten chunks, the trip
    queue_operations_a_day=12,
)
NAIVE = Design(
    samples_a_message=1,
    message_kb=1.5,
    state_writes_a_message=1.0,
    state_kb=1.5,
    history_writes_a_sample=1.0,
    history_kb=1.6,
    index=9.0,  # every path indexed, as it is unless one says otherwise
    microseconds_a_sample=1300,
    logged_kb_a_message=0.5,
    derived_ru_a_day=0,
    queue_operations_a_day=0.15,
)


def request_units(d: Design) -> float:
    """A vehicle's in a month."""
    messages = SAMPLES_A_DAY / d.samples_a_message
    state = messages * d.state_writes_a_message * (d.index + 0.57 * d.state_kb)
    history = SAMPLES_A_DAY * d.history_writes_a_sample * (d.index + 0.57 * d.history_kb)
    ledger = messages / 64 * 5
    return DAYS * (state + history + ledger + d.derived_ru_a_day)


def dollars(d: Design) -> dict[str, float]:
    """A vehicle's in a month, by service."""
    p = list(PRICES.values())
    messages = SAMPLES_A_DAY / d.samples_a_message
    peak = messages * FLEET / 86_400 * PEAK
    units = max(peak / 1000, peak * d.message_kb / 1000)
    stored = d.state_kb + DAYS * SAMPLES_A_DAY * d.history_writes_a_sample * d.history_kb * 1.1
    seconds = DAYS * SAMPLES_A_DAY * d.microseconds_a_sample / 1e6
    mean_ru_s = request_units(d) / (DAYS * 86_400)
    return {
        "IoT Hub": messages * p[0] / 300e6,
        "Event Hubs": units * p[1] * 730 / FLEET + DAYS * messages / 1e6 * p[2],
        "Cosmos DB throughput": mean_ru_s * 1.2 / 100 * p[3] * 730,
        "Cosmos DB storage": stored / 1e6 * p[4],
        "Functions": seconds / 0.6 * 2 * p[5] + DAYS * messages / 64 / 1e6 * p[6],
        "Service Bus": DAYS * d.queue_operations_a_day / 1e6 * p[7],
        "Logs": DAYS * messages * d.logged_kb_a_message / 1e6 * p[8],
    }


def table() -> str:
    ours, naive = dollars(OURS), dollars(NAIVE)
    rows = [f"{'a vehicle and month':24}{'this design':>14}{'naive':>14}"]
    rows += [f"{name:24}{ours[name]:>14.5f}{naive[name]:>14.5f}" for name in ours]
    rows.append(f"{'dollars':24}{sum(ours.values()):>14.5f}{sum(naive.values()):>14.5f}")
    rows.append(f"{'request units':24}{request_units(OURS):>14,.0f}{request_units(NAIVE):>14,.0f}")
    return "\n".join(rows)


if __name__ == "__main__":
    from tests.bench.stamps import costs_table, sizes_table

    print(table(), sizes_table(), costs_table(), sep="\n\n")
