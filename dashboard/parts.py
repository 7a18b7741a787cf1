"""The pieces that pages are put together from: titles, tiles, legends, empty states."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import streamlit as st

from dashboard import format as fmt
from dashboard.theme import BAD, GOOD, NEUTRAL

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    import polars as pl

    from analytics.panels import Health
    from dashboard.charts import Drawing
    from dashboard.filters import View

_FRESH_SECONDS = 300

STYLE = """<style>
[data-testid="stMainBlockContainer"] { padding: 3.6rem 2.2rem 3rem; max-width: 1600px; }
[data-testid="stSidebarHeader"] { margin-bottom: 0; }
/* A refresh every few seconds must not dim the page while it fetches. */
[data-stale="true"] { opacity: 1 !important; transition: none !important; }
.st-key-tiles { display: grid; gap: 0.7rem;
  grid-template-columns: repeat(auto-fit, minmax(132px, 1fr)); }
.st-key-tiles > div { width: 100%; }
[data-testid="stMetric"] { padding: 0.65rem 0.8rem; }
[data-testid="stMetric"] > div { padding: 0; }
[data-testid="stHeading"] h1 { padding: 0 0 0.2rem; }
[data-testid="stHeading"] h3 { padding: 0.15rem 0 0.45rem; }
[data-testid="stTextArea"] textarea { font-family: ui-monospace, Menlo, Consolas, monospace;
  font-size: 0.88rem; line-height: 1.5; }
.gm-columns { width: 100%; font-size: 0.8rem; border-collapse: collapse; }
.gm-columns td { padding: 0.1rem 0.5rem 0.1rem 0; vertical-align: top; }
.gm-columns td + td { text-align: right; opacity: 0.65; }
.gm-columns td[colspan] { opacity: 0.75; padding-bottom: 0.4rem; }
.gm-legend { display: flex; flex-wrap: wrap; gap: 0.2rem 1.1rem; font-size: 0.84rem;
  padding: 0 0.2rem 0.2rem; }
.gm-legend i { display: inline-block; width: 0.72em; height: 0.72em; border-radius: 2px;
  margin-right: 0.45em; }
.gm-strip { display: flex; flex-wrap: wrap; gap: 0.2rem 1.4rem; font-size: 0.86rem; opacity: 0.85; }
.gm-strip i { display: inline-block; width: 0.6em; height: 0.6em; border-radius: 50%;
  margin-right: 0.45em; }
.gm-shares { display: flex; height: 0.9rem; border-radius: 4px; overflow: hidden; gap: 2px; }
.gm-shares b { min-width: 3px; }
.gm-note { font-size: 0.86rem; opacity: 0.75; }
</style>"""


@dataclass(frozen=True, slots=True)
class Tile:
    """One number at the top of a page: what it means, and how it changed or a remark."""

    label: str
    value: str
    meaning: str
    change: str | None = None
    more_is: Literal["good", "bad", "neither"] = "neither"
    note: str | None = None


def title(name: str, view: View | None) -> None:
    """The page's name; what it shows, unless the filters do not apply to it."""
    if view is None:
        st.title(name, anchor=False)
        return
    time = view.time_axis(view.period.bar_width)
    since, until = (f"{moment:%a %d %b %Y, %H:%M}" for moment in (time.since, time.until))
    picked = [
        f"{dimension} {', '.join(names)}" for dimension, names in view.picked.items() if names
    ]
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        st.title(name, anchor=False, width="content")
        note(" · ".join([f"{since} to {until}, {view.zone.key}", *picked]))


def note(text: str) -> None:
    """A line of small print."""
    st.html(f'<div class="gm-note">{html.escape(text)}</div>')


def tiles(row: Sequence[Tile]) -> None:
    """The numbers of a page, as many in a line as fit."""
    colours: dict[str, Literal["normal", "inverse", "off"]] = {
        "good": "normal",
        "bad": "inverse",
        "neither": "off",
    }
    with st.container(key="tiles"):
        for tile in row:
            st.metric(
                tile.label,
                tile.value,
                tile.change or tile.note,
                delta_color=colours[tile.more_is if tile.change else "neither"],
                delta_arrow="auto" if tile.change else "off",
                help=tile.meaning,
                border=True,
                width="stretch",
                height="stretch",
            )


def row(*panels: Callable[[], None], widths: Sequence[float] | None = None) -> None:
    """Boxes side by side, equally high; below one another where the window is narrow."""
    columns = st.columns(list(widths or [1] * len(panels)))
    for column, panel in zip(columns, panels, strict=True):
        with column, st.container(border=True, height="stretch"):
            panel()


def headed(name: str, action: Callable[[], None]) -> None:
    """A box's name, and a button at its right."""
    head, side = st.columns([4, 1], vertical_alignment="center")
    head.subheader(name, anchor=False)
    with side.container(horizontal=True, horizontal_alignment="right"):
        action()


def chart(
    drawing: Drawing,
    *,
    key: str,
    describes: str,
    colours: Mapping[str, str] | None = None,
) -> None:
    """A chart with its legend; `describes` is for readers who do not see it."""
    st.altair_chart(drawing, key=key, alt=describes)
    if colours:
        legend(colours)


def legend(colours: Mapping[str, str]) -> None:
    """What each colour of a chart stands for; wraps where a chart's own legend would be cut."""
    entries = "".join(
        f'<span><i style="background:{colour}"></i>{html.escape(name)}</span>'
        for name, colour in colours.items()
    )
    st.html(f'<div class="gm-legend">{entries}</div>')


def columns(described: pl.DataFrame) -> None:
    """The columns of a view: name, type, and what it means when the store says so."""
    rows = "".join(
        f"<tr><td><code>{html.escape(name)}</code></td><td>{html.escape(_short(kind))}</td></tr>"
        + (f'<tr><td colspan="2">{html.escape(meaning)}</td></tr>' if meaning else "")
        for name, kind, meaning in described.select("column", "type", "description").iter_rows()
    )
    st.html(f'<table class="gm-columns">{rows}</table>')


def share_bar(parts: Sequence[tuple[str, float]]) -> None:
    """One bar, divided: colour and size of each part."""
    whole = sum(size for _, size in parts) or 1.0
    pieces = "".join(
        f'<b style="background:{colour};width:{100 * size / whole:.2f}%"></b>'
        for colour, size in parts
    )
    st.html(f'<div class="gm-shares">{pieces}</div>')


def health_strip(health: Health, now: datetime) -> None:
    """How fresh and how whole the data is, on every page."""
    last = health.last_event_at
    fresh = last is not None and (now - last).total_seconds() < _FRESH_SECONDS
    entries: list[tuple[str | None, str]] = [
        (GOOD if fresh else NEUTRAL, f"Last event {fmt.age(last, now)}" if last else "No event yet")
    ]
    if health.last_commit_at is not None:
        entries.append((None, f"last commit {fmt.age(health.last_commit_at, now)}"))
    if health.delay_ms_p95 is not None:
        entries.append((None, f"stored {fmt.duration(health.delay_ms_p95)} after the answer (p95)"))
    entries.append((None, f"{fmt.whole(health.events)} events"))
    if health.duplicates:
        entries.append((None, f"{fmt.whole(health.duplicates)} duplicates skipped"))
    dead = f"{fmt.whole(health.dead_letters)} dead letters"
    if health.dead_letters:
        entries.append((BAD, f"{dead}: see gatemeter dead-letters list"))
    else:
        entries.append((None, dead))
    spans = "".join(f"<span>{_dot(colour)}{html.escape(text)}</span>" for colour, text in entries)
    st.html(f'<div class="gm-strip">{spans}</div>')


def nothing_stored() -> None:
    """The store has no events at all."""
    st.info(
        "**No events yet.** See it work with made-up traffic: `gatemeter demo`. "
        "With your own: put a hook or `gatemeter gateway` in front of Azure OpenAI and move its "
        "events into this store with `gatemeter consume`. This page fills itself.",
        icon=":material/inbox:",
    )


def nothing_chosen(health: Health, view: View) -> None:
    """There are events, but none in what was chosen."""
    filters = " or clear the filters" if view.is_filtered else ""
    st.info(
        f"**No requests in this selection.** The last event was stored "
        f"{fmt.age(health.last_event_at, view.now)}: choose a longer time range{filters} "
        "in the sidebar.",
        icon=":material/search_off:",
    )


def _short(kind: str) -> str:
    """A column's type as one writes it in a query."""
    return kind.lower().replace("timestamp with time zone", "timestamptz")


def _dot(colour: str | None) -> str:
    return f'<i style="background:{colour}"></i>' if colour else ""
