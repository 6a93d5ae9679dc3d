"""The stamps that the checks look at: each file of parameters, and one with every switch on."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bicep.evaluate import Resource, deployed, parameters

ENVIRONMENT = {
    "OPERATORS": "33333333-3333-3333-3333-333333333333",
    "AUDIENCE": "44444444-4444-4444-4444-444444444444",
    "ALERT_MAIL": "operators@example.com",
}
EVERYTHING: Mapping[str, Any] = {
    "capture": True,
    "isolated": True,
    "alertMail": "operators@example.com",
    "console": {"clientId": "client", "scope": "openid", "tiles": "https://tiles.example/{z}/{x}/{y}.png"},
    "publicUrl": "https://cloud.example",
    "smtpUser": "cloud",
    "vehicleCa": "-----BEGIN CERTIFICATE-----",
    "webhookNetworks": "10.1.0.0/16",
    "otlpEndpoint": "https://otlp.example",
    "otlpHeaders": True,
}


@dataclass(frozen=True)
class Stamp:
    """What one set of parameters comes to."""

    name: str
    given: Mapping[str, Any]
    resources: list[Resource]
    outputs: Mapping[str, Any]

    def of(self, kind: str) -> list[Resource]:
        return [r for r in self.resources if r.type == kind]

    @property
    def settings(self) -> dict[str, str]:
        """The app's."""
        (config,) = self.of("Microsoft.Web/sites/config")
        found: dict[str, str] = config.body["properties"]
        return found


def stamp(infra: Path, name: str, given: Mapping[str, Any]) -> Stamp:
    resources, outputs = deployed(infra / "main.bicep", dict(given))
    return Stamp(name, given, resources, outputs)


def dev(infra: Path, **more: Any) -> Stamp:
    """The dev stamp, with other parameters beside its own."""
    _, given = parameters(infra / "params" / "aurora.dev.weu.bicepparam", ENVIRONMENT)
    return stamp(infra, "dev", given | more)


def stamps(infra: Path) -> list[Stamp]:
    files = sorted((infra / "params").glob("*.bicepparam"))
    found = [stamp(infra, path.stem, parameters(path, ENVIRONMENT)[1]) for path in files]
    return [*found, dev(infra, **EVERYTHING)]
