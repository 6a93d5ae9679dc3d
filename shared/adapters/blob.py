"""What could not be read, set aside in Blob storage with its reason."""

from collections import Counter
from datetime import UTC, datetime

from azure.core.exceptions import AzureError, ResourceExistsError
from azure.storage.blob.aio import ContainerClient

from shared.domain.parked import Parked
from shared.errors import Unavailable

BODIES = 100
"""Bodies of one device and day that an instance keeps; what comes beyond is only counted, in the ledger."""


class BlobParking:
    """`{yyyy}/{mm}/{dd}/{source}-{key}`, created once, with the reason and the device as index tags."""

    def __init__(self, container: ContainerClient) -> None:
        self._container = container
        self._kept: Counter[tuple[str, str]] = Counter()
        self._day = ""

    async def park(self, parked: Parked) -> None:
        day = f"{datetime.fromtimestamp(parked.at / 1000, UTC):%Y/%m/%d}"
        if not self._has_room(day, parked.device):
            return
        tags = {"reason": parked.reason, "device": _tag(parked.device), "source": parked.source}
        metadata = {"reason": parked.reason, "detail": parked.detail.encode("ascii", "replace").decode()[:500]}
        metadata["detail"] = "".join(c if c.isprintable() else "?" for c in metadata["detail"])
        try:
            await self._container.upload_blob(
                f"{day}/{parked.source}-{parked.key}", parked.body, metadata=metadata, tags=tags
            )
        except ResourceExistsError:
            return
        except (AzureError, OSError, TimeoutError) as error:
            raise Unavailable(f"blob: {error!r}"[:300]) from error
        self._kept[day, parked.device] += 1

    def _has_room(self, day: str, device: str) -> bool:
        if day > self._day:
            self._day, self._kept = day, Counter({k: n for k, n in self._kept.items() if k[0] >= self._day})
        return self._kept[day, device] < BODIES


def _tag(text: str) -> str:
    """What an index tag can hold of it: at most 256 of its characters."""
    return "".join(c if c.isascii() and (c.isalnum() or c in " +-./:=_") else "_" for c in text)[:256]
