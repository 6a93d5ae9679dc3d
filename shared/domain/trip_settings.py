"""What a brand counts as a trip."""

from typing import NamedTuple


class TripSettings(NamedTuple):
    """Metres and seconds that a journey has at least. Less is a car that is parked anew, or a speed that wavers at
    rest: half an hour of it adds up to some 200 m."""

    metres: float = 200.0
    seconds: int = 60


DEFAULT = TripSettings()
