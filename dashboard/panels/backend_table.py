"""The throttling page in numbers: one row a backend."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from dashboard import downloads, parts, tables
from dashboard import format as fmt

if TYPE_CHECKING:
    from decimal import Decimal

    from dashboard.data import ThrottlingPage


def table(page: ThrottlingPage, file_name: str) -> None:
    """Calls, throttling, headroom and latency by backend; columns without a value are left out."""
    parts.headed(
        "By backend",
        lambda: downloads.csv_button(
            page.table.rename({"series": "backend"}), file_name, key="backends-csv"
        ),
    )
    latency = {
        (row["series"], row["measure"]): row for row in page.latency_table.iter_rows(named=True)
    }
    rows = [_row(row, latency) for row in page.table.iter_rows(named=True)]
    shown = pl.DataFrame(rows, infer_schema_length=None)
    tables.table(
        shown[[column.name for column in shown if column.null_count() < shown.height]],
        texts={
            **dict.fromkeys(
                ("Calls", "429", "Throttled minutes", "Retries", "Lowest remaining"), fmt.whole
            ),
            **dict.fromkeys(("Retry-After", "p50", "p95", "p99", "First chunk p95"), fmt.duration),
            "429 rate": fmt.share,
            "Top utilisation": lambda percent: f"{percent:.0f}%",
        },
    )


def _row(row: dict[str, Any], latency: dict[tuple[str, str], dict[str, Any]]) -> dict[str, Any]:
    answer = latency.get((row["series"], "duration"), {})
    chunk = latency.get((row["series"], "time_to_first_chunk"), {})
    return {
        "Backend": row["series"],
        "Calls": row["attempts"],
        "429": row["throttled_attempts"],
        "429 rate": _float(fmt.ratio(row["throttled_attempts"], row["attempts"])),
        "Throttled minutes": row["throttled_minutes"],
        "Retries": row["retries"],
        "Retry-After": _float(
            fmt.ratio(round(row["retry_after_ms_sum"]), row["retry_after_count"])
        ),
        "Lowest remaining": row["min_remaining_tokens"],
        "Top utilisation": row["max_utilization"],
        "p50": answer.get("p50"),
        "p95": answer.get("p95"),
        "p99": answer.get("p99"),
        "First chunk p95": chunk.get("p95"),
    }


def _float(value: Decimal | None) -> float | None:
    return None if value is None else float(value)
