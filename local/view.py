"""What `make run` shows: vehicles with their newest state, the ledger, notifications as they arrive."""

import asyncio
import re
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
from local.demo import OUTCOMES
from local.fleet.drives import BATTERY
from local.mailbox import mails
from local.town import Resident, inboxes, operator

EVERY = 1.0  # seconds between looks


async def look(api: Api, cloud: Cloud, residents: Sequence[Resident]) -> dict[str, Any]:
    """Everything that is shown, by the public API."""
    states = [await api.call("GET", f"vehicles/{r.vehicle_id}/state") for r in residents]
    books = (await api.call("GET", "ledger"))["partitions"]
    return {"states": states, "books": books, "inbox": await inboxes(cloud, residents), "mail": mails(cloud.data)}


def picture(residents: Sequence[Resident], seen: dict[str, Any]) -> Group:
    cars = [_row(r, state) for r, state in zip(residents, seen["states"], strict=True)]
    books = [
        [b["id"], str(b["accepted"]), *(str(b["outcomes"].get(o, 0)) for o in OUTCOMES), str(b["balanced"])]
        for b in seen["books"]
    ]
    newest = sorted(seen["inbox"], key=lambda item: item["deliveredAt"], reverse=True)[:6]
    told = [[i["deliveredAt"][11:19], i["user"], i["kind"], i["body"]] for i in newest]
    mailed = [[str(m["Date"])[17:25], str(m["To"]), str(m["Subject"])] for m in reversed(seen["mail"][-4:])]
    return Group(
        _panel("vehicles", "vehicle person state speed charge range position age", cars),
        _panel("ledger", f"partition accepted {' '.join(OUTCOMES)} balanced", books),
        _panel("inbox", "at person kind says", told),
        _panel("mailbox", "at to subject", mailed),
    )


def _panel(title: str, headings: str, rows: Sequence[Sequence[str]]) -> Panel:
    table = Table(*headings.split(), expand=True, box=None)
    for row in rows:
        table.add_row(*row)
    return Panel(table, title=title)


def _row(resident: Resident, state: dict[str, Any]) -> list[str]:
    def value(path: str, form: str = "{}") -> str:
        return form.format(state["signals"][path]["value"]) if path in state["signals"] else "-"

    moving, charging = value("Vehicle.IsMoving"), value(BATTERY + "Charging.IsCharging")
    doing = "charging" if charging == "True" else "driving" if moving == "True" else "parked"
    charge = value(BATTERY + "StateOfCharge.Displayed", "{:.1f} %") + (" low" if state["episodes"] else "")
    place = " ".join(value(f"Vehicle.CurrentLocation.{axis}", "{:.4f}") for axis in ("Latitude", "Longitude"))
    newest = datetime.fromisoformat(state["newestAt"] or "2000-01-01T00:00:00Z")
    age = f"{(datetime.now(UTC) - newest).total_seconds():.0f} s" if state["newestAt"] else "-"
    speed, reach = value("Vehicle.Speed", "{:.0f} km/h"), value(BATTERY + "Range", "{:,.0f} m")
    return [resident.vehicle_id[:12], resident.user, doing, speed, charge, reach, place, age]


async def show(cloud: Cloud, residents: Sequence[Resident], console: Console) -> None:
    """Until cancelled: a live view in a terminal, a plain line a look without one."""
    async with operator(cloud) as api:
        with Live(console=console, auto_refresh=False) as live:
            while True:
                seen = await look(api, cloud, residents)
                accepted, even = (sum(book[key] for book in seen["books"]) for key in ("accepted", "balanced"))
                if console.is_terminal:
                    live.update(picture(residents, seen), refresh=True)
                else:
                    books = f"{even} of {len(seen['books'])} partitions balanced"
                    told = f"{len(seen['inbox'])} in the inboxes, {len(seen['mail'])} in the mailbox"
                    console.print(f"accepted {accepted}, {books}, {told}")
                await asyncio.sleep(EVERY if console.is_terminal else 5 * EVERY)


async def save_picture(cloud: Cloud, residents: Sequence[Resident], out: Path, after: float) -> None:
    """One look, after that many seconds, as SVG."""
    await asyncio.sleep(after)
    console = Console(record=True, width=118, file=StringIO())
    async with operator(cloud) as api:
        console.print(picture(residents, await look(api, cloud, residents)))
    svg = console.export_svg(title="make run")
    out.write_text(re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL))  # no font from elsewhere
