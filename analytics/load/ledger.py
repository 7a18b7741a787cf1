"""Ledger: how far each partition of a log is stored, moved in the transaction that stores it.

A position is moved by UPDATE from the value that was read. Of two transactions that update one row
the store commits only one, so two consumers that both believe they own a partition cannot both
store its events. Two INSERTs never collide, so whoever adds a partition also updates the row
without a name: then two who add the same one do collide.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from analytics.errors import LedgerConflict

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

    All of them by one statement: each is a query of the catalog, and a hub has many partitions.

    Raises:
        LedgerConflict: one of them is somewhere else by now.
    """
    moves = [step for step in advances if step.before is not None]
    adds = [step for step in advances if step.before is None]
    if moves:
        _move(connection, moves, now)
    if adds:
        _add(connection, adds, now)


def collide_with_all(connection: duckdb.DuckDBPyConnection) -> None:
    """Collide with every commit that moves a partition or takes a turn at the same time."""
    connection.execute("UPDATE usage.ledger SET position = position")


def _move(connection: duckdb.DuckDBPyConnection, steps: Sequence[Advance], now: datetime) -> None:
    moved = connection.execute(
        f"""
        UPDATE usage.ledger AS l SET position = s.after, updated_at = $5
        FROM (SELECT unnest($3::BIGINT[]) AS before, unnest($4::BIGINT[]) AS after, {_NAMES}) AS s
        WHERE l.source = s.source AND l.partition = s.partition AND l.position = s.before
        """,  # noqa: S608 - our own names
        [*_names(steps), [step.before for step in steps], [step.after for step in steps], now],
    ).fetchall()
    if moved != [(len(steps),)]:
        known = _positions(connection, steps)
        elsewhere = (one for one in steps if known.get((one.source, one.partition)) != one.after)
        raise LedgerConflict(_moved_away(next(elsewhere, steps[0])))


def _add(connection: duckdb.DuckDBPyConnection, steps: Sequence[Advance], now: datetime) -> None:
    known = _positions(connection, steps)
    for step in steps:
        if (step.source, step.partition) in known:
            raise LedgerConflict(_moved_away(step))
    connection.execute(
        "UPDATE usage.ledger SET position = position + ?, updated_at = ? "
        "WHERE source = '' AND partition = ''",
        [len(steps), now],
    )
    connection.execute(
        f"""
        INSERT INTO usage.ledger BY NAME
        SELECT {_NAMES}, unnest($3::BIGINT[]) AS position, $4::TIMESTAMPTZ AS updated_at
        """,
        [*_names(steps), [step.after for step in steps], now],
    )


def _positions(
    connection: duckdb.DuckDBPyConnection, steps: Sequence[Advance]
) -> dict[tuple[str, str], int]:
    """Where the partitions of these steps are, by source and name."""
    query = (
        f"SELECT source, partition, position FROM usage.ledger "  # noqa: S608 - our own names
        f"JOIN (SELECT {_NAMES}) AS s USING (source, partition)"
    )
    rows = connection.execute(query, _names(steps)).fetchall()
    return {(str(source), str(partition)): int(at) for source, partition, at in rows}


def _names(steps: Sequence[Advance]) -> list[list[str]]:
    return [[step.source for step in steps], [step.partition for step in steps]]


_NAMES: Final = "unnest($1::VARCHAR[]) AS source, unnest($2::VARCHAR[]) AS partition"


def _moved_away(step: Advance) -> str:
    return (
        f"partition {step.partition} of {step.source} is no longer at "
        f"{'its start' if step.before is None else step.before}: read the positions again"
    )
