"""The `vehicles` container, as ingest and as owners see it."""

from collections.abc import Sequence
from typing import Any

from azure.cosmos.aio import ContainerProxy

from shared.adapters.cosmos.reactions import PAGE, page, reactions, replaced
from shared.codec import documents
from shared.codec.documents import PROFILE, RULES, STATE
from shared.codec.rules import rule_document
from shared.codec.states import state, state_document
from shared.domain.profile import Consent, Profile
from shared.domain.rules import Rule
from shared.domain.vehicle import VehicleState
from shared.errors import Conflict, NotFound
from shared.ports import Page, Sought, Versioned


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
        query = "SELECT c.vehicleId, c.due FROM c WHERE c.due <= @now"
        return await page(
            self._container, query, {"now": now}, PAGE, cursor, lambda d: (d["vehicleId"], d["due"]), "due vehicles"
        )


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

    async def register(self, profile: Profile, state: VehicleState) -> None:
        both = [documents.profile_document(profile), state_document(state)]
        async with reactions("vehicle"):
            await self._vehicles.execute_item_batch([("create", (doc,)) for doc in both], profile.vehicle_id)

    async def commit(self, profile: Profile, version: str | None) -> str:
        return await replaced(self._vehicles, documents.profile_document(profile), version, "vehicle")

    async def change(
        self, profile: Versioned[Profile], state: Versioned[VehicleState], also: Consent | Sequence[Rule] | None = None
    ) -> None:
        vehicle = profile.value.vehicle_id
        operations: list[Any] = [
            ("replace", (PROFILE, documents.profile_document(profile.value)), {"if_match_etag": profile.version}),
            ("replace", (STATE, state_document(state.value)), {"if_match_etag": state.version}),
        ]
        if isinstance(also, Consent):
            kept = documents.consent_document(also)
            id = f"consent:{also.purpose}:{also.version}"
            operations.append(("create", ({"id": id, "vehicleId": vehicle, "consent": kept, "purpose": also.purpose},)))
        elif also is not None:
            rules = [rule_document(rule) for rule in also]
            written = {"id": RULES, "vehicleId": vehicle, "version": profile.value.rules, "rules": rules}
            operations.append(("upsert", (written,)))
        async with reactions("vehicle"):
            await self._vehicles.execute_item_batch(operations, vehicle)

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
        query, found, cursor = "SELECT * FROM c WHERE c.purpose = @purpose", list[Consent](), None
        while True:
            some = await page(
                self._vehicles,
                query,
                {"purpose": purpose},
                PAGE,
                cursor,
                lambda doc: documents.consent(doc["consent"]),
                "consents",
                vehicle_id,
            )
            found += some.items
            cursor = some.cursor
            if cursor is None:
                return sorted(found, key=lambda consent: consent.version)
