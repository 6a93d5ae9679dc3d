"""The `vehicles` container, as ingest and as owners see it."""

from collections.abc import Sequence
from typing import Any

from azure.cosmos.aio import ContainerProxy

from shared.adapters.cosmos.reactions import PAGE, dropped, every, page, reactions, replaced
from shared.codec import documents, sightings
from shared.codec.documents import PROFILE, RULES, STATE, Document
from shared.codec.offers import entry, entry_document
from shared.codec.rules import stored_rule
from shared.codec.states import state, state_document
from shared.domain.profile import Consent, Profile
from shared.domain.rules import Rule
from shared.domain.sighting import Sighting
from shared.domain.subscription import Entry
from shared.domain.vehicle import VehicleState
from shared.errors import Conflict, NotFound
from shared.ports import Page, Sought, Versioned

LOOK = 1_000
"""Vehicles on a page of a look."""
BOOK = "book:"
"""What the ids of lines in the books begin with."""


class CosmosStates:
    """The `vehicles` container, as ingest sees it."""

    def __init__(self, container: ContainerProxy) -> None:
        self._container = container

    async def load(self, vehicle_id: str) -> Versioned[VehicleState]:
        async with reactions("vehicle"):
            doc = await self._container.read_item(STATE, vehicle_id)
        return Versioned(state(doc), doc["_etag"])

    async def commit(self, state: VehicleState, version: str | None) -> str:
        return await replaced(self._container, state_document(state), version, "vehicle state")

    async def due(self, now: int, cursor: str | None = None) -> Page[tuple[str, int]]:
        """A vehicle is found once for its state and once for its profile."""
        query = "SELECT c.vehicleId, c.due FROM c WHERE c.due <= @now"
        return await page(
            self._container, query, {"now": now}, PAGE, cursor, lambda d: (d["vehicleId"], d["due"]), "due vehicles"
        )


class CosmosSightings:
    """The `vehicles` container, as those see it who look at a map."""

    def __init__(self, container: ContainerProxy) -> None:
        self._container = container

    async def list(self, brand: str, limit: int, cursor: str | None = None) -> Page[Sighting]:
        query = f"SELECT {sightings.FIELDS} FROM c WHERE c.policy.brand = @brand"  # noqa: S608
        return await page(
            self._container, query, {"brand": brand}, limit, cursor, lambda d: sightings.seen(d)[1], "sightings"
        )

    async def since(self, brand: str, second: int, most: int) -> Sequence[tuple[int, Sighting]]:
        query = f"SELECT {sightings.FIELDS} FROM c WHERE c._ts >= @second AND c.policy.brand = @brand"  # noqa: S608
        values: dict[str, Any] = {"second": second, "brand": brand}
        found, cursor = list[tuple[int, Sighting]](), None
        while True:
            some = await page(self._container, query, values, LOOK, cursor, sightings.seen, "sightings")
            found += some.items
            cursor = some.cursor
            if cursor is None or len(found) >= most:
                return found[:most]


class CosmosProfiles:
    """The `vehicles` container as owners see it, and `vins`, which makes a VIN unique."""

    def __init__(self, vehicles: ContainerProxy, vins: ContainerProxy) -> None:
        self._vehicles, self._vins = vehicles, vins

    async def claim_vin(self, vin: str, vehicle_id: str) -> str:
        try:
            async with reactions("VIN"):
                await self._vins.create_item({"id": vin, "vehicleId": vehicle_id})
        except Conflict:
            async with reactions("VIN"):
                return str((await self._vins.read_item(vin, vin))["vehicleId"])
        return vehicle_id

    async def load(self, vehicle_id: str) -> Versioned[Profile]:
        async with reactions("vehicle"):
            doc = await self._vehicles.read_item(PROFILE, vehicle_id)
        return Versioned(documents.profile(doc), doc["_etag"])

    async def register(self, profile: Profile, state: VehicleState) -> str:
        both = [documents.profile_document(profile), state_document(state)]
        async with reactions("vehicle"):
            done = await self._vehicles.execute_item_batch([("create", (doc,)) for doc in both], profile.vehicle_id)
        return str(done[0]["eTag"])

    async def change(
        self,
        profile: Versioned[Profile],
        state: Versioned[VehicleState] | None = None,
        also: Consent | Sequence[Rule] | None = None,
    ) -> str:
        vehicle, document = profile.value.vehicle_id, documents.profile_document(profile.value)
        others = [("create", (_line(vehicle, entry),)) for entry in profile.value.fresh]
        others += [] if also is None else [_kept(profile.value, also)]
        operations: list[Any] = [("replace", (PROFILE, document), {"if_match_etag": profile.version})]
        if state is not None:
            operations.append(("replace", (STATE, state_document(state.value)), {"if_match_etag": state.version}))
        if len(operations) == 1 and not others:
            return await replaced(self._vehicles, document, profile.version, "vehicle")
        async with reactions("vehicle"):
            done = await self._vehicles.execute_item_batch([*operations, *others], vehicle)
        return str(done[0]["eTag"])

    async def find(self, vin: str) -> str | None:
        try:
            async with reactions("VIN"):
                return str((await self._vins.read_item(vin, vin))["vehicleId"])
        except NotFound:
            return None

    async def list(self, sought: Sought, limit: int, cursor: str | None = None) -> Page[Profile]:
        values: dict[str, Any] = {"brand": sought.brand}
        values |= {k: v for k in ("region", "model", "status") if (v := getattr(sought, k)) is not None}
        conditions = [f"c.{name} = @{name}" for name in values]
        if sought.vin:
            values |= {"vin": sought.vin, "beyond": sought.vin + "~"}
            conditions += ["c.vin >= @vin", "c.vin < @beyond"]
        query = f"SELECT * FROM c WHERE {' AND '.join(conditions)}"  # noqa: S608 (our names; the values are parameters)
        return await page(self._vehicles, query, values, limit, cursor, documents.profile, "vehicles")

    async def consents(self, vehicle_id: str, purpose: str) -> Sequence[Consent]:
        query = "SELECT * FROM c WHERE c.purpose = @purpose"
        found = await self._all(query, {"purpose": purpose}, vehicle_id)
        return sorted((documents.consent(doc["consent"]) for doc in found), key=lambda c: (c.at, c.version))

    async def said_by(self, vehicle_id: str, user_id: str) -> Sequence[Consent]:
        found = await self._said_by(vehicle_id, user_id)
        return sorted((documents.consent(doc["consent"]) for doc in found), key=lambda c: (c.at, c.version))

    async def forget_said_by(self, vehicle_id: str, user_id: str) -> None:
        for doc in await self._said_by(vehicle_id, user_id):
            await dropped(self._vehicles, doc["id"], vehicle_id, "consent")

    async def said_anywhere(self, user_id: str) -> Sequence[str]:
        query = "SELECT c.vehicleId FROM c WHERE c['by'] = @by"
        found = await every(self._vehicles, query, {"by": user_id}, "consents")
        return sorted({str(doc["vehicleId"]) for doc in found})

    async def _said_by(self, vehicle_id: str, user_id: str) -> Sequence[Document]:
        return await self._all("SELECT * FROM c WHERE c['by'] = @by", {"by": user_id}, vehicle_id)

    async def books(self, vehicle_id: str, subject: str) -> Sequence[Entry]:
        found = await self._all("SELECT * FROM c WHERE c.subject = @subject", {"subject": subject}, vehicle_id)
        entries = (entry(doc["id"].removeprefix(BOOK), doc["entry"]) for doc in found)
        return sorted(entries, key=lambda entry: (entry.at, *map(int, entry.id.split(".")[-2:])))

    async def _all(self, query: str, values: dict[str, Any], vehicle_id: str) -> Sequence[Document]:
        return await every(self._vehicles, query, values, "documents", vehicle_id)


def _line(vehicle: str, entry: Entry) -> Document:
    return {"id": BOOK + entry.id, "vehicleId": vehicle, "subject": entry.subject, "entry": entry_document(entry)}


def _kept(profile: Profile, also: Consent | Sequence[Rule]) -> tuple[str, tuple[Document]]:
    """What goes into the same write: a version of a consent, or all the vehicle's rules."""
    vehicle = profile.vehicle_id
    if isinstance(also, Consent):
        id, kept = f"consent:{also.purpose}:{also.version}.{also.at}", documents.consent_document(also)
        return "create", ({"id": id, "vehicleId": vehicle, "consent": kept, "purpose": also.purpose, "by": also.by},)
    rules = [stored_rule(rule) for rule in also]
    return "upsert", ({"id": RULES, "vehicleId": vehicle, "version": profile.rules, "rules": rules},)
