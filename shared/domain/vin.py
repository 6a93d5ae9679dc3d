"""The vehicle identification number, ISO 3779."""

import re

_VIN = re.compile(r"[0-9A-HJ-NPR-Z]{17}", re.ASCII)
_VALUES = dict(zip("ABCDEFGHJKLMNPRSTUVWXYZ", (*range(1, 9), *range(1, 6), 7, 9, *range(2, 10)), strict=True))
_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)


def is_vin(text: str) -> bool:
    """Seventeen of its characters; the check digit binds only for North America (first character 1 to 5)."""
    if not _VIN.fullmatch(text):
        return False
    return text[0] not in "12345" or text[8] == check_digit(text)


def check_digit(vin: str) -> str:
    """The ninth character as 49 CFR 565.15 computes it."""
    total = sum(w * (int(c) if c.isdigit() else _VALUES[c]) for c, w in zip(vin, _WEIGHTS, strict=True))
    return "0123456789X"[total % 11]
