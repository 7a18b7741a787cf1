"""Colours of the dashboard, in one place for Streamlit's theme and for the charts.

Chart colours are middle tones that stay legible on the light and on the dark background, so a
backend keeps its colour when a reader switches themes. Red and amber are left to what they mean:
failures and throttling.
"""

from __future__ import annotations

SERIES = (
    "#3f7fd9",  # blue
    "#16a394",  # teal
    "#9467d6",  # violet
    "#e0863a",  # orange
    "#d45c9c",  # pink
    "#7aa63f",  # leaf
    "#2fa8cf",  # sky
    "#b58a3c",  # ochre
    "#6d72c9",  # indigo
    "#a8665a",  # clay
    "#4f9e6b",  # fern
    "#b07ab8",  # mauve
)
OTHERS = "#94a0ae"
ACCENT = SERIES[0]
GOOD = "#3f9d76"
WARNING = "#e8a33d"
BAD = "#d65656"
NEUTRAL = OTHERS
LABEL = "#7f8a97"
"""Text drawn inside a chart, legible on both backgrounds."""

_LIGHT = {
    "primaryColor": "#2563b8",
    "backgroundColor": "#ffffff",
    "secondaryBackgroundColor": "#f3f5f8",
    "textColor": "#1c2733",
    "linkColor": "#2563b8",
    "borderColor": "#dfe4ea",
    "dataframeHeaderBackgroundColor": "#f3f5f8",
}
_LIGHT_SIDEBAR = {"backgroundColor": "#f6f8fa", "secondaryBackgroundColor": "#ffffff"}
_DARK = {
    "primaryColor": "#6aa5f2",
    "backgroundColor": "#10161d",
    "secondaryBackgroundColor": "#1a222c",
    "textColor": "#e4e9ef",
    "linkColor": "#6aa5f2",
    "borderColor": "#2b3642",
    "dataframeHeaderBackgroundColor": "#1a222c",
}
_DARK_SIDEBAR = {"backgroundColor": "#141b23", "secondaryBackgroundColor": "#202a35"}
_BOTH = {
    "baseRadius": "0.4rem",
    "baseFontSize": "15",
    "metricValueFontSize": "1.45rem",
    "metricValueFontWeight": "600",
    "headingFontSizes": '["1.6rem", "1.2rem", "1.05rem", "1rem", "0.95rem", "0.9rem"]',
    "showWidgetBorder": "true",
}


def streamlit_options() -> dict[str, str]:
    """The theme as Streamlit's own options, light and dark."""
    options = {f"theme.{name}": value for name, value in _BOTH.items()}
    for section, colours in (
        ("light", _LIGHT),
        ("light.sidebar", _LIGHT_SIDEBAR),
        ("dark", _DARK),
        ("dark.sidebar", _DARK_SIDEBAR),
    ):
        options |= {f"theme.{section}.{name}": value for name, value in colours.items()}
    return options
