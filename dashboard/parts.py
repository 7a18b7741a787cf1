"""The pieces that pages are put together from: titles, tiles, legends, empty states."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import streamlit as st

from dashboard import format as fmt
from dashboard.theme import BAD, GOOD, NEUTRAL

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from analytics.panels import Health
    from dashboard.filters import View

_FRESH_SECONDS = 300

STYLE = """<style>
[data-testid="stMainBlockContainer"] { padding: 3.6rem 2.2rem 3rem; max-width: 1600px; }
[data-testid="stSidebarHeader"] { margin-bottom: 0; }
[data-testid="stMetric"] { padding: 0.7rem 0.9rem; }
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


def title(name: str, view: View) -> None:
    """The page's name, its period on the business's clock, and what it is compared with."""
    st.title(name, anchor=False)
    since, until = (f"{moment:%a %d %b %Y, %H:%M}" for moment in view.span)
    picked = [
        f"{dimension} {', '.join(names)}" for dimension, names in view.picked.items() if names
    ]
    parts = [f"{since} – {until} {view.zone.key}", *picked]
    note(" · ".join(parts))


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
    with st.container(horizontal=True, gap="small"):
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


def legend(colours: Mapping[str, str]) -> None:
    """What each colour of a chart stands for; wraps where a chart's own legend would be cut."""
    entries = "".join(
        f'<span><i style="background:{colour}"></i>{html.escape(name)}</span>'
        for name, colour in colours.items()
    )
    st.html(f'<div class="gm-legend">{entries}</div>')


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
    entries = [(GOOD if fresh else NEUTRAL, f"Last event {fmt.age(last, now)}")]
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
    spans = "".join(
        f"<span>{_dot(colour)}{html.escape(text)}</span>" for colour, text in entries
    )
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


def _dot(colour: str | None) -> str:
    return f'<i style="background:{colour}"></i>' if colour else ""
