"""The broker's disk: SQLite in WAL mode. What is acknowledged to a peer was committed before."""

import asyncio
import sqlite3
from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count
from pathlib import Path
from time import time
from typing import Any

_TABLES = """
PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;
CREATE TABLE IF NOT EXISTS message(queue, seq, enqueued, visible, expires, tries, id, annotations, bare, header,
                                   PRIMARY KEY(queue, seq)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS recent(queue, id, until, PRIMARY KEY(queue, id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS event(hub, partition, seq, enqueued, raw, PRIMARY KEY(hub, partition, seq)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS counter(entity PRIMARY KEY, seq) WITHOUT ROWID;
"""


def now() -> int:
    """Epoch milliseconds."""
    return int(time() * 1000)


class Store:
    """One transaction for all that happens in one turn of the event loop; then whoever waits for it is called."""

    def __init__(self, path: Path | str) -> None:
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.executescript(_TABLES)
        if "header" not in {
            column[1] for column in self.read("PRAGMA table_info(message)")
        }:  # kept by an older version
            self._db.execute("ALTER TABLE message ADD COLUMN header DEFAULT x'45'")
        self._open = self._scheduled = False
        self._before: dict[Callable[[], None], None] = {}
        self._after: dict[Callable[[], None], None] = {}
        self._timers: list[tuple[int, int, Callable[[], None]]] = []
        self._ties = count()

    def read(self, sql: str, *parameters: Any) -> list[Any]:
        return self._db.execute(sql, parameters).fetchall()

    def write(self, sql: str, *parameters: Any) -> None:
        if not self._open:
            self._db.execute("BEGIN")
            self._open = True
        self._db.execute(sql, parameters)
        self._schedule()

    def before_commit(self, step: Callable[[], None]) -> None:
        """Run once at the end of this turn, with its changes in the same transaction."""
        self._before[step] = None
        self._schedule()

    def after_commit(self, step: Callable[[], None]) -> None:
        """Run once when all that was written in this turn is on disk."""
        self._after[step] = None
        self._schedule()

    def at(self, moment: int, step: Callable[[], None]) -> None:
        """Run at an epoch millisecond."""
        heappush(self._timers, (moment, next(self._ties), step))

    def run_timers(self) -> None:
        while self._timers and self._timers[0][0] <= now():
            heappop(self._timers)[2]()

    def _schedule(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._finish)

    def _finish(self) -> None:
        while self._before:
            self._before.popitem()[0]()
        if self._open:
            self._db.execute("COMMIT")
            self._open = False
        while self._after:
            self._after.popitem()[0]()
        self._scheduled = False

    def close(self) -> None:
        if self._open:
            self._db.execute("COMMIT")
            self._open = False
        self._db.close()
