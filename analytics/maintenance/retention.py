"""Retention: events and attempts go after a time; what they added up to stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analytics.horizon import raise_horizon

if TYPE_CHECKING:
    from datetime import datetime

    import duckdb


def delete_older(connection: duckdb.DuckDBPyConnection, before: datetime) -> dict[str, int]:
    """Delete what began before a time, halves of it included, and dead letters stored before it."""
    raise_horizon(connection, before)
    deleted = {}
    for table, column in (
        ("events", "started_at"),
        ("attempts", "started_at"),
        ("feed_parts", "recorded_at"),
        ("feed_joins", "recorded_at"),
        ("dead_letters", "stored_at"),
    ):
        rows = connection.execute(
            f"DELETE FROM usage.{table} WHERE {column} < $1::TIMESTAMPTZ",  # noqa: S608 - our own names
            [before],
        ).fetchall()
        deleted[table] = int(rows[0][0])
    return deleted
