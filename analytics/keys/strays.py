"""Attempts that begin in another hour than their request, where a key changes hands between both.

Rollups count an attempt in the hour in which it began, for the team of its request. Moving the rows
of an hour therefore moves a retry from just after midnight, whose request was from before; it is
moved back here, by deltas, and one just after the end is moved along. So a key that is moved before
its events come and one that is moved after lead to the same rows.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import datetime

    import duckdb

_APART: Final = timedelta(days=1)
_KINDS: Final = ("token_rate", "call_rate", "busy", "capacity")
_COUNTS: Final = {
    "attempts": "1",
    "retries": "(attempt > 1)",
    "failed_attempts": "(status_code IS NULL OR status_code >= 400)",
    "throttled_attempts": "refused",
    **{f"throttled_{kind}": f"(refused AND throttle = '{kind}')" for kind in _KINDS},
    "throttled_unknown": f"(refused AND (throttle IS NULL OR throttle NOT IN {_KINDS}))",
    "retry_after_count": "(retry_after_ms IS NOT NULL)",
}
_MARK: Final = """
    SELECT a.* REPLACE (date_trunc('hour', a.started_at) AS started_at),
        COALESCE(a.status_code = 429, FALSE) AS refused, {sign} AS sign
    FROM usage.attempts AS a
    JOIN usage.events AS e ON e.event_id = a.event_id
    WHERE a.key_id = $key AND a.started_at >= ${at} AND a.started_at < ${at} + $apart
      AND e.key_id = $key AND e.started_at < ${at} AND e.started_at >= ${at} - $apart
"""
_SUMS: Final = ", ".join(
    f"sum({{sign}} * COALESCE({sql}, FALSE)::BIGINT)::BIGINT AS {name}"
    if sql != "1"
    else f"sum({{sign}})::BIGINT AS {name}"
    for name, sql in _COUNTS.items()
)
_ADD: Final = """
    INSERT INTO usage.traffic_hourly BY NAME
    SELECT started_at AS hour, key_id, {whose}, backend, region, deployment, deployment_type,
        model, operation, {sums},
        sum({sign} * retry_after_ms) AS retry_after_ms_sum
    FROM strays
    WHERE team IS DISTINCT FROM $team OR key_name IS DISTINCT FROM COALESCE($name, key_name)
    GROUP BY ALL
"""


def mark_strays(
    connection: duckdb.DuckDBPyConnection, key_id: str, start: datetime, end: datetime
) -> None:
    """Find them, with the team and the name that they are counted under, before these change."""
    at_start = _MARK.format(sign=1, at="start") + " AND a.started_at < $end"
    at_end = _MARK.format(sign=-1, at="end") + " AND e.started_at >= $start"
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE strays AS {at_start} UNION ALL {at_end}",
        {"key": key_id, "start": start, "end": end, "apart": _APART},
    )


def move_strays(connection: duckdb.DuckDBPyConnection, team: str, key_name: str | None) -> None:
    """Count them where their requests are, after the hours were moved."""
    for sign, whose in (
        ("sign", "key_name, team"),
        ("-sign", "COALESCE($name, key_name) AS key_name, $team AS team"),
    ):
        statement = _ADD.format(whose=whose, sums=_SUMS.format(sign=sign), sign=sign)
        connection.execute(statement, {"team": team, "name": key_name})
