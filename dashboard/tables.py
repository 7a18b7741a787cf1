"""Tables whose cells read like the tiles, and still sort by what they hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from dashboard.format import NOTHING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    import polars as pl

_ROW_PIXELS = 36
_MOST_ROWS = 12


def table(
    frame: pl.DataFrame,
    *,
    texts: Mapping[str, Callable[[Any], str]],
    columns: Mapping[str, Any] | None = None,
) -> None:
    """A table; `texts` says by column how a cell reads, `columns` how Streamlit shows it.

    Texts of columns that the frame lacks are left out.
    """
    present = {name: text for name, text in texts.items() if name in frame.columns}
    rows = min(max(frame.height, 1), _MOST_ROWS)
    st.dataframe(
        frame.to_pandas().style.format(present, na_rep=NOTHING),
        hide_index=True,
        column_config=dict(columns or {}),
        row_height=_ROW_PIXELS,
        height=(rows + 1) * _ROW_PIXELS + 3,
        placeholder=NOTHING,
    )
