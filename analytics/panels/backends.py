"""Backends: calls, throttling, headroom, outcomes and latency, by backend or any other split."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analytics.panels.selection import Selection, ask_selection

if TYPE_CHECKING:
    from datetime import timedelta

    import polars as pl

    from analytics.store import Store


def traffic_table(store: Store, selection: Selection, *, by: str = "backend") -> pl.DataFrame:
    """One row per series: requests, attempts, retries, throttling, Retry-After, headroom."""
    return ask_selection(store, _traffic(selection), "traffic_table", selection, by=by)


def traffic_over_time(
    store: Store, selection: Selection, *, width: timedelta, by: str = "backend"
) -> pl.DataFrame:
    """One row per series and bucket (business wall clock): the same counts, and kinds of 429."""
    return ask_selection(
        store, _traffic(selection), "traffic_over_time", selection, by=by, width=width
    )


def outcomes_over_time(store: Store, selection: Selection, *, width: timedelta) -> pl.DataFrame:
    """Columns bucket, series (2xx, 4xx, 429, 5xx, client left), requests; from the events."""
    return ask_selection(store, "events", "outcomes_over_time", selection, width=width)


def latency_over_time(
    store: Store, selection: Selection, *, width: timedelta, by: str = "backend"
) -> pl.DataFrame:
    """Columns bucket, series, measure (duration, time_to_first_chunk), requests, p50, p95, p99."""
    return _latency(store, "over_time", selection, by=by, width=width)


def latency_table(store: Store, selection: Selection, *, by: str = "backend") -> pl.DataFrame:
    """The same over the whole span, one row per series and measure."""
    return _latency(store, "table", selection, by=by)


def _traffic(selection: Selection) -> str:
    return "traffic_events" if selection.from_events else "traffic_hourly"


def _latency(
    store: Store,
    question: str,
    selection: Selection,
    *,
    by: str,
    width: timedelta | None = None,
) -> pl.DataFrame:
    # Histograms do not know the caller, so a question about some callers goes to the events.
    exact = selection.from_events or selection.keys or selection.teams
    source, kind = ("events", "exact") if exact else ("latency_hourly", "histogram")
    return ask_selection(store, source, f"latency_{question}_{kind}", selection, by=by, width=width)
