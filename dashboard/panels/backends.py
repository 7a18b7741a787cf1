"""The boxes of the throttling page. `called` holds the buckets in which a backend was called."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

import polars as pl
import streamlit as st

from dashboard import charts, parts
from dashboard import format as fmt
from dashboard.colours import STATUS, THROTTLE
from dashboard.theme import WARNING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dashboard.time_axis import TimeAxis

    Colours = Mapping[str, str]

MEASURES: Final = {"Whole answer": "duration", "First chunk": "time_to_first_chunk"}
MEASURE: Final = "measure"
PERCENTILES: Final = ("p50", "p95", "p99")
PERCENTILE: Final = "percentile"
_MINUTE: Final = timedelta(minutes=1)
_FEW: Final = 0.05
_KINDS: Final = {
    "token_rate": "tokens per minute",
    "call_rate": "calls per minute",
    "capacity": "provisioned capacity",
    "busy": "service busy",
    "unknown": "not said",
    "gateway": "by the gateway itself",
}


def rejections(called: pl.DataFrame, time: TimeAxis, colours: Colours) -> None:
    """The part of calls that were answered 429."""
    st.subheader("429 rate by backend", anchor=False)
    if not called["throttled_attempts"].sum():
        parts.note("No backend answered 429 in this selection.")
        return
    parts.note("Calls that the backend answered 429, of all calls to it.")
    _rates(called, time, colours, "throttled_attempts")


def retries(called: pl.DataFrame, time: TimeAxis, colours: Colours) -> None:
    """The part of calls that were retries."""
    st.subheader("Retry rate by backend", anchor=False)
    if not called["retries"].sum():
        parts.note("No call was a retry in this selection.")
        return
    parts.note("Calls that repeat one that failed before, here or at another backend.")
    _rates(called, time, colours, "retries")


def throttled_minutes(called: pl.DataFrame, time: TimeAxis, backends: Iterable[str]) -> None:
    """When each backend throttled, minute by minute."""
    st.subheader("Throttled minutes", anchor=False)
    if not called["throttled_minutes"].sum():
        parts.note("No minute of any backend was throttled in this selection.")
        return
    minutes = time.width / _MINUTE
    texts = [f"{some} of {minutes:.0f} minutes" for some in called["throttled_minutes"]]
    parts.note(
        "Minutes with at least one 429."
        if minutes == 1
        else "The fuller the colour, the more minutes had at least one 429."
    )
    parts.chart(
        charts.heat_map(
            _series(called, pl.col("throttled_minutes") / minutes, texts),
            time,
            list(backends),
            colour=WARNING,
            noun="Backend",
        ),
        key="throttled-minutes",
        describes="Throttled minutes by backend over time",
    )


def kinds(traffic: pl.DataFrame, time: TimeAxis) -> None:
    """What the 429s said they were."""
    st.subheader("Kinds of 429", anchor=False)
    counted = (
        traffic.group_by("bucket")
        .agg(pl.col(*_KINDS).sum())
        .unpivot(index="bucket", variable_name="kind", value_name="count")
        .filter(pl.col("count") > 0)
        .with_columns(series=pl.col("kind").replace_strict(_KINDS, return_dtype=pl.String))
    )
    if counted.is_empty():
        parts.note("No 429 in this selection.")
        return
    present = set(counted["kind"])
    colours = {name: THROTTLE[kind] for kind, name in _KINDS.items() if kind in present}
    parts.chart(
        charts.stacked_bars(
            _series(counted, pl.col("count"), [fmt.whole(some) for some in counted["count"]]),
            time,
            colours,
            number_format="~s",
            noun="Limit",
        ),
        key="kinds",
        describes="429 answers by kind over time",
        colours=colours,
    )


def waits(called: pl.DataFrame, time: TimeAxis, colours: Colours) -> None:
    """How long backends asked to wait."""
    st.subheader("Longest Retry-After", anchor=False)
    asked = called.filter(pl.col("retry_after_ms_max").is_not_null())
    if asked.is_empty():
        parts.note("No backend asked to wait in this selection.")
        return
    texts = [fmt.duration(wait) for wait in asked["retry_after_ms_max"]]
    present = _present(colours, asked)
    parts.chart(
        charts.lines(
            _series(asked, pl.col("retry_after_ms_max") / 1000, texts),
            time,
            present,
            number_format="~g",
            noun="Backend",
            unit="s",
            joined=False,
        ),
        key="retry-after",
        describes="Longest Retry-After by backend over time, in seconds",
        colours=present,
    )


def headroom(called: pl.DataFrame, time: TimeAxis, colours: Colours) -> None:
    """How many tokens were left, at the worst moment of each bucket."""
    st.subheader("Lowest remaining tokens", anchor=False)
    room = called.filter(pl.col("min_remaining_tokens").is_not_null())
    if room.is_empty():
        parts.note("No backend sent x-ratelimit-remaining-tokens in this selection.")
        return
    texts = [f"{fmt.whole(left)} tokens left" for left in room["min_remaining_tokens"]]
    present = _present(colours, room)
    parts.chart(
        charts.lines(
            _series(room, pl.col("min_remaining_tokens"), texts),
            time,
            present,
            number_format="~s",
            noun="Backend",
        ),
        key="headroom",
        describes="Lowest remaining tokens by backend over time",
        colours=present,
    )


def latency(percentiles: pl.DataFrame, time: TimeAxis, colours: Colours) -> None:
    """How long callers waited, for the whole answer or for its first chunk."""
    st.subheader("Latency by backend", anchor=False)
    with st.container(horizontal=True):
        measure = _choice("Measure", tuple(MEASURES), "Whole answer", MEASURE)
        percentile = _choice("Percentile", PERCENTILES, "p95", PERCENTILE)
    measured = percentiles.filter(pl.col("measure") == MEASURES[measure])
    if measured.is_empty():
        parts.note("Nothing was measured: only streamed answers have a first chunk.")
        return
    texts = [
        f"p50 {fmt.duration(p50)}, p95 {fmt.duration(p95)}, p99 {fmt.duration(p99)} "
        f"of {requests:,} requests"
        for p50, p95, p99, requests in measured.select(*PERCENTILES, "requests").iter_rows()
    ]
    present = _present(colours, measured)
    parts.chart(
        charts.lines(
            _series(measured, pl.col(percentile) / 1000, texts),
            time,
            present,
            number_format="~g",
            noun="Backend",
            unit="s",
        ),
        key="latency",
        describes=f"Latency ({percentile}) by backend over time, in seconds",
        colours=present,
    )


def outcomes(counted: pl.DataFrame, time: TimeAxis) -> None:
    """How requests ended for the callers."""
    st.subheader("Requests by outcome", anchor=False)
    if counted.is_empty():
        parts.note("No request ended in this selection.")
        return
    present = _present(STATUS, counted)
    parts.chart(
        charts.stacked_bars(
            _series(counted, pl.col("requests"), [fmt.whole(some) for some in counted["requests"]]),
            time,
            present,
            number_format="~s",
            noun="Outcome",
        ),
        key="outcomes",
        describes="Requests by outcome over time",
        colours=present,
    )


def _rates(called: pl.DataFrame, time: TimeAxis, colours: Colours, part: str) -> None:
    pairs: list[tuple[int, int]] = called.select(part, "attempts").rows()
    texts = [f"{fmt.share(some / of)}: {some:,} of {of:,} calls" for some, of in pairs]
    few = max(some / of for some, of in pairs) < _FEW
    parts.chart(
        charts.lines(
            _series(called, pl.col(part) / pl.col("attempts"), texts),
            time,
            colours,
            number_format=".1%" if few else ".0%",
            noun="Backend",
        ),
        key=f"rate-{part}",
        describes=f"Rate of {part.replace('_', ' ')} by backend over time",
        colours=colours,
    )


def _series(frame: pl.DataFrame, value: pl.Expr, texts: list[str]) -> pl.DataFrame:
    return frame.select(
        "bucket", "series", value.cast(pl.Float64).alias("value"), pl.Series("shown", texts)
    )


def _present(colours: Colours, frame: pl.DataFrame) -> dict[str, str]:
    names = set(frame["series"])
    return {name: colour for name, colour in colours.items() if name in names}


def _choice(label: str, options: tuple[str, ...], default: str, key: str) -> str:
    chosen = st.segmented_control(
        label,
        options,
        default=default,
        required=True,
        key=key,
        bind="query-params",
        label_visibility="collapsed",
    )
    return str(chosen or default)
