"""Azure's exports are read whole or refused."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from analytics.errors import ExportError
from analytics.exports.reconcile.billed import read_billed
from tests.analytics.exports.reconcile.bills import (
    EA_COLUMNS,
    FOCUS_COLUMNS,
    MCA_COLUMNS,
    OUTPUT,
    as_focus,
    as_mca,
    line,
    write_bill,
)

LINES = [
    line(quantity="1.5", cost="0.00375"),
    line(quantity="2E-03", cost="5E-06"),
    line(OUTPUT, quantity="0.1", cost="0.001"),
]
Make = Callable[[Mapping[str, str]], Mapping[str, str]]


@pytest.mark.parametrize(
    ("columns", "make"),
    [(EA_COLUMNS, dict), (MCA_COLUMNS, as_mca), (FOCUS_COLUMNS, as_focus)],
    ids=["EA", "MCA", "FOCUS"],
)
def test_each_shape_says_the_same(tmp_path: Path, columns: Sequence[str], make: Make) -> None:
    """Cost details of both agreements and FOCUS, with quoted commas and a byte order mark."""
    path = write_bill(tmp_path / "bill.csv", [make(one) for one in LINES], columns)
    first, second = read_billed([path])
    assert (first.day, first.unit, first.currency) == (date(2026, 10, 2), "1K", "USD")
    assert (first.quantity, first.cost) == (Decimal("1.502"), Decimal("0.003755"))
    assert (first.lines, first.meter) == (2, "gpt 4o 1120 Inp glbl Tokens")
    assert (second.lines, second.cost) == (1, Decimal("0.001"))
    assert first.resource.endswith("/accounts/contoso-sweden")


def test_gzip_and_parquet_and_several_files(tmp_path: Path) -> None:
    """As exports are delivered: in parts, compressed, or in columns."""
    plain = write_bill(tmp_path / "part_0.csv", LINES)
    packed = tmp_path / "part_1.csv.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    columns = tmp_path / "part_2.parquet"
    frame = pl.DataFrame([as_focus(one) for one in LINES])
    frame.with_columns(
        pl.col("BilledCost", "PricingQuantity").cast(pl.Float64),
        pl.col("ChargePeriodStart").str.to_datetime("%Y-%m-%dT%H:%M:%SZ"),
    ).write_parquet(columns)
    found = read_billed([plain, packed, columns])
    assert sum(one.cost for one in found) == 3 * Decimal("0.004755")
    assert {one.day for one in found} == {date(2026, 10, 2)}


@pytest.mark.parametrize("text", ["10/02/2026", "2026-10-02", "2026-10-02T00:00:00Z", "20261002"])
def test_days_in_each_spelling(tmp_path: Path, text: str) -> None:
    """Exports differ in how they write a day."""
    (one,) = read_billed([write_bill(tmp_path / "bill.csv", [line(Date=text)])])
    assert one.day == date(2026, 10, 2)


def test_costs_can_be_taken_in_the_pricing_currency(tmp_path: Path) -> None:
    """A bill in euros has dollars beside them."""
    euros = as_mca(
        line(cost="0.0023"), billingCurrency="EUR", pricingCurrency="USD",
        costInPricingCurrency="0.0025", costInUsd="0.0025",
    )  # fmt: skip
    path = write_bill(tmp_path / "bill.csv", [euros], MCA_COLUMNS)
    assert read_billed([path])[0].currency == "EUR"
    (one,) = read_billed([path], currency="USD")
    assert (one.currency, one.cost) == ("USD", Decimal("0.0025"))


def test_the_effective_cost_is_taken_when_it_is_asked_for(tmp_path: Path) -> None:
    """What a reservation covers is billed elsewhere."""
    covered = as_focus(line(), BilledCost="0", EffectiveCost="2")
    path = write_bill(tmp_path / "bill.csv", [covered], FOCUS_COLUMNS)
    assert [one.cost for one in read_billed([path])] == [0]
    assert [one.cost for one in read_billed([path], amortized=True)] == [2]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"Date": "yesterday"}, "'yesterday' in column Date is no day"),
        ({"Quantity": "many"}, "'many' in column Quantity is no number"),
        ({"CostInBillingCurrency": "1,5"}, "'1,5' in column CostInBillingCurrency is no number"),
        ({"CostInBillingCurrency": ""}, "in column CostInBillingCurrency is no number"),
    ],
)
def test_a_value_that_cannot_be_read_refuses_the_file(
    tmp_path: Path, fields: dict[str, str], words: str
) -> None:
    """A line that was skipped would be a difference that nobody can explain."""
    path = write_bill(tmp_path / "bill.csv", [*LINES, line(**fields)])
    with pytest.raises(ExportError, match=words):
        read_billed([path])


def test_a_file_of_something_else_is_one_sentence(tmp_path: Path) -> None:
    """It names the file and what it lacks."""
    other = tmp_path / "other.csv"
    other.write_text("name,team\na,b\n")
    with pytest.raises(ExportError, match=r"other\.csv is no cost export"):
        read_billed([other])
    with pytest.raises(ExportError, match="there is no file"):
        read_billed([tmp_path / "nothing.csv"])
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(b"PAR1 and no more")
    with pytest.raises(ExportError, match="cannot be read"):
        read_billed([broken])
