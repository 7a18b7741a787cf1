"""Deduplicate: an event that is in the batch twice, or in the store already, is stored once.

Ids are made at a request's start, so the second copy of an event has the same `started_at`: only
that range of the table is looked at, which the store's time-ordered files make cheap.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from analytics.horizon import read_horizon

if TYPE_CHECKING:
    import duckdb


def drop_repeated(connection: duckdb.DuckDBPyConnection) -> int:
    """Keep the first copy of each event in `staged`; how many others there were."""
    dropped = _changed(
        connection,
        """
        DELETE FROM staged WHERE rowid IN (
            SELECT unnest(list_sort(rows)[2:])
            FROM (SELECT list(rowid) AS rows FROM staged GROUP BY event_id HAVING count(*) > 1)
        )
        """,
    )
    if dropped:
        connection.execute(
            "DELETE FROM staged_attempts WHERE row NOT IN (SELECT rowid FROM staged)"
        )
    return dropped


def drop_known(connection: duckdb.DuckDBPyConnection) -> int:
    """Take events that the store holds out of `facts` and `staged_attempts`; how many there were.

    What is older than the store's memory counts as held (`analytics.horizon`). Runs inside
    the store's transaction: what it sees is what the commit builds on.
    """
    first, last = connection.execute(
        "SELECT min(started)::VARCHAR, max(started)::VARCHAR FROM facts"
    ).fetchall()[0]
    if first is None:
        return 0
    horizon, dropped = read_horizon(connection), 0
    if horizon is not None:
        older = "DELETE FROM facts WHERE started < $1::TIMESTAMPTZ"
        dropped = _changed(connection, older, (horizon,))
    dropped += _changed(
        connection,
        """
        DELETE FROM facts WHERE event_id IN (
            SELECT event_id FROM usage.events
            WHERE started_at BETWEEN $1::TIMESTAMPTZ AND $2::TIMESTAMPTZ
              AND event_id IN (SELECT event_id FROM facts)
        )
        """,
        (first, last),
    )
    if dropped:
        connection.execute("DELETE FROM staged_attempts WHERE row NOT IN (SELECT row FROM facts)")
    return dropped


def _changed(
    connection: duckdb.DuckDBPyConnection, statement: str, parameters: tuple[object, ...] = ()
) -> int:
    return int(connection.execute(statement, list(parameters)).fetchall()[0][0])
