"""The charts, drawn from frames of bucket, series, value and shown.

`value` is a float, because a screen has pixels; `shown` is the number as text that a reader sees,
and money in it was made from decimals.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import altair as alt
import polars as pl

from dashboard.colours import OTHERS_LABEL
from dashboard.theme import LABEL

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dashboard.time_axis import TimeAxis

Drawing = alt.Chart | alt.LayerChart | alt.FacetChart
HEIGHT: Final = 290
_PADDING: Final = {"left": 2, "right": 6, "top": 8, "bottom": 2}
_GAP: Final = 0.12
"""Part of a bucket's width that stays free beside its bar."""
_ROW_PIXELS: Final = 34


def stacked_bars(
    frame: pl.DataFrame,
    time: TimeAxis,
    colours: Mapping[str, str],
    *,
    number_format: str,
    noun: str,
    sign: str = "",
    height: int = HEIGHT,
) -> Drawing:
    """Bars over time, stacked in the order of `colours`; `sign` stands before their amounts."""
    order = {name: place for place, name in enumerate(colours)}
    stacked = (
        time.labelled(frame)
        .with_columns(
            place=pl.col("series").replace_strict(order, default=len(order)),
            end=pl.col("bucket") + time.width * (1 - _GAP),
        )
        .sort("bucket", "place")
        .with_columns(top=pl.col("value").cum_sum().over("bucket"))
        .with_columns(bottom=pl.col("top") - pl.col("value"))
    )
    drawing: Drawing = (
        alt.Chart(stacked)
        .mark_bar(binSpacing=0)
        .encode(
            x=time.encoding(bars=True),
            x2="end",
            y=alt.Y("bottom:Q", title=None, axis=_value_axis(number_format, sign=sign)),
            y2="top",
            color=_colour(colours),
            tooltip=_tooltip(noun),
        )
        .properties(padding=_PADDING, height=height)
    )
    return drawing


def lines(
    frame: pl.DataFrame,
    time: TimeAxis,
    colours: Mapping[str, str],
    *,
    number_format: str,
    noun: str,
    unit: str = "",
    joined: bool = True,
) -> Drawing:
    """Points over time, joined to lines, one a series; a bucket without a row is a gap."""
    base = alt.Chart(time.labelled(time.with_gaps(frame))).encode(
        x=time.encoding(),
        y=alt.Y(
            "value:Q",
            title=None,
            scale=alt.Scale(zero=True, nice=True),
            axis=_value_axis(number_format, unit),
        ),
        color=_colour(colours),
        tooltip=_tooltip(noun),
    )
    points = base.mark_point(filled=True, size=20 if joined else 42, opacity=1.0)
    line = [base.mark_line(strokeWidth=2, interpolate="monotone")] if joined else []
    return alt.layer(*line, points).properties(padding=_PADDING, height=HEIGHT)


def heat_map(
    frame: pl.DataFrame, time: TimeAxis, rows: Sequence[str], *, colour: str, noun: str
) -> Drawing:
    """A row for each of `rows`, a cell for each bucket whose value, up to 1, is not zero."""
    cells = time.labelled(frame.filter(pl.col("value") > 0)).with_columns(
        end=pl.col("bucket") + time.width
    )
    drawing: Drawing = (
        alt.Chart(cells)
        .mark_rect(stroke=None)
        .encode(
            x=time.encoding(),
            x2="end",
            y=alt.Y(
                "series:N",
                title=None,
                scale=alt.Scale(domain=list(rows)),
                axis=alt.Axis(labelLimit=260, ticks=False, domain=False),
            ),
            color=alt.value(colour),
            opacity=alt.Opacity(
                "value:Q",
                # A few minutes of an hour must be seen, so the first ones darken most.
                scale=alt.Scale(type="sqrt", domain=[0, 1], range=[0.15, 1.0]),
                legend=None,
            ),
            tooltip=_tooltip(noun),
        )
        .properties(padding=_PADDING, height=_ROW_PIXELS * len(rows) + 40)
    )
    return drawing


def diverging_bars(frame: pl.DataFrame, *, more: str, less: str, noun: str) -> Drawing:
    """Bars left and right of zero, in the frame's order: series, value, shown, detail."""
    base = alt.Chart(frame).encode(
        y=alt.Y(
            "series:N",
            title=None,
            sort=frame["series"].to_list(),
            axis=alt.Axis(labelLimit=170, ticks=False, domain=False),
        ),
        tooltip=[alt.Tooltip("series:N", title=noun), alt.Tooltip("detail:N", title=" ")],
    )
    # The longest bar leaves room for its number on either side.
    reach = max((abs(value) for value in frame["value"]), default=0.0) * 1.45
    x = alt.X("value:Q", title=None, axis=None, scale=alt.Scale(domain=[-reach, reach]))
    bars = base.mark_bar(cornerRadius=2, height={"band": 0.7}).encode(
        x=x, color=alt.condition("datum.value > 0", alt.value(more), alt.value(less))
    )
    sides: tuple[tuple[str, Literal["left", "right"], int], ...] = (
        (">", "left", 5),
        ("<=", "right", -5),
    )
    numbers = [
        base.transform_filter(f"datum.value {sign} 0")
        .mark_text(align=align, dx=offset, color=LABEL)
        .encode(x=x, text="shown:N")
        for sign, align, offset in sides
    ]
    height = _ROW_PIXELS * frame.height + 10
    return alt.layer(bars, *numbers).properties(padding=_PADDING, height=height)


def top_series(
    frame: pl.DataFrame, totals: Mapping[str, float], *, keep: int
) -> tuple[pl.DataFrame, list[str]]:
    """Fold all but the `keep` largest series into one; also the names left, largest first."""
    ranked = sorted(totals, key=lambda name: (-totals[name], name))
    if len(ranked) <= keep + 1:
        return frame, ranked
    kept = ranked[:keep]
    folded = frame.with_columns(
        pl.when(pl.col("series").is_in(kept))
        .then(pl.col("series"))
        .otherwise(pl.lit(OTHERS_LABEL))
        .alias("series")
    )
    return folded, [*kept, OTHERS_LABEL]


def _tooltip(noun: str) -> list[alt.Tooltip]:
    return [
        alt.Tooltip("when:N", title="When"),
        alt.Tooltip("series:N", title=noun),
        alt.Tooltip("shown:N", title=" "),
    ]


def _value_axis(number_format: str, unit: str = "", sign: str = "") -> alt.Axis:
    """Labels by the value itself: a format of Vega's own writes a thousand next to 0 as 0k."""
    prefix = f"'{sign}' + " if sign else ""
    suffix = f" + ' {unit}'" if unit else ""
    label = f"{prefix}format(datum.value, '{number_format}'){suffix}"
    return alt.Axis(tickCount=5, labelExpr=label)


def _colour(colours: Mapping[str, str]) -> alt.Color:
    return alt.Color(
        "series:N",
        scale=alt.Scale(domain=list(colours), range=list(colours.values())),
        legend=None,
    )
