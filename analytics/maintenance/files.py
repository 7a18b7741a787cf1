"""Files: few and large instead of many and small, and none that nothing refers to.

Every commit adds small Parquet files. Neighbours, in the order in which they were stored, are
written anew as one, so that a file still covers a short span of time; with that rollups are folded
and deleted rows go. It is done with plain INSERT and DELETE, because DuckLake's own merge takes
rows out of a SQLite catalog that a reader may be about to look up, which then misses a table's
files. What is replaced stays for a while, because a query that began before may still be reading.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from analytics.address import quoted
from analytics.maintenance.catalog import METADATA
from analytics.store import NAME

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    import duckdb

    from analytics.maintenance.tables import Rewrite
    from analytics.store import Store

LARGE_BYTES: Final = 64 << 20
_MOST_BYTES_AT_ONCE: Final = 2 * LARGE_BYTES


@dataclass(frozen=True, slots=True)
class DataFile:
    """A file of a table, and whether rows of it have been deleted."""

    path: str
    size_bytes: int
    has_deletes: bool


def data_files(connection: duckdb.DuckDBPyConnection, table: str) -> list[DataFile]:
    """A table's files, oldest first: their names tell the time."""
    rows = connection.execute(
        f"""
        SELECT data_file, data_file_size_bytes, delete_file IS NOT NULL
        FROM ducklake_list_files('{NAME}', {quoted(table)}) ORDER BY data_file
        """  # noqa: S608 - our own names
    ).fetchall()
    return [DataFile(*row) for row in rows]


def runs(
    files: Iterable[DataFile], *, smaller_than: int, at_least: int
) -> Iterator[list[DataFile]]:
    """Neighbouring files that are worth writing anew together."""
    run: list[DataFile] = []
    for file in files:
        if file.size_bytes >= smaller_than and not file.has_deletes:
            yield from _worthwhile(run, at_least)
            run = []
        else:
            run.append(file)
            if sum(one.size_bytes for one in run) >= _MOST_BYTES_AT_ONCE:
                yield from _worthwhile(run, at_least)
                run = []
    yield from _worthwhile(run, at_least)


def _worthwhile(run: list[DataFile], at_least: int) -> Iterator[list[DataFile]]:
    if len(run) >= at_least or any(file.has_deletes for file in run):
        yield run


def rewrite(connection: duckdb.DuckDBPyConnection, how: Rewrite, files: Sequence[DataFile]) -> int:
    """Write the rows of some files anew as one, in the caller's transaction; rows saved."""
    listed = ", ".join(quoted(file.path) for file in files)
    added = _count(
        connection,
        f"INSERT INTO {NAME}.{how.table} BY NAME {how.select.format(files=listed)}",
    )
    removed = _count(
        connection,
        f"DELETE FROM {NAME}.{how.table} WHERE filename IN ({listed})",  # noqa: S608 - quoted
    )
    return removed - added


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
    # What the format's own document tells a cleaner to do. DuckLake's function compares times as
    # text of two spellings when the catalog is SQLite, and would delete what is still being read.
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
    if rows:
        listed = ", ".join(str(int(row[0])) for row in rows)
        connection.execute(
            f"DELETE FROM {METADATA}.ducklake_files_scheduled_for_deletion "  # noqa: S608 - numbers
            f"WHERE data_file_id IN ({listed})"
        )
    return len(rows)


def _count(connection: duckdb.DuckDBPyConnection, statement: str) -> int:
    return int(connection.execute(statement).fetchall()[0][0])
