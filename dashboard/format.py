"""How numbers read on the pages: money, counts, shares, durations and ages as short text.

Money is US dollars, as in the store, and stays `Decimal` up to the last digit shown. A sum that
would round to 0.00 is shown with as many digits as it needs, because it was not nothing.
"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

NOTHING = "-"
"""Shown where there is no number; never a zero that was not measured."""

_STEPS = ((Decimal(10) ** 9, "B"), (Decimal(10) ** 6, "M"), (Decimal(10) ** 3, "k"))
_CENTS = Decimal("0.01")
_SMALLEST_EXPONENT = -18
_MINUTE_SECONDS = 60
_HOUR_SECONDS = 3600
_DAY_SECONDS = 86_400


def money(amount: Decimal | None) -> str:
    """`$1,234.57`, `$0.0213`, `$0.00000120`: cents from 1 on, three significant digits below."""
    if amount is None:
        return NOTHING
    sign = "-" if amount < 0 else ""
    return f"{sign}${_digits(abs(amount))}"


def money_tile(amount: Decimal | None) -> str:
    """The same where there is little room: whole units from 100,000 on, `$12.3M` from a million."""
    if amount is None or abs(amount) < 100_000:  # noqa: PLR2004
        return money(amount)
    sign = "-" if amount < 0 else ""
    amount = abs(amount)
    return f"{sign}${count(amount) if amount >= 10**6 else whole(amount)}"


def money_range(low: Decimal, high: Decimal) -> str:
    """`$54.71 to $59.44`, `$9,840 to $12.3k`: as short as a remark on a tile has to be."""
    return f"{_short(low)} to {_short(high)}"


def _short(amount: Decimal) -> str:
    return money(amount) if amount < 1000 else f"${count(amount)}"  # noqa: PLR2004 - cents matter below


def money_change(amount: Decimal) -> str:
    """The same with a sign on both sides of zero."""
    return money(amount) if amount <= 0 else f"+{money(amount)}"


def _digits(amount: Decimal) -> str:
    if amount == 0 or amount >= 1:
        return f"{amount.quantize(_CENTS, ROUND_HALF_EVEN):,}"
    # 0.0213 has its first digit at 10^-2; three significant digits end at 10^-4.
    exponent = max(amount.adjusted() - 2, _SMALLEST_EXPONENT)
    exponent = min(exponent, -2)
    return f"{amount.quantize(Decimal(1).scaleb(exponent), ROUND_HALF_EVEN):f}"


def count(value: int | Decimal | None) -> str:
    """`1,234` up to 9,999, then `12.3k`, `4.56M`, `7.89B`."""
    if value is None:
        return NOTHING
    number = Decimal(value)
    if abs(number) < 10_000:  # noqa: PLR2004 - four digits fit every tile
        return f"{number:,.0f}"
    for size, suffix in _STEPS:
        if abs(number) >= size:
            scaled = number / size
            digits = max(0, 2 - scaled.adjusted())
            return f"{scaled:,.{digits}f}{suffix}"
    return f"{number:,.0f}"


def whole(value: int | Decimal | None) -> str:
    """Every digit, in groups of three."""
    return NOTHING if value is None else f"{value:,.0f}"


def share(part: float | Decimal | None) -> str:
    """A part of 1 in percent: `12.3%`, `0.042%`, `<0.001%`."""
    if part is None:
        return NOTHING
    percent = float(part) * 100
    if percent == 0:
        return "0%"
    if abs(percent) < 0.001:  # noqa: PLR2004 - nobody reads more digits
        return "<0.001%"
    if abs(percent) < 0.1:  # noqa: PLR2004
        return f"{percent:.3f}%"
    return f"{percent:.1f}%"


def ratio(part: int | Decimal | None, of: int | Decimal | None) -> Decimal | None:
    """`part / of`, or None when there is nothing to divide by."""
    if part is None or not of:
        return None
    return Decimal(part) / Decimal(of)


def change(now: int | Decimal | None, before: int | Decimal | None) -> str | None:
    """Relative change as `+12.3%`; None when there is none, or nothing to compare with."""
    if now is None or not before:
        return None
    percent = (Decimal(now) - Decimal(before)) / Decimal(before) * 100
    if abs(percent) >= 1000:  # noqa: PLR2004 - "+8,312%" says less than "84 times"
        return f"{Decimal(now) / Decimal(before):,.0f} times"
    return _signed(percent, "%")


def points(now: Decimal | None, before: Decimal | None) -> str | None:
    """A change of a share in percentage points; None when there is none, or nothing to compare."""
    if now is None or before is None:
        return None
    return _signed((now - before) * 100, " points")


def _signed(number: Decimal, unit: str) -> str | None:
    """A change with its sign; none when it rounds to nothing."""
    text = f"{number:+.1f}"
    return None if float(text) == 0 else f"{text}{unit}"


def duration(milliseconds: float | None) -> str:
    """`0.8 ms`, `850 ms`, `1.24 s`, `2 min 5 s`."""
    if milliseconds is None:
        return NOTHING
    if milliseconds < 10:  # noqa: PLR2004
        return f"{milliseconds:.1f} ms"
    if milliseconds < 1000:  # noqa: PLR2004
        return f"{milliseconds:.0f} ms"
    seconds = milliseconds / 1000
    if seconds < _MINUTE_SECONDS:
        return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.1f} s"  # noqa: PLR2004
    return f"{int(seconds // 60)} min {int(seconds % 60)} s"


def age(then: datetime | None, now: datetime) -> str:
    """How long ago: `just now`, `12 s ago`, `5 min ago`, `3 h ago`, `4 days ago`."""
    if then is None:
        return "never"
    seconds = (now - then).total_seconds()
    if seconds < 2:  # noqa: PLR2004 - also covers clocks a little ahead
        return "just now"
    if seconds < _MINUTE_SECONDS:
        return f"{seconds:.0f} s ago"
    if seconds < _HOUR_SECONDS:
        return f"{seconds // _MINUTE_SECONDS:.0f} min ago"
    if seconds < 2 * _DAY_SECONDS:
        return f"{seconds // _HOUR_SECONDS:.0f} h ago"
    return f"{seconds // _DAY_SECONDS:.0f} days ago"
