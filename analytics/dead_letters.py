"""Lines of the log that were no events: list them, and note that they were replayed after all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    import duckdb

    from analytics.store import Store
    from analytics.types import DeadLetter

_EARLIEST = "0001-01-01 00:00:00+00"


@dataclass(frozen=True, slots=True)
class StoredDeadLetter:
    """A dead letter as the store keeps it. Times are aware, in UTC."""

    source: str
    partition: str
    position: int
    reason: str
    line: str
    stored_at: datetime
    replayed_at: datetime | None


def list_dead_letters(
    store: Store, *, since: datetime | None = None, pending_only: bool = False
) -> list[StoredDeadLetter]:
    """The dead letters stored since a time, oldest first; with `pending_only` those not replayed.

    Raises:
        StoreError: the store cannot be read.
    """
    frame = store.frame(
        """
        SELECT source, partition, position, reason, line, stored_at, replayed_at
        FROM usage.dead_letters
        WHERE stored_at >= coalesce($1, $2::TIMESTAMPTZ) AND (replayed_at IS NULL OR NOT $3)
        ORDER BY stored_at, source, partition, position
        """,
        [since, _EARLIEST, pending_only],
    )
    return [StoredDeadLetter(**row) for row in frame.iter_rows(named=True)]


def append_dead_letters(
    connection: duckdb.DuckDBPyConnection, letters: Sequence[DeadLetter], now: datetime
) -> None:
    """Store dead letters inside the caller's transaction; one statement, however many they are."""
    if not letters:
        return
    connection.execute(
        """
        INSERT INTO usage.dead_letters (source, partition, position, reason, line, stored_at)
        SELECT unnest($1::VARCHAR[]), unnest($2::VARCHAR[]), unnest($3::BIGINT[]),
               unnest($4::VARCHAR[]), unnest($5::VARCHAR[]), $6
        """,
        [
            [letter.source for letter in letters],
            [letter.partition for letter in letters],
            [letter.position for letter in letters],
            [letter.reason for letter in letters],
            [letter.line for letter in letters],
            now,
        ],
    )


def known_positions(connection: duckdb.DuckDBPyConnection, source: str, partition: str) -> set[int]:
    """The positions of a partition that dead letters are stored of."""
    rows = connection.execute(
        "SELECT position FROM usage.dead_letters WHERE source = ? AND partition = ?",
        [source, partition],
    ).fetchall()
    return {int(row[0]) for row in rows}


def mark_replayed(store: Store, letters: Sequence[StoredDeadLetter], now: datetime) -> None:
    """Note that these were loaded; doing it twice changes nothing.

    Raises:
        StoreBusy: somebody else was writing; nothing was noted.
    """
    with store.transaction() as connection:
        connection.execute(
            """
            UPDATE usage.dead_letters SET replayed_at = $1
            WHERE replayed_at IS NULL AND (source, partition, position) IN (
                SELECT (unnest($2::VARCHAR[]), unnest($3::VARCHAR[]), unnest($4::BIGINT[]))
            )
            """,
            [
                now,
                [letter.source for letter in letters],
                [letter.partition for letter in letters],
                [letter.position for letter in letters],
            ],
        )
