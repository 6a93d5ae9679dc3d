"""The vehicle identification number, ISO 3779."""

import re

from shared.errors import Malformed

CHECKED_REGIONS = frozenset({"na", "us", "ca"})
"""Regions in which no vehicle is sold without a right check digit: 49 CFR 565.13 and Canada's CMVSS 115 ask for it.
Elsewhere the ninth character is the manufacturer's own, wherever the vehicle was built."""
_VIN = re.compile(r"[0-9A-HJ-NPR-Z]{17}", re.ASCII)
_VALUES = dict(zip("ABCDEFGHJKLMNPRSTUVWXYZ", (*range(1, 9), *range(1, 6), 7, 9, *range(2, 10)), strict=True))
_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)


def is_vin(text: str) -> bool:
    """Whether it is written as a VIN is: 17 digits and capital letters without I, O and Q."""
    return _VIN.fullmatch(text) is not None


def require_vin(text: str, region: str) -> None:
    """Accepts the VIN of a vehicle that is sold in the region; raises Malformed, saying what would be right."""
    if not is_vin(text):
        raise Malformed("vin: not 17 digits and capital letters without I, O and Q (ISO 3779)")
    if region in CHECKED_REGIONS and text[8] != (right := check_digit(text)):
        raise Malformed(f"vin: in region {region} the ninth character is a check digit, {right} for the others")


def check_digit(vin: str) -> str:
    """The ninth character as 49 CFR 565.15 computes it from the others."""
    total = sum(w * (int(c) if c.isdigit() else _VALUES[c]) for c, w in zip(vin, _WEIGHTS, strict=True))
    return "0123456789X"[total % 11]
