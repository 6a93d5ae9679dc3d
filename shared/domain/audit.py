"""Who saw or changed whose data."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Access:
    """An operator (`who`) did something (`what`) with data of a vehicle or device (`whose`), at a time (epoch ms)."""

    id: str
    brand: str
    at: int
    who: str
    what: str
    whose: str
    detail: str = ""
