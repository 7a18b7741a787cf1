"""Ledger: how far each partition of a log is stored, moved in the transaction that stores it.

A position is moved by UPDATE from the value that was read. Of two transactions that update one row
the store commits only one, so two consumers that both believe they own a partition cannot both
store its events. Two INSERTs never collide, so whoever adds a partition also updates the row
without a name: then two who add the same one do collide.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from analytics.errors import LedgerConflict
from analytics.load.turn import take_turn

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    import duckdb

    from analytics.types import Advance


def read_positions(connection: duckdb.DuckDBPyConnection, source: str) -> dict[str, int]:
    """Position by partition of a source."""
    rows = connection.execute(
        "SELECT partition, position FROM usage.ledger WHERE source = ? AND partition <> ''",
        [source],
    ).fetchall()
    return {str(partition): int(position) for partition, position in rows}


def advance(
    connection: duckdb.DuckDBPyConnection, advances: Sequence[Advance], now: datetime
) -> None:
    """Move each partition from where it was read to where it is now stored.

    Raises:
        LedgerConflict: one of them is somewhere else by now.
    """
    for step in advances:
        if step.before is None:
            _add(connection, step, now)
        else:
            _move(connection, step, step.before, now)


def collide_with_all(connection: duckdb.DuckDBPyConnection) -> None:
    """Collide with every commit that moves a partition or takes a turn at the same time."""
    connection.execute("UPDATE usage.ledger SET position = position")


def _move(connection: duckdb.DuckDBPyConnection, step: Advance, before: int, now: datetime) -> None:
    moved = connection.execute(
        "UPDATE usage.ledger SET position = ?, updated_at = ? "
        "WHERE source = ? AND partition = ? AND position = ?",
        [step.after, now, step.source, step.partition, before],
    ).fetchall()
    if moved != [(1,)]:
        raise LedgerConflict(_moved_away(step))


def _add(connection: duckdb.DuckDBPyConnection, step: Advance, now: datetime) -> None:
    there = connection.execute(
        "SELECT count(*) FROM usage.ledger WHERE source = ? AND partition = ?",
        [step.source, step.partition],
    ).fetchall()
    if there != [(0,)]:
        raise LedgerConflict(_moved_away(step))
    take_turn(connection, now)
    connection.execute(
        "INSERT INTO usage.ledger VALUES (?, ?, ?, ?)",
        [step.source, step.partition, step.after, now],
    )


def _moved_away(step: Advance) -> str:
    return (
        f"partition {step.partition} of {step.source} is no longer at "
        f"{'its start' if step.before is None else step.before}: read the positions again"
    )
