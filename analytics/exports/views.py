"""A documented view as a file: what analysts' tools read without DuckDB."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from analytics.exports.writing import write_table

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import duckdb

    from analytics.exports.period import Period
    from analytics.store import Store

_TIMES: Final[Mapping[str, str | None]] = {
    "backend_attempts": "started_at",
    "charges": "hour",
    "latency_hourly_percentiles": "hour",
    "spend_daily": "day",
    "spend_hourly": "hour",
    "throttling_minutely": "minute",
    "unpriced_usage": None,
    "usage_events": "started_at",
}
VIEWS: Final = tuple(_TIMES)
"""The views that can be exported."""
_BATCH_ROWS: Final = 50_000


def export_view(
    store: Store,
    view: str,
    out: Path,
    period: Period | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> int:
    """Write one of `VIEWS`, all of it or a period; the number of rows.

    A period chooses UTC days, hours or moments, whatever the view knows; a view without a time is
    written whole.

    Raises:
        QueryError: the store cannot answer.
        ExportError: the file cannot be written.
    """
    time = _TIMES[view]
    chosen, values = "", {}
    if period is not None and time is not None:
        kind = "DATE" if time == "day" else "TIMESTAMPTZ"
        chosen = f"WHERE {time} >= $since::{kind} AND {time} < $until::{kind}"
        values = {"since": period.since, "until": period.until}
    with store.reading() as cursor:
        columns = _flat(cursor, view) if out.suffix == ".csv" else "*"
        reader = cursor.execute(
            f"SELECT {columns} FROM {view} {chosen} ORDER BY ALL",  # noqa: S608 - our own names
            values or None,
        ).to_arrow_reader(_BATCH_ROWS)
        return write_table(out, reader.schema, reader, progress)


def _flat(cursor: duckdb.DuckDBPyConnection, view: str) -> str:
    """The view's columns for CSV, which knows no lists and maps: as JSON."""
    described = cursor.execute(f"DESCRIBE {view}").fetchall()
    nested = [
        name for name, kind, *_ in described if kind.endswith(("[]", ")")) and "DEC" not in kind
    ]
    texts = ", ".join(f"to_json({name})::VARCHAR AS {name}" for name in nested)
    return f"* REPLACE ({texts})" if texts else "*"
