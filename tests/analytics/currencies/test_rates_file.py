"""The file of exchange rates: two layouts, and one clear sentence for what is wrong in them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from analytics.currencies import read_exchange_rates
from analytics.errors import ExchangeRatesError

if TYPE_CHECKING:
    from pathlib import Path

LONG = "date,from,to,rate\n"
WIDE = "Date,USD,JPY,\n"


def read(folder: Path, text: str | bytes) -> list[tuple[str, str, str, str, str]]:
    """A file's rates as texts, in order."""
    path = folder / "rates.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return [
        (
            f"{rate.from_currency}/{rate.to_currency}",
            f"{rate.valid_from:%m-%d}",
            f"{rate.valid_to:%m-%d}" if rate.valid_to else "",
            f"{rate.rate:f}",
            rate.source,
        )
        for rate in read_exchange_rates(path)
    ]


def test_a_line_is_a_rate_until_the_next_of_its_pair(tmp_path: Path) -> None:
    """Lines may come in any order, columns too."""
    lines = "1.09,USD,2026-11-04,EUR\n1.0842,USD,2026-11-02,EUR\n0.95,CHF,2026-11-03,EUR\n"
    assert read(tmp_path, "Rate,To,Date,From\n" + lines) == [
        ("EUR/CHF", "11-03", "", "0.95000000", "file"),
        ("EUR/USD", "11-02", "11-04", "1.08420000", "file"),
        ("EUR/USD", "11-04", "", "1.09000000", "file"),
    ]


def test_the_layout_of_the_ecb_is_read(tmp_path: Path) -> None:
    """Newest first, a comma at each line's end, and no rate where the bank has none."""
    lines = "2026-11-05,1.09,N/A,\n2026-11-04,1.0857,163.41,\n2026-11-02,1.0842,,\n"
    assert read(tmp_path, WIDE + lines) == [
        ("EUR/JPY", "11-04", "11-05", "163.41000000", "file"),
        ("EUR/USD", "11-02", "11-04", "1.08420000", "file"),
        ("EUR/USD", "11-04", "11-05", "1.08570000", "file"),
        ("EUR/USD", "11-05", "", "1.09000000", "file"),
    ]


def test_the_ecb_s_file_of_one_day_is_read(tmp_path: Path) -> None:
    """It has spaces behind the commas and writes its date out; a spreadsheet adds a mark."""
    text = "\ufeffDate, USD, JPY, \n02 November 2026, 1.0842, 163.41, \n"
    assert [row[:4] for row in read(tmp_path, text)] == [
        ("EUR/JPY", "11-02", "", "163.41000000"),
        ("EUR/USD", "11-02", "", "1.08420000"),
    ]


def test_what_ended_before_2020_is_left_out_and_what_goes_on_is_kept(tmp_path: Path) -> None:
    """The bank's file goes back to 1999, which no charge does; a fixed rate may be that old."""
    lines = "1999-01-04,EUR,USD,1.1789\n2019-12-31,EUR,USD,1.1234\n2002-01-01,EUR,XOF,655.957\n"
    assert [row[::3] for row in read(tmp_path, LONG + lines)] == [
        ("EUR/USD", "1.12340000"),
        ("EUR/XOF", "655.95700000"),
    ]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "line 1: no header"),
        ("when,from,to,rate\n", "line 1: the header is when,from,to,rate, and not date,from"),
        ("date;from;to;rate\n", "line 1: the header is date;from;to;rate, and not date,from"),
        ("Date,USD,USD\n", "line 1: the header has USD where another is expected"),
        ("Date,USD,EUR\n", "line 1: the header has EUR where another is expected"),
        (LONG + "2026-11-02,EUR,USD\n", "line 2: 3 cells, but the header has 4"),
        (LONG + "\n02/11/2026,EUR,USD,1\n", "line 3: '02/11/2026' is no date such as 2026-11-02"),
        (LONG + "2026-02-30,EUR,USD,1\n", "line 2: '2026-02-30' is no date"),
        (LONG + "2026-11-02,EUR,US,1\n", "line 2: 'US' is no currency code such as EUR"),
        (LONG + "2026-11-02,EUR,EUR,1\n", "line 2: a rate from EUR to itself"),
        (LONG + "2026-11-02,EUR,USD,one\n", "line 2: 'one' is no rate such as 1.0842"),
        (LONG + '2026-11-02,EUR,USD,"1,08"\n', "line 2: '1,08' is no rate"),
        (LONG + "2026-11-02,EUR,USD,0\n", "line 2: the rate 0 is not above 0 and below 10,000,"),
        (LONG + "2026-11-02,EUR,USD,-1\n", "line 2: the rate -1 is not above 0"),
        (LONG + "2026-11-02,EUR,USD,NaN\n", "line 2: the rate NaN is not above 0"),
        (LONG + "2026-11-02,EUR,USD,1e10\n", "line 2: the rate 1e10 is not above 0 and below"),
        (LONG + "2026-11-02,EUR,USD,1.000000001\n", "line 2: the rate 1.000000001 has more than 8"),
        (
            LONG + "2026-11-02,EUR,USD,1\n2026-11-03,EUR,USD,1\n2026-11-02,EUR,USD,2\n",
            "line 4: a second rate from EUR to USD for 2026-11-02; the first is in line 2",
        ),
        (WIDE + "2026-11-02,1.0842,none,\n", "line 2: 'none' is no rate"),
        (b"\xff\xfe", "is no UTF-8 text"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(tmp_path: Path, text: str | bytes, says: str) -> None:
    """Whoever keeps the file finds the place at once."""
    with pytest.raises(ExchangeRatesError) as caught:
        read(tmp_path, text)
    assert says in str(caught.value)
    assert "rates.csv" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """A setting that points nowhere stops the start."""
    with pytest.raises(ExchangeRatesError, match=r"none\.csv cannot be read: No such file"):
        read_exchange_rates(tmp_path / "none.csv")


def test_every_digit_is_kept(tmp_path: Path) -> None:
    """Rates are decimals, never binary fractions."""
    (row,) = read_exchange_rates_of(tmp_path, "2026-11-02,EUR,USD,1.08420001\n")
    assert row == (date(2026, 11, 2), Decimal("1.08420001"))


def read_exchange_rates_of(folder: Path, lines: str) -> list[tuple[date, Decimal]]:
    """Day and rate of each line."""
    path = folder / "rates.csv"
    path.write_text(LONG + lines)
    return [(rate.valid_from, rate.rate) for rate in read_exchange_rates(path)]
