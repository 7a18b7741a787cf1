"""A turn: what must not run twice at once collides over one row, wherever the catalog is."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    import duckdb


def take_turn(connection: duckdb.DuckDBPyConnection, now: datetime) -> None:
    """Inside a transaction: the later of two that take a turn gets `StoreBusy` at its commit."""
    connection.execute(
        "UPDATE usage.ledger SET position = position + 1, updated_at = ? "
        "WHERE source = '' AND partition = ''",
        [now],
    )
