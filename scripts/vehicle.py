"""A vehicle's side of a deployment, as docs/deploy.md walks through it:

    python scripts/vehicle.py authority                     # who signs certificates: certs/authority.{key,pem}
    python scripts/vehicle.py certificate VEHICLE           # a vehicle's own, signed: certs/VEHICLE.{key,pem}
    python scripts/vehicle.py drive VEHICLE --scope 0ne…    # found by DPS, connected to IoT Hub, telling its speed

Keys never leave the folder that they were made in (`--certs`). In production the authority's key lives in an HSM, and
a vehicle makes its own key and has just the request signed."""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import time

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from azure.iot.device import X509, Message, exceptions  # noqa: E402
from azure.iot.device.aio import IoTHubDeviceClient, ProvisioningDeviceClient  # noqa: E402
from cryptography import x509  # noqa: E402
from cryptography.hazmat.primitives import hashes, serialization  # noqa: E402
from cryptography.hazmat.primitives.asymmetric import ec  # noqa: E402
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID  # noqa: E402

from local.fleet.drives import Sample, rfc3339  # noqa: E402
from local.fleet.sender import cloud_event  # noqa: E402

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


def authority(certs: Path) -> Path:
    """A new authority that may sign vehicles' certificates, and nothing else; where its certificate is."""
    key = _key(certs, AUTHORITY)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Vehicles")])
    made = _draft(name, name, key.public_key(), LASTS)
    made = made.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    made = made.add_extension(_usage(signs=True), critical=True)
    return _write(certs, AUTHORITY, made.sign(key, hashes.SHA256()))


def certificate(certs: Path, vehicle: str) -> Path:
    """A vehicle's own, under its id, signed by the authority in the same folder; where it is."""
    signer = x509.load_pem_x509_certificate((certs / f"{AUTHORITY}.pem").read_bytes())
    signing = serialization.load_pem_private_key((certs / f"{AUTHORITY}.key").read_bytes(), None)
    if not isinstance(signing, ec.EllipticCurvePrivateKey):
        raise SystemExit("the authority's key is none of ours")
    key = _key(certs, vehicle)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, vehicle)])
    made = _draft(name, signer.subject, key.public_key(), VEHICLE_LASTS)
    made = made.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    made = made.add_extension(_usage(signs=False), critical=True)
    made = made.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(signing.public_key())
    return _write(certs, vehicle, made.add_extension(issuer, critical=False).sign(signing, hashes.SHA256()))


def _key(certs: Path, name: str) -> ec.EllipticCurvePrivateKey:
    certs.mkdir(parents=True, exist_ok=True)
    path = certs / f"{name}.key"
    if path.exists():
        raise SystemExit(f"{path} is there already")
    key = ec.generate_private_key(ec.SECP256R1())
    form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    path.touch(0o600)
    path.write_bytes(key.private_bytes(*form))
    return key


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


def _write(certs: Path, name: str, made: x509.Certificate) -> Path:
    path = certs / f"{name}.pem"
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    return path


async def drive(certs: Path, vehicle: str, scope: str, host: str, count: int, trust: str | None = None) -> str:
    """Let DPS say which hub the vehicle belongs to, and send the hub so many messages; the hub's host name."""
    own = X509(str(certs / f"{vehicle}.pem"), str(certs / f"{vehicle}.key"))
    more = {"server_verification_cert": trust} if trust else {}
    enrolling = ProvisioningDeviceClient.create_from_x509_certificate(host, vehicle, scope, own, **more)
    found = await asyncio.wait_for(enrolling.register(), PATIENCE)
    if found.status != "assigned" or found.registration_state is None:
        raise SystemExit(f"DPS says {found.status}")
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


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--certs", type=Path, default=Path("certs"), help="the folder of keys and certificates")
    does = parser.add_subparsers(dest="does", required=True)
    does.add_parser("authority")
    does.add_parser("certificate").add_argument("vehicle")
    driving = does.add_parser("drive")
    driving.add_argument("vehicle")
    driving.add_argument("--scope", required=True, help="DPS' id scope, an output of the deployment")
    driving.add_argument("--host", default=HOST)
    driving.add_argument("--count", type=int, default=5)
    asked = parser.parse_args()
    if asked.does == "authority":
        print(authority(asked.certs))
    elif asked.does == "certificate":
        print(certificate(asked.certs, asked.vehicle))
    else:
        try:
            asyncio.run(drive(asked.certs, asked.vehicle, asked.scope, asked.host, asked.count))
        except (*REFUSALS, OSError, TimeoutError) as error:
            raise SystemExit(f"not taken: {type(error).__name__}: {error}") from None


if __name__ == "__main__":
    main()
