"""Exchange rates by day: those that were given, and those that follow from them.

On each day a rate that was given wins, then the inverse of one, then a cross rate over a currency
that both have a rate with, the first by alphabet. What follows is rounded half-even to eight
decimals, once, and then that is the rate. A day that none of them covers has no rate: nothing is
guessed, and a rate too small for eight decimals is none.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import date

DECIMALS: Final = 8
GIVEN: Final = "file"
"""The source of a rate that stands in the file."""
_ONE: Final = 10**DECIMALS
LIMIT: Final = Decimal(10) ** 10
"""A rate is smaller: DECIMAL(18, 8) keeps no more digits."""


@dataclass(frozen=True, slots=True)
class ExchangeRate:
    """One unit of a currency in another, from a day to the day before another (None: still)."""

    from_currency: str
    to_currency: str
    valid_from: date
    valid_to: date | None
    rate: Decimal
    source: str = GIVEN


class ExchangeRates:
    """Looks up rates between any two currencies; made of the rates that were given."""

    def __init__(self, given: Iterable[ExchangeRate]) -> None:
        self._given: dict[tuple[str, str], list[ExchangeRate]] = defaultdict(list)
        self._partners: dict[str, set[str]] = defaultdict(set)
        for rate in sorted(given, key=lambda one: one.valid_from):
            self._given[rate.from_currency, rate.to_currency].append(rate)
            self._partners[rate.from_currency].add(rate.to_currency)
            self._partners[rate.to_currency].add(rate.from_currency)

    @property
    def currencies(self) -> list[str]:
        """Every currency that has a rate, in the order of the alphabet."""
        return sorted(self._partners)

    def at(self, day: date, from_currency: str, to_currency: str) -> tuple[Decimal, str] | None:
        """The rate of a day and where it comes from, or None when there is none."""
        given = self._on(day, from_currency, to_currency)
        if given is not None:
            return given.rate, GIVEN
        for common, source in self._ways(from_currency, to_currency):
            rate = self._derived(day, (from_currency, *common, to_currency))
            if rate is not None:
                return rate, source
        return None

    def history(self, from_currency: str, to_currency: str) -> list[ExchangeRate]:
        """Every rate from one currency to another, in order; days without a rate are left out."""
        found: list[ExchangeRate] = []
        days = self._turning_points(from_currency, to_currency)
        for day in days:
            known = self.at(day, from_currency, to_currency)
            if found and found[-1].valid_to is None:
                if known == (found[-1].rate, found[-1].source):
                    continue
                found[-1] = replace(found[-1], valid_to=day)
            if known is not None:
                found.append(ExchangeRate(from_currency, to_currency, day, None, *known))
        return found

    def _ways(self, from_currency: str, to_currency: str) -> Iterator[tuple[tuple[str, ...], str]]:
        """Which currencies stand between the two, and what a rate made so is called."""
        yield (), f"inverse of {to_currency} to {from_currency}"
        both = self._partners.get(from_currency, set()) & self._partners.get(to_currency, set())
        for common in sorted(both):
            yield (common,), f"cross over {common}"

    def _derived(self, day: date, steps: tuple[str, ...]) -> Decimal | None:
        above, below = 1, 1
        for one, other in pairwise(steps):
            given = self._on(day, one, other)
            if given is not None:
                above, below = above * _scaled(given.rate), below * _ONE
                continue
            given = self._on(day, other, one)
            if given is None:
                return None
            above, below = above * _ONE, below * _scaled(given.rate)
        rate = Decimal(_half_even(above * _ONE, below)).scaleb(-DECIMALS)
        return rate if 0 < rate < LIMIT else None

    def _on(self, day: date, from_currency: str, to_currency: str) -> ExchangeRate | None:
        rates = self._given.get((from_currency, to_currency), ())
        place = bisect_right(rates, day, key=lambda one: one.valid_from)
        if not place:
            return None
        last = rates[place - 1]
        return last if last.valid_to is None or day < last.valid_to else None

    def _turning_points(self, from_currency: str, to_currency: str) -> list[date]:
        """The days on which a rate between the two may begin or end."""
        links = {from_currency, to_currency}
        both = self._partners.get(from_currency, set()) & self._partners.get(to_currency, set())
        pairs = {(one, other) for one in links for other in links | both}
        return sorted(
            {
                day
                for one, other in pairs
                for rate in (*self._given.get((one, other), ()), *self._given.get((other, one), ()))
                for day in (rate.valid_from, rate.valid_to)
                if day is not None
            }
        )


def _scaled(rate: Decimal) -> int:
    return int(rate.scaleb(DECIMALS))


def _half_even(above: int, below: int) -> int:
    """The nearest whole number to a fraction; the even one of two that are equally near."""
    whole, rest = divmod(above, below)
    return whole + (2 * rest > below or (2 * rest == below and whole % 2 == 1))
