"""A thousand planted VINs, positions, addresses and tokens: none is seen where it has no business to be."""

import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from functions import (
    deliveries,
    entitlements,
    garage,
    inbox,
    notifications,
    parked,
    telemetry,
    telling,
    vehicles,
    webhooks,
)
from functions.http import ROUTES
from shared.codec import messages
from shared.codec.trails import webhook_body
from shared.domain.garage import Member, Role
from shared.domain.inbox import Outcome, Reply
from shared.domain.notification import Notification
from shared.domain.person import Contact, Person, PersonId
from shared.domain.principal import Kind, Principal
from shared.errors import Unavailable
from tests.examples import BRAND, NOON, PROFILE, VEHICLE, cloud_event, encoded
from tests.functions.conftest import Answer, ask
from tests.functions.test_authorisation import handler
from tests.functions.test_events import message, received
from tests.memory import MemoryWorld
from tests.stores import stored

MARKS = 250
"""Of each of four sorts."""


def vin(number: int) -> str:
    return f"ZZZPLANTED{number:07}"


def latitude(number: int) -> float:
    return round(48.1 + number / 10**7 + 1 / 10**8, 8)


def address(number: int) -> str:
    return f"planted{number:04}@aurora.example"


def token(number: int) -> str:
    return f"planted-token-{number:04}"


class Seen:
    """Everything that is logged, traced or answered as a problem."""

    def __init__(self) -> None:
        self.spans = InMemorySpanExporter()
        self.records: list[logging.LogRecord] = []
        self.problems: list[str] = []

    async def ask(self, *args: Any, **kwargs: Any) -> Answer:
        answer = await ask(*args, **kwargs)
        if answer.status >= 400:
            self.problems.append(json.dumps(answer.body) + json.dumps(answer.headers))
        return answer

    def texts(self) -> str:
        form = logging.Formatter()
        logged = [form.format(record) for record in self.records]
        traced = [span.to_json() for span in self.spans.get_finished_spans()]
        return "\n".join([*logged, *traced, *self.problems])


class _Keep(logging.Handler):
    def __init__(self, seen: Seen) -> None:
        super().__init__(logging.DEBUG)
        self._seen = seen

    def emit(self, record: logging.LogRecord) -> None:
        self._seen.records.append(record)


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Iterator[Seen]:
    found, provider, root = Seen(), TracerProvider(), logging.getLogger()
    provider.add_span_processor(SimpleSpanProcessor(found.spans))
    monkeypatch.setattr(trace, "get_tracer", lambda name: provider.get_tracer(name))
    keep, level = _Keep(found), root.level
    root.addHandler(keep)
    root.setLevel(logging.DEBUG)
    yield found
    root.removeHandler(keep)
    root.setLevel(level)


def marks() -> list[str]:
    found = [vin(n) for n in range(MARKS)] + [address(n) for n in range(MARKS)] + [token(n) for n in range(MARKS)]
    return found + [f"{latitude(n):.8f}" for n in range(MARKS)]


async def test_no_planted_mark_is_in_a_log_a_span_or_a_problem(
    world: MemoryWorld, seen: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(MARKS):
        await _live(world, seen, number)
    assert kept(world) == ALLOWED
    await _break(world, seen, monkeypatch)
    texts = seen.texts()
    assert len(set(marks())) == 4 * MARKS == 1_000
    assert all(f"{latitude(n):.8f}" in json.dumps(latitude(n)) for n in range(MARKS)), "as it would be written"
    assert len(seen.problems) > 3 * MARKS
    assert "plan notification" in texts
    assert "a defect in" in texts
    assert [mark for mark in marks() if mark in texts] == []


ALLOWED = {
    "vehicles": {"vin", "position"},
    "vins": {"vin"},
    "people": {"address"},
    "inbox": {"position"},
    "parked": {"vin", "position", "address"},
    "audit": {"token"},
}
"""Which sorts of marks are stored where, and none in a store that is not named here. What an operator names as an id in
a path is on record: here that is a token."""


def kept(world: MemoryWorld) -> dict[str, set[str]]:
    """Which sorts of marks each store holds, of all that the topology names."""
    sorts: dict[str, Callable[[int], str]] = {"vin": vin, "address": address, "token": token}
    sorts["position"] = lambda number: f"{latitude(number):.8f}"
    texts = stored(world)
    found = {
        name: {s for s, mark in sorts.items() if mark(7) in text or mark(8) in text} for name, text in texts.items()
    }
    return {name: sorts for name, sorts in found.items() if sorts}


async def _live(world: MemoryWorld, seen: Seen, number: int) -> None:
    """One vehicle and person, with everything that goes wrong on the way."""
    user, body = token(number), {"region": "eu", "model": "Polar", "modelYear": 2026}
    world.tokens.held[user] = Principal(f"user-{number}", BRAND, Kind.USER)
    register = body | {"vin": vin(number), "roles": {f"user-{number}": "primary"}}
    vehicle = (await seen.ask(vehicles.register_vehicle, body=register)).body["id"]
    assert (await seen.ask(vehicles.register_vehicle, body=register)).code == "vin_in_use"
    for wrong in ({"vin": vin(number) + "0"}, {"vin": [vin(number)]}, {"vin": vin(number), "modelYear": vin(number)}):
        await seen.ask(vehicles.register_vehicle, body=body | wrong)
    await seen.ask(garage.claim_vehicle, user, {"vin": vin(number), "code": token(number)})
    await seen.ask(garage.accept_invitation, user, {"token": f"{vehicle}.{token(number)}"})
    await seen.ask(vehicles.read_vehicle, "not-" + token(number), vehicle_id=vehicle)
    await seen.ask(entitlements.check_entitlements, user, {"vehicleId": vin(number), "features": ["x"]})
    await seen.ask(inbox.read_inbox, user, query={"cursor": token(number), "limit": vin(number)})
    await seen.ask(inbox.read_inbox, user, query={"after": address(number)})
    for email in (address(number), f"{address(number)} <x>"):
        await seen.ask(telling.put_contact, user, {"email": email})
        await seen.ask(telling.put_contact, user, {"email": email})
        await seen.ask(telling.put_contact, user, {"email": email, "code": "WRONG"})
    await seen.ask(telling.unsubscribe, None, sealed=token(number))
    await seen.ask(webhooks.make_webhook, body={"url": f"https://{address(number)}/{token(number)}", "partner": "p"})
    await seen.ask(webhooks.read_dead_letter, letter_id=token(number))
    await seen.ask(parked.read_parked, name=token(number))
    await _send(world, number, vehicle)
    await _tell(world, seen, number, vehicle)


async def _send(world: MemoryWorld, number: int, vehicle: str) -> None:
    """A position as it should be, and in ways that are parked."""
    good = {"time": "2026-11-22T12:00:00Z", "signals": {"Vehicle.CurrentLocation.Latitude": latitude(number)}}
    bad = [{"time": vin(number), "signals": good["signals"]}, {"time": good["time"], "signals": vin(number)}]
    for position, samples in enumerate(([good], *([one] for one in bad))):
        content = cloud_event(source=f"/vehicles/{vehicle}", sequence=str(position + 1), data={"samples": samples})
        await telemetry.ingest_telemetry([received(10 * number + position, encoded(content), vehicle)])
    await telemetry.ingest_telemetry([received(10 * number + 9, f'{{"vin": "{vin(number)}"'.encode(), vehicle)])


async def _tell(world: MemoryWorld, seen: Seen, number: int, vehicle: str) -> None:
    """A fence with a position, by mail that fails with words of its own, and by broken messages."""
    id = PersonId(BRAND, f"user-{number}")
    held = world.people.shelf.held.get(str(id))
    person = Person(id, contact=Contact(address(number), NOON, NOON))
    world.people.shelf.commit(str(id), person, held.version if held else None)
    facts: dict[str, Any] = {"rule": "fence", "Vehicle.CurrentLocation.Latitude": latitude(number)}
    told = Notification(f"n-{number}", "moving_while_off", vehicle, BRAND, NOON, facts)
    world.mailer.replies = [Reply(Outcome.FAILED, "smtp 550 5.1.1")] if number % 2 else []
    world.deliveries.sent.clear()
    await notifications.plan_notification(message(messages.encode_notification(told, 0)))
    for turn, _, _ in [*world.deliveries.sent]:
        await deliveries.deliver_notification(message(messages.encode_turn(turn, 0)))
    await notifications.plan_notification(message(f'{{"schema": "{vin(number)}", "x": "{address(number)}"}}'.encode()))
    assert (await seen.ask(inbox.read_trail, "ben", notification_id=told.id)).status == 404
    trail = json.dumps((await ask(inbox.read_trail, notification_id=told.id)).body)
    assert not any(mark(number) in trail for mark in (vin, address, token))
    assert f"{latitude(number):.8f}" not in trail


async def _break(world: MemoryWorld, seen: Seen, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stores that fail with words of their own, and defects, on every route and queue."""
    said = " ".join(marks())
    for error in (Unavailable("vehicle: ServiceRequestError"), KeyError(said), ValueError(said)):

        async def broken(*_: object, error: Exception = error, **__: object) -> Any:
            raise error

        with monkeypatch.context() as away:
            for port in (world.profiles, world.people, world.inbox, world.endpoints, world.states, world.parking):
                for name in ("load", "commit", "list", "put", "all", "failed", "read", "park"):
                    if hasattr(port, name):
                        away.setattr(port, name, broken)
            for route in ROUTES:
                await seen.ask(handler(route), "ada", {}, vehicle_id=VEHICLE, item_id="x", endpoint_id="x", name="x")
            told = Notification("n", "battery_low", VEHICLE, BRAND, NOON, {"x": said})
            for attempt in (0, 19):
                try:
                    await notifications.plan_notification(message(messages.encode_notification(told, attempt)))
                except Exception as raised:
                    logging.getLogger("host").error("Exception", exc_info=raised)


async def test_what_a_partner_is_sent_names_no_person_and_no_vin(world: MemoryWorld) -> None:
    told = Notification("n", "battery_low", VEHICLE, BRAND, NOON, {"x": 1}, None, named=("user-ada",))
    assert PROFILE.members == {"user-ada": Member(Role.PRIMARY)}
    assert not any(word in webhook_body(told) for word in ("user-ada", PROFILE.vin, "Polar"))
