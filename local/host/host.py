"""The local Functions host: indexes the app, serves its HTTP routes, and feeds its triggers."""

import asyncio
import json
import logging
import os
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import Any

from local.host.http import Front
from local.host.triggers import run_event_hub, run_service_bus, run_timer
from local.host.worker import Function, index

APP = Path(__file__).parent.parent.parent
log = logging.getLogger(__name__)


def _end(listener: asyncio.Task[None]) -> None:
    """A listener that ended by itself takes the process with it: the supervisor starts it again."""
    if not listener.cancelled():
        log.critical("a listener ended: %r", listener.exception())
        os._exit(1)


class Host:
    """One instance of the app in `app`. One a process: the runtime keeps its state in module globals."""

    def __init__(self, app: Path = APP, keys: Mapping[str, str] | None = None, http_only: bool = False) -> None:
        """`http_only`: as on Flex Consumption, where HTTP functions run on instances of their own."""
        self._app, self._keys, self._http_only = app, keys or {}, http_only
        self._tasks: list[asyncio.Task[None]] = []
        self._front: Front | None = None

    async def start(self, host: str, port: int) -> int:
        """Index, listen, begin to receive, and return the HTTP port."""
        config = json.loads((self._app / "host.json").read_text())
        extensions = config.get("extensions", {})
        functions = await index(self._app)
        self._front = Front(functions, extensions.get("http", {}).get("routePrefix", "api"), self._keys)
        for function in () if self._http_only else functions:
            if run := self._listener(function, extensions):
                self._tasks.append(asyncio.create_task(run))
                self._tasks[-1].add_done_callback(_end)
        return await self._front.start(host, port)

    def _listener(self, function: Function, extensions: Mapping[str, Any]) -> Coroutine[Any, Any, None] | None:
        match function.trigger["type"]:
            case "httpTrigger":
                return None
            case "eventHubTrigger":
                return run_event_hub(function, extensions.get("eventHubs", {}))
            case "serviceBusTrigger":
                return run_service_bus(function, extensions.get("serviceBus", {}))
            case "timerTrigger":
                return run_timer(function)
            case kind:
                raise RuntimeError(f"{function.name}: {kind} is not supported by the local host")

    async def stop(self) -> None:
        if self._front:
            await self._front.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
