"""A private SQLite file in WAL mode, as several processes of a host share it."""

from __future__ import annotations

import os
import sqlite3
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

_PAUSE_SECONDS: Final = 0.02


def open_wal(path: Path, *, busy_seconds: float, create: bool = True) -> sqlite3.Connection:
    """A connection that commits by itself unless told to BEGIN; usable in any one thread at a time.

    Args:
        path: made for its user alone (0600) when it is not there; SQLite's side files follow it.
        busy_seconds: how long to wait for other writers.
        create: make the file and switch it to WAL mode; else open what is there.

    Raises:
        sqlite3.Error: it is no database, or stays busy.
        OSError: it cannot be made.
    """
    if create:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
        try:
            os.fchmod(descriptor, 0o600)
        finally:
            os.close(descriptor)
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=rw",
        uri=True,
        timeout=busy_seconds,
        isolation_level=None,
        check_same_thread=False,
    )
    try:
        if create:
            _switch(connection, time.monotonic() + busy_seconds)
    except BaseException:
        connection.close()
        raise
    return connection


def _switch(connection: sqlite3.Connection, deadline: float) -> None:
    while True:
        try:
            # Only this statement may find the file busy without waiting by itself.
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(_PAUSE_SECONDS)
        else:
            return
