"""Explore: your own SQL over the documented views, read-only, bounded in rows and time."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import streamlit as st

from analytics.errors import AnalyticsError
from dashboard import data, downloads, live, parts
from dashboard import format as fmt
from dashboard.examples import EXAMPLES

if TYPE_CHECKING:
    import polars as pl

    from dashboard.filters import View

EDITOR: Final = "sql"
EXAMPLE: Final = "example"
LIMIT: Final = "row_limit"
TIMEOUT: Final = "timeout_seconds"
ANSWER: Final = "answer"
_LIMITS: Final = (100, 1_000, 10_000, 100_000)
_TIMEOUTS: Final = (5, 30, 120)
_EDITOR_PIXELS: Final = 250


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of the query that was run last."""

    frame: pl.DataFrame | None
    problem: str | None
    seconds: float
    limit: int


def content(url: str, _view: View) -> None:
    """The page below its title; the sidebar's filters do not change what you write here."""
    wide, narrow = st.columns([2.6, 1])
    with narrow, st.container(border=True):
        _views(url)
    with wide:
        with st.container(border=True):
            _editor(url)
        answer = st.session_state.get(ANSWER)
        if isinstance(answer, Answer):
            _show(answer)


def _editor(url: str) -> None:
    st.subheader("Query", anchor=False)
    parts.note("The filters at the left do not apply to what you write here.")
    st.session_state.setdefault(EDITOR, next(iter(EXAMPLES.values())))
    st.selectbox(
        "Start from an example",
        list(EXAMPLES),
        index=0,
        key=EXAMPLE,
        on_change=_take_example,
    )
    with st.form("query", border=False):
        text = st.text_area(
            "SQL", key=EDITOR, height=_EDITOR_PIXELS, help="DuckDB's SQL. One query."
        )
        with st.container(horizontal=True, vertical_alignment="bottom"):
            limit = st.selectbox("Rows at most", _LIMITS, index=1, key=LIMIT, width=140)
            timeout = st.selectbox("Seconds at most", _TIMEOUTS, index=1, key=TIMEOUT, width=140)
            run = st.form_submit_button("Run", type="primary", icon=":material/play_arrow:")
    if run:
        st.session_state[ANSWER] = _run(url, str(text), int(limit), float(timeout))


def _take_example() -> None:
    st.session_state[EDITOR] = EXAMPLES[st.session_state[EXAMPLE]]


def _run(url: str, text: str, limit: int, timeout: float) -> Answer:
    began = time.monotonic()
    try:
        # One row more than shown tells whether there are more.
        frame = data.run_query(url, text, limit + 1, timeout)
    except AnalyticsError as error:
        return Answer(None, str(error), time.monotonic() - began, limit)
    return Answer(frame, None, time.monotonic() - began, limit)


def _show(answer: Answer) -> None:
    if answer.frame is None:
        st.error(answer.problem, icon=":material/error:")
        return
    shown = answer.frame.head(answer.limit)
    more = ", and there are more" if answer.frame.height > answer.limit else ""
    exact = st.column_config.NumberColumn(format="plain")
    with st.container(border=True):
        parts.headed("Answer", lambda: downloads.csv_button(shown, "query.csv", key="query-csv"))
        parts.note(
            f"{fmt.whole(shown.height)} rows{more}, in {fmt.duration(answer.seconds * 1000)}"
        )
        st.dataframe(
            shown,
            hide_index=True,
            placeholder=fmt.NOTHING,
            column_config={name: exact for name, kind in shown.schema.items() if kind.is_decimal()},
        )


def _views(url: str) -> None:
    st.subheader("Views", anchor=False)
    parts.note("Money is DECIMAL, times are UTC. docs/sql.md says what each column means.")
    columns = data.view_columns(url)
    for (name,), described in columns.group_by("view", maintain_order=True):
        with st.expander(str(name)):
            parts.columns(described)


if __name__ == "__main__":
    live.show("Explore", content, refresh=False)
