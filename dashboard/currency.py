"""How each currency is written: its sign, and how many digits follow the point."""

from __future__ import annotations

from typing import Final

_SIGNS: Final = {
    "AUD": "A$",
    "BRL": "R$",
    "CAD": "CA$",
    "CNY": "CN¥",
    "EUR": "€",
    "GBP": "£",
    "HKD": "HK$",
    "ILS": "₪",
    "INR": "₹",
    "JPY": "¥",
    "KRW": "₩",
    "MXN": "MX$",
    "NZD": "NZ$",
    "TWD": "NT$",
    "USD": "$",
    "VND": "₫",
}
"""Those that say which currency it is; every other is written with its code."""
_WITHOUT_CENTS: Final = frozenset(
    {
        "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV",
        "XAF", "XOF", "XPF",
    }
)  # fmt: skip
_WITH_THOUSANDTHS: Final = frozenset({"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"})
_NO_BREAK: Final = "\N{NO-BREAK SPACE}"


def sign(currency: str) -> str:
    """What stands before an amount: `$`, `€`, or `CHF` and a space that does not break."""
    return _SIGNS.get(currency) or f"{currency}{_NO_BREAK}"


def minor_digits(currency: str) -> int:
    """Digits behind the point in ISO 4217: 2, or 0 for yen, 3 for dinars."""
    if currency in _WITHOUT_CENTS:
        return 0
    return 3 if currency in _WITH_THOUSANDTHS else 2
