"""The unit, function and contract suites at other moments, in other zones and locales, and in random order.

`python -m tests.moments` has three runs, which the commit's hash picks; `--all` has one of every moment in every zone.
Each is printed as the options with which it can be run again, and other suites than these may be named after them.
libfaketime moves the clock of all processes of a run, Azurite included, and leaves the monotonic clock alone. Where it
has no effect, the suites run at the present moment."""

import argparse
import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from local.cloud import ROOT

SUITES = ("tests/unit", "tests/functions", "tests/contract")
MOMENTS = (
    "+31d",
    "+400d",
    "2026-12-31T23:59:30Z",
    "2027-03-28T00:59:30Z",  # clocks in Europe go forward
    "2028-02-29T23:59:00Z",
    "2038-01-19T03:14:00Z",  # epoch seconds leave 31 bits
)
ZONES = ("Pacific/Kiritimati", "America/St_Johns")
PLAIN, TURKISH = "C.UTF-8", "tr_TR.UTF-8"
AT_ONCE = 3


@dataclass(frozen=True, slots=True)
class Run:
    """When, where and in which order; `order` is the seed of a random order."""

    moment: str
    zone: str
    locale: str
    order: int

    def __str__(self) -> str:
        return f"--moment {self.moment} --zone {self.zone} --locale {self.locale} --order {self.order}"

    @property
    def offset(self) -> int:
        """Seconds from now to the moment."""
        if self.moment.startswith("+"):
            return int(timedelta(days=int(self.moment[1:-1])).total_seconds())
        return round((datetime.fromisoformat(self.moment) - datetime.now(UTC)).total_seconds())


def pick_runs(commit: str) -> list[Run]:
    """Three moments, with both zones and the Turkish locale among them. The same commit has the same runs."""
    random = Random(commit)
    zones = random.sample([*ZONES, random.choice(ZONES)], 3)
    locales = random.sample([PLAIN, PLAIN, TURKISH], 3)
    runs = zip(random.sample(MOMENTS, 3), zones, locales, strict=True)
    return [Run(moment, zone, locale, random.randrange(10**6)) for moment, zone, locale in runs]


def all_runs() -> list[Run]:
    """Every moment in every zone, each once in the Turkish locale."""
    random, runs = Random(), list[Run]()
    for number, moment in enumerate(MOMENTS):
        for zone in ZONES:
            turkish = (number + ZONES.index(zone)) % 2
            runs.append(Run(moment, zone, TURKISH if turkish else PLAIN, random.randrange(10**6)))
    return runs


class Environment:
    """What a run's processes find around them."""

    def __init__(self, folder: Path) -> None:
        self._locales = folder / "locales"
        self._locales.mkdir()
        self._turkish = self._make_turkish()
        if not self._turkish:
            print(f"note: localedef cannot make {TURKISH} here, so {PLAIN} takes its place")
        self._library = _libfaketime()
        if not self._moves_time():
            self._library = None
            print("note: libfaketime has no effect here, so the suites run at the present moment")

    def of(self, run: Run) -> dict[str, str]:
        """The environment variables of a run that starts now."""
        turkish = {"LC_ALL": TURKISH, "LOCPATH": str(self._locales)}
        there = {"TZ": run.zone} | (turkish if run.locale == TURKISH and self._turkish else {"LC_ALL": PLAIN})
        return dict(os.environ) | there | self._faked(run.offset)

    def _faked(self, offset: int) -> dict[str, str]:
        if self._library is None:
            return {}
        # without the second, threads that wait for the GIL spin: the runs take three times the CPU time
        settings = {"FAKETIME_DONT_FAKE_MONOTONIC": "1", "FAKETIME_FORCE_MONOTONIC_FIX": "0", "NO_FAKE_STAT": "1"}
        return settings | {"LD_PRELOAD": str(self._library), "FAKETIME": f"{offset:+}"}

    def _moves_time(self) -> bool:
        env = dict(os.environ) | self._faked(1_000_000)
        asked = [sys.executable, "-c", "import time; time.sleep(0.001); print(time.time())"]
        said = subprocess.run(asked, env=env, capture_output=True, text=True)
        return said.returncode == 0 and float(said.stdout) > datetime.now(UTC).timestamp() + 900_000

    def _make_turkish(self) -> bool:
        localedef = shutil.which("localedef")
        if localedef is None:
            return False
        made = [localedef, "-i", "tr_TR", "-f", "UTF-8", str(self._locales / TURKISH)]
        return subprocess.run(made, capture_output=True).returncode == 0


def _libfaketime() -> Path | None:
    """The library in the package of that name. Debian 12 has one that lets `time.sleep` fail (its issue 426)."""
    package = find_spec("libfaketime")
    if package is None or package.origin is None:
        return None
    return Path(package.origin).parent / "vendor" / "libfaketime" / "src" / "libfaketime.so.1"


async def run_suites(run: Run, suites: Sequence[str], environment: Environment, folder: Path) -> bool:
    """Whether the suites pass; prints what they say if they don't."""
    order = ("--shuffle", str(run.order), "--basetemp", str(folder), "-p", "no:cacheprovider")
    started = asyncio.get_running_loop().time()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pytest", *order, *suites),
        cwd=ROOT,
        env=environment.of(run),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    took = asyncio.get_running_loop().time() - started
    if process.returncode:
        print(said.decode(errors="replace"))
    print(f"{'FAILS' if process.returncode else 'passes'} {run} ({took:.0f} s)", flush=True)
    return process.returncode == 0


async def main(runs: Sequence[Run], suites: Sequence[str]) -> int:
    """Have all runs, some at once; the exit code says whether all passed."""
    turn = asyncio.Semaphore(AT_ONCE)
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        environment = Environment(folder)

        async def in_turn(number: int, run: Run) -> bool:
            async with turn:
                return await run_suites(run, suites, environment, folder / f"run-{number}")

        return 0 if all(await asyncio.gather(*(in_turn(n, run) for n, run in enumerate(runs)))) else 1


def _commit() -> str:
    git = shutil.which("git")
    said = subprocess.run([git, "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True) if git else None
    return said.stdout.strip() if said else ""


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.moments")
    parser.add_argument("suites", nargs="*", default=SUITES, help=f"{' '.join(SUITES)} without")
    parser.add_argument("--all", action="store_true", help="every moment in every zone")
    parser.add_argument("--moment", metavar="TIME", help="one run at an RFC 3339 time, or in so many days: +31d")
    parser.add_argument("--zone", default="UTC")
    parser.add_argument("--locale", default=PLAIN, choices=[PLAIN, TURKISH])
    parser.add_argument("--order", type=int, default=0, metavar="SEED")
    return parser.parse_args()


def _select_runs(said: argparse.Namespace) -> list[Run]:
    if said.moment:
        return [Run(said.moment, said.zone, said.locale, said.order)]
    return all_runs() if said.all else pick_runs(_commit())


if __name__ == "__main__":
    arguments = _arguments()
    sys.exit(asyncio.run(main(_select_runs(arguments), arguments.suites)))
