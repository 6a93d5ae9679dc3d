"""Whatever callers, vehicles and queues send: no answer is 5xx, nothing hangs, and no neighbour is lost (attack 22).

20,000 inputs; with PROVE=1 a million. `python -m tests.attacks.fuzz --seed S --only N` runs one again."""

import asyncio
import json
import os
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from functions import brands
from functions.http import ROUTES
from tests.attacks.fuzz.routes import OTHERS
from tests.attacks.fuzz.run import Run

ROOT = Path(__file__).parents[2]
INPUTS = 1_000_000 if os.environ.get("PROVE") else 20_000
SHARE = 10_000
"""Inputs of one process. Its seed is its number, so that the same inputs are made on any machine."""
DEADLINE = 600.0
"""Seconds for a share, which takes some ten."""


async def share(number: int, slots: asyncio.Semaphore) -> dict[str, Any]:
    async with slots:
        command = ("-m", "tests.attacks.fuzz", "--seed", str(number), "--inputs", str(SHARE))
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(sys.executable, *command, cwd=ROOT, stdout=pipe, stderr=pipe)
        try:
            output, errors = await asyncio.wait_for(process.communicate(), DEADLINE)
        except TimeoutError:
            process.kill()
            return {"seen": {}, "asked": {}, "findings": [{"seed": number, "what": "it hangs"}]}
    if process.returncode not in (0, 1) or not output:
        return {"seen": {}, "asked": {}, "findings": [{"seed": number, "what": errors.decode()[-3_000:]}]}
    found: dict[str, Any] = json.loads(output.splitlines()[-1])
    return found


async def test_nothing_that_is_sent_breaks_hangs_or_costs_a_neighbour() -> None:
    slots = asyncio.Semaphore(min(os.cpu_count() or 1, 8))
    found = await asyncio.gather(*(share(number, slots) for number in range(1, INPUTS // SHARE + 1)))
    findings = [finding for one in found for finding in one["findings"]]
    assert findings == [], "\n".join(map(str, findings[:20]))
    seen, asked = Counter[str](), Counter[str]()
    for one in found:
        seen.update(one["seen"])
        asked.update(one["asked"])
    assert asked.keys() == {route.name for route in ROUTES} | OTHERS.keys()
    for outcome in ("route 200", "route 201", "route 400", "route 401", "route 403", "route 404", "route 409"):
        assert seen[outcome] > INPUTS / 1_000, seen
    for outcome in ("hub applied", "hub parked", "queue done", "queue parked"):
        assert seen[outcome] > INPUTS / 100, seen


async def test_a_defect_is_found_with_its_story(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(brands, "signals_answer", broken)
    run = Run(1)
    for number in range(3):
        await run.block(number, 100)
    assert {finding["what"].partition(": ZeroDivisionError")[0] for finding in run.findings} == {
        "500: a defect in read_signals"
    }
    assert all("read_signals" in finding["story"] for finding in run.findings)
