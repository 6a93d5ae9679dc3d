"""What the environment says, read once. Missing names fail at start, all of them at once, not at the first event."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True, slots=True)
class Console:
    """What the console's page has to know: who issues tokens, under which client and with which scope it asks for them,
    and where map tiles are (`https://…/{z}/{x}/{y}.png`), if anywhere."""

    issuer: str
    client_id: str
    scope: str
    tiles: str | None


@dataclass(frozen=True, slots=True)
class Exporters:
    """Where spans, or metrics, go: to Azure Monitor by its connection string, and to an OTLP receiver, of which
    OpenTelemetry's SDK knows the rest by itself."""

    azure_monitor: str | None
    otlp: bool

    @property
    def any(self) -> bool:
        return self.azure_monitor is not None or self.otlp


@dataclass(frozen=True, slots=True)
class Settings:
    """A connection string or key stands only on one machine; in Azure it is None and the identity is used.

    `token_brand` is the brand of tokens that name none, where the issuer can't. `public_url` is where people reach the
    API (`https://…/api/v1`). Without `smtp_host` no mail is sent. `smtp_ca_file` is for a mail server whose certificate
    the system does not know; `webhook_networks` are networks of the operator's own whose systems may be called besides
    public ones."""

    cosmos_endpoint: str
    cosmos_key: str | None
    servicebus_connection: str | None
    servicebus_namespace: str
    storage_connection: str | None
    storage_endpoint: str
    client_id: str | None
    token_issuer: str
    token_audience: str
    token_jwks_url: str
    token_brand: str | None
    passport_keys: tuple[str, ...]
    passport_issuer: str
    code_secret: str
    public_url: str
    smtp_host: str | None
    smtp_port: int
    smtp_sender: str
    smtp_user: str | None
    smtp_password: str | None
    smtp_ca_file: str | None
    webhook_networks: tuple[str, ...]
    handover_after_seconds: float
    requests_per_second: float
    request_burst: float
    spans_to: Exporters
    metrics_to: Exporters
    console: Console | None


ALWAYS = (
    "COSMOS__accountEndpoint",
    "TOKEN_ISSUER",
    "TOKEN_AUDIENCE",
    "TOKEN_JWKS_URL",
    "PASSPORT_KEYS",
    "PASSPORT_ISSUER",
    "CODE_SECRET",
    "PUBLIC_URL",
)
ONE_OF = (
    ("SERVICEBUS", "SERVICEBUS__fullyQualifiedNamespace"),
    ("AzureWebJobsStorage", "AzureWebJobsStorage__accountName"),
)
SPANS = ("OTEL_TRACES_EXPORTER", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL")
METRICS = ("OTEL_METRICS_EXPORTER", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL")
HTTP_PROTOBUF = "http/protobuf"


def read(env: Mapping[str, str]) -> Settings:
    """The settings in `env`, or RuntimeError naming everything that is missing."""
    missing = [name for name in ALWAYS if not env.get(name)]
    missing += [" or ".join(names) for names in ONE_OF if not any(env.get(name) for name in names)]
    if missing:
        raise RuntimeError(f"settings missing: {', '.join(missing)}")
    return Settings(
        env["COSMOS__accountEndpoint"],
        env.get("COSMOS__accountKey"),
        env.get("SERVICEBUS"),
        env.get("SERVICEBUS__fullyQualifiedNamespace", ""),
        env.get("AzureWebJobsStorage"),
        f"https://{env.get('AzureWebJobsStorage__accountName', '')}.blob.core.windows.net",
        env.get("AZURE_CLIENT_ID"),
        env["TOKEN_ISSUER"],
        env["TOKEN_AUDIENCE"],
        env["TOKEN_JWKS_URL"],
        env.get("TOKEN_BRAND"),
        _pems(env["PASSPORT_KEYS"]),
        env["PASSPORT_ISSUER"],
        env["CODE_SECRET"],
        env["PUBLIC_URL"].rstrip("/"),
        env.get("SMTP_HOST"),
        int(env.get("SMTP_PORT", "587")),
        env.get("SMTP_FROM", "no-reply@localhost"),
        env.get("SMTP_USER"),
        env.get("SMTP_PASSWORD"),
        env.get("SMTP_CA_FILE"),
        tuple(text for text in env.get("WEBHOOK_NETWORKS", "").split(",") if text),
        float(env.get("HANDOVER_AFTER_SECONDS", "60")),
        float(env.get("REQUESTS_PER_SECOND", "100")),
        float(env.get("REQUEST_BURST", "400")),
        _exporters(env, SPANS),
        _exporters(env, METRICS),
        _console(env),
    )


def _exporters(env: Mapping[str, str], names: tuple[str, str, str]) -> Exporters:
    """By OpenTelemetry's standard variables: none where they say so, OTLP where a receiver is named."""
    choice, endpoint, protocol = names
    chosen = env.get(choice) or "otlp"
    if chosen not in ("otlp", "none"):
        raise RuntimeError(f"{choice} is {chosen}: it has to be otlp or none")
    if env.get("OTEL_SDK_DISABLED", "").lower() == "true" or chosen == "none":
        return Exporters(None, otlp=False)
    otlp = any(env.get(name) for name in (choice, endpoint, "OTEL_EXPORTER_OTLP_ENDPOINT"))
    spoken = env.get(protocol) or env.get("OTEL_EXPORTER_OTLP_PROTOCOL") or HTTP_PROTOBUF
    if otlp and spoken != HTTP_PROTOBUF:
        raise RuntimeError(f"OTLP is spoken as {HTTP_PROTOBUF}, not as {spoken}")
    return Exporters(env.get("APPLICATIONINSIGHTS_CONNECTION_STRING") or None, otlp)


def _console(env: Mapping[str, str]) -> Console | None:
    client, scope = env.get("CONSOLE_CLIENT_ID"), env.get("CONSOLE_SCOPE", "openid")
    return Console(env["TOKEN_ISSUER"], client, scope, env.get("TILES_URL") or None) if client else None


def _pems(text: str) -> tuple[str, ...]:
    """Several PEMs, one after the other; a line break may be written as \\n, where a setting can't hold one."""
    end = "-----END PRIVATE KEY-----"
    parts = text.replace("\\n", "\n").split(end)
    return tuple(part.strip() + "\n" + end + "\n" for part in parts if part.strip())


@cache
def settings() -> Settings:
    return read(os.environ)
