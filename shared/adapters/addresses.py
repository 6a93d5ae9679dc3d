"""Which addresses of the Internet are anybody's to call, and connecting to nothing else (SSRF)."""

import asyncio
import ipaddress
import socket
from collections.abc import Sequence

from aiohttp.abc import AbstractResolver, ResolveResult

type Address = ipaddress.IPv4Address | ipaddress.IPv6Address
type Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_DENIED_4 = [
    ipaddress.IPv4Network(text)
    for text in (
        "168.63.129.16/32",  # Azure's own to its machines
        "192.88.99.0/24",  # 6to4 relays
        "192.0.0.0/24",
        "100.64.0.0/10",
        "198.18.0.0/15",
        "224.0.0.0/3",
    )
]
_GLOBAL_6 = ipaddress.IPv6Network("2000::/3")
_DENIED_6 = [
    ipaddress.IPv6Network(text)
    for text in (
        "2001::/23",  # Teredo, ORCHID and others
        "2001:db8::/32",
        "2002::/16",  # 6to4: an IPv4 address in disguise
        "3fff::/20",
    )
]


class ForbiddenAddressError(OSError):
    """A name that stands for what is not public."""


def is_public(address: Address) -> bool:
    """Whether it is somebody's on the Internet, and no other address in disguise."""
    if isinstance(address, ipaddress.IPv4Address):
        return address.is_global and not any(address in network for network in _DENIED_4)
    return address in _GLOBAL_6 and address.is_global and not any(address in network for network in _DENIED_6)


class PinnedResolver(AbstractResolver):
    """Resolves once, right before the connection, and gives only what may be called: the connection is made to just
    what was checked. One address that may not be called spoils the name."""

    def __init__(self, allowed: Sequence[Network] = ()) -> None:
        self._allowed = allowed

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        loop, flags = asyncio.get_running_loop(), socket.AI_ADDRCONFIG
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, family=socket.AF_UNSPEC, flags=flags)
        addresses = [str(info[4][0]) for info in found]
        for text in addresses:
            if not self.may_call(text):
                raise ForbiddenAddressError("not a public address")
        return [_resolved(host, port, text) for text in dict.fromkeys(addresses)]

    def may_call(self, text: str) -> bool:
        address = ipaddress.ip_address(text.partition("%")[0])
        return is_public(address) or any(address in network for network in self._allowed)

    async def close(self) -> None:
        """Nothing is held."""


def _resolved(host: str, port: int, text: str) -> ResolveResult:
    family = socket.AF_INET6 if ":" in text else socket.AF_INET
    flags = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
    return {"hostname": host, "host": text, "port": port, "family": family, "proto": 0, "flags": flags}


def literal(host: str) -> Address | None:
    """The address that a host is written as; None for a name."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def is_name(host: str) -> bool:
    """A name with a dot, whose last label is no number: 127.1 and 0x7f.0.0.1 are addresses in disguise."""
    labels = host.rstrip(".").split(".")
    fits = all(0 < len(label) <= 63 and all(c.isalnum() or c in "-_" for c in label) for label in labels)
    last = labels[-1]
    return fits and len(labels) > 1 and len(host) <= 253 and not (last[0].isdigit() or last in ("local", "internal"))
