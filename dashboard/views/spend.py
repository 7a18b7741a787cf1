"""Spend: what was it, whose was it, what changed, and what of it is not certain."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Final

import polars as pl
import streamlit as st

from dashboard import charts, data, downloads, live, parts, tables
from dashboard import format as fmt
from dashboard.colours import SOURCES, TOKENS, colours_of
from dashboard.parts import Tile
from dashboard.periods import midnight
from dashboard.theme import BAD, GOOD

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from dashboard.data import SpendPage
    from dashboard.filters import View

SPLITS: Final = {
    "Key": "key",
    "Team": "team",
    "Backend": "backend",
    "Model": "model",
    "Deployment": "deployment",
    "Deployment type": "deployment_type",
    "Operation": "operation",
}
SPLIT: Final = "split"
_MOST_SERIES: Final = 8
_MOST_MOVERS: Final = 7
_SOURCE_NAMES: Final = {
    "reported": "reported by the backend",
    "estimated": "estimated with a tokenizer",
    "derived": "derived from the request",
}


def content(url: str, view: View) -> None:
    """The page below its title."""
    split = str(st.session_state.get(SPLIT) or "Key")
    page = data.spend_page(
        url,
        view.selection,
        view.before,
        by=SPLITS[split],
        width=view.period.bar_width,
        now=view.now.replace(second=0, microsecond=0),
        month=_month(view),
    )
    if not page.now.requests and page.now.spend is None:
        parts.nothing_chosen(data.health(url), view)
        return
    parts.tiles(_tiles(page))
    known = data.known_values(url).get(SPLITS[split], ())
    wide, narrow = st.columns([2.1, 1])
    with wide, st.container(border=True, height="stretch"):
        _over_time(page, view, split, known)
    with narrow, st.container(border=True, height="stretch"):
        _movers(page, split)
    with st.container(border=True):
        _table(page, view, split)
    wide, narrow = st.columns([2.1, 1])
    with wide, st.container(border=True, height="stretch"):
        _tokens(page, view)
    with narrow, st.container(border=True, height="stretch"):
        _certainty(page)


def _tiles(page: SpendPage) -> list[Tile]:
    now, before = page.now, page.before
    cached = fmt.ratio(now.cached_input_tokens, now.input_tokens)
    return [
        Tile(
            "Spend",
            fmt.money(now.spend, page.currency),
            "Priced usage of the selection. Below: against the period of the same length before.",
            fmt.change(now.spend, before.spend),
            "bad",
        ),
        Tile(
            "This month, projected",
            fmt.money(page.month_projection, page.currency),
            "The month so far, and its rest at the pace of the last seven days. "
            "Needs a day of data.",
            note=f"{fmt.money(page.month_spend, page.currency)} so far",
        ),
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
            fmt.points(cached, fmt.ratio(before.cached_input_tokens, before.input_tokens)),
            "good",
        ),
        Tile(
            "Unpriced requests",
            fmt.count(now.unpriced_requests),
            "Billed requests that no rate covers. They are missing from the spend, not zero.",
            note="missing from the spend" if now.unpriced_requests else "all have a price",
        ),
    ]


def _over_time(page: SpendPage, view: View, split: str, known: Sequence[str]) -> None:
    st.subheader("Spend over time", anchor=False)
    st.segmented_control(
        "Split by",
        list(SPLITS),
        default="Key",
        required=True,
        key=SPLIT,
        bind="query-params",
        label_visibility="collapsed",
    )
    if page.over_time.is_empty():
        parts.note("Nothing in this selection has a price yet.")
        return
    spent = page.over_time.with_columns(value=pl.col("spend").cast(pl.Float64))
    totals = {
        str(name): float(total)
        for name, total in spent.group_by("series").agg(pl.col("value").sum()).iter_rows()
    }
    folded, names = charts.top_series(spent, totals, keep=_MOST_SERIES)
    bars = folded.group_by("bucket", "series").agg(pl.col("spend", "value").sum())
    shown = bars.with_columns(
        shown=pl.Series([fmt.money(amount, page.currency) for amount in bars["spend"]])
    ).drop("spend")
    palette = colours_of(names, known)
    colours = {name: palette[name] for name in names}
    st.altair_chart(
        charts.stacked_bars(
            shown,
            width=view.period.bar_width,
            span=view.span,
            colours=colours,
            axis_format=_money_axis(max(totals.values()), page.currency),
            noun=split,
        ),
        key="spend-over-time",
    )
    parts.legend(colours)


def _movers(page: SpendPage, split: str) -> None:
    st.subheader("What changed", anchor=False)
    if page.before.spend is None:
        parts.note("There was no spend in the period of the same length before.")
        return
    before = dict(page.table_before.select("series", "spend").iter_rows())
    now = dict(page.table.select("series", "spend").iter_rows())
    changes = [
        (name, (now.get(name) or Decimal(0)) - (before.get(name) or Decimal(0)))
        for name in {**now, **before}
    ]
    moved = sorted(
        (pair for pair in changes if pair[1]), key=lambda pair: (-abs(pair[1]), pair[0])
    )[:_MOST_MOVERS]
    if not moved:
        parts.note("Nothing: the same spend as in the period before.")
        return
    moved.sort(key=lambda pair: -pair[1])
    parts.note(f"Spend by {split.lower()}, against the period of the same length before")
    st.altair_chart(
        charts.diverging_bars(
            pl.DataFrame(
                {
                    "series": [name for name, _ in moved],
                    "value": [float(amount) for _, amount in moved],
                    "shown": [fmt.money_change(amount, page.currency) for _, amount in moved],
                    "detail": [
                        f"{fmt.money(before.get(name), page.currency)} → "
                        f"{fmt.money(now.get(name), page.currency)}"
                        for name, _ in moved
                    ],
                }
            ),
            more=BAD,
            less=GOOD,
        ),
        key="movers",
    )


def _table(page: SpendPage, view: View, split: str) -> None:
    head, button = st.columns([4, 1], vertical_alignment="center")
    head.subheader(f"By {split.lower()}", anchor=False)
    with button.container(horizontal=True, horizontal_alignment="right"):
        downloads.csv_button(
            page.table.rename({"series": SPLITS[split]}),
            f"spend-by-{SPLITS[split]}-{view.span[0]:%Y%m%d-%H%M}.csv",
            key="spend-csv",
        )
    before = dict(page.table_before.select("series", "spend").iter_rows())
    whole = page.now.spend
    rows = [
        {
            split: row["series"],
            "Spend": row["spend"],
            "Share": float(fmt.ratio(row["spend"], whole) or 0),
            "Change": fmt.change(row["spend"], before.get(row["series"])),
            "Requests": row["requests"],
            "Per request": fmt.ratio(row["spend"], row["requests"]),
            "Input tokens": row["input_tokens"],
            "Cached": float(fmt.ratio(row["cached_input_tokens"], row["input_tokens"]) or 0),
            "Output tokens": row["output_tokens"],
            "Unpriced": row["unpriced_requests"],
        }
        for row in page.table.iter_rows(named=True)
    ]
    shown = pl.DataFrame(rows, infer_schema_length=None)
    if not page.now.unpriced_requests:
        shown = shown.drop("Unpriced")
    money = lambda amount: fmt.money(amount, page.currency)  # noqa: E731 - two columns, one text
    whole_number = {
        name: fmt.whole
        for name in ("Requests", "Input tokens", "Output tokens", "Unpriced")
        if name in shown.columns
    }
    tables.table(
        shown,
        texts={"Spend": money, "Per request": money, "Cached": fmt.share, **whole_number},
        columns={
            "Share": st.column_config.ProgressColumn(
                "Share", format="percent", min_value=0, max_value=1, width="medium"
            ),
            "Change": st.column_config.TextColumn("Change", alignment="right"),
        },
    )


def _tokens(page: SpendPage, view: View) -> None:
    st.subheader("Tokens over time", anchor=False)
    kinds = page.tokens.select(
        "bucket",
        (pl.col("input_tokens") - pl.col("cached_input_tokens")).alias("input"),
        pl.col("cached_input_tokens").alias("cached input"),
        pl.col("output_tokens").alias("output"),
    ).unpivot(index="bucket", variable_name="series", value_name="tokens")
    if not kinds["tokens"].sum():
        parts.note("No tokens were used: the selection holds only images, audio or failed calls.")
        return
    st.altair_chart(
        charts.stacked_bars(
            kinds.select(
                "bucket",
                "series",
                pl.col("tokens").cast(pl.Float64).alias("value"),
                pl.Series("shown", [fmt.whole(tokens) for tokens in kinds["tokens"]]),
            ),
            width=view.period.bar_width,
            span=view.span,
            colours=TOKENS,
            axis_format="~s",
            noun="Tokens",
            height=220,
        ),
        key="tokens-over-time",
    )
    parts.legend(TOKENS)


def _certainty(page: SpendPage) -> None:
    st.subheader("How certain", anchor=False)
    spent = {str(name): amount for name, amount in page.by_source.iter_rows()}
    colours = {
        f"{_SOURCE_NAMES.get(name, name)}: {fmt.money(amount, page.currency)} "
        f"({fmt.share(fmt.ratio(amount, page.now.spend))})": SOURCES.get(name, SOURCES["derived"])
        for name, amount in spent.items()
    }
    if spent:
        parts.share_bar(
            [
                (SOURCES.get(name, SOURCES["derived"]), float(amount))
                for name, amount in spent.items()
            ]
        )
        parts.legend(colours)
    if page.unpriced.is_empty():
        parts.note("Every charge has a rate.")
        return
    parts.note("No rate covers these. Add one with: gatemeter rates import")
    tables.table(
        page.unpriced.select(
            pl.col("model").alias("Model"),
            pl.col("meter").alias("Meter"),
            pl.col("reason").alias("Why"),
            pl.col("requests").alias("Requests"),
        ).head(20),
        texts={"Requests": fmt.whole},
    )


def _money_axis(largest: float, currency: str) -> str:
    """The number format of a money axis: cents only where they tell ticks apart."""
    symbol = "$" if currency == "USD" else ""
    return f"{symbol},.0f" if largest >= 10 else f"{symbol}~g"  # noqa: PLR2004


def _month(view: View) -> tuple[datetime, datetime]:
    """When the business's month began and ends, in UTC."""
    first = view.now.astimezone(view.zone).date().replace(day=1)
    following = (first + timedelta(days=32)).replace(day=1)
    return midnight(first, view.zone), midnight(following, view.zone)


if __name__ == "__main__":
    live.show("Spend", content)
