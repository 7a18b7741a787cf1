"""Assignments of keys as the store keeps them: noted one after the other, never changed.

How many there are stands in the ledger, too, where a load looks in passing whether it has to read
them again.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from analytics.keys.periods import Assignment

if TYPE_CHECKING:
    import duckdb

_SOURCE: Final = "keys"
_PARTITION: Final = "assignments"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_READ: Final = """
    SELECT key_id, key_name, team, epoch_us(valid_from), epoch_us(valid_to), epoch_us(noted_at)
    FROM usage.keys ORDER BY noted_at
"""


def read_assignments(connection: duckdb.DuckDBPyConnection) -> list[Assignment]:
    """Everything that was said, in its order."""
    return [
        Assignment(
            row[0], row[1], row[2], _moment(row[3]), _moment(row[4]) if row[4] else None,
            _moment(row[5]),
        )
        for row in connection.execute(_READ).fetchall()
    ]  # fmt: skip


def read_version(connection: duckdb.DuckDBPyConnection) -> int:
    """Tells two states of the assignments apart; grows with each."""
    rows = connection.execute(
        "SELECT max(position) FROM usage.ledger WHERE source = ? AND partition = ?",
        [_SOURCE, _PARTITION],
    ).fetchall()
    return int(rows[0][0] or 0)


def add_assignment(connection: duckdb.DuckDBPyConnection, one: Assignment) -> None:
    """Note one, in the caller's transaction."""
    connection.execute(
        "INSERT INTO usage.keys VALUES (?, ?, ?, ?, ?, ?)",
        [one.key_id, one.key_name, one.team, one.valid_from, one.valid_to, one.noted_at],
    )
    version = read_version(connection)
    if version == 0:
        connection.execute(
            "INSERT INTO usage.ledger VALUES (?, ?, 0, ?)", [_SOURCE, _PARTITION, one.noted_at]
        )
    connection.execute(
        "UPDATE usage.ledger SET position = ?, updated_at = ? WHERE source = ? AND partition = ?",
        [version + 1, one.noted_at, _SOURCE, _PARTITION],
    )


def _moment(microseconds: int) -> datetime:
    # DuckDB hands out times only together with a package of time zones.
    return _EPOCH + timedelta(microseconds=microseconds)
