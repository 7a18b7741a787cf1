"""The frame of the dashboard: page settings, shared filters, navigation; then the page itself.

Streamlit runs this file anew for every reader's click. `gatemeter dashboard` starts it.
"""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

import streamlit as st

from analytics.errors import AnalyticsError
from dashboard import data, live, parts
from dashboard.filters import draw_filters
from dashboard.settings import NoStoreNamed, settings_from_environment

HERE = Path(__file__).parent
ICON = str(HERE / "assets" / "icon.svg")


def main() -> None:
    """Draw the frame and run the page that the reader is on."""
    st.set_page_config(page_title="gatemeter", page_icon=ICON, layout="wide")
    st.html(parts.STYLE)
    st.logo(str(HERE / "assets" / "logo.svg"), size="large", icon_image=ICON)
    views = HERE / "views"
    page = st.navigation(
        [
            st.Page(
                views / "spend.py",
                title="Spend",
                url_path="spend",
                icon=":material/payments:",
                default=True,
            ),
            st.Page(
                views / "throttling.py",
                title="Throttling",
                url_path="throttling",
                icon=":material/speed:",
            ),
            st.Page(
                views / "explore.py",
                title="Explore",
                url_path="explore",
                icon=":material/database:",
            ),
        ],
        position="top",
    )
    try:
        settings = settings_from_environment()
        with st.sidebar:
            draw_filters(data.known_values(settings.store_url), ZoneInfo(settings.timezone))
            st.toggle(
                "Refresh by itself",
                value=True,
                key=live.LIVE,
                help=f"Every {data.REFRESH_SECONDS} seconds, without touching your filters.",
            )
    except (AnalyticsError, NoStoreNamed) as error:
        live.failed(error)
        st.stop()
    page.run()


main()
