"""Deduplicate: an event that is in the batch twice, or in the store already, is stored once.

Ids are made at a request's start, so the second copy of an event has the same `started_at`: only
that range of the table is looked at, which the store's time-ordered files make cheap.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb


def drop_repeated(connection: duckdb.DuckDBPyConnection) -> int:
    """Take events that are in `staged` more than once out of it but once; how many went."""
    return _changed(
        connection,
        """
        DELETE FROM staged WHERE rowid IN (
            SELECT unnest(list_sort(rows)[2:])
            FROM (SELECT list(rowid) AS rows FROM staged GROUP BY event_id HAVING count(*) > 1)
        )
        """,
    )


def drop_known(connection: duckdb.DuckDBPyConnection) -> int:
    """Take events that the store holds out of `priced`; how many went."""
    span = connection.execute(
        "SELECT min(started_at)::VARCHAR, max(started_at)::VARCHAR FROM priced"
    ).fetchall()[0]
    if span[0] is None:
        return 0
    return _changed(
        connection,
        """
        DELETE FROM priced WHERE event_id IN (
            SELECT event_id FROM usage.events
            WHERE started_at BETWEEN $1::TIMESTAMPTZ AND $2::TIMESTAMPTZ
              AND event_id IN (SELECT event_id FROM priced)
        )
        """,
        span,
    )


def _changed(
    connection: duckdb.DuckDBPyConnection, statement: str, parameters: tuple[object, ...] = ()
) -> int:
    return int(connection.execute(statement, list(parameters)).fetchall()[0][0])
