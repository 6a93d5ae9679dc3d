"""One local cloud for the tests that need real parts, started when the first of them asks for it."""

import asyncio
import threading
from collections.abc import AsyncIterator, Coroutine, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import settings as hypothesis_settings
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from local.cloud import Cloud, Ports
from shared.bootstrap import World
from shared.settings import read

DATA = Path(__file__).parent.parent.parent / "shared" / "data"

hypothesis_settings.register_profile("suite", deadline=None, derandomize=True)
hypothesis_settings.load_profile("suite")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--shuffle", type=int, metavar="SEED", help="run the tests in the random order of this seed")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    seed = config.getoption("shuffle")
    if seed is not None:
        Random(seed).shuffle(items)


class Running:
    """A cloud on an event loop of its own, in a thread of its own."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud, self._loop = cloud, asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()

    def run[T](self, step: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(step, self._loop).result(120)

    @classmethod
    def start(cls, data: Path) -> "Running":
        running = cls(Cloud(data, Ports.free()))
        try:
            running.run(running.cloud.start())
        except BaseException:
            running.stop()
            raise
        return running

    def stop(self) -> None:
        self.run(self.cloud.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    running = _start_cloud(tmp_path_factory)
    yield running.cloud
    running.stop()


def _start_cloud(folders: pytest.TempPathFactory) -> Running:
    """On free ports; on other ones if a process took one of them before the part that needs it could listen."""
    try:
        return Running.start(folders.mktemp("cloud"))
    except (RuntimeError, OSError):
        return Running.start(folders.mktemp("cloud"))


@pytest.fixture
async def real(cloud: Cloud) -> AsyncIterator[World]:
    """The product's own adapters on the local cloud."""
    world = World(read(cloud.env))
    yield world
    await world.close()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    if not DATA.is_dir():
        pytest.skip(f"{DATA} is not here: real drives and the VSS tree lie beside the project, not in it")
    return DATA


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    """Every span that ends while the test runs."""
    found, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(found))
    monkeypatch.setattr(trace, "get_tracer", lambda name: provider.get_tracer(name))
    return found
