"""The boxes of the spend page."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final

import polars as pl
import streamlit as st

from dashboard import charts, downloads, parts, tables
from dashboard import format as fmt
from dashboard.colours import SOURCES, TOKENS, colours_of
from dashboard.theme import BAD, GOOD

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dashboard.data import SpendPage
    from dashboard.time_axis import TimeAxis

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
_MOST_UNPRICED: Final = 5
_SOURCE_NAMES: Final = {
    "reported": "reported by the backend",
    "estimated": "estimated with a tokenizer",
    "derived": "derived from the request",
}


def choose_split() -> str:
    """What the whole page is split by: one of `SPLITS`."""
    chosen = st.segmented_control(
        "Split by",
        list(SPLITS),
        default="Key",
        required=True,
        key=SPLIT,
        bind="query-params",
        label_visibility="collapsed",
    )
    return str(chosen or "Key")


def over_time(page: SpendPage, time: TimeAxis, split: str, known: Sequence[str]) -> None:
    """Spend in bars, by whom."""
    st.subheader(f"Spend over time by {split.lower()}", anchor=False)
    if page.over_time.is_empty():
        parts.note("Nothing in this selection has a price yet.")
        return
    spent = page.over_time.with_columns(value=pl.col("spend").cast(pl.Float64))
    totals: dict[str, float] = dict(spent.group_by("series").agg(pl.col("value").sum()).iter_rows())
    folded, names = charts.top_series(spent, totals, keep=_MOST_SERIES)
    bars = folded.group_by("bucket", "series").agg(pl.col("spend", "value").sum())
    texts = [fmt.money(amount) for amount in bars["spend"]]
    palette = colours_of(names, known)
    colours = {name: palette[name] for name in names}
    parts.chart(
        charts.stacked_bars(
            bars.select("bucket", "series", "value", pl.Series("shown", texts)),
            time,
            colours,
            number_format=_money_axis(max(totals.values())),
            noun=split,
        ),
        key="spend-over-time",
        describes=f"Spend over time by {split.lower()}",
        colours=colours,
    )


def movers(page: SpendPage, split: str) -> None:
    """Whose spend rose and fell most against the period before."""
    st.subheader("What changed", anchor=False)
    if page.before is None:
        parts.note("The store does not reach back to the period of the same length before.")
        return
    if page.before.spend is None:
        parts.note("There was no spend in the period of the same length before.")
        return
    now, before = _spend_of(page.table), _spend_of(page.table_before)
    changes = {
        name: (now.get(name) or Decimal(0)) - (before.get(name) or Decimal(0))
        for name in {**now, **before}
    }
    moved = sorted(
        (name for name in changes if changes[name]), key=lambda name: -abs(changes[name])
    )
    moved = sorted(moved[:_MOST_MOVERS], key=lambda name: (-changes[name], name))
    if not moved:
        parts.note("Nothing: the same spend as in the period before.")
        return
    parts.note(f"Spend by {split.lower()}, against the period before")
    parts.chart(
        charts.diverging_bars(
            pl.DataFrame(
                {
                    "series": moved,
                    "value": [float(changes[name]) for name in moved],
                    "shown": [fmt.money_change(changes[name]) for name in moved],
                    "detail": [
                        f"{fmt.money(before.get(name))} → {fmt.money(now.get(name))}"
                        for name in moved
                    ],
                }
            ),
            more=BAD,
            less=GOOD,
            noun=split,
        ),
        key="movers",
        describes=f"Change of spend by {split.lower()}",
    )


def table(page: SpendPage, split: str, file_name: str) -> None:
    """Everything by the chosen split, in numbers, and as a file."""
    parts.headed(
        f"By {split.lower()}",
        lambda: downloads.csv_button(
            page.table.rename({"series": SPLITS[split]}), file_name, key="spend-csv"
        ),
    )
    before = _spend_of(page.table_before)
    rows = [
        {
            split: row["series"],
            "Spend": row["spend"],
            "Share": float(fmt.ratio(row["spend"], page.now.spend) or 0) * 100,
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
    if page.before is None:
        shown = shown.drop("Change")
    tables.table(
        shown if page.now.unpriced_requests else shown.drop("Unpriced"),
        texts={
            "Spend": fmt.money,
            "Per request": fmt.money,
            "Cached": fmt.share,
            "Requests": fmt.whole,
            "Input tokens": fmt.whole,
            "Output tokens": fmt.whole,
            "Unpriced": fmt.whole,
        },
        columns={
            "Share": st.column_config.ProgressColumn(
                "Share", format="%.1f%%", min_value=0, max_value=100, width="medium"
            ),
            "Change": st.column_config.TextColumn("Change", alignment="right"),
        },
    )


def tokens(page: SpendPage, time: TimeAxis) -> None:
    """What kinds of tokens were used, over time."""
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
    texts = [fmt.whole(number) for number in kinds["tokens"]]
    parts.chart(
        charts.stacked_bars(
            kinds.select(
                "bucket",
                "series",
                pl.col("tokens").cast(pl.Float64).alias("value"),
                pl.Series("shown", texts),
            ),
            time,
            TOKENS,
            number_format="~s",
            noun="Tokens",
            height=220,
        ),
        key="tokens-over-time",
        describes="Tokens over time by kind",
        colours=TOKENS,
    )


def certainty(page: SpendPage) -> None:
    """How much of the spend was reported, how much estimated, and what has no price."""
    st.subheader("How certain", anchor=False)
    spent: list[tuple[str, Decimal]] = list(page.by_source.iter_rows())
    if spent:
        parts.share_bar([(SOURCES[source], float(amount)) for source, amount in spent])
        parts.legend(
            {
                f"{_SOURCE_NAMES[source]}: {fmt.money(amount)} "
                f"({fmt.share(fmt.ratio(amount, page.now.spend))})": SOURCES[source]
                for source, amount in spent
            }
        )
    if page.unpriced.is_empty():
        parts.note("Every charge has a rate.")
        return
    parts.note("Not in the spend, because no rate covers it. What to do: gatemeter rates gaps")
    # A request has several meters and may be unpriced for each: count it once.
    without_rate = (
        page.unpriced.group_by("model", "reason", "meter")
        .agg(pl.col("requests").sum())
        .group_by("model", "reason")
        .agg(pl.col("requests").max())
        .sort("requests", "model", descending=[True, False])
    )
    tables.table(
        without_rate.head(_MOST_UNPRICED).select(
            pl.col("model").alias("Model"),
            pl.col("requests").alias("Requests"),
            pl.col("reason").str.replace_all("_", " ").alias("Why"),
        ),
        texts={"Requests": fmt.whole},
    )
    if without_rate.height > _MOST_UNPRICED:
        parts.note(f"and {without_rate.height - _MOST_UNPRICED} more")


def _spend_of(table: pl.DataFrame) -> Mapping[str, Decimal | None]:
    return dict(table.select("series", "spend").iter_rows())


def _money_axis(largest: float) -> str:
    """The number format of a money axis: cents only where they tell ticks apart."""
    return "$,.0f" if largest >= 10 else "$~g"  # noqa: PLR2004 - two digits
