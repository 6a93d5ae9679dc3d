"""The largest documents that our limits allow, made with the product's own steps until they refuse one more."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec

from shared.adapters.languages import ROOM
from shared.adapters.templates import LINE
from shared.adapters.templates import LONGEST as LONGEST_SOURCE
from shared.codec.shapes import MOST_SAMPLES
from shared.codec.signals import shipped, vocabulary
from shared.codec.telemetry import TYPE, Decoder
from shared.domain import ownership
from shared.domain.audit import LONGEST as LONGEST_DETAIL
from shared.domain.audit import Access, Tally
from shared.domain.catalog import (
    FEATURES,
    LARGEST_CATALOG,
    LARGEST_CONFIG,
    PLANS,
    Catalog,
    Data,
    Feature,
    Kind,
    Needs,
    Plan,
    require_plan_size,
)
from shared.domain.charges import PAUSES, Charge
from shared.domain.clearing import CLEARINGS, Clearing
from shared.domain.clock_offset import ClockOffset
from shared.domain.conditions import Geofence, TroubleCode
from shared.domain.document_size import json_size
from shared.domain.episodes import MOST_SUBJECTS
from shared.domain.folding import fold
from shared.domain.garage import Code as ClaimCode
from shared.domain.garage import Member, Membership, Role
from shared.domain.geo import Place, Polygon
from shared.domain.inbox import ATTEMPTS_KEPT, Attempt, Delivery, Item, Outcome
from shared.domain.kinds import KINDS, Channel
from shared.domain.notification import Audience, Notification
from shared.domain.ownership import BORDERS
from shared.domain.paths import TROUBLE_CODES
from shared.domain.person import (
    ENDED_KEPT,
    EXPORTS,
    PERIODS,
    TOLD_OF,
    VEHICLES,
    Contact,
    Erasure,
    Export,
    Lease,
    Owned,
    Person,
    PersonId,
)
from shared.domain.policy import Mode
from shared.domain.preferences import KINDS_SAID, Preferences, Quiet
from shared.domain.principal import Kind as CallerKind
from shared.domain.profile import OWED, SWITCHED_OFF, Consent, Profile, Request, consented, remembering
from shared.domain.rules import CORNERS, OWN_RULES, Book, Episode, Rule
from shared.domain.sales import TRIALS, bought, granted
from shared.domain.signals import Release
from shared.domain.size import Room
from shared.domain.span import Span
from shared.domain.subscription import Grant
from shared.domain.telemetry import Event, Position, Value
from shared.domain.track import SPANS, Track
from shared.domain.trips import POINTS, Trip
from shared.domain.vehicle import Connection, Gaps, Reading, VehicleState
from shared.domain.webhooks import Endpoint
from shared.errors import Contradiction
from shared.use_cases.batch_budget import SLICE
from tests.examples import NOON, PROFILE

FACE = "\N{GRINNING FACE}"
"""Twelve bytes as an escape of JSON."""
NAME = FACE * 100
"""The longest name."""
BRAND = "b" * 64
VEHICLE = "v" * 64
DEGREES = -123.45678901234567


def id(number: int, kind: str = "id") -> str:
    """The longest id: 64 characters."""
    return f"{kind}-{number:05}-".ljust(64, "x")


def user(number: int) -> str:
    """The longest id of a person: 128 characters."""
    return f"user-{number:05}-".ljust(128, "x")


def until_refused[T](value: T, step: Callable[[T, int], T], most: int = 2_000) -> T:
    """What the steps make of it until one is refused."""
    for number in range(most):
        try:
            value = step(value, number)
        except Contradiction:
            return value
    raise AssertionError(f"{most} were taken")


# ---- what a brand sells


def config() -> dict[str, Any]:
    return {"text": "x" * (LARGEST_CONFIG - len('{"text": ""}') - 4)}


def catalog() -> Catalog:
    """Features with the largest configs, then plans, until the catalogue is full."""
    needs = Needs(frozenset(Role), True, True, frozenset({"c" * 64}), frozenset({"r" * 64}), frozenset({"h" * 64}))

    def add_feature(found: Catalog, number: int) -> Catalog:
        feature = Feature(id(number), NAME, Kind.STATIC, config(), needs, frozenset(Data))
        if number == FEATURES or json_size(found) > LARGEST_CATALOG * 0.7:
            raise Contradiction
        return found.with_feature(feature).over(found)

    def add_plan(found: Catalog, number: int) -> Catalog:
        own = plan(number, found)
        if number == PLANS:
            raise Contradiction
        return found.with_plan(own).over(found)

    return until_refused(until_refused(Catalog(BRAND), add_feature), add_plan)


def plan(number: int, known: Catalog) -> Plan:
    """As many features as a plan takes: with configs of their own and without."""

    names = list(known.features)

    def add(found: Plan, at: int) -> Plan:
        after = replace(found, features={**found.features, names[at]: {"n": at}})
        require_plan_size(known.sold(after))
        return after

    return until_refused(Plan(id(number, "plan"), {}, "P1M", NAME, 10**8, "EUR", 365, 90, 10**6), add)


# ---- vehicles and people


def profile() -> Profile:
    sold = catalog()
    made = replace(
        PROFILE,
        vehicle_id=VEHICLE,
        brand=BRAND,
        region="r" * 64,
        model=NAME,
        capabilities=frozenset(id(n, "built") for n in range(200)),
        members={user(0): Member(Role.PRIMARY, NOON)},
        off=frozenset(id(n, "off") for n in range(SWITCHED_OFF)),
        tried=frozenset(id(n, "plan") for n in range(TRIALS)),
        owned_since=NOON,
        rules=10**9,
        code=ClaimCode("d" * 64, NOON, transfers=True, tries=5),
        revision=10**9,
    )
    plans = list(sold.plans.values())

    def buy(found: Profile, number: int) -> Profile:
        own = sold.sold(replace(plans[number % len(plans)], id=id(number, "plan")))
        after = bought(found, own, id(number, "sub"), NOON, NOON, "user")
        return replace(after, fresh=(), beside=(0, 0))

    def give(found: Profile, number: int) -> Profile:
        grant = Grant(id(number, "grant"), id(number), config(), NOON, NOON + 10**12)
        return replace(granted(found, grant, NOON, "operator"), fresh=(), beside=(0, 0))

    def agree(found: Profile, number: int) -> Profile:
        return consented(found, Consent(id(number), 0, True, NAME, 365, user(0), NOON))[0]

    made = until_refused(until_refused(until_refused(made, buy), give), agree)
    made, _ = consented(made, Consent("history", 0, True, NAME, 365, user(0), NOON))
    steps = tuple(Clearing(NOON, NOON, 365, NOON, NOON, True) for _ in range(CLEARINGS))
    made = replace(until_refused(made, _guest), history_from=NOON, clearing=steps)
    for number in range(200):
        times = NOON + 10 * number, NOON + 10 * number + 5, NOON
        made = replace(made, privacy=made.privacy.changed(Mode.NO_POSITION, *times))
        made = remembering(made, Request(f"{number:064}", "d" * 32, VEHICLE))
    clearing = tuple(Clearing(NOON, NOON, 365, NOON, NOON, True) for _ in range(CLEARINGS))
    made = replace(made, borders=(NOON,) * BORDERS, clearing=clearing, history_from=NOON, due=NOON)
    return owing(made, OWED + len(made.members) * 3)


def _guest(found: Profile, number: int) -> Profile:
    features = frozenset(id(n) for n in range(100))
    guest = Member(Role.GUEST, NOON, NOON, NOON + 10**12, features)
    after = ownership.invited(found, id(number, "inv"), guest, f"{number:064}", NOON)
    accepted = ownership.accepted(after, user(number + 1), f"{number:064}", NOON)
    assert accepted is not None
    return replace(accepted, outbox=())


def owing(made: Profile, entries: int) -> Profile:
    """With so much that is not handed on yet."""
    facts: dict[str, Value] = {"subscription": id(0, "sub"), "plan": id(0, "plan"), "term": 10_000}
    for number in range(entries):
        made = made.telling(f"{number}", "payment_failed", NOON, facts, user(0), user(1))
    return made


def person() -> Person:
    """With access to as many vehicles as there may be, and all that is remembered besides."""
    whose = PersonId(BRAND, user(0))
    active = {id(n): Membership(id(n), user(0), Role.SECONDARY, 10**9) for n in range(VEHICLES)}
    found = Person(whose, memberships=active)
    for number in range(ENDED_KEPT + 10):
        news = Membership(id(number, "old"), user(0), None, 10**9, (NOON, NOON))
        found = found.following(news)
    items = tuple((f"{n:036}", NOON) for n in range(TOLD_OF // len(KINDS)))
    for number in range(100):
        found = replace(found, requests=(*found.requests, Request(f"{number:064}", "d" * 32, id(number)))[-32:])
        found = found.asking(Export(f"exp-{number:032}", NOON), NOON)
    assert len(found.exports) <= EXPORTS
    return replace(
        found,
        owned=tuple(Owned(id(n), NOON, NOON) for n in range(PERIODS)),
        archived=(Owned(id(PERIODS), NOON, NOON),),
        lease=Lease("r" * 36, NOON),
        erasure=Erasure(NOON, True, NOON),
        preferences=preferences(),
        contact=Contact("e" * 254, NOON, NOON, 5, "e" * 254),
        told=dict.fromkeys(KINDS, items),
        digest_due=NOON,
        waiting=10**9,
    )


def preferences() -> Preferences:
    channels = {id(n): dict.fromkeys((Channel.INBOX, Channel.EMAIL, Channel.PUSH), False) for n in range(KINDS_SAID)}
    return Preferences("zho-Hant-TW", "z" * 64, Quiet(1439, 1439), 1439, channels, 200)


def fences() -> tuple[Rule, ...]:
    """As many rules as a vehicle, or a brand, has, all of the largest kind."""
    corners = Polygon(tuple(Place(DEGREES / 2 - n / 10**12, DEGREES + n / 10**12) for n in range(CORNERS)))
    both = frozenset({"enter", "exit"})
    return tuple(Geofence(id=id(n), on=both, shape=corners, drawn_at=NOON) for n in range(OWN_RULES))


# ---- what is told


def notification() -> Notification:
    facts: dict[str, Any] = {"code": FACE * 256, "text": NAME, "rule": id(0), "since": NOON, "name": id(1)}
    people = tuple(user(n) for n in range(21))
    return Notification(
        "n" * 36, "k" * 40, VEHICLE, BRAND, NOON, facts, "t" * 55, frozenset(Audience), people, collapse="c" * 130
    )


def item() -> Item:
    attempts = tuple(Attempt(NOON, NOON, "retrying", "r" * 230) for _ in range(ATTEMPTS_KEPT))
    deliveries = {c: Delivery(Outcome.RETRYING, NOON, 10**6, 10, attempts, "r" * 230) for c in Channel}
    words = FACE * LINE, FACE * (LONGEST_SOURCE + ROOM)
    return Item("i" * 36, PersonId(BRAND, user(0)), notification(), NOON, *words, False, NOON, NOON, NOON, deliveries)


def endpoint() -> Endpoint:
    kinds = frozenset(id(n) for n in range(100))
    requests = (Request("k" * 64, "d" * 32, id(0)),)
    return Endpoint(id(0), BRAND, id(1), "u" * 2_000, kinds, NOON, False, "r" * 100, 10**6, NOON, NOON, requests, NOON)


def templates() -> dict[tuple[str, Channel, str], dict[str, str]]:
    """Of which a brand may have one more: the sum is held to its limit where they are published."""
    return {("k" * 40, Channel.EMAIL, "de-AT"): dict.fromkeys(("subject", "text", "html"), FACE * LONGEST_SOURCE)}


# ---- what is kept of what was


def trip() -> Trip:
    line = tuple(Place(DEGREES / 2, DEGREES) for _ in range(POINTS))
    ends = 99.12345678901234, 1.1234567890123456
    return Trip(f"trip-{NOON}", VEHICLE, Span(NOON, NOON), 1.1234567890123456, "position", ends, *ends, line, 10**9)


def charge() -> Charge:
    pauses = tuple(Span(NOON, NOON) for _ in range(PAUSES))
    return Charge(f"charge-{NOON}", VEHICLE, Span(NOON, NOON), (1.1234567890123456, 99.1), 1.1, pauses)


def access() -> Access:
    return Access("i" * 36, BRAND, NOON, "w" * 128, "w" * 40, "w" * LONGEST_DETAIL, "w" * LONGEST_DETAIL)


def tally() -> Tally:
    return Tally(BRAND, "2026-11-22", CallerKind.OPERATOR, "w" * 128, "w" * 40, 10**9, 10**9)


# ---- what a vehicle is known to be


def resting_state() -> VehicleState:
    """With all the readings that a state takes, and as many trouble codes as are followed."""
    first: dict[str, Value] = dict.fromkeys(numeric(), 1.5) | {TROUBLE_CODES: codes_of(0)}
    signals = {path: Reading(value, NOON - 1) for path, value in first.items()}
    room = Room(signals)
    for number in range(5_000):
        path = f"Vehicle.{number:04}".ljust(64, "x")
        if not room.takes(path, DEGREES):
            break
        signals[path] = Reading(DEGREES, NOON)
    codes = {f"{id(0)}/{FACE * 128}{n:04}": Episode(NOON, True, NOON) for n in range(MOST_SUBJECTS)}
    rules = {id(n): Episode(NOON, True, NOON) for n in range(2 * OWN_RULES)}
    known = VehicleState(VEHICLE, profile().policy(), signals=signals, episodes=codes | rules)
    spans = tuple(Span(NOON, NOON) for _ in range(SPANS))
    track = Track(journey=Span(NOON, NOON), charge=Span(NOON, NOON), outdated=spans, charged_from=DEGREES)
    connection = Connection(True, NOON, "0" * 36)
    generation = "g" * 36
    known = replace(known, track=track, connection=connection, generation=generation, suspect=generation)
    gaps, clock = Gaps(10**9, 10**9), ClockOffset(NOON, 10**9, 10**9, 10**9)
    return replace(known, gaps=gaps, clock=clock, revision=10**9, due=NOON, owed=NOON)


def state() -> VehicleState:
    """The same once one slice of hostile messages was taken in, and nothing of it is handed on yet."""
    before, decode, size = replace(resting_state(), suspect=None), Decoder(vocabulary(Release())).decode, 0
    policy = replace(PROFILE, vehicle_id=VEHICLE).policy()
    events, paths = list[Event](), sorted(numeric(), key=len)[:SPARSE]
    while size < SLICE:
        body = hostile(len(events), paths)
        size += len(body)
        arrived = NOON + len(events)
        events.append(Event(decode(VEHICLE, body, arrived), arrived, Position(len(events), arrived)))
    codes = tuple(TroubleCode(id=id(n), on=frozenset({"enter", "exit"})) for n in range(4))
    after, _ = fold(replace(before, policy=policy, episodes={}), events[:-1], Book.of(codes))
    return replace(
        after,
        policy=before.policy,
        episodes={**before.episodes, **after.episodes},
        suspect="g" * 36,
        clock=before.clock,
    )


SPARSE = 60
"""Signals of the hostile messages: a row of a chunk has a place for each that was reported before."""


def numeric() -> list[str]:
    return [path for path, leaf in shipped().items() if leaf.datatype in ("float", "double", "uint16", "uint8")]


def codes_of(number: int) -> list[str]:
    return [f"{FACE * 20}{number:03}{n:03}" for n in range(64)]


def hostile(number: int, paths: list[str]) -> bytes:
    """As many samples as a message takes, with one reading each, and as many trouble codes as fit."""
    samples: list[dict[str, Any]] = [{"signals": {TROUBLE_CODES: codes_of(number)} | dict.fromkeys(paths, 1)}]
    samples += [{"signals": {paths[n % len(paths)]: n % 2}} for n in range(MOST_SAMPLES - 1)]
    for at, sample in enumerate(samples):
        sample["time"] = f"2026-11-22T12:00:{number % 60:02}.{at:03}Z"
    message = {"specversion": "1.0", "id": "m", "source": f"/vehicles/{VEHICLE}", "type": TYPE}
    return msgspec.json.encode(message | {"sequence": f"{number + 1}", "data": {"samples": samples}})
