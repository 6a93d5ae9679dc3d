"""What following a fleet of 2,000 takes that is seen once a second each: of the server for each who follows, and of the
browser, in frames.

A frame is the time between two turns of the page's animation; the floor is the same page and map with nothing moving.
Where there is no Chromium the frames are left out."""

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from local.cloud import ROOT, Cloud, Ports
from shared.bootstrap import world
from shared.domain.folding import fold
from shared.settings import settings
from tests.bench.figures import Figure
from tests.console.conftest import CHROMIUM, FLAGS
from tests.examples import BOOK, PROFILE, STATE, event

VEHICLES = 2_000
SECONDS = 15
LOOKS = 12
SIGNED_IN = "sessionStorage.setItem('session', JSON.stringify({token: 'watcher', until: Date.now() + 1e7}))"
FRAMES = """seconds => new Promise(resolve => {
    const frames = [];
    let last = performance.now();
    const end = last + seconds * 1000;
    requestAnimationFrame(function turn(now) {
        frames.push(now - last);
        last = now;
        if (now < end) requestAnimationFrame(turn); else resolve(frames.slice(1));
    });
})"""


async def watching() -> list[Figure]:
    return [*_answering(), *await _looking(), *await _frames()]


def _answering() -> list[Figure]:
    """One more watcher, when all 2,000 have moved."""
    command = [sys.executable, "-m", "tests.bench.crowd", str(VEHICLES), "cost"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    took, floor = json.loads(done.stdout)
    return [
        Figure("watcher_cost", round(took, 2), "CPU ms a second"),
        Figure("watcher_over_json_dumps", round(took / floor, 2), "x", 0.5),
    ]


async def _looking() -> list[Figure]:
    """The look at the store that all watchers of an instance share, through the SDK."""
    with tempfile.TemporaryDirectory() as folder:
        cloud = Cloud(Path(folder), Ports.free())
        try:
            await cloud.start()
            os.environ.update(cloud.env)
            w, slots = world(), asyncio.Semaphore(16)

            async def register(number: int) -> None:
                profile = replace(PROFILE, vehicle_id=f"veh-{number}", brand="crowd")
                state = replace(STATE, vehicle_id=f"veh-{number}", policy=profile.policy())
                place = {f"CurrentLocation.{name}": 48.0 for name in ("Latitude", "Longitude", "Heading")}
                seen, _ = fold(state, [event(1, None, None, soc=50.0, Speed=50.0, **place)], BOOK)
                async with slots:
                    await w.profiles.register(profile, seen)

            since = int(time.time())
            await asyncio.gather(*map(register, range(VEHICLES)))
            took = []
            for _ in range(LOOKS):
                started = time.process_time_ns()
                assert len(await w.sightings.since("crowd", since, 10_000)) == VEHICLES
                took.append((time.process_time_ns() - started) / 1e6)
            await w.close()
        finally:
            await cloud.stop()
    world.cache_clear()
    settings.cache_clear()
    return [Figure("look_cost", round(statistics.median(took)), "CPU ms a second", 300)]


async def _frames() -> list[Figure]:
    if CHROMIUM is None:
        print("console_frames: left out, as there is no Chromium")
        return []
    still, moving = sorted(await _turns("still")), sorted(await _turns("serve"))
    p95 = [frames[int(len(frames) * 0.95)] for frames in (still, moving)]
    slow = sum(frame for frame in moving if frame > 100) / sum(moving)
    return [
        Figure("console_frame_p50", round(statistics.median(moving), 1), "ms", 34),
        Figure("console_frame_p95", round(p95[1], 1), "ms"),
        Figure("console_frame_p95_over_still", round(p95[1] / p95[0], 2), "x", 4),
        Figure("console_time_in_slow_frames", round(100 * slow, 1), "% over 100 ms", 15),
    ]


async def _turns(how: str) -> list[float]:
    """The page's frames, with the fleet's whole map in view."""
    from playwright.async_api import async_playwright

    command = [sys.executable, "-m", "tests.bench.crowd", str(VEHICLES), how]
    crowd = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=subprocess.PIPE)
    assert crowd.stdout
    try:
        url = f"http://127.0.0.1:{int(await crowd.stdout.readline())}/console"
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
            page = await browser.new_page(viewport={"width": 1280, "height": 800})
            await page.add_init_script(SIGNED_IN)
            await page.goto(url)
            await page.locator(".row").first.wait_for()
            while not await page.evaluate("document.querySelector('.map')?.map?.loaded() ?? false"):
                await asyncio.sleep(0.1)
            await page.wait_for_timeout(5_000)
            frames: list[float] = await page.evaluate(FRAMES, SECONDS)
            await browser.close()
            return frames
    finally:
        crowd.kill()
        await crowd.wait()
