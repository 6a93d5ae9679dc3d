"""The house rules: what no type says, and why."""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.bicep.evaluate import Resource
from tests.bicep.stamps import Stamp

type Rule = Callable[[Stamp], Iterator[str]]
GUID = r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}"
STORES = {
    "Microsoft.Storage/storageAccounts": ("blob", "privatelink.blob.core.windows.net"),
    "Microsoft.EventHub/namespaces": ("namespace", "privatelink.servicebus.windows.net"),
    "Microsoft.ServiceBus/namespaces": ("namespace", "privatelink.servicebus.windows.net"),
    "Microsoft.DocumentDB/databaseAccounts": ("sql", "privatelink.documents.azure.com"),
    "Microsoft.KeyVault/vaults": ("vault", "privatelink.vaultcore.azure.net"),
}
LOCAL_AUTH: Mapping[str, Mapping[str, bool]] = {
    "Microsoft.Storage/storageAccounts": {"allowSharedKeyAccess": False, "isLocalUserEnabled": False},
    "Microsoft.EventHub/namespaces": {"disableLocalAuth": True},
    "Microsoft.ServiceBus/namespaces": {"disableLocalAuth": True},
    "Microsoft.DocumentDB/databaseAccounts": {"disableLocalAuth": True, "disableKeyBasedMetadataWriteAccess": True},
    "Microsoft.Devices/IotHubs": {"disableLocalAuth": True, "disableDeviceSAS": True, "disableModuleSAS": True},
    "Microsoft.Insights/components": {"DisableLocalAuth": True},
    "Microsoft.OperationalInsights/workspaces": {"features.disableLocalAuth": True},
    "Microsoft.Communication/communicationServices": {"disableLocalAuth": True},
    "Microsoft.KeyVault/vaults": {"enableRbacAuthorization": True},
}
TLS: Mapping[str, Mapping[str, str]] = {
    "Microsoft.Storage/storageAccounts": {"minimumTlsVersion": "TLS1_2"},
    "Microsoft.EventHub/namespaces": {"minimumTlsVersion": "1.2"},
    "Microsoft.ServiceBus/namespaces": {"minimumTlsVersion": "1.2"},
    "Microsoft.DocumentDB/databaseAccounts": {"minimalTlsVersion": "Tls12"},
    "Microsoft.Devices/IotHubs": {"minTlsVersion": "1.2"},
    "Microsoft.Web/sites": {"siteConfig.minTlsVersion": "1.2", "siteConfig.scmMinTlsVersion": "1.2"},
}
DIAGNOSED = {
    *STORES.keys() - {"Microsoft.Storage/storageAccounts"},
    "Microsoft.Storage/storageAccounts/blobServices",
    "Microsoft.Devices/IotHubs",
    "Microsoft.Devices/provisioningServices",
    "Microsoft.Communication/communicationServices",
}
NAMES = {
    "Microsoft.Storage/storageAccounts": r"[a-z0-9]{3,24}",
    "Microsoft.KeyVault/vaults": r"[a-z][a-z0-9-]{1,22}[a-z0-9]",
    "Microsoft.DocumentDB/databaseAccounts": r"[a-z0-9][a-z0-9-]{1,42}[a-z0-9]",
    "Microsoft.EventHub/namespaces": r"[a-z][a-z0-9-]{4,48}[a-z0-9]",
    "Microsoft.ServiceBus/namespaces": r"[a-z][a-z0-9-]{4,48}[a-z0-9]",
    "Microsoft.Devices/IotHubs": r"[a-z0-9][a-z0-9-]{1,48}[a-z0-9]",
    "Microsoft.Web/sites": r"[a-z0-9][a-z0-9-]{0,58}[a-z0-9]",
}
FLEX_FORBIDS = {
    *("FUNCTIONS_WORKER_RUNTIME", "FUNCTIONS_WORKER_RUNTIME_VERSION", "FUNCTIONS_EXTENSION_VERSION"),
    *("FUNCTIONS_WORKER_PROCESS_COUNT", "FUNCTIONS_MAX_HTTP_CONCURRENCY", "WEBSITE_RUN_FROM_PACKAGE"),
    *("WEBSITE_CONTENTSHARE", "WEBSITE_CONTENTAZUREFILECONNECTIONSTRING", "WEBSITE_CONTENTOVERVNET"),
    *("WEBSITE_NODE_DEFAULT_VERSION", "WEBSITE_TIME_ZONE", "TZ", "WEBSITE_VNET_ROUTE_ALL", "ENABLE_ORYX_BUILD"),
    *("SCM_DO_BUILD_DURING_DEPLOYMENT", "WEBSITE_MAX_DYNAMIC_APPLICATION_SCALE_OUT", "AzureWebJobsDashboard"),
}
SECRETS = {"PASSPORT_KEYS", "CODE_SECRET", "SMTP_PASSWORD", "OTEL_EXPORTER_OTLP_HEADERS"}
GIVES_SECRETS = r"listKeys|listSecrets|listConnectionStrings|listAccountSas|AccountKey=|SharedAccessKey|Password="


def at(resource: Resource, path: str) -> Any:
    """A property, by its dotted path."""
    found: Any = resource.body.get("properties", {})
    for name in path.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    return found


def _wanted(stamp: Stamp, table: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for r in stamp.resources:
        for path, value in table.get(r.type, {}).items():
            if at(r, path) != value:
                yield f"{r.file}: {r.type}: {path} is {at(r, path)!r}, not {value!r}"


def local_auth_is_off(stamp: Stamp) -> Iterator[str]:
    """A key can be copied and has no owner; an identity can't, and has."""
    yield from _wanted(stamp, LOCAL_AUTH)


def transport_is_new_enough(stamp: Stamp) -> Iterator[str]:
    """TLS 1.0 and 1.1 are broken; what is served in clear can be read."""
    yield from _wanted(stamp, TLS)
    only = {"Microsoft.Web/sites": {"httpsOnly": True, "siteConfig.ftpsState": "Disabled"}}
    yield from _wanted(stamp, only | {"Microsoft.Storage/storageAccounts": {"supportsHttpsTrafficOnly": True}})


def blobs_are_not_public(stamp: Stamp) -> Iterator[str]:
    """What is parked and exported tells about people."""
    yield from _wanted(stamp, {"Microsoft.Storage/storageAccounts": {"allowBlobPublicAccess": False}})
    yield from _wanted(stamp, {"Microsoft.Storage/storageAccounts/blobServices/containers": {"publicAccess": "None"}})


def secrets_survive(stamp: Stamp) -> Iterator[str]:
    """A purged key of passports would lock every car out that has no network."""
    yield from _wanted(stamp, {"Microsoft.KeyVault/vaults": {"enablePurgeProtection": True, "enableSoftDelete": True}})


def data_survive(stamp: Stamp) -> Iterator[str]:
    """A slip is undone from a continuous backup, and in production a lock stands before it."""
    yield from _wanted(stamp, {"Microsoft.DocumentDB/databaseAccounts": {"backupPolicy.type": "Continuous"}})
    if stamp.given["environmentName"] == "prod" and not stamp.of("Microsoft.Authorization/locks"):
        yield "cosmos.bicep: production has no lock"


def nothing_gives_a_secret(stamp: Stamp) -> Iterator[str]:
    """Deployments keep their outputs, and settings are read by whoever reads the app."""
    for name, value in stamp.outputs.items():
        if re.search(rf"{GIVES_SECRETS}|ConnectionString|Key\b", json.dumps(value)):
            yield f"main.bicep: the output {name} gives a secret"
    for r in stamp.resources:
        for path, value in _leaves(r.body):
            name = path.rpartition(".")[2]
            if re.search(r"(?i)(connectionString|primaryKey|secondaryKey|password)$", name) and name not in ALLOWED:
                yield f"{r.file}: {r.type}: {path} holds a secret"
            if re.search(GIVES_SECRETS, str(value)):
                yield f"{r.file}: {r.type}: {path} holds a secret"


ALLOWED = {"APPLICATIONINSIGHTS_CONNECTION_STRING", "SMTP_PASSWORD"}
"""Where to send, which says not who one is; a reference to the vault."""


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _leaves(item, f"{path}.{name}")
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(item, path)
    else:
        yield path, value


def settings_are_identities(stamp: Stamp) -> Iterator[str]:
    """Flex Consumption refuses some settings, and secrets are only referred to."""
    for name in sorted(stamp.settings.keys() & FLEX_FORBIDS):
        yield f"functions.bicep: Flex Consumption refuses the setting {name}"
    for name, value in stamp.settings.items():
        if not isinstance(value, str):
            yield f"functions.bicep: the setting {name} is no text"
        elif (name in SECRETS) != value.startswith("@Microsoft.KeyVault("):
            yield f"functions.bicep: the setting {name} has to be in the vault, or not to be"
        if name.endswith("__credential") and f"{name.removesuffix('credential')}clientId" not in stamp.settings:
            yield f"functions.bicep: {name} does not say whose identity"


def the_app_is_as_flex_wants_it(stamp: Stamp) -> Iterator[str]:
    """Another runtime or storage with a key, and the app does not start."""
    (app,), (plan,) = stamp.of("Microsoft.Web/sites"), stamp.of("Microsoft.Web/serverfarms")
    config = at(app, "functionAppConfig")
    if (plan.body["sku"], config["runtime"]) != (
        {"name": "FC1", "tier": "FlexConsumption"},
        {"name": "python", "version": "3.13"},
    ):
        yield "functions.bicep: not Python 3.13 on Flex Consumption"
    if config["deployment"]["storage"]["authentication"]["type"] != "UserAssignedIdentity":
        yield "functions.bicep: the package is not read by an identity"
    if not 40 <= config["scaleAndConcurrency"]["maximumInstanceCount"] <= 1000:
        yield "functions.bicep: Flex Consumption takes 40 to 1,000 instances"
    least = 2 if at(plan, "zoneRedundant") else 1
    ready = {one["name"]: one["instanceCount"] for one in config["scaleAndConcurrency"]["alwaysReady"]}
    if ready.get("http", 0) < least or ready.get("function:ingest_telemetry", 0) < least:
        yield "functions.bicep: an instance in each of two zones has to be ready, or one where there are none"


def logs_are_kept(stamp: Stamp) -> Iterator[str]:
    """Who did what, and what was refused, is found where everything else is."""
    watched = {r.owner for r in stamp.of("Microsoft.Insights/diagnosticSettings") if at(r, "workspaceId")}
    for r in stamp.resources:
        if r.type in DIAGNOSED and r.id not in watched:
            yield f"{r.file}: {r.type}: its logs go nowhere"


def everything_is_tagged(stamp: Stamp) -> Iterator[str]:
    """Bills are read by brand and environment."""
    for r in stamp.resources:
        takes = "location" in r.body and r.type != "Microsoft.Insights/diagnosticSettings"
        if takes and not {"brand", "environment", "region"} <= r.body.get("tags", {}).keys():
            yield f"{r.file}: {r.type}: no tags"


def names_fit(stamp: Stamp) -> Iterator[str]:
    """Azure has other limits for each kind, and tells of them in the middle of a deployment."""
    for r in stamp.resources:
        if not re.fullmatch(NAMES.get(r.type, ".+"), r.name):
            yield f"{r.file}: {r.type}: {r.name} is no name for it"
    for id, number in Counter(
        r.id.lower() for r in stamp.resources if not r.type.endswith("diagnosticSettings")
    ).items():
        if number > 1:
            yield f"{id} is deployed twice"


def isolation_is_whole(stamp: Stamp) -> Iterator[str]:
    """One store that stayed open is one too many; an endpoint without its name is never found."""
    isolated = bool(stamp.given.get("isolated"))
    endpoints = {
        at(r, "privateLinkServiceConnections")[0]["properties"]["privateLinkServiceId"]: r
        for r in stamp.of("Microsoft.Network/privateEndpoints")
    }
    zones = {r.owner: r for r in stamp.of("Microsoft.Network/privateEndpoints/privateDnsZoneGroups")}
    linked = {r.owner for r in stamp.of("Microsoft.Network/privateDnsZones/virtualNetworkLinks")}
    for r in (r for r in stamp.resources if r.type in STORES):
        if at(r, "publicNetworkAccess") != ("Disabled" if isolated else "Enabled"):
            yield f"{r.file}: {r.type}: publicNetworkAccess is {at(r, 'publicNetworkAccess')!r}"
        if (r.id in endpoints) != isolated:
            yield f"{r.file}: {r.type}: a private endpoint is missing, or nobody asked for it"
        elif isolated:
            part, zone = STORES[r.type]
            link, config = at(endpoints[r.id], "privateLinkServiceConnections"), zones[endpoints[r.id].id]
            named = at(config, "privateDnsZoneConfigs")[0]["properties"]["privateDnsZoneId"]
            if link[0]["properties"]["groupIds"] != [part] or not named.endswith(f"/{zone}") or named not in linked:
                yield f"{r.file}: {r.type}: its private endpoint is not found under {zone}"
    (app,) = stamp.of("Microsoft.Web/sites")
    if bool(at(app, "virtualNetworkSubnetId")) != isolated:
        yield "functions.bicep: the app is not in the network of its stores"
    for network in stamp.of("Microsoft.Network/virtualNetworks"):
        subnet = next(
            s["properties"] for s in at(network, "subnets") if at(app, "virtualNetworkSubnetId").endswith(s["name"])
        )
        if not subnet.get("defaultOutboundAccess"):
            yield "network.bicep: the app reaches neither the issuer of tokens nor partners"


def vehicles_need_certificates(stamp: Stamp) -> Iterator[str]:
    """What identity IoT Hub and DPS act as, and that nothing a vehicle sends is dropped for want of a route."""
    (hub,), (dps,) = stamp.of("Microsoft.Devices/IotHubs"), stamp.of("Microsoft.Devices/provisioningServices")
    for endpoint in at(hub, "routing.endpoints.eventHubs"):
        if endpoint.get("authenticationType") != "identityBased" or not at(hub, "routing.fallbackRoute.isEnabled"):
            yield "iot.bicep: a route without an identity, or no fallback"
    for linked in at(dps, "iotHubs"):
        if linked.get("authenticationType") != "UserAssigned":
            yield "iot.bicep: DPS reaches the hub with a key"
    if at(dps, "authorizationPolicies") or dps.version < "2026-03-01":
        yield "iot.bicep: DPS without keys needs 2026-03-01-preview or newer, and no policies"


def rights_stand_where_they_hold(stamp: Stamp) -> Iterator[str]:
    """Who may do what with a resource is read in the one module that makes it."""
    makers = {r.id: r.file for r in stamp.resources}
    for r in stamp.resources:
        if r.type.endswith("oleAssignments") and makers.get(r.owner) != r.file:
            yield f"{r.file}: it grants a right on what another module makes, or on everything"


RULES: tuple[Rule, ...] = (
    rights_stand_where_they_hold,
    local_auth_is_off,
    transport_is_new_enough,
    blobs_are_not_public,
    secrets_survive,
    data_survive,
    nothing_gives_a_secret,
    settings_are_identities,
    the_app_is_as_flex_wants_it,
    logs_are_kept,
    everything_is_tagged,
    names_fit,
    isolation_is_whole,
    vehicles_need_certificates,
)


def sources_are_clean(infra: Path) -> Iterator[str]:
    """Of the files themselves: no role by its number but in roles.json, none of those idle, no call for keys."""
    files = [*infra.rglob("*.bicep"), *infra.rglob("*.bicepparam")]
    texts = {path.name: path.read_text() for path in files}
    for name, text in texts.items():
        if re.search(GUID, text):
            yield f"{name}: a number of a role belongs into roles.json"
        if re.search(GIVES_SECRETS, text):
            yield f"{name}: it asks for keys"
    for role in json.loads((infra / "roles.json").read_text()):
        if not any(f"roles.{role}" in text for text in texts.values()):
            yield f"roles.json: nobody has {role}"
