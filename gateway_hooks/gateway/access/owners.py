"""Who made a stored response, a conversation or an image operation: only its owner may use it.

The owner is the caller's `key_id`. It is written before the answer that tells the id reaches the
caller, and never changes: whoever was first stays the owner.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import sqlite3
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Final, Protocol

from gateway_hooks.gateway.access.wal import open_wal

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

FILE_NAME: Final = "gateway-owners.sqlite"
KEPT: Final = 1_000_000
_REMEMBERED: Final = 20_000
_TRIMMED_EVERY: Final = 1000
_BUSY_SECONDS: Final = 2.0
_DIGEST_BYTES: Final = 16
_log = logging.getLogger("gatemeter.gateway")
_SCHEMA: Final = (
    "CREATE TABLE IF NOT EXISTS owners "
    "(place INTEGER PRIMARY KEY, item BLOB NOT NULL UNIQUE, owner TEXT NOT NULL) STRICT"
)


class Owners(Protocol):
    """Remembers owners. Neither method raises or blocks the event loop."""

    async def owner(self, item_id: str) -> str | None:
        """The key_id of who made an item; None when it is not known."""

    async def remember(self, item_id: str, key_id: str) -> None:
        """An item was made; returns when other workers can see it, or when that failed."""


class OwnersInMemory:
    """For one process, and as the nearest memory of the file; the oldest are forgotten first."""

    def __init__(self, kept: int = _REMEMBERED) -> None:
        self._kept = kept
        self._owners: OrderedDict[bytes, str] = OrderedDict()

    async def owner(self, item_id: str) -> str | None:
        """See `Owners`."""
        return self.get(digest_of(item_id))

    async def remember(self, item_id: str, key_id: str) -> None:
        """See `Owners`."""
        self.put(digest_of(item_id), key_id)

    def get(self, item: bytes) -> str | None:
        """By the id's digest."""
        return self._owners.get(item)

    def put(self, item: bytes, key_id: str) -> None:
        """By the id's digest; the first owner stays."""
        if item in self._owners:
            return
        self._owners[item] = key_id
        if len(self._owners) > self._kept:
            self._owners.popitem(last=False)


class OwnersFile:
    """For all workers of a host: a SQLite file, written in groups, one transaction each.

    Holds the newest million items, by digests of their ids. A file that cannot be used is told of
    once in the log; this worker then goes by its own memory.
    """

    def __init__(self, path: Path, *, kept: int = KEPT) -> None:
        self._path = path
        self._kept = kept
        self._near = OwnersInMemory()
        self._connection: sqlite3.Connection | None = None
        self._using = threading.Lock()
        self._waiting: list[tuple[bytes, str, asyncio.Future[None]]] = []
        self._writer: asyncio.Task[None] | None = None
        self._since_trimmed = 0
        self.problem: str | None = None
        """One line on why the file is not used; None when all is well."""

    async def owner(self, item_id: str) -> str | None:
        """See `Owners`."""
        item = digest_of(item_id)
        known = self._near.get(item)
        if known is None:
            known = await asyncio.to_thread(self._look, item)
            if known is not None:
                self._near.put(item, known)
        return known

    async def remember(self, item_id: str, key_id: str) -> None:
        """See `Owners`."""
        loop = asyncio.get_running_loop()
        written: asyncio.Future[None] = loop.create_future()
        self._waiting.append((digest_of(item_id), key_id, written))
        if self._writer is None or self._writer.done():
            self._writer = loop.create_task(self._write_waiting())
        await written

    def close(self) -> None:
        """Close the file."""
        with self._using:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    async def _write_waiting(self) -> None:
        while self._waiting:
            group, self._waiting = self._waiting, []
            pairs = [(item, key_id) for item, key_id, _ in group]
            if not await asyncio.to_thread(self._write, pairs):
                for item, key_id in pairs:
                    self._near.put(item, key_id)
            for _, _, written in group:
                if not written.done():
                    written.set_result(None)

    def _look(self, item: bytes) -> str | None:
        with self._using:
            try:
                found = self._open().execute("SELECT owner FROM owners WHERE item = ?", (item,))
                row = found.fetchone()
            except (sqlite3.Error, OSError) as error:
                self._failed(error)
                return None
            self._worked()
            return None if row is None else str(row[0])

    def _write(self, group: Sequence[tuple[bytes, str]]) -> bool:
        with self._using:
            try:
                connection = self._open()
                connection.execute("BEGIN IMMEDIATE")
                connection.executemany(
                    "INSERT OR IGNORE INTO owners (item, owner) VALUES (?, ?)", group
                )
                self._trim(connection, len(group))
                connection.execute("COMMIT")
            except (sqlite3.Error, OSError) as error:
                self._failed(error)
                return False
            self._worked()
            return True

    def _trim(self, connection: sqlite3.Connection, added: int) -> None:
        self._since_trimmed += added
        if self._since_trimmed >= min(_TRIMMED_EVERY, self._kept):
            self._since_trimmed = 0
            connection.execute(
                "DELETE FROM owners WHERE place <= (SELECT max(place) FROM owners) - ?",
                (self._kept,),
            )

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            connection = open_wal(self._path, busy_seconds=_BUSY_SECONDS)
            try:
                connection.execute("PRAGMA synchronous = NORMAL")
                connection.execute(_SCHEMA)
            except sqlite3.Error:
                connection.close()
                raise
            self._connection = connection
        return self._connection

    def _failed(self, error: Exception) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        problem = f"the owners of stored responses, {self._path}, cannot be used ({error})"
        if self.problem is None:
            _log.warning("%s; this worker goes by its own memory", problem)
        self.problem = problem

    def _worked(self) -> None:
        self.problem = None


def digest_of(item_id: str) -> bytes:
    """What is kept of an id: short, whatever a caller sends."""
    data = item_id.encode("utf-8", "surrogatepass")
    return hashlib.blake2b(data, digest_size=_DIGEST_BYTES).digest()
