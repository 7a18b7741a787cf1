"""Rates that were given, and those that follow from them."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Decimal, localcontext

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.currencies import ExchangeRate, ExchangeRates

FIRST = date(2026, 11, 2)
CODES = ("CHF", "EUR", "JPY", "USD")


def rate(pair: str, price: str, day: int = 2, until: int | None = None) -> ExchangeRate:
    """A rate of November 2026, from a day on."""
    one, other = pair.split("/")
    end = None if until is None else date(2026, 11, until)
    return ExchangeRate(one, other, date(2026, 11, day), end, Decimal(price))


def found(known: ExchangeRates, pair: str, day: int = 2) -> tuple[str, str] | None:
    """A rate of a day as text, and where it comes from."""
    one, other = pair.split("/")
    answer = known.at(date(2026, 11, day), one, other)
    return None if answer is None else (f"{answer[0]:f}", answer[1])


def test_a_rate_holds_until_the_next_one() -> None:
    """A weekend has Friday's rate, and the day before the first has none."""
    known = ExchangeRates([rate("EUR/USD", "1.1", 2, 5), rate("EUR/USD", "1.2", 5)])
    assert [found(known, "EUR/USD", day) for day in (1, 2, 4, 5, 30)] == [
        None,
        ("1.1", "file"),
        ("1.1", "file"),
        ("1.2", "file"),
        ("1.2", "file"),
    ]


def test_an_inverse_is_rounded_once_to_eight_decimals() -> None:
    """1 / 1.0842 is 0.9223390..., and of 1 / 8000000 = 0.000000125 the even digit is kept."""
    known = ExchangeRates([rate("EUR/USD", "1.0842"), rate("EUR/VND", "8000000")])
    assert found(known, "USD/EUR") == ("0.92233905", "inverse of EUR to USD")
    assert found(known, "VND/EUR") == ("0.00000012", "inverse of EUR to VND")


def test_a_cross_rate_is_rounded_once_and_not_at_each_leg() -> None:
    """Yen to dollars over the euro keep the digits that 1 / 163.41 alone would lose."""
    known = ExchangeRates([rate("EUR/USD", "1.0857"), rate("EUR/JPY", "163.41")])
    assert found(known, "JPY/USD") == ("0.00664402", "cross over EUR")
    assert found(known, "USD/JPY") == ("150.51119094", "cross over EUR")


def test_what_was_given_wins_then_the_inverse() -> None:
    """A bank's own rate is not replaced by one that follows from others."""
    legs = [rate("EUR/USD", "1.25"), rate("EUR/GBP", "0.5")]
    inverse, direct = rate("GBP/USD", "2.6"), rate("USD/GBP", "0.3")
    assert found(ExchangeRates(legs), "USD/GBP") == ("0.40000000", "cross over EUR")
    assert found(ExchangeRates([*legs, inverse]), "USD/GBP") == (
        "0.38461538",
        "inverse of GBP to USD",
    )
    assert found(ExchangeRates([*legs, inverse, direct]), "USD/GBP") == ("0.3", "file")


def test_a_cross_rate_needs_both_legs_on_the_day() -> None:
    """When one currency's rates have ended, nothing is guessed from its last one."""
    known = ExchangeRates([rate("EUR/USD", "1.1", 2), rate("EUR/JPY", "160", 3, 5)])
    assert [found(known, "USD/JPY", day) is None for day in (2, 3, 4, 5)] == [
        True, False, False, True,
    ]  # fmt: skip


@pytest.mark.parametrize("pair", ["EUR/XXX", "XXX/EUR", "USD/JPY"])
def test_currencies_that_nothing_connects_have_no_rate(pair: str) -> None:
    """Unknown is None, on every day."""
    known = ExchangeRates([rate("EUR/USD", "1.1"), rate("CHF/JPY", "180")])
    assert found(known, pair) is None
    assert known.history(*pair.split("/")) == []


def test_a_rate_too_small_for_eight_decimals_is_none() -> None:
    """It would make money vanish."""
    known = ExchangeRates([rate("USD/IRR", "900000000")])
    assert found(known, "IRR/USD") is None


def rates() -> st.SearchStrategy[list[ExchangeRate]]:
    """Some rates of a few weeks, with gaps."""
    pair = st.tuples(st.sampled_from(CODES), st.sampled_from(CODES)).filter(
        lambda two: two[0] != two[1]
    )
    quote = st.tuples(
        pair, st.integers(0, 20), st.integers(1, 6),
        st.decimals("0.00001", "99999", places=8),
    )  # fmt: skip

    def chained(quotes: list[tuple[tuple[str, str], int, int, Decimal]]) -> list[ExchangeRate]:
        first = {(pair, day): (days, price) for pair, day, days, price in quotes}
        made = []
        for (pair, day), (days, price) in first.items():
            later = [start for other, start in first if other == pair and start > day]
            end = min([day + days, *later])
            spans = (FIRST + timedelta(days=day), FIRST + timedelta(days=end))
            made.append(ExchangeRate(*pair, *spans, price))
        return made

    return st.lists(quote, max_size=12).map(chained)


@settings(deadline=None)  # the machine may be busy
@given(rates(), st.permutations(CODES))
def test_the_history_says_on_each_day_what_a_look_up_says(
    given_rates: list[ExchangeRate], codes: list[str]
) -> None:
    """What the table and what a question takes are one rate, gaps included."""
    known = ExchangeRates(given_rates)
    one, other = codes[:2]
    history = known.history(one, other)
    for number in range(30):
        day = FIRST + timedelta(days=number - 1)
        holding = [
            (rate.rate, rate.source)
            for rate in history
            if rate.valid_from <= day and (rate.valid_to is None or day < rate.valid_to)
        ]
        answer = known.at(day, one, other)
        assert holding == ([] if answer is None else [answer])


@settings(deadline=None)
@given(st.decimals("0.00000001", "9999999999", places=8))
def test_an_inverse_is_the_nearest_of_eight_decimals(price: Decimal) -> None:
    """As exact decimal arithmetic has it."""
    answer = ExchangeRates([rate("EUR/USD", f"{price:f}")]).at(FIRST, "USD", "EUR")
    with localcontext(prec=60):
        exact = (1 / price).quantize(Decimal("1e-8"), ROUND_HALF_EVEN)
    assert (answer[0] if answer else 0) == exact
