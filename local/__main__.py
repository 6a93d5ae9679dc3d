"""The cloud on one machine: `python -m local up | demo | journey | parked | dead-letters | mail |
env | token`."""

import argparse
import asyncio
import json
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from local import dead_letters, journey, parked
from local.cloud import ROOT, Api, Cloud, Ports
from local.demo import Plan, demo
from local.fleet.drives import endless
from local.fleet.sender import announce, fleet
from local.issuer import Issuer
from local.mailbox import mails, text_of
from local.signin import BRAND
from local.town import Resident, introduce, settle
from local.view import save_picture, show

ASIDE = {"parked": parked, "dead-letters": dead_letters}
"""What was set aside, for a person to look at."""


def main() -> int:
    asked = _arguments()
    try:
        if asked.command == "demo":
            return 0 if asyncio.run(demo(Plan(asked.drive), asked.json)) else 1
        if asked.command == "journey":
            asyncio.run(journey.show(asked.drive))
        elif asked.command in ASIDE:
            asyncio.run(_aside(asked))
        elif asked.command == "mail":
            for mail in mails(asked.data)[-asked.last :]:
                print(f"{mail['Date']}  {mail['To']}  {mail['Subject']}\n\n{text_of(mail)}")
        elif asked.command == "up":
            asyncio.run(up(asked))
        elif asked.command == "env":
            print("\n".join(f"{name}={value}" for name, value in _settings(asked.data).items()))
        else:
            issuer = Issuer(asked.data, _settings(asked.data)["TOKEN_ISSUER"])
            kinds = {"operator": asked.operator, "vehicle": asked.vehicle, "partner": asked.partner}
            roles = [kind for kind, given in kinds.items() if given]
            subject = asked.user or asked.vehicle or asked.partner or "operator-1"
            print(issuer.token(subject, asked.brand, roles, scope=asked.scope))
    except (RuntimeError, TimeoutError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("up", help="start the cloud, drive, and show it until Ctrl-C")
    trial = commands.add_parser("demo", help="drive at full speed in a fresh cloud, and count")
    trip = commands.add_parser("journey", help="a recorded drive in a fresh cloud: its trip, and a fence on the way")
    aside = commands.add_parser("parked", help="what was parked: list, read, replay")
    letters = commands.add_parser("dead-letters", help="what could not be delivered: list, read, replay, discard")
    mail = commands.add_parser("mail", help="the newest of what came into the local mailbox")
    mail.add_argument("--last", type=int, default=5, help="how many")
    env = commands.add_parser("env", help="what another process needs, as KEY=VALUE")
    token = commands.add_parser("token", help="a signed token of the local issuer")
    for command in (run, trial):
        command.add_argument("--drive", type=Path, action="append", default=[], help="a recorded drive (CSV)")
    for command in (run, env, token, aside, letters, mail):
        where = Path(os.environ.get("LOCAL_DATA", ROOT / ".local"))
        command.add_argument("--data", type=Path, default=where, help="where everything is kept")
    run.add_argument("--fleet", type=int, default=5, help="how many simulated vehicles")
    run.add_argument("--speed", type=float, default=1.0, help="seconds of driving in one second")
    run.add_argument("--picture", type=Path, help="save the view after 75 s as SVG, and end")
    trial.add_argument("--json", type=Path, help="write the summary here too")
    trip.add_argument("--drive", type=Path, required=True, help="a recorded drive (CSV)")
    parked.arguments(aside)
    dead_letters.arguments(letters)
    who = token.add_mutually_exclusive_group(required=True)
    who.add_argument("--user")
    who.add_argument("--vehicle")
    who.add_argument("--partner")
    who.add_argument("--operator", action="store_true")
    token.add_argument(
        "--scope", default="", help="of a partner: vehicle, state, history, entitlements, payments, notifications"
    )
    token.add_argument("--brand", default=BRAND)
    return parser.parse_args()


def _settings(data: Path) -> dict[str, str]:
    if not (data / "env.json").exists():
        raise RuntimeError(f"no local cloud was started in {data}; start one with `python -m local up`")
    return dict(json.loads((data / "env.json").read_text()))


async def _aside(asked: argparse.Namespace) -> None:
    """As an operator of the cloud that runs in the data folder."""
    env = _settings(asked.data)
    token = Issuer(asked.data, env["TOKEN_ISSUER"]).token("operator-1", BRAND, ["operator"])
    async with Api(env["API"], token) as api:
        await ASIDE[asked.command].run(api, asked)


async def up(asked: argparse.Namespace) -> None:
    """Start, drive and show until interrupted, or until a picture is taken."""
    stopped, console = asyncio.Event(), Console()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    cloud = Cloud(asked.data, Ports())
    tasks: list[asyncio.Task[Any]] = [asyncio.create_task(stopped.wait())]
    try:
        starting = asyncio.create_task(cloud.start())
        await asyncio.wait([starting, tasks[0]], return_when=asyncio.FIRST_COMPLETED)
        if stopped.is_set():
            starting.cancel()
            return
        starting.result()
        residents = await settle(cloud, len(asked.drive) or asked.fleet)
        await introduce(cloud, residents)
        _greet(cloud, residents[0], console)
        look = save_picture(cloud, residents, asked.picture, 75) if asked.picture else show(cloud, residents, console)
        tasks += [asyncio.create_task(look), asyncio.create_task(_drive(cloud, residents, asked.drive, asked.speed))]
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await cloud.stop()


def _greet(cloud: Cloud, one: Resident, console: Console) -> None:
    paths = f"vehicles/{one.vehicle_id}/state", f"vehicles/{one.vehicle_id}/entitlements/remote-climate", "me/inbox"
    lines = [f"console {cloud.console}\n", f"app     {cloud.url}", f"cosmos  {cloud.env['COSMOS__accountEndpoint']}"]
    lines += [f"broker  amqp://127.0.0.1:{cloud.ports.broker}", f"blobs   http://127.0.0.1:{cloud.ports.blob}"]
    lines += [f"mail    smtp://127.0.0.1:{cloud.ports.mail}  (python -m local mail)"]
    lines += [f"data    {cloud.data}\n", f"TOKEN={cloud.issuer.token(one.user, BRAND, [])}\n"]
    lines += [f'curl -H "Authorization: Bearer $TOKEN" {cloud.url}/{path}' for path in paths]
    console.print("\n".join(lines), highlight=False, soft_wrap=True)


async def _drive(cloud: Cloud, residents: Sequence[Resident], drives: Sequence[Path], speed: float) -> None:
    """Every vehicle says once a second (or as often as `speed` asks) what it sees."""
    sources = [endless(drives[n] if drives else n) for n in range(len(residents))]
    step, clock = max(1, round(speed)), asyncio.get_running_loop().time()
    await announce(cloud.env["EVENTHUBS"], [r.vehicle_id for r in residents], connected=True)
    async with fleet(cloud.env["EVENTHUBS"]) as vehicles:
        while True:
            said = (
                (r.vehicle_id, [vehicles.message(r.vehicle_id, [next(source)]) for _ in range(step)])
                for r, source in zip(residents, sources, strict=True)
            )
            await asyncio.gather(*(vehicles.send(vehicle, messages) for vehicle, messages in said))
            clock += step / speed
            await asyncio.sleep(max(0.0, clock - asyncio.get_running_loop().time()))


if __name__ == "__main__":
    sys.exit(main())
