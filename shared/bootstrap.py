"""The one place that knows which adapter stands behind which port.

Each part is built once a process, when first asked for: a cold start pays for what its function uses."""

from contextlib import AbstractAsyncContextManager
from functools import cache, cached_property
from random import random
from typing import TYPE_CHECKING
from uuid import uuid4

from shared.adapters.clock import epoch_ms, monotonic_seconds
from shared.adapters.tokens import JwksTokens
from shared.domain.breaker import Breakers
from shared.domain.limits import Buckets
from shared.domain.profile import Profile
from shared.ports import (
    Audit,
    Brands,
    Caller,
    Catalogs,
    Clock,
    Codes,
    DeadLetters,
    Deliveries,
    Endpoints,
    ErasedList,
    Exports,
    Histories,
    Inbox,
    Ledgers,
    Mailer,
    MonotonicClock,
    Notifications,
    Parking,
    People,
    Profiles,
    QuotaStore,
    Renderer,
    Rules,
    Sightings,
    Signer,
    States,
    Tokens,
    Vocabularies,
    Wakes,
    Wordings,
)
from shared.settings import Console, Settings, settings
from shared.topology import topology
from shared.use_cases.amend import Reach
from shared.use_cases.delivering import Delivering
from shared.use_cases.entitlements import Checks
from shared.use_cases.everywhere import Outside as Everywhere
from shared.use_cases.ingest import Ingest
from shared.use_cases.ingest import Outside as IngestOutside
from shared.use_cases.lifecycle import Lifecycle
from shared.use_cases.outgoing import Outgoing
from shared.use_cases.planning import Planning
from shared.use_cases.quotas import Quotas
from shared.use_cases.sightings import Watch
from shared.use_cases.trail import Trail
from shared.use_cases.wording import Words
from shared.use_cases.writers import WAITS, Writers

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential
    from azure.cosmos.aio import ContainerProxy
    from azure.servicebus.aio import ServiceBusClient, ServiceBusSender
    from azure.storage.blob.aio import BlobServiceClient

    from shared.adapters.cosmos.brands import Said

TELEMETRY, LIFECYCLE = "telemetry", "lifecycle"
STORE_TIMEOUT = 10
"""Seconds that one call to the store may take before it counts as an outage."""


class World:
    """Everything outside, as ports."""

    def __init__(
        self, settings: Settings, clock: Clock = epoch_ms, monotonic: MonotonicClock = monotonic_seconds
    ) -> None:
        self._settings = settings
        self.clock = clock
        self.monotonic = monotonic
        if settings.spans_to.any or settings.metrics_to.any:
            from shared.adapters.observability import export_to

            export_to(settings.spans_to, settings.metrics_to, settings.client_id)
        self._open: list[AbstractAsyncContextManager[object]] = []

    async def close(self) -> None:
        """Let go of every connection. The function app never does: its process just ends."""
        while self._open:
            await self._open.pop().__aexit__(None, None, None)

    @cached_property
    def states(self) -> States:
        from shared.adapters.cosmos.vehicles import CosmosStates

        return CosmosStates(self._container("vehicles"))

    @cached_property
    def sightings(self) -> Sightings:
        from shared.adapters.cosmos.vehicles import CosmosSightings

        return CosmosSightings(self._container("vehicles"))

    @cached_property
    def watch(self) -> Watch:
        return Watch(uuid4().hex[:12], self.sightings, self.catalogs, self.reach)

    @cached_property
    def profiles(self) -> Profiles:
        from shared.adapters.cosmos.vehicles import CosmosProfiles

        return CosmosProfiles(self._container("vehicles"), self._container("vins"))

    @cached_property
    def catalogs(self) -> Catalogs:
        from shared.adapters.cosmos.brands import CosmosCatalogs

        return CosmosCatalogs(self._said)

    @cached_property
    def brands(self) -> Brands:
        from shared.adapters.cosmos.brands import CosmosBrands

        return CosmosBrands(self._said)

    @cached_property
    def vocabularies(self) -> Vocabularies:
        from shared.adapters.cosmos.brands import CosmosVocabularies

        return CosmosVocabularies(self._said)

    @cached_property
    def rules(self) -> Rules:
        from shared.adapters.cosmos.brands import CosmosRules

        return CosmosRules(self._said, self._container("vehicles"))

    @cached_property
    def _said(self) -> "Said":
        from shared.adapters.cosmos.brands import Said

        return Said(self._container("catalog"), self.monotonic)

    @cached_property
    def histories(self) -> Histories:
        from shared.adapters.cosmos.histories import CosmosHistories

        return CosmosHistories(self._container("history"), self.clock)

    @cached_property
    def ledgers(self) -> Ledgers:
        from shared.adapters.cosmos.records import CosmosLedgers

        return CosmosLedgers(self._container("ledger"))

    @cached_property
    def inbox(self) -> Inbox:
        from shared.adapters.cosmos.inbox import CosmosInbox

        return CosmosInbox(self._container("inbox"))

    @cached_property
    def endpoints(self) -> Endpoints:
        from shared.adapters.cosmos.webhooks import CosmosEndpoints

        return CosmosEndpoints(self._container("webhooks"), self.monotonic)

    @cached_property
    def wordings(self) -> Wordings:
        from shared.adapters.cosmos.brands import CosmosWordings

        return CosmosWordings(self._said)

    @cached_property
    def renderer(self) -> Renderer:
        from shared.adapters.templates import JinjaRenderer

        return JinjaRenderer()

    @cached_property
    def mailer(self) -> Mailer | None:
        s = self._settings
        if s.smtp_host is None:
            return None
        from shared.adapters.smtp import SmtpMailer

        return SmtpMailer(
            s.smtp_host, s.smtp_port, s.smtp_sender, s.smtp_user, s.smtp_password, s.smtp_ca_file, clock=self.clock
        )

    @cached_property
    def caller(self) -> Caller:
        from shared.adapters.webhooks import WebhookCaller

        caller = WebhookCaller(self.clock, self._settings.webhook_networks)
        self._open.append(caller)
        return caller

    @cached_property
    def people(self) -> People:
        from shared.adapters.cosmos.people import CosmosPeople

        return CosmosPeople(self._container("people"))

    @cached_property
    def quota_store(self) -> QuotaStore:
        from shared.adapters.cosmos.people import CosmosQuotas

        return CosmosQuotas(self._container("people"))

    @cached_property
    def quotas(self) -> Quotas:
        return Quotas(self.quota_store, self.codes, Writers(random, WAITS))

    @cached_property
    def audit(self) -> Audit:
        from shared.adapters.cosmos.records import CosmosAudit

        return CosmosAudit(self._container("audit"))

    @cached_property
    def trail(self) -> Trail:
        return Trail(self.audit, Writers(random, WAITS))

    @cached_property
    def notifications(self) -> Notifications:
        from shared.adapters.servicebus import ServiceBusNotifications

        return ServiceBusNotifications(self._sender("notifications"), self.clock)

    @cached_property
    def deliveries(self) -> Deliveries:
        from shared.adapters.servicebus import ServiceBusDeliveries

        return ServiceBusDeliveries(self._sender("deliveries"), self.clock)

    @cached_property
    def wakes(self) -> Wakes:
        from shared.adapters.servicebus import ServiceBusWakes

        return ServiceBusWakes(self._sender("wake"), self.clock)

    @cached_property
    def parking(self) -> Parking:
        from shared.adapters.blob import BlobParking

        return BlobParking(self._blobs.get_container_client("parked"))

    @cached_property
    def exports(self) -> Exports:
        from shared.adapters.blob import BlobExports

        return BlobExports(self._blobs, "exports")

    @cached_property
    def erased(self) -> ErasedList:
        from shared.adapters.blob import BlobErasedList

        return BlobErasedList(self._blobs.get_container_client("erased"))

    @cached_property
    def dead_letters(self) -> DeadLetters:
        from shared.adapters.servicebus import ServiceBusDeadLetters

        return ServiceBusDeadLetters(self._bus, self.clock)

    @cached_property
    def _blobs(self) -> "BlobServiceClient":
        from azure.storage.blob.aio import BlobServiceClient

        s = self._settings
        if s.storage_connection:
            service = BlobServiceClient.from_connection_string(s.storage_connection)
        else:
            service = BlobServiceClient(s.storage_endpoint, credential=self._credential)
        self._open.append(service)
        return service

    @cached_property
    def tokens(self) -> Tokens:
        s = self._settings
        return JwksTokens(
            s.token_issuer, s.token_audience, s.token_jwks_url, self.clock, self.monotonic, brand=s.token_brand
        )

    @cached_property
    def limits(self) -> Buckets:
        return Buckets(self._settings.requests_per_second, self._settings.request_burst)

    @cached_property
    def signer(self) -> Signer:
        from shared.adapters.passports import Ed25519Signer

        return Ed25519Signer(self._settings.passport_keys, self._settings.passport_issuer)

    @cached_property
    def codes(self) -> Codes:
        from shared.adapters.passports import SecretCodes

        return SecretCodes(self._settings.code_secret)

    @cached_property
    def checks(self) -> Checks:
        return Checks(self.profiles, self.catalogs)

    @property
    def words(self) -> Words:
        return Words(self.wordings, self.renderer)

    @property
    def planning(self) -> Planning:
        stores = self.profiles, self.people, self.brands, self.endpoints, self.inbox
        return Planning(*stores, self.deliveries, self.words, self.catalogs)

    @property
    def outgoing(self) -> Outgoing:
        p = self.planning
        planning = p.profiles, p.people, p.brands, p.endpoints, p.inbox, p.deliveries, p.words, p.catalogs
        more = self.notifications, self.codes, self.mailer, self.caller
        return Outgoing(*planning, *more, self._settings.public_url, self.quotas)

    @cached_property
    def delivering(self) -> Delivering:
        return Delivering(self.outgoing, Breakers(), self.monotonic, random)

    @property
    def reach(self) -> Reach:
        return Reach(self.profiles, self.states, self.notifications, self.people, self.writers)

    @cached_property
    def writers(self) -> Writers[Profile]:
        return Writers(random, WAITS)

    @property
    def everywhere(self) -> Everywhere:
        settles = 5 * self.handover_after
        stores = self.histories, self.inbox, self.parking, self.audit, self.exports, self.rules, self.wakes
        return Everywhere(self.reach, *stores, self.dead_letters, self.erased, settles)

    @cached_property
    def ingest(self) -> Ingest:
        outside = IngestOutside(
            self.states, self.notifications, self.histories, self.ledgers, self.parking, self.rules, self.vocabularies
        )
        return Ingest(TELEMETRY, outside, self.handover_after)

    @cached_property
    def lifecycle(self) -> Lifecycle:
        return Lifecycle(LIFECYCLE, self.states, self.ledgers, self.parking)

    @property
    def public_url(self) -> str:
        """Where people reach the API, `https://…/api/v1`."""
        return self._settings.public_url

    @property
    def console(self) -> Console | None:
        return self._settings.console

    @property
    def handover_after(self) -> int:
        """Milliseconds after which the timer looks after what was committed and not handed on."""
        return int(self._settings.handover_after_seconds * 1000)

    @cached_property
    def _credential(self) -> "AsyncTokenCredential":
        from azure.identity.aio import DefaultAzureCredential

        return DefaultAzureCredential(managed_identity_client_id=self._settings.client_id)

    @cached_property
    def _containers(self) -> "dict[str, ContainerProxy]":
        """A key on one machine, an identity in Azure; neither the environment's proxies nor echoed bodies."""
        from azure.core.pipeline.transport import AioHttpTransport
        from azure.cosmos.aio import CosmosClient

        from shared.adapters.cosmos.checked import CheckedContainer

        s = self._settings
        client = CosmosClient(
            s.cosmos_endpoint,
            s.cosmos_key or self._credential,
            transport=AioHttpTransport(use_env_settings=False, connection_timeout=3, read_timeout=STORE_TIMEOUT),
            no_response_on_write=True,
        )
        self._open.append(client)
        database = client.get_database_client(topology().cosmos.database)
        return {
            c.name: CheckedContainer.over(database.get_container_client(c.name), c.partition_key_paths)
            for c in topology().cosmos.containers
        }

    def _container(self, name: str) -> "ContainerProxy":
        return self._containers[name]

    @cached_property
    def _bus(self) -> "ServiceBusClient":
        from azure.servicebus.aio import ServiceBusClient

        s = self._settings
        if s.servicebus_connection:
            client = ServiceBusClient.from_connection_string(s.servicebus_connection)
        else:
            client = ServiceBusClient(s.servicebus_namespace, self._credential)
        self._open.append(client)
        return client

    def _sender(self, queue: str) -> "ServiceBusSender":
        return self._bus.get_queue_sender(queue)


@cache
def world() -> World:
    return World(settings())
