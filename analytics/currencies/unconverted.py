"""What could not be converted: how much of which currency, on which days, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import date
    from decimal import Decimal
    from pathlib import Path

QUESTION: Final = """
    SELECT COALESCE(charged_currency, 'XXX') AS currency, sum(unconverted)::BIGINT AS charges,
        sum(charged_cost) AS cost, min(day) AS first_day, max(day) AS last_day,
        count(DISTINCT day) AS days
    FROM chosen
    WHERE unconverted <> 0
    GROUP BY charged_currency
    -- what a correction took back leaves sums of nothing
    HAVING sum(unconverted) <> 0 OR sum(charged_cost) <> 0
    ORDER BY currency
"""
"""The fields of `Unconverted`, from rows `chosen` that are converted and have a business `day`.

XXX is ISO 4217's code for no currency.
"""


@dataclass(frozen=True, slots=True)
class Unconverted:
    """Charges in one currency that have no exchange rate to the chosen one on their days."""

    currency: str
    charges: int
    cost: Decimal
    """In the currency that they were charged in."""
    first_day: date
    last_day: date
    days: int

    def told(self, chosen: str, file: Path | str | None = None) -> str:
        """In one line: what is missing, and where to add it."""
        are, have = ("charge", "has") if self.charges == 1 else ("charges", "have")
        when = f"{self.first_day}"
        if self.days > 1:
            when = f"{self.days} days from {self.first_day} to {self.last_day}"
        place = f"add it to {file}" if file else "set exchange_rates_file"
        return (
            f"{self.charges:,} {are} in {self.currency} ({_plain(self.cost)} {self.currency}) "
            f"{have} no exchange rate to {chosen} for {when}: {place}"
        )


def _plain(amount: Decimal) -> str:
    """Every digit but the zeros at the end."""
    return f"{amount.normalize():f}"
