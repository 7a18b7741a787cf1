"""The charts, drawn from frames that queries return.

A bucket's time is already the business's wall clock, so axes are drawn on a UTC scale and no
browser moves it. Heights of money bars are floats, because a screen has pixels; what a reader sees
as a number is text made from decimals, in a column of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import altair as alt
import polars as pl

from dashboard.colours import OTHERS_LABEL

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime, timedelta

HEIGHT = 290
_GAP = 0.12
"""Part of a bucket's width that stays free beside its bar."""


def stacked_bars(
    frame: pl.DataFrame,
    *,
    width: timedelta,
    span: tuple[datetime, datetime],
    colours: Mapping[str, str],
    axis_format: str,
    noun: str,
    height: int = HEIGHT,
) -> alt.Chart:
    """Bars over time, stacked by `series`.

    `frame`: bucket (wall clock), series, value (float), shown (text of the value).
    """
    order = {name: place for place, name in enumerate(colours)}
    stacked = (
        frame.with_columns(
            pl.col("series").replace_strict(order, default=len(order)).alias("place"),
            pl.col("bucket").dt.strftime(_label_format(width)).alias("when"),
        )
        .sort("bucket", "place")
        .with_columns(top=pl.col("value").cum_sum().over("bucket"))
        .with_columns(
            bottom=pl.col("top") - pl.col("value"),
            end=pl.col("bucket") + width * (1 - _GAP),
        )
    )
    return (
        alt.Chart(stacked)
        .mark_bar(binSpacing=0)
        .encode(
            x=_time_axis(width, span),
            x2="end",
            y=alt.Y("bottom:Q", title=None, axis=alt.Axis(format=axis_format, tickCount=5)),
            y2="top",
            color=_colour(colours),
            tooltip=[
                alt.Tooltip("when:N", title="When"),
                alt.Tooltip("series:N", title=noun),
                alt.Tooltip("shown:N", title=" "),
            ],
        )
        .properties(height=height)
    )


def lines(
    frame: pl.DataFrame,
    *,
    width: timedelta,
    span: tuple[datetime, datetime],
    colours: Mapping[str, str],
    axis_format: str,
    noun: str,
    unit: str = "",
    height: int = HEIGHT,
) -> alt.LayerChart:
    """Lines with points over time, one per `series`.

    `frame`: bucket (wall clock), series, value (float or null), shown (text of the value).
    """
    labelled = frame.with_columns(when=pl.col("bucket").dt.strftime(_label_format(width)))
    label = f"format(datum.value, '{axis_format}') + ' {unit}'" if unit else alt.Undefined
    base = alt.Chart(labelled).encode(
        x=_time_axis(width, span),
        y=alt.Y(
            "value:Q",
            title=None,
            scale=alt.Scale(zero=True, nice=True),
            axis=alt.Axis(format=axis_format, tickCount=5, labelExpr=label),
        ),
        color=_colour(colours),
        tooltip=[
            alt.Tooltip("when:N", title="When"),
            alt.Tooltip("series:N", title=noun),
            alt.Tooltip("shown:N", title=" "),
        ],
    )
    line = base.mark_line(strokeWidth=2, interpolate="monotone")
    return alt.layer(line, base.mark_point(filled=True, size=22)).properties(height=height)


def heat_map(
    frame: pl.DataFrame,
    *,
    width: timedelta,
    span: tuple[datetime, datetime],
    colour: str,
) -> alt.Chart:
    """One row per `series`, one cell per bucket, the darker the larger `value` (0 to 1)."""
    rows = frame["series"].n_unique()
    cells = frame.with_columns(
        when=pl.col("bucket").dt.strftime(_label_format(width)), end=pl.col("bucket") + width
    )
    return (
        alt.Chart(cells)
        .mark_rect(stroke=None)
        .encode(
            x=_time_axis(width, span),
            x2="end",
            y=alt.Y("series:N", title=None, axis=alt.Axis(labelLimit=180, ticks=False, domain=False)),
            color=alt.value(colour),
            opacity=alt.Opacity(
                "value:Q", scale=alt.Scale(domain=[0, 1], range=[0.06, 1.0]), legend=None
            ),
            tooltip=[
                alt.Tooltip("when:N", title="When"),
                alt.Tooltip("series:N", title="Backend"),
                alt.Tooltip("shown:N", title="Throttled minutes"),
            ],
        )
        .properties(height=max(90, 34 * rows + 30))
    )


def diverging_bars(frame: pl.DataFrame, *, more: str, less: str) -> alt.LayerChart:
    """Horizontal bars left and right of zero, largest first: series, value, shown, detail."""
    base = alt.Chart(frame).encode(
        y=alt.Y(
            "series:N",
            title=None,
            sort=frame["series"].to_list(),
            axis=alt.Axis(labelLimit=170, ticks=False, domain=False),
        ),
        tooltip=[alt.Tooltip("series:N", title=" "), alt.Tooltip("detail:N", title="Change")],
    )
    reach = max((abs(value) for value in frame["value"].to_list()), default=0.0) * 1.45
    x = alt.X("value:Q", title=None, axis=None, scale=alt.Scale(domain=[-reach, reach]))
    bars = base.mark_bar(cornerRadius=2, height={"band": 0.7}).encode(
        x=x, color=alt.condition("datum.value > 0", alt.value(more), alt.value(less))
    )
    text = {
        side: base.transform_filter(f"datum.value {sign} 0")
        .mark_text(align=align, dx=offset)
        .encode(x=x, text="shown:N")
        for side, sign, align, offset in (("more", ">", "left", 5), ("less", "<=", "right", -5))
    }
    return alt.layer(bars, *text.values()).properties(height=34 * max(1, frame.height) + 10)


def top_series(
    frame: pl.DataFrame, totals: Mapping[str, float], *, keep: int
) -> tuple[pl.DataFrame, list[str]]:
    """Fold all but the `keep` largest series into one; also the shown names, largest first."""
    ranked = sorted(totals, key=lambda name: (-totals[name], name))
    shown = ranked if len(ranked) <= keep + 1 else ranked[:keep]
    folded = frame.with_columns(
        pl.when(pl.col("series").is_in(shown))
        .then(pl.col("series"))
        .otherwise(pl.lit(OTHERS_LABEL))
        .alias("series")
    )
    names = shown if len(shown) == len(ranked) else [*shown, OTHERS_LABEL]
    return folded, names


def _colour(colours: Mapping[str, str]) -> alt.Color:
    return alt.Color(
        "series:N",
        scale=alt.Scale(domain=list(colours), range=list(colours.values())),
        legend=None,
    )


def _time_axis(width: timedelta, span: tuple[datetime, datetime]) -> alt.X:
    hours = (span[1] - span[0]).total_seconds() / 3600
    if hours <= 48:  # noqa: PLR2004 - the clock matters up to two days, then the day does
        text = "%H:%M"
    elif width.total_seconds() < 86_400 and hours <= 8 * 24:
        text = "%a %d"
    else:
        text = "%d %b"
    return alt.X(
        "bucket:T",
        title=None,
        # Both ends apart: Vega-Lite takes a domain stated for x and x2 alike for a conflict.
        scale=alt.Scale(type="utc", domainMin=_moment(span[0]), domainMax=_moment(span[1])),
        axis=alt.Axis(format=text, grid=False, labelOverlap=True, tickCount=8, labelFlush=True),
    )


def _moment(wall_clock: datetime) -> alt.DateTime:
    return alt.DateTime(
        year=wall_clock.year,
        month=wall_clock.month,
        date=wall_clock.day,
        hours=wall_clock.hour,
        minutes=wall_clock.minute,
        utc=True,
    )


def _label_format(width: timedelta) -> str:
    return "%a %d %b %Y" if width.total_seconds() >= 86_400 else "%a %d %b, %H:%M"  # noqa: PLR2004
