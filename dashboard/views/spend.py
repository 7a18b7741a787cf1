"""Spend: what was it, whose was it, what changed, and what of it is not certain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import streamlit as st

from analytics.business_days import period_at
from analytics.panels import Totals
from dashboard import data, live, parts
from dashboard import format as fmt
from dashboard.panels import provisioned
from dashboard.panels import spend as panels
from dashboard.parts import Tile

if TYPE_CHECKING:
    from datetime import datetime

    from analytics.panels import MonthEnd
    from dashboard.data import SpendPage
    from dashboard.filters import View

_NOTHING: Final = Totals(None, None, 0, 0, 0, 0, 0, 0)


def content(url: str, view: View) -> None:
    """The page below its title."""
    # The choice stands below the tiles, but has to be known before they are fetched.
    above, choice = st.container(), st.empty()
    with choice.container():
        split = panels.choose_split()
    by = panels.SPLITS[split]
    health = data.health(url)
    page = data.spend_page(
        url,
        view.selection,
        view.before if view.has_before(health.first_event_at) else None,
        by=by,
        width=view.period.bar_width,
        now=view.now.replace(second=0, microsecond=0),
        month=_month(view),
    )
    if not page.now.requests and page.now.spend is None:
        choice.empty()
        parts.nothing_chosen(health, view)
        return
    time = view.time_axis(view.period.bar_width)
    known = data.known_values(url).get(by, ())
    file_name = f"spend-by-{by}-{time.since:%Y%m%d-%H%M}.csv"
    with above:
        parts.tiles(_tiles(page))
    parts.row(
        lambda: panels.over_time(page, time, split, known),
        lambda: panels.movers(page, split),
        widths=(2.1, 1),
    )
    parts.row(lambda: panels.table(page, split, file_name))
    if not page.provisioned.is_empty():
        parts.row(
            lambda: provisioned.use_over_time(page, time),
            lambda: provisioned.table(page),
            widths=(1, 1.5),
        )
    parts.row(lambda: panels.tokens(page, time), lambda: panels.certainty(page), widths=(2.1, 1))


def _tiles(page: SpendPage) -> list[Tile]:
    now, before = page.now, page.before or _NOTHING
    cached_before = fmt.ratio(before.cached_input_tokens, before.input_tokens)
    cached = fmt.ratio(now.cached_input_tokens, now.input_tokens)
    return [
        Tile(
            "Spend",
            fmt.money_tile(now.spend),
            "Priced usage of the selection. Below: against the period of the same length before.",
            fmt.change(now.spend, before.spend),
            "bad",
        ),
        _month_tile(page.month),
        Tile(
            "Requests",
            fmt.count(now.requests),
            "Requests that reached the gateway, whatever became of them.",
            fmt.change(now.requests, before.requests),
        ),
        Tile(
            "Input tokens",
            fmt.count(now.input_tokens),
            "Prompt tokens, cached ones included.",
            fmt.change(now.input_tokens, before.input_tokens),
        ),
        Tile(
            "Output tokens",
            fmt.count(now.output_tokens),
            "Completion tokens, reasoning included.",
            fmt.change(now.output_tokens, before.output_tokens),
        ),
        Tile(
            "Cached input",
            fmt.share(cached),
            "Part of the input tokens that was read from the prompt cache, at a lower price.",
            fmt.points(cached, cached_before),
            "good",
        ),
        Tile(
            "Unpriced",
            fmt.count(now.unpriced_requests),
            "Billed requests that no rate covers, wholly or in part. What they cost is missing "
            "from the spend.",
            note="not in the spend" if now.unpriced_requests else "all have a price",
        ),
    ]


def _month_tile(month: MonthEnd) -> Tile:
    expected = month.forecast
    return Tile(
        "Projected month",
        fmt.money_tile(expected.expected if expected else None),
        "Where the calendar month will end: what was spent so far, and its rest by weekday, level "
        "and growth of the last weeks. The month ends between the two amounts below four times in "
        f"five. Spent so far: {fmt.money(month.so_far)}. Needs a whole day of data.",
        note=fmt.money_range(expected.low, expected.high)
        if expected
        else f"{fmt.money_tile(month.so_far)} so far",
    )


def _month(view: View) -> tuple[datetime, datetime]:
    """When the business's month began and ends, in UTC."""
    month = period_at("monthly", view.now, view.zone)
    return month.since, month.until


if __name__ == "__main__":
    live.show("Spend", content)
