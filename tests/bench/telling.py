"""From a fact to an inbox; how fast queued deliveries drain, and in how much memory; and what a partner with bad
manners costs the others."""

import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil

from local.cloud import Cloud, Ports
from local.fleet.drives import Sample, rfc3339
from local.fleet.sender import fleet
from local.signin import BRAND
from shared.bootstrap import world
from shared.domain.garage import Member, Role
from shared.domain.inbox import Delivery, Item, delivery_id, endpoint_recipient, item_id
from shared.domain.kinds import Channel
from shared.domain.notification import Audience, Notification
from shared.domain.paths import STATE_OF_CHARGE
from shared.domain.person import PersonId
from shared.domain.profile import Consent
from shared.domain.vehicle import VehicleState
from shared.domain.webhooks import Endpoint
from shared.settings import settings
from shared.use_cases.everywhere import all_pages
from tests.bench.figures import Figure
from tests.examples import PROFILE
from tests.partners import Systems, systems

FACTS, SECONDS, WARM_UP = 50, 20, 4
"""A second; for how long; and for how long before."""
DRAINED = 10_000
TOLD, RATE = 300, 20
"""Events of each half of the comparison, and how many a second."""
PERSON = PersonId(BRAND, "user-bench")


async def telling() -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        cloud = Cloud(Path(folder), Ports.free())
        try:
            await cloud.start()
            os.environ.update(cloud.env)
            figures = [*await fact_to_inbox(cloud), *await manners(), *await drained(cloud)]
            await world().close()
        finally:
            await cloud.stop()
    world.cache_clear()
    settings.cache_clear()
    return figures


async def _vehicle(name: str, partner: str = "") -> None:
    consent = Consent(f"partner.{partner}", 1, True, "terms", 30, PERSON.user, 0)
    members = {PERSON.user: Member(Role.PRIMARY)} if not partner else {}
    agreed = {consent.purpose: consent} if partner else {}
    profile = replace(PROFILE, vehicle_id=name, vin=f"ZZZ{name}", members=members, consents=agreed)
    await world().profiles.register(profile, VehicleState(name, profile.policy()))


# ---- fact to inbox


async def fact_to_inbox(cloud: Cloud) -> list[Figure]:
    """Batteries that run low and are charged in turn, each confirmed by a second reading: half of the events are facts.
    Timed from when a vehicle sent it to when a reader of the store, who looks twenty times a second, sees it."""
    names = [f"BENCH{n:09}" for n in range(2 * FACTS)]
    for name in names:
        await _vehicle(name)
    seen, over = dict[str, tuple[int, float]](), asyncio.Event()
    warm_at = int((time.time() + WARM_UP) * 1000)
    watching = asyncio.create_task(_watch(seen, over))
    async with fleet(cloud.env["EVENTHUBS"]) as vehicles:
        started = time.monotonic()
        for second in range(WARM_UP + SECONDS):
            for number, name in enumerate(names):
                due = started + second + number / len(names)
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                low = (number + second) % 2 == 0
                now = datetime.now(UTC)
                soc: dict[str, Any] = {STATE_OF_CHARGE: 5.0 if low else 50.0}
                samples = [Sample(rfc3339(now - timedelta(milliseconds=ago)), soc) for ago in (1, 0)]
                await vehicles.send(name, [vehicles.message(name, samples)])
    deadline = time.monotonic() + 30
    while len(seen) < FACTS * (WARM_UP + SECONDS) and time.monotonic() < deadline:
        await asyncio.sleep(0.1)
    over.set()
    await watching
    cuts = statistics.quantiles([taken for at, taken in seen.values() if at >= warm_at], n=100)
    return [
        Figure("facts_in_inbox", len(seen), "facts", FACTS * (WARM_UP + SECONDS), "higher"),
        Figure("fact_to_inbox_p50", round(cuts[49]), "ms", 300),
        Figure("fact_to_inbox_p99", round(cuts[98]), "ms", 1_500),
    ]


async def _watch(seen: dict[str, tuple[int, float]], over: asyncio.Event) -> None:
    after = int(time.time() * 1000)
    while not over.is_set():
        found = await _since(after - 1_000)
        now = time.time() * 1000
        for item in found:
            seen.setdefault(item.id, (item.notification.at, now - item.notification.at))
        after = max([after, *(item.planned_at for item in found)])
        await asyncio.sleep(0.05)


async def _since(after: int) -> Sequence[Item]:
    return await all_pages(lambda cursor: world().inbox.since(PERSON, after, cursor))


# ---- partners


async def _endpoint(brand: str, name: str, url: str, partner: str = "p") -> None:
    made = Endpoint(name, brand, partner, url, frozenset(), int(time.time() * 1000))
    await world().endpoints.commit(made, None)


async def manners() -> list[Figure]:
    """The 99th percentile of three partners' waits for their events: beside three that hang, drip and fail, over that
    in calm. Each half has a brand of its own, and both run twice, in turn."""
    calm, rough = list[float](), list[float]()
    async with systems() as found:
        await _partners(found, "warm-up", False)
        await _waits(found, "warm-up")
        for turn in range(2):
            for kind, waits in (("calm", calm), ("rough", rough)):
                brand = f"{kind}-{turn}"
                await _partners(found, brand, kind == "rough")
                waits += await _waits(found, brand)
    p99 = [statistics.quantiles(waits, n=100)[98] * 1000 for waits in (calm, rough)]
    return [
        Figure("webhook_p99_calm", round(p99[0], 1), "ms"),
        Figure("webhook_p99_beside_bad_manners", round(p99[1] / p99[0], 2), "x calm", 2),
    ]


async def _partners(found: Systems, brand: str, rough: bool) -> None:
    consent = Consent("partner.p", 1, True, "terms", 30, PERSON.user, 0)
    profile = replace(PROFILE, vehicle_id=f"veh-{brand}", brand=brand, members={}, consents={"partner.p": consent})
    await world().profiles.register(profile, VehicleState(profile.vehicle_id, profile.policy()))
    for number in range(3):
        await _endpoint(brand, f"whe-{brand}-{number}", f"{found.url}/{brand}/{number}")
    for name in ("hang", "drip", "fail") if rough else ():
        await _endpoint(brand, f"whe-{brand}-{name}", f"{found.url}/{name}")


async def _waits(found: Systems, brand: str) -> list[float]:
    sent, vehicle = dict[str, float](), f"veh-{brand}"
    keys = dict[str, str]()
    for number in range(TOLD):
        now = int(time.time() * 1000)
        told = Notification.of_fact(f"{number}", "geofence_entered", vehicle, brand, now, {"rule": "x"}, None)
        await asyncio.sleep(1 / RATE)
        sent[told.id] = time.monotonic()
        for endpoint in range(3):
            recipient = endpoint_recipient(brand, f"whe-{brand}-{endpoint}", now)
            keys[delivery_id(item_id(told.id, recipient), Channel.WEBHOOK)] = told.id
        await world().notifications.send(told)
    deadline = time.monotonic() + 60
    while (arrived := _arrived(found, brand)) and len(arrived) < 3 * TOLD and time.monotonic() < deadline:
        await asyncio.sleep(0.05)
    assert len(arrived) == 3 * TOLD, f"{len(arrived)} of {3 * TOLD} arrived"
    return [at - sent[keys[key]] for key, at in arrived]


def _arrived(found: Systems, brand: str) -> list[tuple[str, float]]:
    taken = [one for path, all in found.taken.items() if path.startswith(f"/{brand}/") for one in all]
    return [(one.headers["webhook-id"], one.at) for one in taken] or [("", 0)]


# ---- draining


async def drained(cloud: Cloud) -> list[Figure]:
    """Ten thousand deliveries that wait on the queue, to one partner whose system is well. Memory is the function
    app's: after the last tenth over after the first."""
    brand, name, now = "drain", "whe-drain", int(time.time() * 1000)
    async with systems() as found:
        audience = frozenset({Audience.PARTNERS})
        items = list[Item]()
        for number in range(DRAINED):
            told = Notification(f"n-{number}", "test", "", brand, now, {"number": number}, None, audience)
            recipient = endpoint_recipient(brand, name, now)
            made = {Channel.WEBHOOK: Delivery(not_before=now)}
            items.append(Item(item_id(told.id, recipient), recipient, told, now, deliveries=made))
        await _many(items, world().inbox.put)
        turns = [turn for item in items for turn in item.turns()]
        await _endpoint(brand, name, f"{found.url}/drain")
        host, used, started = psutil.Process(cloud.parts["host"].pid), list[int](), time.monotonic()
        await world().deliveries.send(turns)
        for tenth in range(1, 11):
            while len(found.taken.get("/drain", [])) < DRAINED * tenth // 10:
                await asyncio.sleep(0.05)
            used.append(host.memory_info().rss)
        rate = DRAINED / (time.monotonic() - started)
        assert len({one.headers["webhook-id"] for one in found.taken["/drain"]}) == DRAINED
    return [
        Figure("deliveries_drained", round(rate), "a second"),
        Figure("memory_while_draining", round(used[-1] / used[0], 3), "x its start", 1.1),
    ]


async def _many(items: list[Item], step: Callable[[Item], Awaitable[object]]) -> None:
    for start in range(0, len(items), 32):
        await asyncio.gather(*(step(item) for item in items[start : start + 32]))
