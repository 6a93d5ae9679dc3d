"""The broker's disk: SQLite in WAL mode. What is acknowledged to a peer was committed before.

While the disk is nearly full, sends are refused and what makes room is not. Where a write fails all the same, the whole
turn is taken back: nothing of it was acknowledged, and memory is made anew of what is stored."""

import asyncio
import logging
import shutil
import sqlite3
from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count
from pathlib import Path
from time import time
from typing import Any

from local.broker.codec import AmqpError

_TABLES = """
PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;
CREATE TABLE IF NOT EXISTS message(queue, seq, enqueued, visible, expires, tries, id, annotations, bare, header,
                                   PRIMARY KEY(queue, seq)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS recent(queue, id, until, PRIMARY KEY(queue, id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS event(hub, partition, seq, enqueued, raw, PRIMARY KEY(hub, partition, seq)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS counter(entity PRIMARY KEY, seq) WITHOUT ROWID;
"""


RESERVE = 16 * 1024 * 1024
"""Bytes that sends leave free on the disk, or a twentieth of a small one, for what makes room again."""
FULL = "amqp:resource-limit-exceeded"
"""What a sender is told, as at Service Bus of a queue that is full."""
log = logging.getLogger(__name__)


def now() -> int:
    """Epoch milliseconds."""
    return int(time() * 1000)


class Store:
    """One transaction for all that happens in one turn of the event loop; then whoever waits for it is called."""

    def __init__(self, path: Path | str) -> None:
        self._folder = None if path == ":memory:" else Path(path).parent
        self._restores: list[Callable[[], None]] = []
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.executescript(_TABLES)
        if "header" not in {
            column[1] for column in self.read("PRAGMA table_info(message)")
        }:  # kept by an older version
            self._db.execute("ALTER TABLE message ADD COLUMN header DEFAULT x'45'")
        self._open = self._scheduled = self._failed = False
        self._before: dict[Callable[[], None], None] = {}
        self._after: dict[Callable[[], None], Callable[[], None]] = {}
        self._timers: list[tuple[int, int, Callable[[], None]]] = []
        self._ties = count()

    def read(self, sql: str, *parameters: Any) -> list[Any]:
        return self._db.execute(sql, parameters).fetchall()

    def write(self, sql: str, *parameters: Any) -> None:
        self._schedule()
        try:
            if not self._open:
                self._db.execute("BEGIN")
                self._open = True
            self._db.execute(sql, parameters)
        except sqlite3.Error as error:
            self._failed = True
            raise AmqpError(FULL, f"the broker cannot write: {error}") from error

    def require_room(self) -> None:
        """Refuse what would take the room that is left for settling what is there."""
        if self._folder is None:
            return
        disk = shutil.disk_usage(self._folder)
        if disk.free < min(RESERVE, disk.total // 20):
            raise AmqpError(FULL, "the broker's disk is full")

    def before_commit(self, step: Callable[[], None]) -> None:
        """Run once at the end of this turn, with its changes in the same transaction."""
        self._before[step] = None
        self._schedule()

    def after_commit(self, step: Callable[[], None], otherwise: Callable[[], None]) -> None:
        """Run once when all that was written in this turn is on disk, or the other once it was taken back."""
        self._after[step] = otherwise
        self._schedule()

    def on_failure(self, restore: Callable[[], None]) -> None:
        """Run whenever a turn was taken back: make memory anew of what is stored."""
        self._restores.append(restore)

    def at(self, moment: int, step: Callable[[], None]) -> None:
        """Run at an epoch millisecond."""
        heappush(self._timers, (moment, next(self._ties), step))

    def run_timers(self) -> None:
        while self._timers and self._timers[0][0] <= now():
            try:
                heappop(self._timers)[2]()
            except AmqpError:  # the turn is taken back at its end
                return

    def _schedule(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._finish)

    def _finish(self) -> None:
        self._scheduled = False
        try:
            while self._before and not self._failed:
                self._before.popitem()[0]()
            if self._open and not self._failed:
                self._db.execute("COMMIT")
                self._open = False
        except (sqlite3.Error, AmqpError) as error:
            log.warning("a turn is taken back: %s", error)
            self._failed = True
        if self._failed:
            self._take_back()
            return
        while self._after:
            self._after.popitem()[0]()

    def _take_back(self) -> None:
        """Nothing of this turn happened: whoever was to be told otherwise is let go, and comes again."""
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")
        self._open = self._failed = False
        self._before.clear()
        told, self._after = [*self._after.values()], {}
        for restore in self._restores:
            restore()
        for refuse in told:
            refuse()

    def close(self) -> None:
        if self._open and not self._failed:
            self._db.execute("COMMIT")
            self._open = False
        self._db.close()
