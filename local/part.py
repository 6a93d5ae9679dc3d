"""One part of the local cloud as a process: `python -m local.part broker|cosmos|mail|host|web PORT DATA`."""

import asyncio
import logging
import os
import signal
import sys
from pathlib import Path

from shared.topology import topology

HOST = "127.0.0.1"


async def serve(name: str, port: int, data: Path) -> None:
    """Run until told to stop. Keys and settings come from the environment."""
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    part = _part(name, data)
    await part.start(HOST, port)
    await stopped.wait()
    await asyncio.wait_for(part.stop(), 3)


def _part(name: str, data: Path):  # type: ignore[no-untyped-def]
    if name == "broker":
        from local.broker.server import Broker

        lock = int(float(os.environ["LOCAL_LOCK_SECONDS"]) * 1000)
        return Broker(topology(), data / "broker.db", os.environ["LOCAL_BROKER_KEY"], lock)
    if name == "cosmos":
        from local.cosmos.server import CosmosServer

        return CosmosServer(topology(), data / "cosmos.db", os.environ["COSMOS__accountKey"])
    if name == "mail":
        from local.mailbox import Mailbox

        return Mailbox(data)
    from local.host.host import Host

    return Host(keys={"master": os.environ["LOCAL_HOST_KEY"]}, http_only=name == "web")


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("azure").setLevel(logging.ERROR)
    asyncio.run(serve(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])))
