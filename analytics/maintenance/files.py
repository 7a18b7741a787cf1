"""Files: few and large instead of many and small, and none that nothing refers to.

Every commit adds small Parquet files. They are put together here in the order in which they were
stored, so that a file still covers a short span of time. What a merge leaves behind stays for an
hour, because a query that began before it may still be reading.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Final

from analytics.address import quoted
from analytics.maintenance.catalog import METADATA
from analytics.store import NAME

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    import duckdb

    from analytics.store import Store

BUSY_TABLES: Final = ("events", "attempts", "charges_hourly", "traffic_hourly", "latency_hourly")
"""The tables that every commit adds a file to."""
_SMALL_FILE_BYTES: Final = 4 << 20


def merge_files(
    connection: duckdb.DuckDBPyConnection, table: str, *, small_only: bool = False
) -> int:
    """Merge neighbouring files of a table; how many went into larger ones."""
    limit = f", max_file_size => {_SMALL_FILE_BYTES}" if small_only else ""
    merged = connection.execute(
        f"CALL ducklake_merge_adjacent_files('{NAME}', {quoted(table)}{limit})"
    ).fetchall()
    return sum(int(row[2]) for row in merged)


def drop_deleted_rows(connection: duckdb.DuckDBPyConnection, table: str) -> None:
    """Rewrite the files of which rows were deleted without those rows."""
    connection.execute(
        f"CALL ducklake_rewrite_data_files('{NAME}', {quoted(table)}, delete_threshold => 0.0)"
    )


def tables(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Every table of the store."""
    rows = connection.execute(
        "SELECT table_name FROM duckdb_tables() WHERE database_name = ? ORDER BY table_name",
        [NAME],
    ).fetchall()
    return [str(row[0]) for row in rows]


def remove_old_files(connection: duckdb.DuckDBPyConnection, store: Store, before: datetime) -> int:
    """Delete files that nothing has referred to since before a time; how many."""
    folder = store.address.local_data if store.address.kind == "sqlite" else None
    if folder is None:
        removed = connection.execute(
            f"CALL ducklake_cleanup_old_files('{NAME}', older_than => $1::TIMESTAMPTZ)", [before]
        ).fetchall()
        return len(removed)
    return _remove_local(connection, folder, before)


def _remove_local(connection: duckdb.DuckDBPyConnection, folder: Path, before: datetime) -> int:
    # What the format's own document tells a cleaner to do, for the reason given above.
    rows = connection.execute(
        f"""
        SELECT data_file_id, path, path_is_relative
        FROM {METADATA}.ducklake_files_scheduled_for_deletion
        WHERE schedule_start::TIMESTAMPTZ < $1::TIMESTAMPTZ
        """,  # noqa: S608 - our own name
        [before],
    ).fetchall()
    for _, path, is_relative in rows:
        with contextlib.suppress(FileNotFoundError):
            (folder / path if is_relative else Path(path)).unlink()
    _forget(connection, [int(row[0]) for row in rows])
    return len(rows)


def _forget(connection: duckdb.DuckDBPyConnection, files: Sequence[int]) -> None:
    if files:
        listed = ", ".join(map(str, files))
        connection.execute(
            f"DELETE FROM {METADATA}.ducklake_files_scheduled_for_deletion "  # noqa: S608 - numbers
            f"WHERE data_file_id IN ({listed})"
        )
