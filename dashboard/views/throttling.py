"""Throttling: which backend says no, since when, why, and how much room is left."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from dashboard import data, live, parts
from dashboard import format as fmt
from dashboard.colours import colours_of
from dashboard.panels import backend_table, backends
from dashboard.parts import Tile

if TYPE_CHECKING:
    from dashboard.data import ThrottlingPage
    from dashboard.filters import View


def content(url: str, view: View) -> None:
    """The page below its title."""
    time = view.time_axis(view.period.line_width)
    health = data.health(url)
    before = view.before if view.has_before(health.first_event_at) else None
    page = data.throttling_page(url, view.selection, before, width=time.width)
    if page.table.is_empty():
        parts.nothing_chosen(health, view)
        return
    traffic = page.over_time
    called = traffic.filter(pl.col("attempts") > 0)
    names: list[str] = page.table.filter(pl.col("attempts") > 0)["series"].to_list()
    palette = colours_of(names, data.known_values(url).get("backend", ()))
    colours = {name: palette[name] for name in names}
    parts.tiles(_tiles(page))
    parts.row(
        lambda: backends.rejections(called, time, colours),
        lambda: backends.retries(called, time, colours),
    )
    parts.row(lambda: backends.throttled_minutes(called, time, names))
    parts.row(
        lambda: backends.kinds(traffic, time),
        lambda: backends.waits(called, time, colours),
    )
    parts.row(
        lambda: backends.headroom(called, time, colours),
        lambda: backends.outcomes(page.outcomes, time),
    )
    parts.row(lambda: backends.latency(page.latency, time, colours))
    parts.row(lambda: backend_table.table(page, f"backends-{time.since:%Y%m%d-%H%M}.csv"))


def _tiles(page: ThrottlingPage) -> list[Tile]:
    now, before = _sums(page.table), _sums(page.table_before)
    rejected = fmt.ratio(now["throttled_attempts"], now["attempts"])
    retried = fmt.ratio(now["retries"], now["attempts"])
    wait = fmt.ratio(now["retry_after_ms_sum"], now["retry_after_count"])
    waits: list[float] = page.table["retry_after_ms_max"].drop_nulls().to_list()
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
            "429 minutes",
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
            "Lost to 429",
            fmt.share(fmt.ratio(now["throttled_requests"], now["requests"])),
            "Part of the callers' requests that ended as 429: no retry and no other backend "
            "helped.",
            note=f"{fmt.count(now['throttled_requests'])} of {fmt.count(now['requests'])}",
        ),
        Tile(
            "Retry-After",
            fmt.duration(None if wait is None else float(wait)),
            "How long throttling backends asked to wait: the mean, and the longest below.",
            note=f"{fmt.duration(max(waits))} at most" if waits else "never asked for",
        ),
        _slowest(page, "duration", "Slowest p95", "whole answers"),
        _slowest(page, "time_to_first_chunk", "First chunk p95", "the first chunk"),
    ]


def _slowest(page: ThrottlingPage, measure: str, label: str, noun: str) -> Tile:
    """The backend whose callers wait longest."""
    measured = page.latency_table.filter(pl.col("measure") == measure).sort("p95", descending=True)
    meaning = f"The longest 95th percentile of {noun} among the backends, and whose it is."
    if measured.is_empty():
        return Tile(label, fmt.NOTHING, meaning, note="not measured")
    slowest = measured.row(0, named=True)
    return Tile(label, fmt.duration(slowest["p95"]), meaning, note=slowest["series"])


def _sums(table: pl.DataFrame) -> dict[str, int]:
    """Every count of a table, added up over its backends."""
    return {
        name: round(table[name].sum())
        for name in (
            "requests",
            "throttled_requests",
            "attempts",
            "retries",
            "throttled_attempts",
            "throttled_minutes",
            "retry_after_count",
            "retry_after_ms_sum",
        )
    }


if __name__ == "__main__":
    live.show("Throttling", content)
