"""Throttling: which backend says no, since when, why, and how much room is left."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

import polars as pl
import streamlit as st

from dashboard import charts, data, downloads, live, parts, tables
from dashboard import format as fmt
from dashboard.colours import STATUS, THROTTLE, colours_of
from dashboard.parts import Tile
from dashboard.theme import WARNING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dashboard.data import ThrottlingPage
    from dashboard.filters import View

MEASURES: Final = {"Whole answer": "duration", "First chunk": "time_to_first_chunk"}
MEASURE: Final = "measure"
PERCENTILES: Final = ("p50", "p95", "p99")
PERCENTILE: Final = "percentile"
_MINUTE: Final = timedelta(minutes=1)
_KINDS: Final = {
    "token_rate": "tokens per minute",
    "call_rate": "calls per minute",
    "capacity": "provisioned capacity",
    "busy": "service busy",
    "unknown": "not said",
    "gateway": "by the gateway itself",
}


def content(url: str, view: View) -> None:
    """The page below its title."""
    width = view.period.line_width
    page = data.throttling_page(url, view.selection, view.before, width=width)
    if page.table.is_empty():
        parts.nothing_chosen(data.health(url), view)
        return
    parts.tiles(_tiles(page))
    called = page.over_time.filter(pl.col("attempts") > 0)
    colours = _colours(page, data.known_values(url).get("backend", ()))
    rows = (
        (lambda: _rejections(called, view, colours), lambda: _retries(called, view, colours)),
        (lambda: _minutes(called, view),),
        (lambda: _kinds(page, view), lambda: _headroom(called, view, colours)),
        (lambda: _latency(page, view, colours), lambda: _outcomes(page, view)),
        (lambda: _table(page, view),),
    )
    for row in rows:
        for column, panel in zip(st.columns(len(row)), row, strict=True):
            with column, st.container(border=True, height="stretch"):
                panel()


def _colours(page: ThrottlingPage, known: tuple[str, ...]) -> dict[str, str]:
    names = page.table.filter(pl.col("attempts") > 0)["series"].to_list()
    palette = colours_of(names, known)
    return {name: palette[name] for name in names}


def _tiles(page: ThrottlingPage) -> list[Tile]:
    now, before = page.table.sum().row(0, named=True), page.table_before.sum().row(0, named=True)
    rejected = fmt.ratio(now["throttled_attempts"], now["attempts"])
    retried = fmt.ratio(now["retries"], now["attempts"])
    failed = fmt.ratio(now["throttled_requests"], now["requests"])
    mean_wait = fmt.ratio(round(now["retry_after_ms_sum"]), now["retry_after_count"])
    return [
        Tile(
            "429 rate",
            fmt.share(rejected),
            "Part of the calls to backends that were answered 429. "
            "Below: against the period of the same length before.",
            fmt.points(rejected, fmt.ratio(before["throttled_attempts"], before["attempts"])),
            "bad",
        ),
        Tile(
            "Throttled minutes",
            fmt.count(now["throttled_minutes"]),
            "Minutes in which a backend answered 429 at least once, added up over backends.",
            fmt.change(now["throttled_minutes"], before["throttled_minutes"]),
            "bad",
        ),
        Tile(
            "Retry rate",
            fmt.share(retried),
            "Part of the calls to backends that repeated an earlier call of the same request.",
            fmt.points(retried, fmt.ratio(before["retries"], before["attempts"])),
            "bad",
        ),
        Tile(
            "Throttled requests",
            fmt.share(failed),
            "Part of the callers' requests that ended as 429: no retry and no other backend "
            "helped.",
            note=f"{fmt.count(now['throttled_requests'])} of {fmt.count(now['requests'])}",
        ),
        Tile(
            "Retry-After",
            fmt.duration(None if mean_wait is None else float(mean_wait)),
            "How long throttling backends asked to wait: mean, and the longest below.",
            note=f"{fmt.duration(page.table['retry_after_ms_max'].max())} at most",
        ),
        _slowest(page, "duration", "Slowest answers, p95", "whole answers"),
        _slowest(page, "time_to_first_chunk", "Slowest first chunk, p95", "the first chunk"),
    ]


def _slowest(page: ThrottlingPage, measure: str, label: str, noun: str) -> Tile:
    """The backend whose callers wait longest."""
    measured = page.latency_table.filter(pl.col("measure") == measure).sort("p95", descending=True)
    meaning = f"The backend with the longest 95th percentile of {noun}, and that percentile."
    if measured.is_empty():
        return Tile(label, fmt.NOTHING, meaning, note="not measured")
    slowest = measured.row(0, named=True)
    return Tile(label, fmt.duration(slowest["p95"]), meaning, note=slowest["series"])


def _rejections(called: pl.DataFrame, view: View, colours: Mapping[str, str]) -> None:
    st.subheader("429 rate by backend", anchor=False)
    if not called["throttled_attempts"].sum():
        parts.note("No backend answered 429 in this selection.")
        return
    _rates(called, view, colours, "throttled_attempts", "throttled calls")


def _retries(called: pl.DataFrame, view: View, colours: Mapping[str, str]) -> None:
    st.subheader("Retry rate by backend", anchor=False)
    if not called["retries"].sum():
        parts.note("No call was a retry in this selection.")
        return
    _rates(called, view, colours, "retries", "retried calls")


def _rates(
    called: pl.DataFrame, view: View, colours: Mapping[str, str], part: str, noun: str
) -> None:
    rates = called.select(
        "bucket",
        "series",
        (pl.col(part) / pl.col("attempts")).alias("value"),
        pl.Series(
            "shown",
            [
                f"{fmt.share(some / of)}: {some:,} of {of:,} calls"
                for some, of in called.select(part, "attempts").iter_rows()
            ],
            dtype=pl.String,
        ),
    )
    st.altair_chart(
        charts.lines(
            rates,
            width=view.period.line_width,
            span=view.span,
            colours=colours,
            axis_format=".0%" if (rates["value"].max() or 0) >= 0.05 else ".1%",  # noqa: PLR2004
            noun="Backend",
        ),
        key=f"rate-{part}",
        alt=f"Share of {noun} by backend over time",
    )
    parts.legend(colours)


def _minutes(called: pl.DataFrame, view: View) -> None:
    st.subheader("Throttled minutes", anchor=False)
    minutes = view.period.line_width / _MINUTE
    throttled = called.filter(pl.col("throttled_minutes") > 0)
    if throttled.is_empty():
        parts.note("No minute of any backend was throttled in this selection.")
        return
    cells = called.select(
        "bucket",
        "series",
        (pl.col("throttled_minutes") / minutes).alias("value"),
        pl.Series(
            "shown", [f"{some} of {minutes:.0f}" for some in called["throttled_minutes"]]
        ),
    )
    parts.note(
        "The fuller the colour, the more minutes of the bucket had at least one 429."
        if minutes > 1
        else "Minutes with at least one 429."
    )
    st.altair_chart(
        charts.heat_map(cells, width=view.period.line_width, span=view.span, colour=WARNING),
        key="throttled-minutes",
        alt="Throttled minutes by backend over time",
    )


def _kinds(page: ThrottlingPage, view: View) -> None:
    st.subheader("Kinds of 429", anchor=False)
    kinds = (
        page.over_time.group_by("bucket")
        .agg(pl.col(*_KINDS).sum())
        .unpivot(index="bucket", variable_name="kind", value_name="count")
        .filter(pl.col("count") > 0)
    )
    if kinds.is_empty():
        parts.note("No 429 in this selection.")
        return
    colours = {
        name: THROTTLE[kind] for kind, name in _KINDS.items() if kind in set(kinds["kind"])
    }
    st.altair_chart(
        charts.stacked_bars(
            kinds.select(
                "bucket",
                pl.col("kind").replace_strict(_KINDS).alias("series"),
                pl.col("count").cast(pl.Float64).alias("value"),
                pl.Series("shown", [fmt.whole(count) for count in kinds["count"]]),
            ),
            width=view.period.line_width,
            span=view.span,
            colours=colours,
            axis_format="~s",
            noun="Limit",
        ),
        key="kinds",
        alt="429 answers by kind over time",
    )
    parts.legend(colours)


def _headroom(called: pl.DataFrame, view: View, colours: Mapping[str, str]) -> None:
    st.subheader("Lowest remaining tokens", anchor=False)
    room = called.filter(pl.col("min_remaining_tokens").is_not_null())
    if room.is_empty():
        parts.note("No backend sent x-ratelimit-remaining-tokens in this selection.")
        return
    st.altair_chart(
        charts.lines(
            room.select(
                "bucket",
                "series",
                pl.col("min_remaining_tokens").cast(pl.Float64).alias("value"),
                pl.Series("shown", [fmt.whole(left) for left in room["min_remaining_tokens"]]),
            ),
            width=view.period.line_width,
            span=view.span,
            colours=colours,
            axis_format="~s",
            noun="Backend",
        ),
        key="headroom",
        alt="Lowest remaining tokens by backend over time",
    )
    parts.legend({name: colours[name] for name in colours if name in set(room["series"])})


def _latency(page: ThrottlingPage, view: View, colours: Mapping[str, str]) -> None:
    st.subheader("Latency by backend", anchor=False)
    with st.container(horizontal=True):
        measure = st.segmented_control(
            "Measure",
            list(MEASURES),
            default="Whole answer",
            required=True,
            key=MEASURE,
            bind="query-params",
            label_visibility="collapsed",
        )
        percentile = st.segmented_control(
            "Percentile",
            PERCENTILES,
            default="p95",
            required=True,
            key=PERCENTILE,
            bind="query-params",
            label_visibility="collapsed",
        )
    measured = page.latency.filter(pl.col("measure") == MEASURES[str(measure)])
    if measured.is_empty():
        parts.note("Nothing was measured: only streams have a first chunk.")
        return
    names = {name: colour for name, colour in colours.items() if name in set(measured["series"])}
    st.altair_chart(
        charts.lines(
            measured.select(
                "bucket",
                "series",
                (pl.col(str(percentile)) / 1000).alias("value"),
                pl.Series(
                    "shown",
                    [
                        f"p50 {fmt.duration(p50)}, p95 {fmt.duration(p95)}, "
                        f"p99 {fmt.duration(p99)} of {requests:,} requests"
                        for p50, p95, p99, requests in measured.select(
                            *PERCENTILES, "requests"
                        ).iter_rows()
                    ],
                ),
            ),
            width=view.period.line_width,
            span=view.span,
            colours=names,
            axis_format="~g",
            noun="Backend",
            unit="s",
        ),
        key="latency",
        alt="Latency by backend over time, in seconds",
    )
    parts.legend(names)


def _outcomes(page: ThrottlingPage, view: View) -> None:
    st.subheader("Requests by outcome", anchor=False)
    if page.outcomes.is_empty():
        parts.note("No request ended in this selection.")
        return
    present = set(page.outcomes["series"])
    colours = {name: colour for name, colour in STATUS.items() if name in present}
    st.altair_chart(
        charts.stacked_bars(
            page.outcomes.select(
                "bucket",
                "series",
                pl.col("requests").cast(pl.Float64).alias("value"),
                pl.Series("shown", [fmt.whole(count) for count in page.outcomes["requests"]]),
            ),
            width=view.period.line_width,
            span=view.span,
            colours=colours,
            axis_format="~s",
            noun="Outcome",
        ),
        key="outcomes",
        alt="Requests by outcome over time",
    )
    parts.legend(colours)


def _table(page: ThrottlingPage, view: View) -> None:
    head, button = st.columns([4, 1], vertical_alignment="center")
    head.subheader("By backend", anchor=False)
    latency = {
        name: {str(row["measure"]): row for row in rows.iter_rows(named=True)}
        for (name,), rows in page.latency_table.group_by("series")
    }
    rows = []
    for row in page.table.iter_rows(named=True):
        answer = latency.get(row["series"], {}).get("duration", {})
        chunk = latency.get(row["series"], {}).get("time_to_first_chunk", {})
        wait = fmt.ratio(round(row["retry_after_ms_sum"]), row["retry_after_count"])
        rows.append(
            {
                "Backend": row["series"],
                "Calls": row["attempts"],
                "429": row["throttled_attempts"],
                "429 rate": _float(fmt.ratio(row["throttled_attempts"], row["attempts"])),
                "Throttled minutes": row["throttled_minutes"],
                "Retries": row["retries"],
                "Retry-After": _float(wait),
                "Lowest remaining": row["min_remaining_tokens"],
                "Top utilisation": row["max_utilization"],
                "p50": answer.get("p50"),
                "p95": answer.get("p95"),
                "p99": answer.get("p99"),
                "First chunk p95": chunk.get("p95"),
            }
        )
    shown = pl.DataFrame(rows, infer_schema_length=None)
    shown = shown[[column.name for column in shown if column.null_count() < shown.height]]
    with button.container(horizontal=True, horizontal_alignment="right"):
        downloads.csv_button(
            page.table.rename({"series": "backend"}),
            f"backends-{view.span[0]:%Y%m%d-%H%M}.csv",
            key="backends-csv",
        )
    texts = {
        **dict.fromkeys(
            ("Calls", "429", "Throttled minutes", "Retries", "Lowest remaining"), fmt.whole
        ),
        **dict.fromkeys(("Retry-After", "p50", "p95", "p99", "First chunk p95"), fmt.duration),
        "429 rate": fmt.share,
        "Top utilisation": lambda percent: f"{percent:.0f}%",
    }
    tables.table(shown, texts={name: texts[name] for name in shown.columns if name in texts})


def _float(value: object) -> float | None:
    return None if value is None else float(str(value))


if __name__ == "__main__":
    live.show("Throttling", content)
