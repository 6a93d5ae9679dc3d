"""No document grows until nothing can be done with it any more; and what protects people works however full it is."""

import ast
import inspect
import json
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

import shared.adapters.cosmos
from functions import catalog, garage, people, privacy, rules, sales, telling, vehicles
from shared.adapters.cosmos.brands import (
    CosmosBrands,
    CosmosCatalogs,
    CosmosRules,
    CosmosVocabularies,
    CosmosWordings,
    Said,
)
from shared.adapters.cosmos.histories import CosmosHistories
from shared.adapters.cosmos.inbox import CosmosInbox
from shared.adapters.cosmos.people import CosmosPeople
from shared.adapters.cosmos.records import CosmosAudit, CosmosLedgers
from shared.adapters.cosmos.vehicles import CosmosProfiles, CosmosStates
from shared.adapters.cosmos.webhooks import CosmosEndpoints
from shared.codec.documents import profile_document
from shared.codec.signals import vocabulary
from shared.codec.states import state_document
from shared.codec.telemetry import LONGEST_TRACE, Decoder
from shared.domain.catalog import LARGEST_CATALOG, LARGEST_CONFIG, LARGEST_PLAN, Catalog, Feature, Kind, Plan
from shared.domain.charges import PAUSES, charges
from shared.domain.document_size import LARGEST, json_size
from shared.domain.freshness import Thresholds
from shared.domain.garage import Invitation, Member, Membership, Role, digest_of
from shared.domain.history import Chunk
from shared.domain.ledger import Ledger
from shared.domain.paths import IS_CHARGING
from shared.domain.period import DAY
from shared.domain.person import TOLD_OF, VEHICLES, Person, PersonId
from shared.domain.policy import Mode
from shared.domain.profile import DOCUMENTS_A_DAY, HISTORY, OWED, PURPOSES, SWITCHED_OFF, Consent, Profile, consented
from shared.domain.sales import SUBSCRIPTIONS, TRIALS, bought
from shared.domain.signals import LEAVES, Leaf, Release
from shared.domain.subscription import Subscription
from shared.domain.telemetry import Position, Sample
from shared.domain.trip_settings import TripSettings
from shared.errors import Code, Contradiction, Malformed, Refused, Unavailable
from shared.ports import Versioned
from shared.topology import topology
from shared.use_cases import brands
from shared.use_cases.brands import LARGEST_SIGNALS, LARGEST_TEXTS
from shared.use_cases.wording import LARGEST_TEMPLATES
from tests.attacks import largest
from tests.examples import BRAND, CATALOG, NOON, PROFILE, VEHICLE, cloud_event, encoded
from tests.functions.conftest import ask
from tests.functions.test_authorisation import BODIES
from tests.memory import MemoryWorld

STORE_TAKES = 2 * 1024 * 1024
"""Bytes of a document, and of what is written together."""


def stored_size(document: Any) -> int:
    """Bytes of a document as the SDK sends it."""
    return len(json.dumps(msgspec.to_builtins(document), separators=(",", ":")))


# ---- the largest of each


@dataclass
class Container:
    """Stands where the SDK's container does, and remembers what is written."""

    name: str
    written: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    batches: list[int] = field(default_factory=list)

    def _keep(self, document: Mapping[str, Any]) -> "Container":
        self.written[f"{self.name}/{document['id']}"] = document
        return self

    def get_response_headers(self) -> dict[str, str]:
        return {"etag": "1"}

    async def create_item(self, document: Mapping[str, Any]) -> "Container":
        return self._keep(document)

    upsert_item = create_item

    async def replace_item(self, id: str, document: Mapping[str, Any], **_: Any) -> "Container":
        return self._keep(document)

    async def delete_item(self, id: str, partition: Any) -> None:
        return None

    async def execute_item_batch(self, operations: Sequence[Any], partition: Any) -> list[dict[str, str]]:
        self.batches.append(sum(stored_size(arguments[-1]) for _, arguments, *_ in operations))
        for _, arguments, *_ in operations:
            self._keep(arguments[-1])
        return [{"eTag": "1"} for _ in operations]


async def _everything() -> dict[str, Container]:
    """Every kind of document that the adapters write, as large as it may be."""
    found: dict[str, Any] = {c.name: Container(c.name) for c in topology().cosmos.containers}
    profiles, profile = CosmosProfiles(found["vehicles"], found["vins"]), largest.profile()
    consent = Consent("p" * 64, 10**6, True, largest.NAME, 365, largest.user(0), NOON)
    await profiles.claim_vin("V" * 17, largest.VEHICLE)
    booked = replace(profile.booked("s" * 64, "changing", NOON, "operator", plan="p" * 64, ends=NOON))
    await profiles.change(Versioned(booked, "1"), None, consent)
    state = replace(largest.resting_state(), policy=profile.policy())
    await profiles.change(Versioned(profile, "1"), Versioned(state, "1"), largest.fences())
    await CosmosStates(found["vehicles"]).commit(largest.state(), "1")
    await CosmosPeople(found["people"]).commit(largest.person(), "1")
    await CosmosInbox(found["inbox"]).put(largest.item())
    await CosmosEndpoints(found["webhooks"], lambda: 0.0).commit(largest.endpoint(), "1")
    histories = CosmosHistories(found["history"], lambda: NOON)
    for chunk in (entry for entry in largest.state().outbox if isinstance(entry, Chunk)):
        await histories.put(chunk)
    await histories.put_derived(largest.trip(), 366)
    await histories.put_derived(largest.charge(), 366)
    counts = {code.value: 10**15 for code in Code}
    ledger = Ledger("l" * 40, Position(10**15, NOON, "9"), 10**15, counts, counts)
    await CosmosLedgers(found["ledger"]).commit(ledger, "1")
    await CosmosAudit(found["audit"]).record(largest.access())
    await CosmosAudit(found["audit"]).commit_tally(largest.tally(), "1")
    await _of_brands(found["catalog"], found["vehicles"])
    return found


async def _of_brands(container: Any, vehicles: Any) -> None:
    said = Said(container, lambda: 0.0)
    await CosmosCatalogs(said).commit(largest.catalog(), "1")
    settings = CosmosBrands(said)
    await settings.put_thresholds(BRAND, Thresholds(604_800, 31_536_000))
    await settings.put_trip_settings(BRAND, TripSettings(100_000.0, 86_400))
    await settings.put_telling(BRAND, largest.preferences())
    await settings.put_trouble_codes(BRAND, filled(LARGEST_TEXTS, largest.NAME))
    await CosmosRules(said, vehicles).put_defaults(BRAND, largest.fences(), "1")
    sources = largest.FACE * 800
    many = {("k" * 40, channel, f"{n:05}"): {"title": sources} for n, channel in enumerate(list("x" * 93))}
    assert LARGEST_TEMPLATES * 0.98 < sum(json_size([*key, parts]) for key, parts in many.items()) <= LARGEST_TEMPLATES
    await CosmosWordings(said).commit(BRAND, many, "1")  # type: ignore[arg-type]
    leaves = {path: Leaf("string", unit, None, None, (), None) for path, unit in filled(320_000, "u" * 60).items()}
    release = Release(leaves, dict(leaves))
    assert LARGEST_SIGNALS * 0.9 < json_size(release) <= LARGEST_SIGNALS
    await CosmosVocabularies(said).put(BRAND, release, "1")


def filled(size: int, text: str) -> dict[str, str]:
    """So many of a text that they have a size as JSON."""
    one = json_size({"Vehicle.00000": text})
    return {f"Vehicle.{number:05}": text for number in range(size // one)}


async def test_the_largest_of_every_document_has_less_than_half_of_what_the_store_takes() -> None:
    found = await _everything()
    assert all(container.written for container in found.values()), "every container of the topology"
    sizes = {name: stored_size(doc) for c in found.values() for name, doc in c.written.items()}
    assert {name: size for name, size in sizes.items() if size >= LARGEST} == {}
    assert LARGEST * 2 == STORE_TAKES
    assert sizes["vehicles/profile"] > LARGEST / 2, "the limits are worth being summed"


async def test_what_is_written_together_has_room_too() -> None:
    batches = (await _everything())["vehicles"].batches
    assert len(batches) == 2
    assert max(batches) < STORE_TAKES


def test_every_document_that_an_adapter_writes_was_measured() -> None:
    """By the functions of the codec that make documents; `_everything` calls each adapter that uses one."""
    folder = Path(inspect.getfile(shared.adapters.cosmos)).parent
    used = {
        node.id if isinstance(node, ast.Name) else node.attr
        for path in folder.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Name | ast.Attribute)
    }
    makers = {name for name in used if name.endswith("_document") and not name.startswith("_")}
    assert makers == {
        "access_document",
        "catalog_document",
        "consent_document",
        "derived_document",
        "chunk_document",
        "endpoint_document",
        "entry_document",
        "item_document",
        "ledger_document",
        "owned_document",
        "person_document",
        "preferences_document",
        "profile_document",
        "state_document",
        "tally_document",
        "templates_document",
    }


MEASURED_OTHERWISE = {
    ("Profile", "invitations"): "an invitation takes the place of a member, and has less in it",
    ("Profile", "fresh"): "lines of the books are documents of their own",
}
"""Fields that the largest documents leave as they are at first."""


@pytest.mark.parametrize(
    "make",
    [
        largest.profile,
        largest.person,
        largest.state,
        largest.item,
        largest.endpoint,
        largest.trip,
        largest.charge,
        largest.access,
        largest.tally,
    ],
)
def test_the_largest_documents_fill_every_field_that_there_is(make: Any) -> None:
    made = make()
    empty = set()
    for part in fields(made):
        first = part.default_factory() if part.default_factory is not MISSING else part.default
        if getattr(made, part.name) == first:
            empty.add((type(made).__name__, part.name))
    assert empty <= MEASURED_OTHERWISE.keys()


# ---- full, and still protecting


@pytest.fixture
def strict(world: MemoryWorld, monkeypatch: pytest.MonkeyPatch) -> MemoryWorld:
    """A world whose store takes no profile, and no profile with its state, that is too large."""
    change = world.profiles.change

    async def changed(profile: Versioned[Profile], state: Any = None, also: Any = None) -> str:
        size = stored_size(profile_document(profile.value))
        size += 0 if state is None else stored_size(state_document(state.value))
        if size > STORE_TAKES:
            raise Refused(f"{size} bytes")
        return await change(profile, state, also)

    monkeypatch.setattr(world.profiles, "change", changed)
    return world


def crowded() -> Profile:
    """Somebody switched off what there is not, until the profile had 1.9 MB."""
    off = frozenset(f"{number:05}".ljust(64, "x") for number in range(28_300)) | {"live-traffic"}
    return replace(_peopled(), off=off)


def fat() -> Profile:
    """Sales of plans from before plans had a limit."""
    plan = Plan("p", {f"f{n}": {"text": "x" * 200} for n in range(86)}, "P1M")
    sold = tuple(Subscription(f"sub-{n}", plan, NOON, NOON, NOON) for n in range(97))
    return replace(_peopled(), subscriptions=sold)


def owing() -> Profile:
    """The broker has been away for long."""
    return largest.owing(_peopled(), OWED)


def _peopled() -> Profile:
    members = {"user-ada": Member(Role.PRIMARY), "user-ben": Member(Role.SECONDARY), "user-eva": Member(Role.GUEST)}
    members |= {f"user-{n}": Member(Role.SECONDARY) for n in range(15)}
    consents = {f"partner.{n}": Consent(f"partner.{n}", 1, True, "terms", 30, "user-ada", NOON) for n in range(20)}
    invitation = Invitation("inv-1", Member(Role.SECONDARY), digest_of(VEHICLE, "GOOD"), NOON + DAY)
    return replace(PROFILE, members=members, consents=consents, invitations=(invitation,))


@pytest.mark.parametrize("full", [crowded, fat, owing])
async def test_what_protects_people_works_however_full_a_profile_is(strict: MemoryWorld, full: Any) -> None:
    before = full()
    assert full is owing or 1_850_000 < stored_size(profile_document(before)) < STORE_TAKES
    strict.profiles.shelf.held[VEHICLE] = Versioned(before, "0")
    if full is owing:
        strict.notifications.send = _away  # type: ignore[method-assign]
        strict.people.load = _away  # type: ignore[method-assign]
    no = {"granted": False, "text": "no"}
    asked = [
        await ask(privacy.change_privacy, "ada", {"mode": "offline"}, vehicle_id=VEHICLE),
        await ask(privacy.give_consent, "ada", no, vehicle_id=VEHICLE, purpose="partner.3"),
        await ask(privacy.give_consent, "ada", no, vehicle_id=VEHICLE, purpose=HISTORY),
        await ask(garage.withdraw_invitation, "ada", vehicle_id=VEHICLE, invitation_id="inv-1"),
        await ask(garage.switch_service, "ada", {"enabled": False}, vehicle_id=VEHICLE, feature="remote-climate"),
        await ask(garage.remove_member, "ben", vehicle_id=VEHICLE, user_id="user-ben"),
        *[await ask(garage.remove_member, "ada", vehicle_id=VEHICLE, user_id=f"user-{n}") for n in range(15)],
        await ask(garage.remove_member, "ada", vehicle_id=VEHICLE, user_id="user-eva"),
    ]
    assert {answer.status for answer in asked} <= {200, 204}, asked
    after = strict.profiles.shelf.load(VEHICLE).value
    assert after.privacy.mode(NOON + DAY) is Mode.OFFLINE
    assert not after.agreed("partner.3")
    assert not after.agreed(HISTORY)
    assert not after.invitations
    assert after.members.keys() == {"user-ada"}
    assert after.off >= {"remote-climate"}
    assert stored_size(profile_document(after)) < STORE_TAKES


async def _away(*_: Any, **__: Any) -> Any:
    raise Unavailable("the broker is away")


async def test_a_profile_from_before_there_were_limits_is_brought_within_them_by_its_next_write(
    world: MemoryWorld,
) -> None:
    world.profiles.shelf.held[VEHICLE] = Versioned(replace(crowded(), subscriptions=_sold("live-traffic")), "0")
    await ask(privacy.change_privacy, "ada", {"mode": "offline"}, vehicle_id=VEHICLE)
    after = world.profiles.shelf.load(VEHICLE).value
    assert len(after.off) == SWITCHED_OFF
    assert "live-traffic" in after.off, "what was sold stays switched off"
    assert stored_size(profile_document(after)) < LARGEST


def _sold(feature: str) -> tuple[Subscription, ...]:
    return (Subscription("sub-1", Plan("p", {feature: None}, "P1M"), NOON, NOON, NOON),)


async def test_while_too_much_is_owed_nothing_is_done_that_owes_more(world: MemoryWorld) -> None:
    world.profiles.shelf.held[VEHICLE] = Versioned(owing(), "0")
    world.notifications.send = _away  # type: ignore[method-assign]
    sold = await ask(sales.subscribe_vehicle, "operator", {"plan": "comfort"}, vehicle_id=VEHICLE)
    assert sold.status == 201, "it owes nothing"
    id = sold.body["id"]
    body = {"term": 2, "result": "failed"}
    answer = await ask(sales.report_payment, "operator", body, vehicle_id=VEHICLE, subscription_id=id)
    assert (answer.status, answer.code) == (503, "unavailable")
    assert len(world.profiles.shelf.load(VEHICLE).value.outbox) == OWED


# ---- features that are switched off


async def test_only_features_of_the_brand_are_switched_off(world: MemoryWorld) -> None:
    for number in range(50):
        answer = await ask(
            garage.switch_service, "ada", {"enabled": False}, vehicle_id=VEHICLE, feature=f"made-up-{number}"
        )
        assert (answer.status, answer.code) == (400, "unknown_feature")
    assert world.profiles.shelf.load(VEHICLE).value == PROFILE
    answer = await ask(garage.switch_service, "ben", {"enabled": False}, vehicle_id=VEHICLE, feature="made-up")
    assert answer.code == "not_found", "who has no access learns nothing of the brand's features"


async def test_what_is_no_feature_any_more_can_be_switched_on_and_makes_way(world: MemoryWorld) -> None:
    gone = frozenset(f"gone-{number}" for number in range(SWITCHED_OFF))
    world.profiles.shelf.held[VEHICLE] = Versioned(replace(PROFILE, off=gone), "0")
    await ask(garage.switch_service, "ada", {"enabled": True}, vehicle_id=VEHICLE, feature="gone-1")
    assert world.profiles.shelf.load(VEHICLE).value.off == gone - {"gone-1"}
    for feature in CATALOG.features:
        answer = await ask(garage.switch_service, "ada", {"enabled": False}, vehicle_id=VEHICLE, feature=feature)
        assert answer.status == 200
    after = world.profiles.shelf.load(VEHICLE).value.off
    assert after >= CATALOG.features.keys()
    assert len(after) <= SWITCHED_OFF


# ---- what a brand sells


def _static(id: str, size: int) -> dict[str, Any]:
    texts = {f"k{n}": "x" * 200 for n in range(size // 208)}
    return {"id": id, "kind": "static", "config": texts}


async def test_a_config_and_a_plan_are_measured_when_they_are_published(world: MemoryWorld) -> None:
    answer = await ask(catalog.put_feature, "operator", _static("huge", 4 * LARGEST_CONFIG), feature="huge")
    assert (answer.status, answer.code) == (409, "config_too_large")
    for number in range(8):
        id = f"static-{number}"
        body = _static(id, LARGEST_CONFIG - 200)
        assert (await ask(catalog.put_feature, "operator", body, feature=id)).status == 200
    plan = {"id": "wide", "features": [f"static-{n}" for n in range(8)], "period": "P1M"}
    answer = await ask(catalog.put_plan, "operator", plan, plan="wide")
    assert (answer.status, answer.code) == (409, "plan_too_large"), "it holds the configs of its features"
    features = [{"id": f"f{n}".ljust(60, "x")} for n in range(60)]
    body = {"features": features, "plans": [{"id": "long", "period": "P1M", "features": [f["id"] for f in features]}]}
    answer = await ask(catalog.publish_catalog, "operator", body)
    assert (answer.status, answer.code) == (409, "plan_too_large")


async def test_a_feature_whose_config_grows_is_measured_in_the_plans_that_have_it(world: MemoryWorld) -> None:
    features = {f"s{n}": Feature(f"s{n}", kind=Kind.STATIC, config={"a": "x" * 600}) for n in range(6)}
    plan = Plan("wide", dict.fromkeys(features), "P1M")
    world.catalogs.shelf.held[BRAND] = Versioned(Catalog(BRAND, features, {"wide": plan}), "0")
    for number in range(5):
        id, config = f"s{number}", {f"k{n}": "x" * 200 for n in range(4)}
        body = {"id": id, "kind": "static", "config": config}
        answer = await ask(catalog.put_feature, "operator", body, feature=id)
        if answer.status != 200:
            break
    assert answer.code == "plan_too_large"


async def test_a_catalogue_is_full_at_so_many_bytes_and_can_still_be_made_smaller(world: MemoryWorld) -> None:
    answer, number = None, 0
    while number < 500 and (answer is None or answer.status == 200):
        number += 1
        needs = {"regions": [f"{n:02}".ljust(64, "r") for n in range(100)]}
        answer = await ask(catalog.put_feature, "operator", {"id": f"f{number}", "needs": needs}, feature=f"f{number}")
    assert answer is not None
    assert (answer.status, answer.code) == (409, "catalog_full")
    found = world.catalogs.shelf.held[BRAND].value
    assert LARGEST_CATALOG * 0.9 < json_size(found) <= LARGEST_CATALOG
    grown = replace(
        found, features={**found.features, **{f"old-{n}": f for n, f in enumerate(found.features.values())}}
    )
    world.catalogs.shelf.held[BRAND] = Versioned(grown, "0")
    assert (await ask(catalog.drop_feature, "operator", feature="f1")).status == 204, "one of before is no obstacle"


async def test_what_was_published_before_there_were_limits_can_be_changed_but_not_sold(world: MemoryWorld) -> None:
    large = Feature("large", kind=Kind.STATIC, config={f"k{n}": "x" * 200 for n in range(40)})
    plan = Plan("old", {"large": None}, "P1M")
    world.catalogs.shelf.held[BRAND] = Versioned(Catalog(BRAND, {"large": large}, {"old": plan}), "0")
    assert (await ask(catalog.put_feature, "operator", {"id": "new"}, feature="new")).status == 200
    answer = await ask(sales.subscribe_vehicle, "operator", {"plan": "old"}, vehicle_id=VEHICLE)
    assert (answer.status, answer.code) == (409, "plan_too_large")
    answer = await ask(sales.grant_feature, "operator", {"feature": "large"}, vehicle_id=VEHICLE)
    assert (answer.status, answer.code) == (409, "config_too_large")
    assert (await ask(catalog.drop_plan, "operator", plan="old")).status == 204


def test_a_plan_is_measured_with_what_is_stored_of_it() -> None:
    plan = largest.plan(0, largest.catalog())
    (sold,) = bought(PROFILE, plan, "sub-1", NOON, NOON, "operator").subscriptions
    document = profile_document(replace(PROFILE, subscriptions=(sold,)))["subscriptions"][0]["plan"]
    assert stored_size(document) <= LARGEST_PLAN


def test_a_vehicle_has_so_many_trials_and_then_buys_without() -> None:
    tried = frozenset(f"plan-{n}" for n in range(TRIALS))
    plan = Plan("another", {"live-traffic": None}, "P1M", price=500, trial_days=30)
    after = bought(replace(PROFILE, tried=tried), plan, "sub-1", NOON, NOON, "user")
    assert after.tried == tried
    assert after.subscriptions[0].anchor == NOON, "its first term begins at once"
    assert len(after.subscriptions) <= SUBSCRIPTIONS


# ---- consents


def test_a_refusal_finds_a_place_and_history_has_its_own() -> None:
    def said(purpose: str, granted: bool, at: int = NOON) -> Consent:
        return Consent(purpose, 0, granted, "terms", 30, "user-ada", at)

    full = PROFILE
    for number in range(PURPOSES):
        full, _ = consented(full, said(f"purpose-{number}", number != 7))
    with pytest.raises(Contradiction):
        consented(full, said("another", granted=True))
    after, _ = consented(full, said("another", granted=False))
    assert "purpose-7" not in after.consents
    assert not after.agreed("purpose-7")
    refused, _ = consented(full, said(HISTORY, granted=False))
    assert refused.policy().history_days == 0
    assert len(refused.consents) == PURPOSES + 1


# ---- documents beside a profile


async def test_a_vehicle_s_partition_is_not_filled_with_versions_of_consents(world: MemoryWorld) -> None:
    async def said(granted: bool, text: str, purpose: str = "partner.1") -> Any:
        body = {"granted": granted, "text": text}
        return await ask(privacy.give_consent, "ada", body, vehicle_id=VEHICLE, purpose=purpose)

    for number in range(DOCUMENTS_A_DAY):
        assert (await said(granted=True, text=f"terms {number}")).status == 200
    answer = await said(granted=True, text="other terms")
    assert (answer.status, answer.code) == (429, "too_many_requests")
    assert answer.headers["Retry-After"] == str(DAY // 2 // 1000), "until midnight, from noon"
    assert (await said(granted=False, text="no")).status == 200, "what was agreed to can be refused"
    assert (await said(granted=False, text="no", purpose=HISTORY)).status == 200, "as it is kept until that is said"
    assert (await said(granted=False, text="never", purpose="partner.2")).status == 429, "that was never agreed to"
    assert len(world.profiles.said) == DOCUMENTS_A_DAY + 2
    world.clock.at += DAY // 2
    assert (await said(granted=True, text="other terms")).status == 200


async def test_a_vehicle_s_partition_is_not_filled_with_lines_of_the_books(world: MemoryWorld) -> None:
    sold = await ask(sales.subscribe_vehicle, "operator", {"plan": "comfort"}, vehicle_id=VEHICLE)
    about = {"vehicle_id": VEHICLE, "subscription_id": sold.body["id"]}
    for _ in range(DOCUMENTS_A_DAY):
        answer = await ask(sales.report_payment, "operator", {"term": 2, "result": "failed"}, route=about)
    assert (answer.status, answer.code) == (429, "too_many_requests")
    assert len(world.profiles.lines) == DOCUMENTS_A_DAY
    answer = await ask(sales.cancel_subscription, "operator", {"at": "now"}, route=about)
    assert answer.status == 200, "a sale can be ended"


# ---- what a brand says


async def test_templates_are_measured_together(world: MemoryWorld) -> None:
    parts = {"subject": "s", "text": "\N{GRINNING FACE}" * 9_000, "html": "\N{GRINNING FACE}" * 9_000}
    languages = ["de", "en", "fr", "it", "es", "pt", "nl", "pl", "cs", "sv"]
    answers = [
        await ask(telling.put_template, "operator", {"parts": parts}, kind="silent", channel="email", locale=locale)
        for locale in languages
    ]
    codes = {answer.code for answer in answers if answer.status != 200}
    assert codes == {"templates_too_large"}
    (stored,) = world.wordings.shelf.held.values()
    assert LARGEST_TEMPLATES * 0.7 < json_size([[*key, parts] for key, parts in stored.value.items()]) < LARGEST
    answer = await ask(telling.drop_template, "operator", kind="silent", channel="email", locale="de")
    assert answer.status == 204


async def test_trouble_codes_and_signals_are_measured(world: MemoryWorld) -> None:
    operator = world.tokens.held["operator"]
    with pytest.raises(Malformed) as refused:
        await brands.put_trouble_codes(operator, filled(2 * LARGEST_TEXTS, largest.NAME), world.brands)
    assert refused.value.code is Code.TROUBLE_CODES_TOO_LARGE
    leaves: dict[str, Leaf | None] = {f"Vehicle.{n:04}": Leaf("string", "u" * 200) for n in range(LEAVES // 2)}
    await brands.load_release(operator, leaves, world.vocabularies)
    with pytest.raises(Malformed) as refused:
        await brands.load_overlay(operator, leaves, world.vocabularies)
    assert refused.value.code is Code.SIGNALS_TOO_LARGE
    await brands.drop_signals(operator, world.vocabularies)


# ---- people


async def test_a_person_has_access_to_so_many_vehicles(world: MemoryWorld) -> None:
    ben = PersonId(BRAND, "user-ben")
    many = {f"veh-{n}": Membership(f"veh-{n}", "user-ben", Role.SECONDARY, 1) for n in range(VEHICLES)}
    world.people.shelf.commit(str(ben), Person(ben, memberships=many), None)
    invitation = Invitation("inv-1", Member(Role.SECONDARY), digest_of(VEHICLE, "GOOD"), NOON + DAY)
    world.profiles.shelf.held[VEHICLE] = Versioned(replace(PROFILE, invitations=(invitation,)), "0")
    asked = [
        await ask(garage.accept_invitation, "ben", {"token": f"{VEHICLE}.GOOD"}),
        await ask(garage.claim_vehicle, "ben", {"vin": PROFILE.vin, "code": "GOOD"}),
        await ask(
            vehicles.register_vehicle, "operator", BODIES["register_vehicle"] | {"roles": {"user-ben": "primary"}}
        ),
    ]
    assert [(answer.status, answer.code) for answer in asked] == [(409, "too_many_vehicles")] * 3
    assert (await ask(people.erase_person, "ben")).status == 202


def test_what_a_person_is_told_of_within_the_hour_is_bounded_over_all_kinds() -> None:
    person = Person(PersonId(BRAND, "user-ada"))
    for number in range(TOLD_OF):
        after = person.telling(f"kind-{number % 10}", f"item-{number}", NOON, 200)
        assert after is not None
        person = after
    assert person.telling("other", "item", NOON, 200) is None, "it waits for the digest"
    assert person.telling("kind-3", "item-3", NOON, 200) is person, "what was counted is"
    assert person.telling("other", "item", NOON + 3_600_001, 200) is not None


# ---- vehicles


async def test_a_trace_context_that_is_none_is_not_stored_with_what_is_told() -> None:
    decoder = Decoder(vocabulary(Release()))
    good = f"00-{'a' * 32}-{'b' * 16}-01"
    assert len(good) == LONGEST_TRACE
    told = [good, "x" * 200_000, "00-" + "a" * 52, good + "\n", good.replace("a", "\u0663"), ""]
    found = [decoder.decode(VEHICLE, encoded(cloud_event(traceparent=text)), NOON).traceparent for text in told]
    assert found == [good, None, None, None, None, None]


def test_a_charge_tells_of_so_many_pauses() -> None:
    samples = [Sample(NOON + n * 1_000, {IS_CHARGING: n % 2 == 0}) for n in range(4 * PAUSES)]
    (charge,) = charges(VEHICLE, samples, None, ())
    assert len(charge.pauses) == PAUSES


async def test_rules_of_a_vehicle_have_a_number_and_fences_corners(world: MemoryWorld) -> None:
    corners = [{"latitude": 48 + n / 1_000, "longitude": 11} for n in range(200)]
    body: dict[str, Any] = {"id": "fence", "kind": "geofence", "polygon": corners}
    answer = await ask(rules.put_vehicle_rule, "ada", body, vehicle_id=VEHICLE, rule_id="fence")
    assert (answer.status, answer.code) == (400, "invalid_body")
    for number in range(51):
        low: dict[str, Any] = {"signal": "Vehicle.Speed", "below": 1, "clears": 2}
        body = {"id": f"low-{number}", "kind": "threshold"} | low
        answer = await ask(rules.put_vehicle_rule, "ada", body, vehicle_id=VEHICLE, rule_id=f"low-{number}")
    assert (answer.status, answer.code) == (409, "too_many_rules")
