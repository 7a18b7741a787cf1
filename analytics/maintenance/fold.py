"""Fold: the deltas of hours that have ended become one row for each combination of dimensions.

A fold replaces an hour's rows by their sums in one transaction, so readers see the same totals
before and after. Hours that nothing was added to since the last fold are left alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import datetime

    import duckdb


@dataclass(frozen=True, slots=True)
class Rollup:
    """A table of deltas: what its rows are about, and how each measure is put together."""

    table: str
    dimensions: tuple[str, ...]
    measures: tuple[tuple[str, str], ...]


_CALLER: Final = ("hour", "key_id", "key_name", "team")
_PLACE: Final = ("backend", "region", "deployment", "deployment_type")


def _sums(*names: str) -> tuple[tuple[str, str], ...]:
    return tuple((name, f"sum({name})") for name in names)


LOADS: Final = Rollup(
    "loads_hourly",
    ("hour",),
    (
        *_sums("commits", "events", "duplicates", "dead_letters"),
        ("first_event_at", "min(first_event_at)"),
        ("last_event_at", "max(last_event_at)"),
        ("last_commit_at", "max(last_commit_at)"),
    ),
)
ROLLUPS: Final = (
    Rollup(
        "charges_hourly",
        (
            *_CALLER, *_PLACE, "model", "model_version", "operation", "usage_source", "meter",
            "rate_id", "unpriced_reason",
        ),
        _sums("requests", "quantity", "cost"),
    ),
    Rollup(
        "traffic_hourly",
        (*_CALLER, *_PLACE, "model", "operation"),
        (
            *_sums(
                "requests", "errors", "throttled_requests", "gateway_throttled_requests",
                "cache_hits", "client_disconnects", "estimated_requests", "unpriced_requests",
                "input_tokens", "cached_input_tokens", "output_tokens", "attempts", "retries",
                "failed_attempts", "throttled_attempts", "throttled_token_rate",
                "throttled_call_rate", "throttled_busy", "throttled_capacity",
                "throttled_unknown", "retry_after_count", "retry_after_ms_sum",
            ),
            ("throttled_minutes", "bit_or(throttled_minutes)"),
            ("retry_after_ms_max", "max(retry_after_ms_max)"),
            ("min_remaining_tokens", "min(min_remaining_tokens)"),
            ("min_remaining_requests", "min(min_remaining_requests)"),
            ("max_utilization", "max(max_utilization)"),
        ),
    ),
    Rollup(
        "latency_hourly",
        ("hour", "backend", "deployment", "model", "operation", "stream", "measure", "bucket"),
        _sums("requests"),
    ),
    LOADS,
)  # fmt: skip


def fold(connection: duckdb.DuckDBPyConnection, rollup: Rollup, before: datetime) -> int:
    """Fold the hours that began before a time; by how many rows the table got shorter."""
    dimensions = ", ".join(rollup.dimensions)
    measures = ", ".join(f"({sql}) AS {name}" for name, sql in rollup.measures)
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE folded_hours AS
        SELECT hour FROM (
            SELECT {dimensions}, count(*) AS deltas FROM usage.{rollup.table}
            WHERE hour < $1::TIMESTAMPTZ GROUP BY {dimensions}
        ) GROUP BY hour HAVING max(deltas) > 1
        """,  # noqa: S608 - our own names
        [before],
    )
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE folded AS
        SELECT {dimensions}, {measures} FROM usage.{rollup.table}
        WHERE hour IN (SELECT hour FROM folded_hours) GROUP BY {dimensions}
        """  # noqa: S608 - our own names
    )
    removed = _count(
        connection,
        f"DELETE FROM usage.{rollup.table} WHERE hour IN (SELECT hour FROM folded_hours)",  # noqa: S608 - our own names
    )
    added = _count(
        connection,
        f"INSERT INTO usage.{rollup.table} BY NAME SELECT * FROM folded ORDER BY hour",  # noqa: S608 - our own names
    )
    return removed - added


def _count(connection: duckdb.DuckDBPyConnection, statement: str) -> int:
    return int(connection.execute(statement).fetchall()[0][0])
