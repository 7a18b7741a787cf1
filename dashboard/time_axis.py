"""The time axis that all charts of a page share: its span, its buckets, and how they are written.

Times on it are the business's wall clock without a zone. They are drawn on a UTC scale, so that no
browser moves them to where it happens to stand.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import altair as alt
import polars as pl

_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)
_MOST_DAY_LABELS: Final = 12


@dataclass(frozen=True, slots=True)
class TimeAxis:
    """From `since` to `until` on the business's wall clock, in buckets of `width`."""

    since: datetime
    until: datetime
    width: timedelta

    def encoding(self, *, bars: bool = False) -> alt.X:
        """The x of a chart whose rows have a `bucket`; under bars a day's label stands centred."""
        centred = bars and self.width == _DAY
        return alt.X(
            "bucket:T",
            title=None,
            # Both ends apart: Vega-Lite takes a domain stated for x and x2 alike for a conflict.
            scale=alt.Scale(
                type="utc", domainMin=_moment(self.since), domainMax=_moment(self.until)
            ),
            axis=alt.Axis(
                format=self._tick_format(),
                grid=False,
                labelOverlap=True,
                labelFlush=not bars,
                tickCount=8,
                ticks=not bars,
                values=self._noons() if centred else alt.Undefined,
            ),
        )

    def labelled(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The frame with `when`: its buckets as a tooltip writes them."""
        pattern = "%a %d %b %Y" if self.width >= _DAY else "%a %d %b, %H:%M"
        return frame.with_columns(when=pl.col("bucket").dt.strftime(pattern))

    def with_gaps(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The frame with an empty row for each bucket that a series of it lacks."""
        buckets: list[datetime] = frame["bucket"].to_list()
        if not buckets:
            return frame
        first = min(buckets)
        first -= max(0, (first - self.since) // self.width) * self.width
        grid = pl.datetime_range(first, self.until, self.width, closed="left", eager=True)
        series = frame.select("series").unique(maintain_order=True)
        return (
            pl.DataFrame({"bucket": grid.cast(frame.schema["bucket"])})
            .join(series, how="cross")
            .join(frame, on=["bucket", "series"], how="left", maintain_order="left")
        )

    def _tick_format(self) -> str:
        hours = (self.until - self.since) / _HOUR
        if hours <= 48:  # noqa: PLR2004 - up to two days the clock matters, then the day does
            return "%H:%M"
        return "%a %d" if self.width < _DAY and hours <= 8 * 24 else "%d %b"

    def _noons(self) -> list[alt.DateTime]:
        days = -(-(self.until - self.since) // _DAY)
        step = -(-days // _MOST_DAY_LABELS)
        return [_moment(self.since + day * _DAY + _DAY / 2) for day in range(0, days, step)]


def _moment(wall_clock: datetime) -> alt.DateTime:
    return alt.DateTime(
        year=wall_clock.year,
        month=wall_clock.month,
        date=wall_clock.day,
        hours=wall_clock.hour,
        minutes=wall_clock.minute,
        utc=True,
    )
