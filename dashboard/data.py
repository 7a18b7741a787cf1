"""What pages show, fetched by one function a page; the only file that caches.

Answers live a little shorter than the time between two refreshes, so a page that refreshes sees new
data, and ten readers of one page cost the store one question.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import streamlit as st

from analytics import panels
from analytics.query import read_only_query
from analytics.store import Store

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime, timedelta

    import polars as pl

    from analytics.panels import Health, MonthEnd, Selection, Totals

REFRESH_SECONDS: Final = 5
_TTL_SECONDS: Final = REFRESH_SECONDS - 1
_NAMES_TTL_SECONDS: Final = 60
_MAX_PAGES: Final = 64


@dataclass(frozen=True, slots=True)
class SpendPage:
    """Everything on the spend page; `before` is None when the store does not reach back so far.

    Frames are those of `analytics.panels.spend` and `.provisioned`.
    """

    now: Totals
    before: Totals | None
    month: MonthEnd
    over_time: pl.DataFrame
    tokens: pl.DataFrame
    table: pl.DataFrame
    table_before: pl.DataFrame
    by_source: pl.DataFrame
    unpriced: pl.DataFrame
    provisioned: pl.DataFrame
    provisioned_over_time: pl.DataFrame


@dataclass(frozen=True, slots=True)
class ThrottlingPage:
    """Everything on the throttling page; `table_before` is empty without a period before.

    Frames are those of `analytics.panels.backends`.
    """

    table: pl.DataFrame
    table_before: pl.DataFrame
    over_time: pl.DataFrame
    outcomes: pl.DataFrame
    latency: pl.DataFrame
    latency_table: pl.DataFrame


@st.cache_resource(max_entries=1, show_spinner=False, validate=lambda store: store.address.exists())
def open_store(url: str) -> Store:
    """The store, opened once for all readers; it gives each question a connection of its own."""
    return Store.open(url, read_only=True)


@st.cache_data(ttl=_TTL_SECONDS, max_entries=_MAX_PAGES, show_spinner=False)
def spend_page(
    url: str,
    selection: Selection,
    before: Selection | None,
    *,
    by: str,
    width: timedelta,
    now: datetime,
    month: tuple[datetime, datetime],
) -> SpendPage:
    """The spend page; `now` should be cut to the minute, it is a part of the cache's key."""
    store = open_store(url)
    table = panels.spend_table(store, selection, by=by)
    return SpendPage(
        now=panels.totals(store, selection),
        before=panels.totals(store, before) if before else None,
        month=panels.month_end(store, selection, now=now, month=month),
        over_time=panels.spend_over_time(store, selection, by=by, width=width),
        tokens=panels.tokens_over_time(store, selection, width=width),
        table=table,
        table_before=panels.spend_table(store, before, by=by) if before else table.clear(),
        by_source=panels.spend_by_source(store, selection),
        unpriced=panels.unpriced(store, selection),
        provisioned=panels.provisioned_table(store, selection),
        provisioned_over_time=panels.provisioned_over_time(store, selection, width=width),
    )


@st.cache_data(ttl=_TTL_SECONDS, max_entries=_MAX_PAGES, show_spinner=False)
def throttling_page(
    url: str, selection: Selection, before: Selection | None, *, width: timedelta
) -> ThrottlingPage:
    """The throttling page, by backend."""
    store = open_store(url)
    table = panels.traffic_table(store, selection)
    return ThrottlingPage(
        table=table,
        table_before=panels.traffic_table(store, before) if before else table.clear(),
        over_time=panels.traffic_over_time(store, selection, width=width),
        outcomes=panels.outcomes_over_time(store, selection, width=width),
        latency=panels.latency_over_time(store, selection, width=width),
        latency_table=panels.latency_table(store, selection),
    )


@st.cache_data(ttl=_TTL_SECONDS, max_entries=4, show_spinner=False)
def health(url: str) -> Health:
    """The pipeline's state."""
    return panels.health(open_store(url))


def known_values(url: str) -> Mapping[str, Sequence[str]]:
    """Every name ever seen, by dimension, in the order of first sight; new ones within a minute."""
    return _known_values(url, health(url).first_event_at)


@st.cache_data(ttl=_NAMES_TTL_SECONDS, max_entries=4, show_spinner=False)
def _known_values(url: str, first_event_at: datetime | None) -> Mapping[str, Sequence[str]]:
    # Reads the whole of a rollup, so seldom; but at once when the first event has arrived.
    if first_event_at is None:
        return {}
    known = panels.known_values(open_store(url))
    return {
        str(dimension): values["value"].to_list()
        for (dimension,), values in known.group_by("dimension", maintain_order=True)
    }


@st.cache_data(ttl=_NAMES_TTL_SECONDS, max_entries=4, show_spinner=False)
def view_columns(url: str) -> pl.DataFrame:
    """The views that the SQL page offers, with their columns."""
    return panels.view_columns(open_store(url))


def run_query(url: str, text: str, limit: int, timeout_seconds: float) -> pl.DataFrame:
    """The answer to a reader's own query. Not kept: who runs it again wants it anew.

    Raises:
        QueryError: it is no single reading query, it is wrong, or it took too long.
    """
    return read_only_query(url, text, limit, timeout_seconds)
