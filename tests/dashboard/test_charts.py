"""What the charts are given to draw."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import polars as pl

from dashboard import charts
from dashboard.colours import OTHERS_LABEL
from dashboard.time_axis import TimeAxis

SINCE = datetime(2026, 11, 20)  # noqa: DTZ001 - the business's wall clock has no zone
HOUR = timedelta(hours=1)
AXIS = TimeAxis(SINCE, SINCE + 4 * HOUR, HOUR)


def frame(*rows: tuple[int, str, float]) -> pl.DataFrame:
    """Rows of hour, series and value."""
    return pl.DataFrame(
        [(SINCE + hour * HOUR, series, value, f"<{value}>") for hour, series, value in rows],
        schema=["bucket", "series", "value", "shown"],
        orient="row",
    )


def drawn(drawing: charts.Drawing) -> list[dict[str, Any]]:
    """The rows that a chart's drawing holds."""
    (rows,) = drawing.to_dict(format="vega-lite")["datasets"].values()
    return list(rows)


def test_bars_stand_on_one_another() -> None:
    """A bar's top is the bucket's sum, in the order of the legend."""
    bars = drawn(
        charts.stacked_bars(
            frame((0, "b", 2.0), (0, "a", 1.0), (1, "b", 5.0)),
            AXIS,
            {"a": "#111111", "b": "#222222"},
            number_format="~s",
            noun="Key",
        )
    )
    tops = {(row["when"], row["series"]): (row["bottom"], row["top"]) for row in bars}
    assert tops == {
        ("Fri 20 Nov, 00:00", "a"): (0.0, 1.0),
        ("Fri 20 Nov, 00:00", "b"): (1.0, 3.0),
        ("Fri 20 Nov, 01:00", "b"): (0.0, 5.0),
    }


def test_a_line_breaks_where_nothing_was_measured() -> None:
    """An hour without calls is a gap, not a slope between its neighbours."""
    rows = drawn(
        charts.lines(
            frame((0, "a", 1.0), (2, "a", 3.0), (3, "b", 4.0)),
            AXIS,
            {"a": "#111111", "b": "#222222"},
            number_format="~s",
            noun="Backend",
        )
    )
    values = [row["value"] for row in rows if row["series"] == "a"]
    assert values == [1.0, None, 3.0, None]


def test_a_bucket_that_began_before_the_span_is_kept() -> None:
    """Six-hour buckets begin on the clock, also where the span does not."""
    early = frame((-1, "a", 1.0))
    assert AXIS.with_gaps(early)["value"].drop_nulls().to_list() == [1.0]


def test_only_the_largest_series_keep_their_names() -> None:
    """Forty keys are eight and the rest, and nothing of the sum is lost."""
    rows = frame(*((0, f"k{number}", float(number)) for number in range(1, 13)))
    totals = {f"k{number}": float(number) for number in range(1, 13)}
    folded, names = charts.top_series(rows, totals, keep=3)
    assert names == ["k12", "k11", "k10", OTHERS_LABEL]
    assert folded["value"].sum() == rows["value"].sum()
    assert set(folded["series"]) == set(names)


def test_one_more_than_shown_is_shown_too() -> None:
    """A rest of one is named, not hidden."""
    rows = frame((0, "a", 2.0), (0, "b", 1.0))
    assert charts.top_series(rows, {"a": 2.0, "b": 1.0}, keep=1)[1] == ["a", "b"]
