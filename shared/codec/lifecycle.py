"""IoT Hub's device connection state events: their application properties and body in, a domain value out."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from shared.codec.shapes import Time
from shared.domain.vehicle import Connection
from shared.errors import Code, Malformed, brief

OPERATIONS = {"deviceConnected": True, "deviceDisconnected": False}
LATEST = 253_402_300_799_999
"""9999-12-31T23:59:59.999Z in epoch milliseconds."""
_ORDER = re.compile(r"[0-9A-Fa-f]{1,128}", re.ASCII)


def read(properties: Mapping[str, Any], body: bytes) -> Connection:
    """`opType` and `operationTimestamp` as IoT Hub names them, and the number in the body that tells their order.

    Raises Malformed(malformed_data)."""
    operation = properties.get("opType")
    if not isinstance(operation, str) or operation not in OPERATIONS:
        raise Malformed(f"opType {str(operation)[:100]!r} is no connection event", Code.MALFORMED_DATA)
    try:
        at = int(msgspec.convert(properties.get("operationTimestamp"), Time).timestamp() * 1000)
        order = msgspec.json.decode(body)["sequenceNumber"]
    except (msgspec.MsgspecError, KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise Malformed(brief(error), Code.MALFORMED_DATA) from None
    if not 0 <= at <= LATEST:
        raise Malformed("operationTimestamp is no time of a vehicle's", Code.MALFORMED_DATA)
    if not isinstance(order, str) or not _ORDER.fullmatch(order):
        raise Malformed("sequenceNumber is no hexadecimal text", Code.MALFORMED_DATA)
    return Connection(OPERATIONS[operation], at, order.lower().rjust(128, "0"))
