"""Spend: totals, over time, by whom, by source of usage, unpriced, and where the month will end."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from analytics.forecast import LOOK_BACK, Forecast, forecast
from analytics.panels.selection import Selection, ask_selection

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    import polars as pl

    from analytics.store import Store


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over a selection; money is None when nothing in it has a price."""

    spend: Decimal | None
    estimated_spend: Decimal | None
    unpriced_requests: int
    requests: int
    estimated_requests: int
    input_tokens: int
    cached_input_tokens: int
    output_tokens: int


def totals(store: Store, selection: Selection) -> Totals:
    """What was spent, asked and used."""
    return Totals(**_spend(store, "spend_totals", selection).row(0, named=True))


def spend_over_time(
    store: Store, selection: Selection, *, by: str, width: timedelta
) -> pl.DataFrame:
    """Columns bucket (business wall clock), series, spend (Decimal)."""
    return _spend(store, "spend_over_time", selection, by=by, width=width)


def tokens_over_time(store: Store, selection: Selection, *, width: timedelta) -> pl.DataFrame:
    """Columns bucket (business wall clock), input_tokens, cached_input_tokens, output_tokens."""
    return _spend(store, "tokens_over_time", selection, width=width)


def spend_table(store: Store, selection: Selection, *, by: str) -> pl.DataFrame:
    """One row per series, dearest first: spend, requests, tokens by kind, unpriced_requests."""
    return _spend(store, "spend_table", selection, by=by)


def spend_by_source(store: Store, selection: Selection) -> pl.DataFrame:
    """Columns series (reported, estimated, derived) and spend."""
    return _spend(store, "spend_by_source", selection)


def unpriced(store: Store, selection: Selection) -> pl.DataFrame:
    """What no rate covers: model, deployment_type, region, meter, reason, requests, quantity."""
    return ask_selection(store, "charges_hourly", "unpriced", selection)


@dataclass(frozen=True, slots=True)
class MonthEnd:
    """Spend of the month so far, None when there is none; `forecast` needs a whole day before."""

    so_far: Decimal | None
    forecast: Forecast | None


def month_end(
    store: Store, selection: Selection, *, now: datetime, month: tuple[datetime, datetime]
) -> MonthEnd:
    """Where the month that `month` begins and ends stands at `now`, and where it will end."""
    since = min(month[0], now - LOOK_BACK)
    whole = replace(selection, since=since, until=now, from_events=False)
    hours = dict(ask_selection(store, "charges_hourly", "spend_by_hour", whole).iter_rows())
    in_month = [spend for hour, spend in hours.items() if hour >= month[0]]
    zone = ZoneInfo(selection.timezone)
    return MonthEnd(
        so_far=sum(in_month, Decimal(0)) if in_month else None,
        forecast=forecast(hours, now=now, since=month[0], until=month[1], zone=zone),
    )


def _spend(
    store: Store,
    question: str,
    selection: Selection,
    *,
    by: str = "key",
    width: timedelta | None = None,
) -> pl.DataFrame:
    source = "spend_events" if selection.from_events else "spend_hourly"
    return ask_selection(store, source, question, selection, by=by, width=width)
