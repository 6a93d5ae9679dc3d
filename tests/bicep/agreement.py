"""What the code uses, and what the templates make, set and grant: the same, each way."""

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from shared.settings import read
from tests.bicep.rules import at
from tests.bicep.stamps import Stamp

ROOT = Path(__file__).parent.parent.parent
LOCAL_ONLY = {
    "SERVICEBUS": "a connection string: on one machine there are no identities",
    "AzureWebJobsStorage": "a connection string, likewise",
    "COSMOS__accountKey": "a key, likewise",
    "SMTP_CA_FILE": "a mail server of one's own; the system knows who signed for Azure's",
    "OTEL_SDK_DISABLED": "OpenTelemetry's standard: a deployment is always looked at",
    "OTEL_TRACES_EXPORTER": "likewise; the templates name an OTLP receiver or none",
    "OTEL_METRICS_EXPORTER": "likewise",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "likewise; the templates name one receiver for spans and metrics",
    "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "likewise",
    "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "likewise",
    "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL": "likewise",
}
OF_THE_HOST = {
    "AzureWebJobsStorage": {"accountName", "credential", "clientId"},
    "EVENTHUBS": {"fullyQualifiedNamespace", "credential", "clientId"},
    "SERVICEBUS": {"fullyQualifiedNamespace", "credential", "clientId"},
}
"""What the Functions host reads of a connection that is an identity's."""
OF_THE_SDK = {"OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES", "OTEL_EXPORTER_OTLP_HEADERS"}
"""What OpenTelemetry's SDK reads itself."""


# ---- what the code uses


GOLDEN = json.loads((ROOT / "tests" / "system" / "functions.golden.json").read_text())
"""The functions, as the worker indexes them: tests/system/test_host.py holds the file to that."""


def functions() -> list[dict[str, Any]]:
    """Their triggers."""
    return [bindings[0] for bindings, _ in GOLDEN.values()]


def _calls(method: str, path: str = "shared/bootstrap.py") -> set[str]:
    """The texts that are handed to a method of that name."""
    calls = [n for n in ast.walk(ast.parse((ROOT / path).read_text())) if isinstance(n, ast.Call)]
    ours = [c for c in calls if method in (getattr(c.func, "attr", ""), getattr(c.func, "id", ""))]
    return {a.value for c in ours for a in c.args if isinstance(a, ast.Constant) and isinstance(a.value, str)}


def used() -> dict[str, set[str]]:
    """By kind: the names under which the code reaches something."""
    hubs = [t for t in functions() if t["type"] == "eventHubTrigger"]
    queues = {t["queueName"] for t in functions() if t["type"] == "serviceBusTrigger"}
    return {
        "hubs": {t["eventHubName"] for t in hubs},
        "consumer groups": {f"{t['eventHubName']}/{t['consumerGroup']}" for t in hubs},
        "queues that are read": queues,
        "queues that are written": _calls("_sender"),
        "containers": _calls("_container"),
        "blob containers": _calls("get_container_client") | _calls("BlobExports"),
    }


def settings_read() -> set[str]:
    """Every name that the code or the host reads from the environment."""
    tree = ast.parse((ROOT / "shared" / "settings.py").read_text())
    names = {n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str)}
    found = {n for n in names if n.isascii() and n.replace("_", "").isalnum() and (n.isupper() or "__" in n)}
    found |= {"AzureWebJobsStorage", "APPLICATIONINSIGHTS_AUTHENTICATION_STRING"} | OF_THE_SDK
    found |= {v.strip("%") for t in functions() for v in t.values() if isinstance(v, str) and v.startswith("%")}
    found |= {f"{name}__{part}" for name, parts in OF_THE_HOST.items() for part in parts}
    return found - {t["connection"] for t in functions() if "connection" in t} | {"SERVICEBUS"}


# ---- what the templates make


def topology_agrees(infra: Path, whole: Stamp) -> Iterator[str]:
    """Every trigger, sender, container and blob path of the code is in the topology and made, and the other way."""
    topology = json.loads((infra / "topology.json").read_text())
    hubs, queues = topology["eventHubs"], {q["name"] for q in topology["queues"]}
    groups = {f"{h['name']}/{g}" for h in hubs for g in h["consumerGroups"]}
    named = {
        "hubs": {h["name"] for h in hubs},
        "consumer groups": groups,
        "queues that are read": queues,
        "queues that are written": queues,
        "containers": {c["name"] for c in topology["cosmos"]["containers"]},
        "blob containers": {c["name"] for c in topology["blobContainers"]},
    }
    for what, names in used().items():
        if names != named[what]:
            yield f"topology.json: {what}: only in the code or only there: {sorted(names ^ named[what])}"
    made = {
        "hubs": _made(whole, "Microsoft.EventHub/namespaces/eventhubs", 1),
        "consumer groups": _made(whole, "Microsoft.EventHub/namespaces/eventhubs/consumergroups", 2),
        "queues that are read": _made(whole, "Microsoft.ServiceBus/namespaces/queues", 1),
        "containers": _made(whole, "Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers", 1),
        "blob containers": _made(whole, "Microsoft.Storage/storageAccounts/blobServices/containers", 1)
        - {"app-package", "capture"},
    }
    for what, names in made.items():
        if names != named[what]:
            yield f"templates: {what}: only made or only named: {sorted(names ^ named[what])}"
    yield from _routes(topology, whole)
    yield from _as_written(topology, whole)


def _made(stamp: Stamp, kind: str, parts: int) -> set[str]:
    return {"/".join(r.name.split("/")[-parts:]) for r in stamp.of(kind)}


def _routes(topology: dict[str, Any], stamp: Stamp) -> Iterator[str]:
    (hub,) = stamp.of("Microsoft.Devices/IotHubs")
    made = {(r["source"], *r["endpointNames"]) for r in at(hub, "routing.routes") if r["isEnabled"]}
    named = {(r["source"], r["eventHub"]) for r in topology["routes"]}
    if made != named or {to for _, to in named} != {h["name"] for h in topology["eventHubs"]}:
        yield f"routes: {sorted(made ^ named)}, or a hub that nothing goes to"
    entities = {(e["name"], e.get("entityPath")) for e in at(hub, "routing.endpoints.eventHubs")}
    if entities != {(to, to) for _, to in named}:
        yield f"routes: endpoints {sorted(map(str, entities))}"


def _as_written(topology: dict[str, Any], stamp: Stamp) -> Iterator[str]:
    """Keys, times to live, indexes, windows and the like are those of the topology."""
    for made in stamp.of("Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers"):
        said = {c["name"]: c for c in topology["cosmos"]["containers"]}.get(made.body["name"])
        held = at(made, "resource")
        index = held["indexingPolicy"]
        found = held["partitionKey"]["paths"], held["defaultTtl"], [p["path"] for p in index["includedPaths"]]
        if said and found != (said["partitionKeyPaths"], said["defaultTtl"], said["indexedPaths"]):
            yield f"cosmos.bicep: {made.body['name']} is not as the topology has it"
        several = len(found[0]) > 1
        if index["excludedPaths"] != [{"path": "/*"}] or several != (held["partitionKey"]["kind"] == "MultiHash"):
            yield f"cosmos.bicep: {made.body['name']}: other paths are indexed, or the kind of its key is another"
    for made in stamp.of("Microsoft.ServiceBus/namespaces/queues"):
        said = {q["name"]: q for q in topology["queues"]}.get(made.body["name"])
        names = "duplicateDetectionHistoryTimeWindow", "maxDeliveryCount", "lockDuration", "defaultMessageTimeToLive"
        ours = "duplicateWindow", "maxDeliveryCount", "lockDuration", "ttl"
        if not said:
            continue
        if [at(made, n) for n in names] != [said[n] for n in ours] or not at(made, "requiresDuplicateDetection"):
            yield f"serviceBus.bicep: {made.body['name']} is not as the topology has it"
    for made in stamp.of("Microsoft.EventHub/namespaces/eventhubs"):
        said = {h["name"]: h for h in topology["eventHubs"]}.get(made.body["name"])
        kept = at(made, "retentionDescription.retentionTimeInHours")
        if said and (kept != said["retentionHours"] or at(made, "partitionCount") < said["partitions"]):
            yield f"eventHubs.bicep: {made.body['name']} is not as the topology has it"
    (policy,) = stamp.of("Microsoft.Storage/storageAccounts/managementPolicies")
    kept = {r["definition"]["filters"]["prefixMatch"][0]: _days(r) for r in at(policy, "policy.rules")}
    if not {(f"{c['name']}/", c["deleteAfterDays"]) for c in topology["blobContainers"]} <= set(kept.items()):
        yield "storage.bicep: a container is not emptied as the topology has it"


def _days(rule: dict[str, Any]) -> int:
    days: int = rule["definition"]["actions"]["baseBlob"]["delete"]["daysAfterModificationGreaterThan"]
    return days


def settings_agree(stamps: list[Stamp]) -> Iterator[str]:
    """Every setting that the code reads is set, every one that is set is read, and the code starts with them."""
    wanted = settings_read() - LOCAL_ONLY.keys()
    given = set().union(*(s.settings.keys() for s in stamps))
    if given != wanted:
        yield f"settings: only read: {sorted(wanted - given)}; only set: {sorted(given - wanted)}"
    for stamp in stamps:
        try:
            found = read(stamp.settings)
        except RuntimeError as error:
            yield f"{stamp.name}: {error}"
            continue
        if found.cosmos_key or found.servicebus_connection or found.storage_connection or not found.client_id:
            yield f"{stamp.name}: the code would not act as an identity"


def scaling_agrees(stamps: list[Stamp]) -> Iterator[str]:
    """What is always ready is named as in the code, and the host takes as much at once as the platform sends."""
    names = {"http"} | {f"function:{name}" for name in GOLDEN}
    host = json.loads((ROOT / "host.json").read_text())["extensions"]["http"]
    for stamp in stamps:
        (app,) = stamp.of("Microsoft.Web/sites")
        scale = at(app, "functionAppConfig.scaleAndConcurrency")
        for ready in scale["alwaysReady"]:
            if ready["name"] not in names:
                yield f"{stamp.name}: nothing is called {ready['name']}"
        if scale["triggers"]["http"]["perInstanceConcurrency"] != host["maxConcurrentRequests"]:
            yield f"{stamp.name}: an instance is sent other numbers of requests than its host takes"
