"""Tables as files: a CSV keeps every digit of money and holds nothing that a spreadsheet runs."""

from __future__ import annotations

import json

import polars as pl
import streamlit as st

_FORMULA = r"^[=+\-@\t\r]"


def csv_text(frame: pl.DataFrame) -> str:
    """The frame as CSV. Text that a spreadsheet would run as a formula gets an apostrophe first.

    Names in the store come from requests, so any caller can choose one.
    """
    texts = [name for name, kind in frame.schema.items() if kind == pl.String]
    nested = [name for name, kind in frame.schema.items() if kind.is_nested()]
    return frame.with_columns(
        *(
            pl.when(pl.col(name).str.contains(_FORMULA))
            .then(pl.concat_str(pl.lit("'"), pl.col(name)))
            .otherwise(pl.col(name))
            .alias(name)
            for name in texts
        ),
        *(
            pl.Series(name, [_as_json(value) for value in frame[name].to_list()], dtype=pl.String)
            for name in nested
        ),
    ).write_csv()


def csv_button(frame: pl.DataFrame, file_name: str, *, key: str) -> None:
    """A button that hands the frame over as a file."""
    st.download_button(
        "Download CSV",
        csv_text(frame),
        file_name=file_name,
        mime="text/csv",
        key=key,
        icon=":material/download:",
        on_click="ignore",
    )


def _as_json(value: object) -> str | None:
    return None if value is None else json.dumps(value, default=str)
