"""A vehicle of docs/deploy.md: its certificates, and what it says to DPS and IoT Hub, by the official device SDK.

Both are one small MQTT 3.1.1 server here, which takes only clients whose certificate the authority signed."""

import asyncio
import json
import ssl
import sys
from asyncio import StreamReader, StreamWriter
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from time import time
from typing import Any
from urllib.parse import unquote

import paho.mqtt.client
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from scripts import vehicle
from tests.examples import VEHICLE
from tests.unit.test_telemetry_codec import DECODER

ROOT = Path(vehicle.__file__).parent.parent
SCOPE, CONNECT, PUBLISH, SUBSCRIBE, PING, DISCONNECT = "0ne00000000", 1, 3, 8, 12, 14


@dataclass
class Cloud:
    """DPS and IoT Hub, as far as a vehicle sees them."""

    trust: str
    port: int = 0
    names: list[tuple[str, str]] = field(default_factory=list)
    taken: list[tuple[str, bytes]] = field(default_factory=list)

    async def serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        """One connection. Its client id must be what the certificate is for."""
        subject = dict(pair[0] for pair in writer.get_extra_info("peercert")["subject"])
        while True:
            kind, body = await self._packet(reader)
            if kind >> 4 == CONNECT:
                length = int.from_bytes(body[10:12], "big")
                self.names.append((body[12 : 12 + length].decode(), subject["commonName"]))
                writer.write(b"\x20\x02\x00\x00")
            elif kind >> 4 == SUBSCRIBE:
                writer.write(b"\x90\x03" + body[:2] + b"\x01")
            elif kind >> 4 == PUBLISH:
                length = int.from_bytes(body[:2], "big")
                topic, id = body[2 : 2 + length].decode(), body[2 + length : 4 + length]
                writer.write(b"\x40\x02" + id)
                await self._said(topic, body[4 + length :], subject["commonName"], writer)
            elif kind >> 4 == PING:
                writer.write(b"\xd0\x00")
            elif kind >> 4 == DISCONNECT:
                writer.close()
                return

    async def _packet(self, reader: StreamReader) -> tuple[int, bytes]:
        kind, size, shift = (await reader.readexactly(1))[0], 0, 0
        while True:
            byte = (await reader.readexactly(1))[0]
            size, shift = size | (byte & 0x7F) << shift, shift + 7
            if byte < 0x80:
                return kind, await reader.readexactly(size)

    async def _said(self, topic: str, payload: bytes, who: str, writer: StreamWriter) -> None:
        """To DPS a registration or a look at one; to a hub a message."""
        if not topic.startswith("$dps/"):
            self.taken.append((unquote(topic), payload))
            return
        request = topic.partition("$rid=")[2].partition("&")[0]
        state = {"registrationId": who, "assignedHub": "localhost", "deviceId": who, "substatus": "initialAssignment"}
        first = "PUT/iotdps-register" in topic
        answer: dict[str, Any] = {"operationId": "op-1", "status": "assigning" if first else "assigned"}
        answer |= {} if first else {"registrationState": state}
        about = f"$dps/registrations/res/{202 if first else 200}/?$rid={request}" + ("&retry-after=1" if first else "")
        body = len(about).to_bytes(2, "big") + about.encode() + json.dumps(answer).encode()
        length = bytes([len(body) % 128 | 0x80, len(body) // 128])
        writer.write(bytes([0x30]) + length + body)


def _serving(path: Path) -> str:
    """A key and a certificate for localhost, signed by itself."""
    key, since = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC) - timedelta(minutes=1)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, since, since + timedelta(hours=1))
    made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
    certificate = made.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + certificate)
    return certificate.decode()


@pytest.fixture
async def cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Cloud]:
    """On a port of its own, where the SDK knows just 8883."""
    vehicle.authority(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(tmp_path / "authority.pem"))
    context.verify_mode = ssl.CERT_REQUIRED
    made = Cloud(_serving(tmp_path / "server.pem"))
    context.load_cert_chain(tmp_path / "server.pem")
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0, ssl=context)
    made.port = server.sockets[0].getsockname()[1]
    connect = paho.mqtt.client.Client.connect

    def redirected(self: Any, host: str, port: int, keepalive: int) -> Any:
        assert port == 8883
        return connect(self, host, made.port, keepalive)

    monkeypatch.setattr(paho.mqtt.client.Client, "connect", redirected)
    yield made
    server.close()


@pytest.mark.filterwarnings("ignore:ssl.PROTOCOL_TLSv1_2 is deprecated")  # the SDK asks for it
async def test_a_vehicle_finds_its_hub_and_is_heard_under_its_own_name(cloud: Cloud, tmp_path: Path) -> None:
    vehicle.certificate(tmp_path, VEHICLE)
    assert await vehicle.drive(tmp_path, VEHICLE, SCOPE, "localhost", 3, cloud.trust) == "localhost"
    assert cloud.names == [(VEHICLE, VEHICLE), (VEHICLE, VEHICLE)], "to DPS, then to the hub"
    assert {topic.partition("/messages/events/")[0] for topic, _ in cloud.taken} == {f"devices/{VEHICLE}"}
    assert all("$.ct=application/cloudevents+json" in topic for topic, _ in cloud.taken)
    now = int(time() * 1000)
    heard = [DECODER.decode(VEHICLE, body, now) for _, body in cloud.taken]
    assert [t.samples[0].readings["Vehicle.Speed"] for t in heard] == [30.0, 31.0, 32.0]
    assert [b.sequence - a.sequence for a, b in pairwise(heard)] == [1, 1]
    assert sum(t.census.skewed for t in heard) == 0


@pytest.mark.filterwarnings("ignore:ssl.PROTOCOL_TLSv1_2 is deprecated")
async def test_a_vehicle_of_another_authority_is_not_let_in(cloud: Cloud, tmp_path: Path) -> None:
    other = tmp_path / "other"
    vehicle.authority(other)
    vehicle.certificate(other, VEHICLE)
    with pytest.raises((*vehicle.REFUSALS, OSError)):
        await vehicle.drive(other, VEHICLE, SCOPE, "localhost", 1, cloud.trust)
    assert (cloud.names, cloud.taken) == ([], [])


def test_an_authority_signs_vehicles_that_sign_nobody_and_keeps_its_key_to_itself(tmp_path: Path) -> None:
    vehicle.authority(tmp_path)
    signer = x509.load_pem_x509_certificate((tmp_path / "authority.pem").read_bytes())
    own = x509.load_pem_x509_certificate(vehicle.certificate(tmp_path, VEHICLE).read_bytes())
    own.verify_directly_issued_by(signer)
    assert signer.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length == 0
    assert not own.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert {path.stat().st_mode & 0o777 for path in tmp_path.glob("*.key")} == {0o600}
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(vehicle.Failure, match="is there already"):
        vehicle.authority(tmp_path)
    with pytest.raises(vehicle.Failure, match="is there already"):
        vehicle.certificate(tmp_path, VEHICLE)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


# ---- the command


NOT_IDS = ["../../x", "/tmp/x", "a/b", "a\\b", "", "..", ".hidden", "-x", "x\n", "x" * 65, "ä", "authority"]


@pytest.mark.parametrize("id", NOT_IDS)
def test_an_id_that_could_be_another_file_is_refused_before_anything_is_written(
    id: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    certs = tmp_path / "a" / "certs"
    vehicle.authority(certs)
    before = sorted(tmp_path.rglob("*"))
    for command in (["certificate"], ["drive", "--scope", SCOPE, "--host", "127.0.0.1"]):
        with pytest.raises(SystemExit) as ended:
            vehicle.main(["--certs", str(certs), *command, "--", id])
        assert ended.value.code == 2
        error = capsys.readouterr().err
        assert (error.count("\n"), error.startswith("error: argument vehicle: ")) == (1, True)
    assert sorted(tmp_path.rglob("*")) == before


def _broken(certs: Path, name: str, text: str = "junk") -> Path:
    (certs / name).write_text(text)
    return certs


def _file(path: Path) -> Path:
    path.write_text("")
    return path


FAILURES: dict[str, tuple[Any, list[str], str]] = {
    "no authority": (lambda d: d / "none", ["certificate", VEHICLE], "scripts/vehicle.py authority"),
    "an authority that is none": (lambda d: _broken(d, "authority.pem"), ["certificate", VEHICLE], "no certificate"),
    "a key that is none": (lambda d: _broken(d, "authority.key"), ["certificate", VEHICLE], "no certificate and key"),
    "it is there": (lambda d: d, ["authority"], "is there already"),
    "a file for a folder": (lambda d: _file(d / "file"), ["authority"], "file"),
    "no certificate": (lambda d: d, ["drive", VEHICLE, "--scope", SCOPE], f"certificate {VEHICLE}"),
}


@pytest.mark.parametrize("name", FAILURES)
def test_what_fails_is_said_in_one_line_and_ends_with_two(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, command, why = FAILURES[name]
    vehicle.authority(tmp_path)
    assert vehicle.main(["--certs", str(folder(tmp_path)), *command]) == 2
    error = capsys.readouterr().err
    assert (error.count("\n"), error.startswith("error: "), why in error) == (1, True, True), error


def test_a_folder_that_may_not_be_written_is_said_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(self: Path, *_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "mkdir", refused)
    assert vehicle.main(["--certs", str(tmp_path / "certs"), "authority"]) == 2
    assert capsys.readouterr().err == f"error: [Errno 13] Permission denied: '{tmp_path}/certs'\n"


@pytest.mark.parametrize(
    "given", [[], ["fly"], ["drive", VEHICLE], ["drive", VEHICLE, "--scope", SCOPE, "--count", "0"], ["certificate"]]
)
def test_a_wrong_argument_is_said_in_one_line(given: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        vehicle.main(given)
    assert (ended.value.code, capsys.readouterr().err.count("\n")) == (2, 1)


async def run(certs: Path) -> tuple[int | None, str]:
    """The script as a process of its own, as one calls it."""
    command = ["scripts/vehicle.py", "--certs", str(certs), "drive", VEHICLE, "--scope", SCOPE, "--host", "localhost"]
    process = await asyncio.create_subprocess_exec(sys.executable, *command, cwd=ROOT, stderr=PIPE)
    _, error = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode, error.decode()


async def test_nobody_there_is_said_in_one_line_by_the_script_itself(tmp_path: Path) -> None:
    vehicle.authority(tmp_path)
    vehicle.certificate(tmp_path, VEHICLE)
    code, error = await run(tmp_path)
    assert (code, error.count("\n")) == (2, 1), error
    assert error.startswith("error: ")


async def test_a_certificate_that_is_none_is_said_in_one_line_by_the_script_itself(tmp_path: Path) -> None:
    for name in (f"{VEHICLE}.pem", f"{VEHICLE}.key"):
        (tmp_path / name).write_text("junk")
    code, error = await run(tmp_path)
    assert (code, error.count("\n"), "cannot be used" in error) == (2, 1, True), error
