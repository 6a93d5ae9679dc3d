"""What brands say: the `catalog` container, one partition a brand; and the rules of single vehicles."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence, Set

from azure.cosmos.aio import ContainerProxy

from shared.adapters.cosmos.reactions import Fresh, reactions, replaced
from shared.codec import offers
from shared.codec.documents import CATALOG, RULES, Document
from shared.codec.inbox import templates, templates_document
from shared.codec.people import preferences, preferences_document
from shared.codec.rules import rules, stored_rule
from shared.codec.signals import vocabulary
from shared.codec.telemetry import Decoder
from shared.domain.catalog import Catalog
from shared.domain.conditions import DEFAULTS
from shared.domain.freshness import Thresholds
from shared.domain.preferences import Preferences
from shared.domain.rules import Book, Rule
from shared.domain.signals import Leaf, Release
from shared.domain.trip_settings import TripSettings
from shared.domain.wording import Templates
from shared.errors import Conflict, NotFound
from shared.ports import Decode, MonotonicClock, Versioned

BOOKS = 20_000
"""Vehicles with rules of their own that an instance remembers."""


class Said:
    """Single documents of a brand, read again after a minute."""

    def __init__(self, container: ContainerProxy, monotonic: MonotonicClock) -> None:
        self._container = container
        self._fresh: Fresh[Document] = Fresh(monotonic)

    async def read(self, brand: str, id: str) -> Document:
        """An empty one if the brand never said."""
        known = self._fresh.get(f"{brand}/{id}")
        return known if known is not None else self._fresh.put(f"{brand}/{id}", await self.read_now(brand, id))

    async def read_now(self, brand: str, id: str) -> Document:
        """An empty one if the brand never said."""
        try:
            async with reactions(id):
                return await self._container.read_item(id, brand)
        except NotFound:
            return {}

    async def write(self, brand: str, id: str, content: Document) -> None:
        document = {**content, "id": id, "brand": brand}
        async with reactions(id):
            await self._container.upsert_item(document)
        self._fresh.put(f"{brand}/{id}", document)

    async def replace(self, brand: str, id: str, content: Document, version: str | None) -> None:
        """Over the version that was read, or raise Conflict."""
        document = {**content, "id": id, "brand": brand}
        await replaced(self._container, document, version, id)
        self._fresh.put(f"{brand}/{id}", document)


class CosmosCatalogs:
    """What brands sell."""

    def __init__(self, said: Said) -> None:
        self._said = said
        self._made: dict[str, tuple[Document, Catalog]] = {}

    async def load(self, brand: str) -> Catalog:
        doc = await self._said.read(brand, CATALOG)
        if not doc:
            return Catalog(brand)
        known = self._made.get(brand)
        if known is None or known[0] is not doc:
            known = self._made[brand] = (doc, offers.catalog(doc))
        return known[1]

    async def read(self, brand: str) -> Versioned[Catalog]:
        doc = await self._said.read_now(brand, CATALOG)
        return Versioned(offers.catalog(doc) if doc else Catalog(brand), doc.get("_etag"))

    async def commit(self, catalog: Catalog, version: str | None) -> None:
        await self._said.replace(catalog.brand, CATALOG, offers.catalog_document(catalog), version)


class CosmosBrands:
    """When readings are stale, what counts as a trip, what trouble codes mean, how people are told who don't say."""

    def __init__(self, said: Said) -> None:
        self._said = said

    async def thresholds(self, brand: str) -> Thresholds:
        doc = await self._said.read(brand, "freshness")
        return Thresholds(doc["live"], doc["stale"]) if doc else Thresholds()

    async def put_thresholds(self, brand: str, thresholds: Thresholds) -> None:
        await self._said.write(brand, "freshness", thresholds._asdict())

    async def trip_settings(self, brand: str) -> TripSettings:
        doc = await self._said.read(brand, "trip-settings")
        return TripSettings(doc["metres"], doc["seconds"]) if doc else TripSettings()

    async def put_trip_settings(self, brand: str, settings: TripSettings) -> None:
        await self._said.write(brand, "trip-settings", settings._asdict())

    async def trouble_codes(self, brand: str) -> Mapping[str, str]:
        codes: Mapping[str, str] = (await self._said.read(brand, "trouble-codes")).get("codes", {})
        return codes

    async def put_trouble_codes(self, brand: str, texts: Mapping[str, str]) -> None:
        await self._said.write(brand, "trouble-codes", {"codes": dict(texts)})

    async def telling(self, brand: str) -> Preferences:
        return preferences(await self._said.read(brand, "telling"))

    async def put_telling(self, brand: str, preferences: Preferences) -> None:
        await self._said.write(brand, "telling", preferences_document(preferences))


class CosmosWordings:
    """The templates with which brands override the shipped ones: one document."""

    def __init__(self, said: Said) -> None:
        self._said = said
        self._made: dict[str, tuple[Document, Templates]] = {}

    async def all(self, brand: str) -> Templates:
        doc = await self._said.read(brand, "templates")
        known = self._made.get(brand)
        if known is None or known[0] is not doc:
            known = self._made[brand] = (doc, templates(doc))
        return known[1]

    async def read(self, brand: str) -> Versioned[Templates]:
        doc = await self._said.read_now(brand, "templates")
        return Versioned(templates(doc), doc.get("_etag"))

    async def commit(self, brand: str, templates: Templates, version: str | None) -> None:
        await self._said.replace(brand, "templates", templates_document(templates), version)


class CosmosVocabularies:
    """The signals that brands loaded, with the decoder that was made of them."""

    def __init__(self, said: Said) -> None:
        self._said = said
        self._shipped = Decoder(vocabulary(Release()))
        self._made: dict[str, tuple[Document, Decoder]] = {}

    async def decoder(self, brand: str) -> Decode:
        return (await self._decoder(brand)).decode

    async def not_places(self, brand: str) -> Set[str]:
        return (await self._decoder(brand)).not_places

    async def _decoder(self, brand: str) -> Decoder:
        doc = await self._said.read(brand, "signals")
        if not doc:
            return self._shipped
        made_of, made = self._made.get(brand, ({}, None))
        if made is None or made_of is not doc:
            same = made is not None and made_of.get("_etag", 0) == doc.get("_etag", 1)
            made = made if made and same else Decoder(vocabulary(_release(doc)))
            self._made[brand] = (doc, made)
        return made

    async def load(self, brand: str) -> Release:
        return _release(await self._said.read(brand, "signals"))

    async def read(self, brand: str) -> Versioned[Release]:
        doc = await self._said.read_now(brand, "signals")
        return Versioned(_release(doc), doc.get("_etag"))

    async def put(self, brand: str, release: Release, version: str | None) -> None:
        leaves = None if release.leaves is None else _leaves(release.leaves)
        content = {"leaves": leaves, "overlay": _leaves(release.overlay)}
        await self._said.replace(brand, "signals", content, version)


class CosmosRules:
    """The rules of brands, and of single vehicles by version: one that was read once is not read again."""

    def __init__(self, said: Said, vehicles: ContainerProxy) -> None:
        self._said, self._vehicles = said, vehicles
        self._own: OrderedDict[str, tuple[int, tuple[Rule, ...]]] = OrderedDict()
        self._books: OrderedDict[str, tuple[Sequence[Rule], Sequence[Rule], Book]] = OrderedDict()
        self._defaults: dict[str, tuple[Document, tuple[Rule, ...]]] = {}

    async def book(self, brand: str, vehicle_id: str, version: int) -> Book:
        defaults = await self.defaults(brand)
        own = await self.own(vehicle_id, version)
        key = vehicle_id if own else f"brand/{brand}"
        made = self._books.get(key)
        if made is None or made[0] is not defaults or made[1] is not own:
            made = (defaults, own, Book.of(defaults, own))
            _remember(self._books, key, made)
        return made[2]

    async def defaults(self, brand: str) -> Sequence[Rule]:
        doc = await self._said.read(brand, RULES)
        if not doc:
            return DEFAULTS
        known = self._defaults.get(brand)
        if known is None or known[0] is not doc:
            known = self._defaults[brand] = (doc, rules(doc["rules"]))
        return known[1]

    async def read_defaults(self, brand: str) -> Versioned[Sequence[Rule]]:
        doc = await self._said.read_now(brand, RULES)
        return Versioned(rules(doc["rules"]) if doc else DEFAULTS, doc.get("_etag"))

    async def put_defaults(self, brand: str, rules: Sequence[Rule], version: str | None) -> None:
        await self._said.replace(brand, RULES, {"rules": [stored_rule(rule) for rule in rules]}, version)

    async def own(self, vehicle_id: str, version: int) -> Sequence[Rule]:
        if version == 0:
            return ()
        known = self._own.get(vehicle_id)
        if known is None or known[0] != version:
            async with reactions("rules"):
                doc = await self._vehicles.read_item(RULES, vehicle_id)
            known = (doc["version"], rules(doc["rules"]))
            _remember(self._own, vehicle_id, known)
        if known[0] != version:
            raise Conflict(f"the rules of {vehicle_id} have moved on")
        return known[1]


def _remember[T](held: OrderedDict[str, T], key: str, value: T) -> None:
    held[key] = value
    held.move_to_end(key)
    if len(held) > BOOKS:
        held.popitem(last=False)


def _release(doc: Document) -> Release:
    if not doc:
        return Release()
    leaves = doc["leaves"]
    overlay = {path: None if leaf is None else _leaf(leaf) for path, leaf in doc["overlay"].items()}
    return Release(None if leaves is None else {path: _leaf(leaf) for path, leaf in leaves.items()}, overlay)


def _leaf(stored: Sequence[object]) -> Leaf:
    leaf = Leaf(*stored)  # type: ignore[arg-type]
    return leaf._replace(allowed=tuple(leaf.allowed))


def _leaves(found: Mapping[str, Leaf | None]) -> Document:
    return {path: None if leaf is None else list(leaf) for path, leaf in found.items()}
