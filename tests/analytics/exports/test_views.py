"""Views as files for tools without DuckDB."""

from __future__ import annotations

import csv
import json
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from analytics.exports.period import Period
from analytics.exports.views import VIEWS, export_view
from analytics.store import Store


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_every_view_can_be_written_whole(
    billed: Store, tmp_path: Path, view: str, suffix: str
) -> None:
    """As many rows as the view has, in both formats."""
    path = tmp_path / f"{view}.{suffix}"
    rows = export_view(billed, view, path)
    counted = billed.frame(f"SELECT count(*) FROM {view}").item()  # noqa: S608 - our own names
    read = pl.read_csv(path, infer_schema=False) if suffix == "csv" else pl.read_parquet(path)
    assert rows == counted == read.height


def test_a_period_chooses_the_view_s_own_time(billed: Store, tmp_path: Path) -> None:
    """A month of days holds what the month cost."""
    path = tmp_path / "spend.parquet"
    export_view(billed, "spend_daily", path, Period.month("2026-10"))
    assert pl.read_parquet(path)["cost"].sum() == Decimal("166.9594270678")


def test_lists_are_json_in_csv(billed: Store, tmp_path: Path) -> None:
    """CSV knows no lists and maps."""
    path = tmp_path / "events.csv"
    export_view(billed, "usage_events", path)
    with path.open() as file:
        reasons = {row["finish_reasons"] for row in csv.DictReader(file)}
    assert all(json.loads(text) is not None for text in reasons if text)
