"""Runs a page's content again while data arrives, and turns its failures into one line."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import streamlit as st

from analytics.errors import AnalyticsError
from dashboard import data, parts
from dashboard.filters import View, current_view
from dashboard.settings import NoStoreNamed, settings_from_environment

if TYPE_CHECKING:
    from collections.abc import Callable

LIVE = "live"


def show(name: str, content: Callable[[str, View], None], *, refresh: bool = True) -> None:
    """Draw a page: title, the pipeline's state, then `content(store_url, view)`.

    While the switch in the sidebar is on, this part of the page alone runs again every few
    seconds; what did not change stays as it is. A page that is written in does not `refresh`.
    """
    settings = settings_from_environment()
    zone = ZoneInfo(settings.timezone)

    again = refresh and st.session_state.get(LIVE, True)

    @st.fragment(run_every=data.REFRESH_SECONDS if again else None)
    def page() -> None:
        view = current_view(zone, settings.currency)
        parts.title(name, view if refresh else None)
        try:
            health = data.health(settings.store_url)
            parts.health_strip(health, view.now)
            if not health.events:
                parts.nothing_stored()
            else:
                content(settings.store_url, view)
        except AnalyticsError as error:
            failed(error)

    page()


def failed(error: AnalyticsError | NoStoreNamed) -> None:
    """One line that says what to do, never a traceback."""
    st.error(f"This could not be answered: {error}", icon=":material/error:")
