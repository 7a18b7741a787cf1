"""Append: the rows of events and attempts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from analytics.load import shape

if TYPE_CHECKING:
    import duckdb

_OFFSET: Final = "to_microseconds(CAST(LEAST(COALESCE(a.offset_ms, 0), 1e12) * 1000 AS BIGINT))"


def append_events(connection: duckdb.DuckDBPyConnection) -> int:
    """Store what is left in `priced`; how many events."""
    wanted = [
        row[0]
        for row in connection.execute(
            "SELECT column_name FROM duckdb_columns() "
            "WHERE database_name = 'usage' AND table_name = 'events' ORDER BY column_index"
        ).fetchall()
    ]
    names = ", ".join(wanted)
    return int(
        connection.execute(
            f"INSERT INTO usage.events ({names}) SELECT {names} FROM priced"  # noqa: S608
        ).fetchall()[0][0]
    )


def make_attempts(connection: duckdb.DuckDBPyConnection) -> None:
    """Make `new_attempts`: the attempts of what is left in `priced`, as the store keeps them."""
    numbers = {name for name, kind in shape.attempt_columns().items() if kind == "BIGINT"}
    own = ", ".join(
        f"a.{name}::{'SMALLINT' if name == 'status_code' else 'BIGINT'} AS {name}"
        if name in numbers
        else f"a.{name} AS {name}"
        for name in shape.attempt_columns()
    )
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE new_attempts AS
        SELECT p.event_id, a.attempt::SMALLINT AS attempt, p.started_at + {_OFFSET} AS started_at,
               p.key_id, p.key_name, p.team, p.operation, p.model, {own}
        FROM staged_attempts AS a JOIN priced AS p ON a.row = p.row
        """  # noqa: S608 - our own names
    )
    connection.execute("INSERT INTO usage.attempts BY NAME SELECT * FROM new_attempts")
