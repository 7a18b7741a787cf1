"""The boxes about provisioned throughput, on the spend page when any was bought."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import streamlit as st

from dashboard import charts, parts, tables
from dashboard import format as fmt
from dashboard.colours import colours_of

if TYPE_CHECKING:
    from decimal import Decimal

    from dashboard.data import SpendPage
    from dashboard.time_axis import TimeAxis

_MILLION = 1_000_000


def use_over_time(page: SpendPage, time: TimeAxis) -> None:
    """Which part of each block was used, over time."""
    st.subheader("Provisioned throughput in use", anchor=False)
    blocks: list[str] = page.provisioned["series"].to_list()
    palette = colours_of(blocks, blocks)
    colours = {name: palette[name] for name in blocks}
    used = page.provisioned_over_time.with_columns(value=pl.col("used_share") * 100)
    texts = [
        f"{fmt.share(row['used_share'])} used, {fmt.money(row['idle_spend'])} idle"
        for row in used.iter_rows(named=True)
    ]
    parts.chart(
        charts.lines(
            used.select("bucket", "series", "value", pl.Series("shown", texts, dtype=pl.String)),
            time,
            colours,
            number_format=",.0f",
            noun="Block",
            unit="%",
        ),
        key="provisioned-use",
        describes="Used part of provisioned throughput over time by block",
        colours=colours,
    )


def table(page: SpendPage) -> None:
    """What each block cost, how much of that nobody used, and what a token came to."""
    st.subheader("Provisioned throughput by block", anchor=False)
    rows = [
        {
            "Block": row["series"],
            "Cost": row["spend"],
            "Idle cost": row["idle_spend"],
            "Used": row["used_share"] * 100,
            "Per 1M tokens": fmt.ratio(row["spend"] * _MILLION, row["tokens"]),
            "Tokens": row["tokens"],
            "PTU-hours": row["ptu_hours"],
        }
        for row in page.provisioned.iter_rows(named=True)
    ]
    tables.table(
        pl.DataFrame(rows, infer_schema_length=None),
        texts={
            "Cost": fmt.money,
            "Idle cost": fmt.money,
            "PTU-hours": _hours,
            "Tokens": fmt.count,
            "Per 1M tokens": fmt.money,
        },
        columns={
            "Used": st.column_config.ProgressColumn(
                "Used", format="%.1f%%", min_value=0, max_value=100, width="small"
            )
        },
    )
    parts.note(
        "Of whole hours that have passed, and of all callers whatever is picked above. Would fewer "
        "PTUs have done? gatemeter report provisioned"
    )


def _hours(hours: Decimal) -> str:
    return f"{hours:,.1f}"
