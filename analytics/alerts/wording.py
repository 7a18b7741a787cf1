"""How amounts and times read in alerts."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import datetime
    from zoneinfo import ZoneInfo

_CENTS: Final = Decimal("0.01")
_COUNTS: Final = frozenset({"tokens", "requests"})


def amount(value: Decimal, unit: str) -> str:
    """`1,234.50 USD`, `0.0213 USD`, `12,000 tokens`; small money keeps three digits that count."""
    if unit in _COUNTS:
        return f"{value:,.0f} {unit}"
    if value == 0 or abs(value) >= 1:
        return f"{value.quantize(_CENTS, ROUND_HALF_EVEN):,f} {unit}"
    exponent = min(-2, value.adjusted() - 2)
    return f"{value.quantize(Decimal(1).scaleb(exponent), ROUND_HALF_EVEN):f} {unit}"


def plain(value: Decimal) -> str:
    """A decimal for programs: every digit, no exponent, no zeros behind."""
    return f"{value.normalize():f}"


def moment(at: datetime, zone: ZoneInfo) -> str:
    """A moment on the business's clock."""
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M} {zone.key}"
