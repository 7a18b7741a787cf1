"""Files that readers take away."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import polars as pl
import pytest

from dashboard.downloads import csv_text


def test_money_keeps_every_digit() -> None:
    """A file can be added up to the store's own sum."""
    amount = Decimal("0.000000123456789012")
    text = csv_text(pl.DataFrame({"spend": [amount]}, schema={"spend": pl.Decimal(38, 18)}))
    assert Decimal(text.splitlines()[1]) == amount


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1"])
def test_a_name_that_a_spreadsheet_would_run_is_text(name: str) -> None:
    """A caller who names a deployment like a formula does not reach the reader's machine."""
    assert csv_text(pl.DataFrame({"deployment": [name]})).splitlines()[1].strip('"')[0] == "'"


def test_plain_names_and_numbers_stay_as_they_are() -> None:
    """Only text is looked at: a negative number is no formula."""
    text = csv_text(pl.DataFrame({"name": ["gpt-4.1"], "change": [-1.5]}))
    assert text.splitlines()[1] == "gpt-4.1,-1.5"


def test_lists_and_maps_fit_into_a_cell() -> None:
    """A query over nested columns downloads too."""
    nested = pl.DataFrame(
        {"reasons": [["stop"], None], "at": [datetime(2026, 1, 1, tzinfo=UTC)] * 2}
    )
    assert csv_text(nested).splitlines()[1].startswith('"[""stop""]",2026-01-01')
