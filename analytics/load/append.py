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
    """Store the attempts of what is left in `facts`."""
    connection.execute(_ATTEMPTS)


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
        f.backend, r.region, f.billed_deployment, r.deployment_type,
        COALESCE(len(s.attempts), 0)::SMALLINT AS attempt_count,
        r.model, r.model_version, r.stated_type, r.stated_region,
        f.billed, f.cost, r.currency, $1::TIMESTAMPTZ AS stored_at
    FROM staged AS s JOIN facts AS f ON s.rowid = f.row JOIN sheets AS r USING (sheet_id)
"""  # noqa: S608 - our own names
ATTEMPT_STARTED: Final = (
    "make_timestamptz(epoch_us(f.started) "
    "+ CAST(LEAST(COALESCE(a.offset_ms, 0), 1e12) * 1000 AS BIGINT))"
)
"""When an attempt began: `a` is a row of `staged_attempts`, `f` its event's of `facts`."""
_ATTEMPTS: Final = f"""
    INSERT INTO usage.attempts BY NAME
    SELECT f.event_id, a.attempt::SMALLINT AS attempt, {ATTEMPT_STARTED} AS started_at,
        f.key_id, f.key_name, f.team, f.operation, r.model,
        {_columns("a", shape.attempt_columns(), shape.attempt_integers())}
    FROM staged_attempts AS a JOIN facts AS f ON a.row = f.row JOIN sheets AS r USING (sheet_id)
    WHERE f.single
"""  # noqa: S608 - our own names
