"""The rights that the code and the templates need, and those that are granted: the same."""

import json
from collections.abc import Iterator
from pathlib import Path

from tests.bicep.agreement import ROOT, functions
from tests.bicep.rules import at
from tests.bicep.stamps import Stamp

APP, IOT, CAPTURE, OPERATORS = "the app", "IoT Hub", "capture", "operators"


def rights_needed(stamp: Stamp) -> set[tuple[str, str, str]]:
    """(who, role, kind of resource), each for what the code, the templates or the operators of docs/deploy.md do."""
    kinds, bootstrap = {t["type"] for t in functions()}, (ROOT / "shared" / "bootstrap.py").read_text()
    settings, page = stamp.settings, (ROOT / "docs" / "deploy.md").read_text()
    (hub,), (dps,) = stamp.of("Microsoft.Devices/IotHubs"), stamp.of("Microsoft.Devices/provisioningServices")
    linked = any(one["authenticationType"] == "UserAssigned" for one in at(dps, "iotHubs"))
    needed = {
        (APP, "eventHubsDataReceiver", "Microsoft.EventHub/namespaces"): "eventHubTrigger" in kinds,
        (APP, "serviceBusDataReceiver", "Microsoft.ServiceBus/namespaces"): "serviceBusTrigger" in kinds,
        (APP, "serviceBusDataSender", "Microsoft.ServiceBus/namespaces"): "get_queue_sender" in bootstrap,
        (APP, "cosmosDataContributor", "Microsoft.DocumentDB/databaseAccounts"): "CosmosClient" in bootstrap,
        (APP, "storageBlobDataOwner", "Microsoft.Storage/storageAccounts"): "tags=" in _source("adapters/blob.py"),
        (APP, "keyVaultSecretsUser", "Microsoft.KeyVault/vaults"): "@Microsoft.KeyVault" in str(settings),
        (APP, "monitoringMetricsPublisher", "Microsoft.Insights/components"): "credential"
        in _source("adapters/observability.py"),
        (IOT, "eventHubsDataSender", "Microsoft.EventHub/namespaces"): bool(at(hub, "routing.endpoints.eventHubs")),
        (IOT, "iotHubRegistryContributor", "Microsoft.Devices/IotHubs"): linked,  # DPS registers vehicles
        (IOT, "iotHubTwinContributor", "Microsoft.Devices/IotHubs"): linked,  # and writes their first twin
        (CAPTURE, "storageBlobDataContributor", "Microsoft.Storage/storageAccounts"): bool(stamp.given.get("capture")),
        (OPERATORS, "keyVaultSecretsOfficer", "Microsoft.KeyVault/vaults"): "az keyvault secret set" in page,
        (OPERATORS, "provisioningDataContributor", "Microsoft.Devices/provisioningServices"): "enrollment-group create"
        in page,
    }
    return {right for right, holds in needed.items() if holds}


def _source(path: str) -> str:
    return (ROOT / "shared" / path).read_text()


def rights_granted(infra: Path, stamp: Stamp) -> set[tuple[str, str, str]]:
    roles = {number: name for name, number in json.loads((infra / "roles.json").read_text()).items()}
    found = set()
    for r in stamp.resources:
        if r.type.rpartition("/")[2] not in ("roleAssignments", "sqlRoleAssignments"):
            continue
        role = roles.get(at(r, "roleDefinitionId").rpartition("/")[2], "a role of its own")
        on = r.owner.partition("/providers/")[2].rpartition("/")[0] or "everything"
        found.add((_who(at(r, "principalId"), stamp), role, on))
    return found


def _who(principal: str, stamp: Stamp) -> str:
    if principal == stamp.given["operators"]:
        return OPERATORS
    names = {"id-app-": APP, "id-iot-": IOT, "id-capture-": CAPTURE}
    return next((who for part, who in names.items() if f"/{part}" in principal), principal)


def rights_agree(infra: Path, stamps: list[Stamp]) -> Iterator[str]:
    """Every right that is needed is granted, and no other."""
    for stamp in stamps:
        needed, granted = rights_needed(stamp), rights_granted(infra, stamp)
        for right in sorted(needed - granted):
            yield f"{stamp.name}: {right[0]} needs {right[1]} on {right[2]}"
        for right in sorted(granted - needed):
            yield f"{stamp.name}: {right[0]} does not need {right[1]} on {right[2]}"
