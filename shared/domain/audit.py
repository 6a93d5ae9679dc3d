"""Who saw or changed whose data."""

from dataclasses import dataclass, replace

from shared.domain.principal import Kind

RECORDED = frozenset({Kind.OPERATOR, Kind.PARTNER})
"""Callers whose requests are put on record."""
ONE_RECORD = 60_000
"""Milliseconds within which the same caller reading the same is put on record once."""
RECORDS_A_DAY = 50_000
"""Records of one caller and route on a UTC day. What comes beyond is only counted: a partition of the audit holds a day
of a brand, and 20 GB."""
BLOCK = 50
"""Records that an instance reserves at once, and requests that it counts at once."""
UNRESERVED = 20
"""Records of one caller and route and day that an instance writes before it reserves any."""
LONGEST = 200
"""Characters of what a record says of whose data it is, and of what else the caller named."""


@dataclass(frozen=True, slots=True)
class Access:
    """An operator or partner (`who`) did something (`what`) with data of a vehicle or device (`whose`), at a time
    (epoch ms). `detail` says what else the request named."""

    id: str
    brand: str
    at: int
    who: str
    what: str
    whose: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Tally:
    """How often a caller did something on a UTC day, in blocks: records that instances reserved, and requests beyond
    the day's limit, which are only counted."""

    brand: str
    day: str
    kind: Kind
    who: str
    what: str
    reserved: int = 0
    counted: int = 0

    @property
    def id(self) -> str:
        return f"tally:{self.kind.value}:{self.who}:{self.what}"

    @property
    def full(self) -> bool:
        return self.reserved + BLOCK > RECORDS_A_DAY

    def more(self) -> "Tally":
        """With another block reserved or, once the day's limit is reached, counted."""
        if self.full:
            return replace(self, counted=self.counted + BLOCK)
        return replace(self, reserved=self.reserved + BLOCK)
