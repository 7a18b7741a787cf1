"""The catalog: past states of the store, and the rows that live inside it.

The ledger and the count of commits change with every commit, so their rows are kept in the catalog
("inlined"). DuckLake never removes the versions of them that are over, and its own way out, writing
them to files, lets a reader that is between looking up and reading miss them. So they are pruned
here, once no kept state can see them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from analytics.store import NAME

if TYPE_CHECKING:
    from datetime import datetime

    import duckdb

METADATA: Final = f"__ducklake_metadata_{NAME}"


def fold_loads(connection: duckdb.DuckDBPyConnection) -> None:
    """Add the counts of commits up to one row an hour."""
    connection.execute(
        """
        CREATE OR REPLACE TEMP TABLE folded_loads AS
        SELECT hour, sum(commits) AS commits, sum(events) AS events,
            sum(duplicates) AS duplicates, sum(dead_letters) AS dead_letters,
            min(first_event_at) AS first_event_at, max(last_event_at) AS last_event_at,
            max(last_commit_at) AS last_commit_at
        FROM usage.loads_hourly
        WHERE hour IN (SELECT hour FROM usage.loads_hourly GROUP BY hour HAVING count(*) > 1)
        GROUP BY hour
        """
    )
    connection.execute(
        "DELETE FROM usage.loads_hourly WHERE hour IN (SELECT hour FROM folded_loads)"
    )
    connection.execute("INSERT INTO usage.loads_hourly BY NAME SELECT * FROM folded_loads")


def expire_snapshots(connection: duckdb.DuckDBPyConnection, before: datetime) -> int:
    """Forget states of the store from before a time, the newest apart; how many."""
    # Named one by one: with a SQLite catalog DuckLake compares times as text of two spellings.
    rows = connection.execute(
        f"""
        SELECT snapshot_id FROM ducklake_snapshots('{NAME}')
        WHERE snapshot_time < $1::TIMESTAMPTZ
          AND snapshot_id < (SELECT max(snapshot_id) FROM ducklake_snapshots('{NAME}'))
        """,  # noqa: S608 - our own name
        [before],
    ).fetchall()
    if rows:
        versions = ", ".join(str(int(row[0])) for row in rows)
        connection.execute(f"CALL ducklake_expire_snapshots('{NAME}', versions => [{versions}])")
    return len(rows)


def prune_inlined(connection: duckdb.DuckDBPyConnection) -> int:
    """Remove versions of rows in the catalog that no kept state can see; how many."""
    tables = connection.execute(
        f"SELECT table_name FROM {METADATA}.ducklake_inlined_data_tables"  # noqa: S608 - our own name
    ).fetchall()
    pruned = 0
    for (table,) in tables:
        rows = connection.execute(
            f"""
            DELETE FROM {METADATA}."{table}" WHERE end_snapshot <= (
                SELECT min(snapshot_id) FROM {METADATA}.ducklake_snapshot
            )
            """  # noqa: S608 - the catalog's own name
        ).fetchall()
        pruned += int(rows[0][0])
    return pruned
