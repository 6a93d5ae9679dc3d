"""A vehicle's side of a deployment, as docs/deploy.md walks through it:

    python scripts/vehicle.py authority                     # who signs certificates: certs/authority.{key,pem}
    python scripts/vehicle.py certificate VEHICLE           # a vehicle's own, signed: certs/VEHICLE.{key,pem}
    python scripts/vehicle.py drive VEHICLE --scope 0ne…    # found by DPS, connected to IoT Hub, telling its speed

Keys never leave the folder that they were made in (`--certs`). In production the authority's key lives in an HSM, and
a vehicle makes its own key and has just the request signed. What fails is said in one line, and ends with 2."""

import argparse
import asyncio
import logging
import os
import ssl
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import time
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from azure.iot.device import X509, Message, exceptions  # noqa: E402
from azure.iot.device.aio import IoTHubDeviceClient, ProvisioningDeviceClient  # noqa: E402
from cryptography import x509  # noqa: E402
from cryptography.hazmat.primitives import hashes, serialization  # noqa: E402
from cryptography.hazmat.primitives.asymmetric import ec  # noqa: E402
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID  # noqa: E402
from pydantic import TypeAdapter, ValidationError  # noqa: E402

from local.fleet.drives import Sample, rfc3339  # noqa: E402
from local.fleet.sender import cloud_event  # noqa: E402
from shared.codec.bodies import Id  # noqa: E402

HOST = "global.azure-devices-provisioning.net"
AUTHORITY, LASTS, VEHICLE_LASTS = "authority", timedelta(days=3650), timedelta(days=365)
PATIENCE = 60
"""Seconds for one answer of DPS or IoT Hub."""
REFUSALS = (
    exceptions.ClientError,
    exceptions.ServiceError,
    exceptions.ConnectionFailedError,
    exceptions.ConnectionDroppedError,
    exceptions.CredentialError,
)


class Failure(Exception):
    """What went wrong, in a line for whoever called."""


def vehicle_id(text: str) -> str:
    """An id as the product gives them, which also is safe as the name of a file; raises ArgumentTypeError."""
    try:
        found: str = TypeAdapter(Id).validate_python(text)
    except ValidationError:
        found = AUTHORITY
    if found == AUTHORITY:
        raise argparse.ArgumentTypeError(f"{text!r} is no vehicle's id: letters, digits and ._@-, 64 at most")
    return found


def authority(certs: Path) -> Path:
    """A new authority that may sign vehicles' certificates, and nothing else; where its certificate is."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Vehicles")])
    made = _draft(name, name, key.public_key(), LASTS)
    made = made.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    made = made.add_extension(_usage(signs=True), critical=True)
    return _store(certs, AUTHORITY, key, made.sign(key, hashes.SHA256()))


def certificate(certs: Path, vehicle: str) -> Path:
    """A vehicle's own, under its id, signed by the authority in the same folder; where it is."""
    signer, signing = _authority(certs)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, vehicle)])
    made = _draft(name, signer.subject, key.public_key(), VEHICLE_LASTS)
    made = made.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    made = made.add_extension(_usage(signs=False), critical=True)
    made = made.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(signing.public_key())
    return _store(certs, vehicle, key, made.add_extension(issuer, critical=False).sign(signing, hashes.SHA256()))


def _authority(certs: Path) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    _require(certs, AUTHORITY, "make it with: scripts/vehicle.py authority")
    try:
        signer = x509.load_pem_x509_certificate((certs / f"{AUTHORITY}.pem").read_bytes())
        key = serialization.load_pem_private_key((certs / f"{AUTHORITY}.key").read_bytes(), None)
    except (ValueError, TypeError):
        raise Failure(f"the authority in {certs} is no certificate and key in PEM without a password") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise Failure(f"the authority in {certs} has another kind of key than this script makes")
    return signer, key


def _require(certs: Path, name: str, advice: str) -> None:
    for path in (certs / f"{name}.pem", certs / f"{name}.key"):
        if not path.exists():
            raise Failure(f"{path} is not there; {advice}")


def _store(certs: Path, name: str, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> Path:
    """Both, the key readable by its owner alone; nothing that is there is written over."""
    certs.mkdir(parents=True, exist_ok=True)
    private, public = certs / f"{name}.key", certs / f"{name}.pem"
    for path in (private, public):
        if path.exists():
            raise Failure(f"{path} is there already")
    form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    with open(private, "xb", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
        file.write(key.private_bytes(*form))
    public.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return public


def _draft(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, lasts: timedelta
) -> x509.CertificateBuilder:
    since = datetime.now(UTC) - timedelta(minutes=5)
    made = x509.CertificateBuilder(issuer, subject, key, x509.random_serial_number(), since, since + lasts)
    return made.add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)


def _usage(signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        key_cert_sign=signs,
        crl_sign=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


async def drive(certs: Path, vehicle: str, scope: str, host: str, count: int, trust: str | None = None) -> str:
    """Let DPS say which hub the vehicle belongs to, and send the hub so many messages; the hub's host name."""
    _require(certs, vehicle, f"make it with: scripts/vehicle.py certificate {vehicle}")
    own = X509(str(certs / f"{vehicle}.pem"), str(certs / f"{vehicle}.key"))
    more = {"server_verification_cert": trust} if trust else {}
    enrolling = ProvisioningDeviceClient.create_from_x509_certificate(host, vehicle, scope, own, **more)
    found = await asyncio.wait_for(enrolling.register(), PATIENCE)
    if found.status != "assigned" or found.registration_state is None:
        raise Failure(f"DPS does not assign the vehicle to a hub: {found.status}")
    hub: str = found.registration_state.assigned_hub
    client = IoTHubDeviceClient.create_from_x509_certificate(own, hub, found.registration_state.device_id, **more)
    await asyncio.wait_for(client.connect(), PATIENCE)
    try:
        for number, message in enumerate(messages(vehicle, count), 1):
            await asyncio.wait_for(client.send_message(message), PATIENCE)
            print(f"{number} of {count} taken by {hub}")
    finally:
        await client.shutdown()
    return hub


def messages(vehicle: str, count: int) -> Sequence[Message]:
    """A car that accelerates, one sample a message, the last one of now."""
    now, made = time(), []
    for number in range(count):
        at = datetime.fromtimestamp(now - count + 1 + number, UTC)
        seen: dict[str, float | int | bool | str] = {"Vehicle.Speed": 30.0 + number, "Vehicle.IsMoving": True}
        body = cloud_event(vehicle, int(now * 1000) + number, [Sample(rfc3339(at), seen)])
        made.append(Message(body, content_encoding="utf-8", content_type="application/cloudevents+json"))
    return made


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """In one line, where argparse prints the usage as well."""
        self.exit(2, f"error: {message}\n")


def _arguments(given: Sequence[str] | None) -> argparse.Namespace:
    parser = _Parser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--certs", type=Path, default=Path("certs"), help="the folder of keys and certificates")
    does = parser.add_subparsers(dest="does", required=True)
    does.add_parser("authority")
    does.add_parser("certificate").add_argument("vehicle", type=vehicle_id)
    driving = does.add_parser("drive")
    driving.add_argument("vehicle", type=vehicle_id)
    driving.add_argument("--scope", required=True, help="DPS' id scope, an output of the deployment")
    driving.add_argument("--host", default=HOST)
    driving.add_argument("--count", type=int, choices=range(1, 1001), metavar="1..1000", default=5)
    return parser.parse_args(given)


def _run(asked: argparse.Namespace) -> None:
    if asked.does == "authority":
        print(authority(asked.certs))
    elif asked.does == "certificate":
        print(certificate(asked.certs, asked.vehicle))
    else:
        asyncio.run(drive(asked.certs, asked.vehicle, asked.scope, asked.host, asked.count))


def main(given: Sequence[str] | None = None) -> int:
    asked = _arguments(given)
    logging.getLogger("azure.iot").setLevel(logging.CRITICAL)  # it logs tracebacks of what it raises
    try:
        _run(asked)
    except TimeoutError:
        why = f"no answer within {PATIENCE} seconds"
    except ssl.SSLError as error:
        why = f"the certificate and key in {asked.certs} cannot be used: {error}"
    except (Failure, OSError) as error:
        why = str(error)
    except REFUSALS as error:
        why = f"{type(error).__name__}: {error}"
    else:
        return 0
    print(f"error: {' '.join(why.split())}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
