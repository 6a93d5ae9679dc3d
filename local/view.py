"""What `make run` shows: vehicles with their newest state, the ledger, notifications as they arrive."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.table import Table

from local.cloud import Api, Cloud
from local.fleet.drives import BATTERY
from local.town import Resident, inboxes, operator

EVERY = 1.0
"""Seconds between looks."""


async def look(api: Api, cloud: Cloud, residents: Sequence[Resident]) -> dict[str, Any]:
    """Everything that is shown, by the public API."""
    states = [await api.call("GET", f"vehicles/{r.vehicle_id}/state") for r in residents]
    books = (await api.call("GET", "ledger"))["partitions"]
    return {"states": states, "books": books, "inbox": await inboxes(cloud, residents)}


def picture(residents: Sequence[Resident], seen: dict[str, Any]) -> Group:
    vehicles = Table(expand=True, box=None)
    for heading in ("vehicle", "person", "speed", "charge", "range", "position", "cabin", "state", "age"):
        vehicles.add_column(heading, justify="left" if heading in ("vehicle", "person", "state") else "right")
    for resident, state in zip(residents, seen["states"], strict=True):
        vehicles.add_row(*_row(resident, state))
    ledger = Table(expand=True, box=None)
    for heading in ("partition", "accepted", "applied", "duplicate", "stale", "suppressed", "parked", "balanced"):
        ledger.add_column(heading, justify="left" if heading == "partition" else "right")
    for book in seen["books"]:
        counts = [str(book["outcomes"].get(o, 0)) for o in ("applied", "duplicate", "stale", "suppressed", "parked")]
        ledger.add_row(book["id"], str(book["accepted"]), *counts, "yes" if book["balanced"] else "no")
    told = Table(expand=True, box=None, show_header=False)
    for item in sorted(seen["inbox"], key=lambda i: i["deliveredAt"], reverse=True)[:6]:
        facts = ", ".join(f"{path.rsplit('.', 2)[-2]} {value}" for path, value in item["facts"].items())
        told.add_row(item["deliveredAt"][11:19], item["user"], item["kind"], item["vehicleId"][:12], facts)
    return Group(Panel(vehicles, title="vehicles"), Panel(ledger, title="ledger"), Panel(told, title="inbox"))


def _row(resident: Resident, state: dict[str, Any]) -> list[str]:
    signals = state["signals"]

    def value(path: str, form: str = "{}", default: str = "-") -> str:
        return form.format(signals[path]["value"]) if path in signals else default

    charging = value(BATTERY + "Charging.IsCharging") == "True"
    doing = "charging" if charging else "driving" if value("Vehicle.IsMoving") == "True" else "parked"
    place = (
        f"{value('Vehicle.CurrentLocation.Latitude', '{:.4f}')} {value('Vehicle.CurrentLocation.Longitude', '{:.4f}')}"
    )
    newest = state["newestAt"]
    age = f"{(datetime.now(UTC) - datetime.fromisoformat(newest)).total_seconds():.0f} s" if newest else "-"
    alert = " !" if state["episodes"] else ""
    return [
        resident.vehicle_id[:12],
        resident.user,
        value("Vehicle.Speed", "{:.0f} km/h"),
        value(BATTERY + "StateOfCharge.Displayed", "{:.1f} %") + alert,
        value(BATTERY + "Range", "{:,.0f} m"),
        place,
        value("Vehicle.Cabin.HVAC.AmbientAirTemperature", "{:.0f} °C"),
        doing,
        age,
    ]


async def show(cloud: Cloud, residents: Sequence[Resident], console: Console) -> None:
    """Until cancelled: a live view in a terminal, a plain line a look without one."""
    api = operator(cloud)
    try:
        with Live(console=console, auto_refresh=False, transient=False) as live:
            while True:
                seen = await look(api, cloud, residents)
                if console.is_terminal:
                    live.update(picture(residents, seen), refresh=True)
                else:
                    accepted = sum(book["accepted"] for book in seen["books"])
                    even = all(book["balanced"] for book in seen["books"])
                    console.print(f"accepted {accepted}  balanced {even}  inbox {len(seen['inbox'])}")
                await asyncio.sleep(EVERY if console.is_terminal else 5 * EVERY)
    finally:
        await api.close()


async def save_picture(cloud: Cloud, residents: Sequence[Resident], out: Path, after: float) -> None:
    """One look, after that many seconds, as SVG."""
    await asyncio.sleep(after)
    api, console = operator(cloud), Console(record=True, width=118, file=StringIO())
    console.print(picture(residents, await look(api, cloud, residents)))
    console.save_svg(str(out), title="make run")
    await api.close()
