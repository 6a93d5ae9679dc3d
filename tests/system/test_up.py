"""`python -m local up`, as a person starts and stops it."""

import asyncio
import contextlib
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path

import aiohttp
import psutil
import pytest

from local.cloud import FORMAT, ROOT, Cloud, Ports
from local.part import HOST


def taken() -> list[int]:
    """The ports of `up` that something listens on."""
    busy = []
    for port in asdict(Ports()).values():
        with contextlib.suppress(OSError), socket.create_connection((HOST, port), 0.2):
            busy.append(port)
    return busy


@asynccontextmanager
async def up(data: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    command = [sys.executable, "-m", "local", "up", "--data", str(data), "--speed", "5"]
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=subprocess.PIPE)
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def line(process: asyncio.subprocess.Process, pattern: str) -> "re.Match[str]":
    """The first line to come that fits."""
    assert process.stdout
    async with asyncio.timeout(60):
        while text := (await process.stdout.readline()).decode():
            if found := re.search(pattern, text):
                return found
    raise AssertionError(f"no line like {pattern}")


async def interrupted(process: asyncio.subprocess.Process) -> tuple[float, int]:
    """Ctrl-C: how long everything took to end, and the exit status."""
    parts = psutil.Process(process.pid).children(recursive=True)
    assert len(parts) >= 4
    start = time.monotonic()
    process.send_signal(signal.SIGINT)
    status = await process.wait()
    _, alive = psutil.wait_procs(parts, 5)
    assert alive == []
    return time.monotonic() - start, status


@pytest.mark.skipif(bool(taken()), reason="something else listens on the ports of `up`")
async def test_ctrl_c_ends_everything_and_a_second_start_goes_on_with_the_data_of_the_first(tmp_path: Path) -> None:
    async with up(tmp_path) as first:
        console = (await line(first, r"^console (http\S+/console)$"))[1]
        async with aiohttp.ClientSession() as http, http.get(console) as answer:
            assert (answer.status, answer.content_type) == (200, "text/html")
        urls = [(await line(first, r'^curl -H "Authorization: Bearer \$TOKEN" (http\S+)$'))[1] for _ in range(3)]
        assert [url.rsplit("/", 1)[1] for url in urls] == ["state", "remote-climate", "inbox"]
        before = int((await line(first, r"^accepted ([1-9]\d*), (\d+) of \2 partitions balanced"))[1])
        told = await line(first, r"([1-9]\d*) in the inboxes, (\d+) in the mailbox")
        assert int(told[2]) >= 5, "everyone verified an address by mail"
        await line(first, r"in the inboxes, ([6-9]|\d\d+) in the mailbox")
        seconds, status = await interrupted(first)
        assert (seconds < 5, status) == (True, 0)
    async with up(tmp_path) as second:
        start = time.monotonic()
        again = (await line(second, r'Bearer \$TOKEN" (http\S+)$'))[1]
        assert time.monotonic() - start < 30
        assert again == urls[0]
        assert int((await line(second, r"^accepted (\d+), (\d+) of \2"))[1]) >= before
        await interrupted(second)


async def test_data_of_another_version_is_not_read_but_named(tmp_path: Path) -> None:
    (tmp_path / "cosmos.db").touch()
    cloud = Cloud(tmp_path, Ports.free())
    with pytest.raises(RuntimeError, match="another version"):
        await cloud.start()
    (tmp_path / "format").write_text(FORMAT)
    cloud._require_format()
