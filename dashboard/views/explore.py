"""Explore: your own SQL over the documented views, read-only, bounded in rows and time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import polars as pl
import streamlit as st

from analytics.errors import AnalyticsError
from dashboard import data, downloads, live, parts, tables
from dashboard import format as fmt
from dashboard.examples import EXAMPLES

if TYPE_CHECKING:
    from dashboard.filters import View

EDITOR: Final = "sql"
EXAMPLE: Final = "example"
LIMIT: Final = "row_limit"
TIMEOUT: Final = "timeout_seconds"
ANSWER: Final = "answer"
_LIMITS: Final = (100, 1_000, 10_000, 100_000)
_TIMEOUTS: Final = (5, 30, 120)


def content(url: str, _view: View) -> None:
    """The page below its title. The sidebar's filters do not change what you write here."""
    editor, views = st.columns([2.1, 1])
    with views, st.container(border=True, height="stretch"):
        _views(url)
    with editor, st.container(border=True, height="stretch"):
        _editor(url)
    _answer()
