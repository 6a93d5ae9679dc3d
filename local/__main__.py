"""The cloud on one machine: `python -m local up | demo | env | token | picture`."""

import argparse
import asyncio
import contextlib
import json
import signal
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rich.console import Console

from local.cloud import ROOT, Cloud, Ports
from local.demo import Plan, demo
from local.fleet.drives import ElectricCar, Sample, recorded
from local.fleet.sender import Fleet, fleet
from local.issuer import Issuer
from local.town import BRAND, Resident, operator, settle
from local.view import look, picture, show


def main() -> int:
    asked = _arguments()
    try:
        if asked.command == "demo":
            plan = Plan(asked.drive, asked.seconds, asked.samples_per_event)
            return 0 if asyncio.run(demo(plan, asked.json)) else 1
        if asked.command == "env":
            return _env(asked.data)
        if asked.command == "token":
            return _token(asked)
        asyncio.run(up(asked))
    except (RuntimeError, TimeoutError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, text in (("up", "start the cloud and drive"), ("picture", "save the live view as SVG")):
        run = commands.add_parser(name, help=text)
        run.add_argument("--data", type=Path, default=ROOT / ".local", help="where everything is kept")
        run.add_argument("--fleet", type=int, default=5, help="how many simulated vehicles")
        run.add_argument("--drive", type=Path, action="append", default=[], help="a recorded drive (CSV)")
        run.add_argument("--speed", type=float, default=1.0, help="seconds of driving in one second")
        run.add_argument("--out", type=Path, default=ROOT / "docs" / "live-view.svg", help="(picture) the file")
        run.add_argument("--after", type=float, default=75.0, help="(picture) seconds until it is taken")
    trial = commands.add_parser("demo", help="drive at full speed, and count")
    trial.add_argument("--drive", type=Path, action="append", default=[])
    trial.add_argument("--json", type=Path)
    trial.add_argument("--seconds", type=int, default=600, help="samples of a simulated vehicle")
    trial.add_argument("--samples-per-event", type=int, default=1)
    env = commands.add_parser("env", help="what another process needs, as KEY=VALUE")
    token = commands.add_parser("token", help="a signed token of the local issuer")
    who = token.add_mutually_exclusive_group(required=True)
    who.add_argument("--user")
    who.add_argument("--vehicle")
    who.add_argument("--operator", action="store_true")
    token.add_argument("--brand", default=BRAND)
    for sub in (env, token):
        sub.add_argument("--data", type=Path, default=ROOT / ".local")
    return parser.parse_args()


def _settings(data: Path) -> dict[str, str]:
    path = data / "env.json"
    if not path.exists():
        raise RuntimeError(f"no local cloud was started in {data}; start one with `python -m local up`")
    found: dict[str, str] = json.loads(path.read_text())
    return found


def _env(data: Path) -> int:
    for name, value in _settings(data).items():
        print(f"{name}={value}")
    return 0


def _token(asked: argparse.Namespace) -> int:
    issuer = Issuer(asked.data, _settings(asked.data)["TOKEN_ISSUER"])
    roles = ["operator"] if asked.operator else ["vehicle"] if asked.vehicle else []
    print(issuer.token(asked.user or asked.vehicle or "operator-1", asked.brand, roles))
    return 0


async def up(asked: argparse.Namespace) -> None:
    """Start, drive and show until interrupted (or, for a picture, for a while)."""
    stopped, console = asyncio.Event(), Console()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    cloud = Cloud(asked.data, Ports())
    tasks: list[asyncio.Task[None]] = []
    try:
        await cloud.start()
        residents = await settle(cloud, len(asked.drive) or asked.fleet)
        _greet(cloud, residents, console)
        tasks.append(asyncio.create_task(_drive(cloud, residents, asked.drive, asked.speed)))
        if asked.command == "picture":
            tasks.append(asyncio.create_task(_take(cloud, residents, asked.out, asked.after, stopped)))
        else:
            tasks.append(asyncio.create_task(show(cloud, residents, console)))
        waiting = asyncio.create_task(stopped.wait())
        done, _ = await asyncio.wait([waiting, *tasks], return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await cloud.stop()


def _greet(cloud: Cloud, residents: list[Resident], console: Console) -> None:
    one, p = residents[0], cloud.ports
    token = cloud.issuer.token(one.user, BRAND, [])
    console.print(f"app      {cloud.url}\ncosmos   {cloud.env['COSMOS__accountEndpoint']}", highlight=False)
    console.print(f"broker   amqp://127.0.0.1:{p.broker}\nblobs    http://127.0.0.1:{p.blob}", highlight=False)
    console.print(f"data     {cloud.data}\n\nTOKEN={token}\n", highlight=False, soft_wrap=True)
    for path in (
        f"vehicles/{one.vehicle_id}/state",
        f"vehicles/{one.vehicle_id}/entitlements/remote-climate",
        "me/inbox",
    ):
        console.print(f'curl -H "Authorization: Bearer $TOKEN" {cloud.url}/{path}', highlight=False, soft_wrap=True)
    console.print()


async def _drive(cloud: Cloud, residents: list[Resident], drives: list[Path], speed: float) -> None:
    """Every vehicle says once a second what it saw meanwhile; a recorded drive begins again at its end."""
    sources = [_replays(path) for path in drives] or [_lives(seed) for seed in range(len(residents))]
    async with fleet(cloud.env["EVENTHUBS"]) as vehicles:
        clock, step = asyncio.get_running_loop().time(), max(1, round(speed))
        while True:
            await asyncio.gather(
                *(
                    _say(vehicles, r.vehicle_id, [next(s) for _ in range(step)])
                    for r, s in zip(residents, sources, strict=True)
                )
            )
            clock += step / speed
            await asyncio.sleep(max(0.0, clock - asyncio.get_running_loop().time()))


async def _say(vehicles: Fleet, vehicle_id: str, samples: list[Sample]) -> None:
    await vehicles.send(vehicle_id, [vehicles.message(vehicle_id, samples)])


def _lives(seed: int) -> Iterator[Sample]:
    car = ElectricCar(seed)
    while True:
        yield Sample(datetime.now(UTC).isoformat(timespec="milliseconds"), car.step())


def _replays(path: Path) -> Iterator[Sample]:
    """What was recorded, as if it were seen now; a time that is none stays."""
    while True:
        for sample in recorded(path, datetime.now(UTC) + timedelta(0)):
            with contextlib.suppress(ValueError):
                datetime.fromisoformat(sample.time)
                sample = Sample(datetime.now(UTC).isoformat(timespec="milliseconds"), sample.signals)
            yield sample


async def _take(cloud: Cloud, residents: list[Resident], out: Path, after: float, stopped: asyncio.Event) -> None:
    await asyncio.sleep(after)
    api = operator(cloud)
    console = Console(record=True, width=118, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(picture(residents, await look(api, cloud, residents)))
    await api.close()
    console.save_svg(str(out), title="make run")
    stopped.set()


if __name__ == "__main__":
    sys.exit(main())
