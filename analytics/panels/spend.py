"""Spend: totals, over time, by whom, how certain, and where the month will end.

Money is in the selection's currency.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from analytics.currencies.unconverted import QUESTION, Unconverted
from analytics.panels.selection import Selection, ask_money, sql

if TYPE_CHECKING:
    from datetime import datetime

    import polars as pl

    from analytics.store import Store

_WEEK: Final = timedelta(days=7)
_SHORTEST_TREND: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over a selection; money is None when nothing in it has a price and an exchange rate."""

    spend: Decimal | None
    estimated_spend: Decimal | None
    unpriced_requests: int
    unconverted_charges: int
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
    """One row per series, dearest first: spend, requests, tokens by kind.

    What has no price or no exchange rate is in unpriced_requests and unconverted_charges.
    """
    return _spend(store, "spend_table", selection, by=by)


def spend_by_source(store: Store, selection: Selection) -> pl.DataFrame:
    """Columns series (reported, estimated, derived) and spend."""
    return _spend(store, "spend_by_source", selection)


def unpriced(store: Store, selection: Selection) -> pl.DataFrame:
    """What no rate covers: model, deployment_type, region, meter, reason, requests, quantity."""
    return ask_money(store, "charges_hourly", sql("unpriced"), selection)


def unconverted(store: Store, selection: Selection) -> list[Unconverted]:
    """What no exchange rate covers, by the currency it was charged in."""
    rows = ask_money(store, "charges_hourly", QUESTION, selection)
    return [Unconverted(*row) for row in rows.iter_rows()]


def month_projection(
    store: Store, selection: Selection, *, now: datetime, month: tuple[datetime, datetime]
) -> tuple[Decimal | None, Decimal | None]:
    """Spend of the month so far, and at its end when the last seven days go on like this.

    `month` is where it begins and ends. With less than a day of spend there is no trend.
    """
    since = min(month[0], now - _WEEK)
    whole = replace(selection, since=since, until=now, from_events=False)
    answer = ask_money(
        store, "spend_hourly", sql("spend_so_far"), whole, month=month[0], week=now - _WEEK
    )
    first_at, so_far, week = answer.row(0)
    if first_at is None or week is None:
        return so_far, None
    span = min(_WEEK, now - first_at)
    if span < _SHORTEST_TREND:
        return so_far, None
    rest = (month[1] - now) / span
    return so_far, (so_far or Decimal(0)) + week * Decimal(repr(rest))


def _spend(
    store: Store,
    question: str,
    selection: Selection,
    *,
    by: str = "key",
    width: timedelta | None = None,
) -> pl.DataFrame:
    source = "spend_events" if selection.from_events else "spend_hourly"
    return ask_money(store, source, sql(question), selection, by=by, width=width)
