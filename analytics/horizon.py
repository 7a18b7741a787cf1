"""The horizon: the time before which retention has deleted events, whose sums the rollups keep.

Of an event from before it nobody can tell any more whether it was stored, so it is taken for one
that was: storing it once more would be charged twice. It stands in the ledger, where only the
newest value counts.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import duckdb

_SOURCE: Final = "retention"
_PARTITION: Final = "events"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def read_horizon(connection: duckdb.DuckDBPyConnection) -> datetime | None:
    """The horizon; None when nothing was ever deleted."""
    rows = connection.execute(
        "SELECT max(position) FROM usage.ledger WHERE source = ? AND partition = ?",
        [_SOURCE, _PARTITION],
    ).fetchall()
    return None if rows[0][0] is None else _EPOCH + timedelta(microseconds=rows[0][0])


def raise_horizon(connection: duckdb.DuckDBPyConnection, before: datetime) -> None:
    """Everything before is being deleted, in this transaction."""
    known = read_horizon(connection)
    if known is not None and known >= before:
        return
    connection.execute(
        "DELETE FROM usage.ledger WHERE source = ? AND partition = ?", [_SOURCE, _PARTITION]
    )
    connection.execute(
        "INSERT INTO usage.ledger VALUES (?, ?, ?, now())",
        [_SOURCE, _PARTITION, (before - _EPOCH) // timedelta(microseconds=1)],
    )
