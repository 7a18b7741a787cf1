"""Append: the rows of events and attempts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from analytics.load import shape

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    import duckdb

_SMALL: Final = frozenset({"schema_version", "status_code"})


def append_events(connection: duckdb.DuckDBPyConnection, now: datetime) -> int:
    """Store the events that are left in `facts`; how many."""
    return int(connection.execute(_EVENTS, [now]).fetchall()[0][0])


def append_attempts(connection: duckdb.DuckDBPyConnection) -> None:
    """Store the attempts that are left, and keep them as `new_attempts` for the rollups."""
    connection.execute(_NEW_ATTEMPTS)
    connection.execute("INSERT INTO usage.attempts BY NAME SELECT * FROM new_attempts")


def _columns(table: str, kinds: Mapping[str, str], whole: frozenset[str]) -> str:
    """The columns as the store keeps them: whole numbers were read as doubles."""
    kept = []
    for name in kinds:
        kind = "SMALLINT" if name in _SMALL else "BIGINT"
        kept.append(
            f"{table}.{name}::{kind} AS {name}" if name in whole else f"{table}.{name} AS {name}"
        )
    return ", ".join(kept)


_OWN: Final = {
    name: kind for name, kind in shape.columns().items() if name not in {"attempts", "started_at"}
}
_EVENTS: Final = f"""
    INSERT INTO usage.events BY NAME
    SELECT {_columns("s", _OWN, shape.integers())}, s.started AS started_at,
        f.backend, f.region, f.billed_deployment, f.deployment_type,
        COALESCE(len(s.attempts), 0)::SMALLINT AS attempt_count,
        f.model, f.model_version, f.billed, f.cost, $1::TIMESTAMPTZ AS stored_at
    FROM staged AS s JOIN facts AS f ON s.rowid = f.row
"""  # noqa: S608 - our own names
_OFFSET: Final = "to_microseconds(CAST(LEAST(COALESCE(a.offset_ms, 0), 1e12) * 1000 AS BIGINT))"
_NEW_ATTEMPTS: Final = f"""
    CREATE OR REPLACE TEMP TABLE new_attempts AS
    SELECT f.event_id, a.attempt::SMALLINT AS attempt, f.started + {_OFFSET} AS started_at,
        f.key_id, f.key_name, f.team, f.operation, f.model,
        {_columns("a", shape.attempt_columns(), shape.attempt_integers())}
    FROM staged_attempts AS a JOIN facts AS f ON a.row = f.row
"""  # noqa: S608 - our own names
