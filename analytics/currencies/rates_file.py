"""The file of exchange rates: a CSV of a rate a line, or the layout of the ECB's reference rates.

    date,from,to,rate
    2026-11-02,EUR,USD,1.0842
    2026-11-03,EUR,USD,1.0857

    Date,USD,JPY,GBP,
    2026-11-03,1.0857,163.41,0.8612,
    2026-11-02,1.0842,N/A,0.8605,

A rate holds from its date until the next date of its pair. In the ECB's layout every rate is from
one euro to the currency of the column, and a cell that is empty or N/A ends the rate before it.
The ECB's file goes back to 1999: a rate that ended before 2020 has nothing to convert and is left
out.
"""

from __future__ import annotations

import csv
import functools
import hashlib
import io
import re
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from itertools import groupby, pairwise
from operator import attrgetter
from typing import TYPE_CHECKING, Final, NamedTuple

from analytics.currencies.exchange_rates import DECIMALS, LIMIT, ExchangeRate
from analytics.errors import ExchangeRatesError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_COLUMNS: Final = ("date", "from", "to", "rate")
_CODE: Final = re.compile(r"[A-Z]{3}")
_ECB_BASE: Final = "EUR"
_NO_RATE: Final = frozenset({"", "N/A", "-"})
_EARLIEST: Final = date(2020, 1, 1)
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")


class _Quote(NamedTuple):
    """What one line says of one pair; no rate ends the one before."""

    pair: tuple[str, str]
    day: date
    line: int
    rate: Decimal | None


def read_exchange_rates(path: Path) -> list[ExchangeRate]:
    """The file's rates.

    Raises:
        ExchangeRatesError: the file cannot be read or a line is wrong; the message names it.
    """
    try:
        return list(_rates(sorted(_quotes(_content(path).decode("utf-8-sig")))))
    except UnicodeDecodeError:
        raise ExchangeRatesError(f"exchange_rates_file {path} is no UTF-8 text") from None
    except ValueError as error:
        raise ExchangeRatesError(f"exchange_rates_file {path}, {error}") from None


def fingerprint(path: Path) -> str:
    """The version of the file: a fingerprint of its content.

    Raises:
        ExchangeRatesError: the file cannot be read.
    """
    return hashlib.sha256(_content(path)).hexdigest()[:12]


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ExchangeRatesError(
            f"exchange_rates_file {path} cannot be read: {error.strerror}"
        ) from None


def _quotes(text: str) -> Iterator[_Quote]:
    reader = csv.reader(io.StringIO(text, newline=""), skipinitialspace=True)
    header: list[str] | None = None
    while True:
        try:
            row = next(reader, None)
        except csv.Error as error:
            raise ValueError(f"line {reader.line_num}: {error}") from None
        if row is None:
            break
        cells = [cell.strip() for cell in row]
        if not any(cells):
            continue
        try:
            if header is None:
                header = _header(cells)
            elif len(cells) != len(header):
                raise ValueError(f"{len(cells)} cells, but the header has {len(header)}")  # noqa: TRY301 - one place that adds the line
            else:
                yield from _line(reader.line_num, header, cells)
        except ValueError as error:
            raise ValueError(f"line {reader.line_num}: {error}") from None
    if header is None:
        raise ValueError("line 1: no header; it is date,from,to,rate or Date,USD,JPY,...")


def _header(cells: Sequence[str]) -> list[str]:
    names = [cell.lower() for cell in cells]
    if sorted(names) == sorted(_COLUMNS):
        return names
    # Each line of the ECB's files ends with a comma.
    codes = cells[1:-1] if cells[-1] == "" else cells[1:]
    if names[0] == "date" and codes and all(_CODE.fullmatch(code) for code in codes):
        repeated = next((code for code in codes if codes.count(code) > 1), None)
        if repeated is not None or _ECB_BASE in codes:
            raise ValueError(f"the header has {repeated or _ECB_BASE} where another is expected")
        return [*cells]
    raise ValueError(
        f"the header is {','.join(cells)}, and not date,from,to,rate or Date,USD,JPY,..."
    )


def _line(number: int, header: Sequence[str], cells: Sequence[str]) -> Iterator[_Quote]:
    if "rate" in header:
        named = dict(zip(header, cells, strict=True))
        one, other = _code(named["from"]), _code(named["to"])
        if one == other:
            raise ValueError(f"a rate from {one} to itself")
        yield _Quote((one, other), _day(named["date"]), number, _rate(named["rate"]))
        return
    day = _day(cells[0])
    for code, cell in zip(header[1:], cells[1:], strict=True):
        if code:
            rate = None if cell in _NO_RATE else _rate(cell)
            yield _Quote((_ECB_BASE, code), day, number, rate)


def _rates(quotes: Sequence[_Quote]) -> Iterator[ExchangeRate]:
    """Each of the quotes, which are in order, until the next of its pair."""
    for pair, of_pair in groupby(quotes, key=attrgetter("pair")):
        from_currency, to_currency = pair
        history = list(of_pair)
        for one, after in pairwise(history):
            if one.day == after.day:
                raise ValueError(
                    f"line {after.line}: a second rate from {from_currency} to {to_currency} for "
                    f"{one.day}; "
                    f"the first is in line {one.line}"
                )
        ends = [*(one.day for one in history[1:]), None]
        for quote, end in zip(history, ends, strict=True):
            if quote.rate is not None and (end is None or end > _EARLIEST):
                yield ExchangeRate(from_currency, to_currency, quote.day, end, quote.rate)


def _code(text: str) -> str:
    if not _CODE.fullmatch(text):
        raise ValueError(f"{text!r} is no currency code such as EUR")
    return text


def _day(text: str) -> date:
    try:
        if _DAY.fullmatch(text):
            return date.fromisoformat(text)
        # The ECB's file of the last day writes 02 November 2026.
        return datetime.strptime(text, "%d %B %Y").date()  # noqa: DTZ007 - a day has no zone
    except ValueError:
        raise ValueError(f"{text!r} is no date such as 2026-11-02") from None


@functools.lru_cache(maxsize=100_000)
def _rate(text: str) -> Decimal:
    try:
        rate = Decimal(text)
    except InvalidOperation:
        raise ValueError(f"{text!r} is no rate such as 1.0842") from None
    if not rate.is_finite() or not 0 < rate < LIMIT:
        raise ValueError(f"the rate {text} is not above 0 and below {LIMIT:,f}")
    rounded = rate.quantize(Decimal(1).scaleb(-DECIMALS))
    if rounded != rate:
        raise ValueError(f"the rate {text} has more than {DECIMALS} decimals: round it")
    return rounded
