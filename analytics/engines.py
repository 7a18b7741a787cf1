"""DuckDB instances that stores are attached to. One that a store let go of serves the next.

Making one takes half a second, in which DuckDB checks the signatures of its extensions.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from typing import Final

import duckdb

from analytics.extensions import load_extensions

_COMMIT_RETRIES: Final = 100
_MOST_IDLE: Final = 2
_IS_CLEAN: Final = """
    SELECT (SELECT NOT value::BOOLEAN FROM duckdb_settings() WHERE name = 'lock_configuration')
        AND NOT EXISTS (SELECT 1 FROM duckdb_databases() WHERE NOT internal AND path IS NOT NULL)
"""


class Engines:
    """Idle instances, by the extensions they have. Threads may share it."""

    def __init__(self) -> None:
        self._idle: dict[tuple[str, ...], list[duckdb.DuckDBPyConnection]] = defaultdict(list)
        self._lock = threading.Lock()

    def take(self, extensions: tuple[str, ...]) -> duckdb.DuckDBPyConnection:
        """An instance in memory with nothing attached, an idle one if there is any.

        Raises:
            StoreError: an extension cannot be loaded.
        """
        with self._lock:
            idle = self._idle[extensions]
            if idle:
                return idle.pop()
        connection = duckdb.connect(":memory:")
        load_extensions(connection, extensions)
        connection.execute("SET GLOBAL TimeZone = 'UTC'")
        connection.execute(f"SET GLOBAL ducklake_max_retry_count = {_COMMIT_RETRIES}")
        return connection

    def give_back(
        self, connection: duckdb.DuckDBPyConnection, extensions: tuple[str, ...], attached: str
    ) -> None:
        """Take the store out of an instance and keep it, unless somebody has changed it."""
        try:
            connection.execute("USE memory")
            connection.execute("RESET GLOBAL threads")
            connection.execute(f"DETACH DATABASE IF EXISTS {attached}")
            is_clean = connection.execute(_IS_CLEAN).fetchall() == [(True,)]
        except duckdb.Error:
            is_clean = False
        with self._lock:
            if is_clean and len(self._idle[extensions]) < _MOST_IDLE:
                self._idle[extensions].append(connection)
                return
        connection.close()
