"""How numbers read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard import format as fmt

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (None, "-"),
        ("0", "$0.00"),
        ("1234.565", "$1,234.56"),
        ("1234.575", "$1,234.58"),
        ("1", "$1.00"),
        ("0.5", "$0.500"),
        ("0.02134", "$0.0213"),
        ("0.00000120", "$0.00000120"),
        ("-3.5", "-$3.50"),
        ("0.000000000000000001", "$0.000000000000000001"),
    ],
)
def test_money_shows_cents_and_never_rounds_to_nothing(amount: str | None, text: str) -> None:
    """A sum reads as money; a tiny one keeps the digits that make it something."""
    assert fmt.money(None if amount is None else Decimal(amount)) == text


@given(st.decimals(min_value="0.000000000000000001", max_value="0.99", places=18))
def test_no_positive_sum_reads_as_zero(amount: Decimal) -> None:
    """Whatever cost something does not read as free."""
    assert set(fmt.money(amount)) & set("123456789")


def test_a_range_of_money_fits_below_a_tile() -> None:
    """Cents where they matter, thousands where they do not."""
    assert fmt.money_range(Decimal("54.713"), Decimal("59.44")) == "$54.71 to $59.44"
    assert fmt.money_range(Decimal("9840.2"), Decimal(12345)) == "$9,840 to $12.3k"


def test_money_of_a_tile_is_short() -> None:
    """A large sum fits its tile; a change shows its sign."""
    assert fmt.money_tile(Decimal("99999.994")) == "$99,999.99"
    assert fmt.money_tile(Decimal("123456.78")) == "$123,457"
    assert fmt.money_tile(Decimal(-12345678)) == "-$12.3M"
    assert fmt.money_change(Decimal(2)) == "+$2.00"
    assert fmt.money_change(Decimal(-2)) == "-$2.00"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"),
        (0, "0"),
        (9_999, "9,999"),
        (10_000, "10.0k"),
        (123_456, "123k"),
        (4_560_000, "4.56M"),
        (7_890_000_000, "7.89B"),
    ],
)
def test_counts_shorten_from_ten_thousand_on(value: int | None, text: str) -> None:
    """Large counts keep three digits."""
    assert fmt.count(value) == text


@pytest.mark.parametrize(
    ("part", "text"),
    [
        (None, "-"),
        (0.0, "0%"),
        (0.000001, "<0.001%"),
        (0.00042, "0.042%"),
        (0.1234, "12.3%"),
        (Decimal("0.5"), "50.0%"),
    ],
)
def test_a_small_share_is_not_none(part: float | Decimal | None, text: str) -> None:
    """One 429 in a hundred thousand calls is still seen."""
    assert fmt.share(part) == text


def test_changes_need_something_to_compare_with() -> None:
    """Without a before there is no change, and no change has no arrow."""
    assert fmt.change(110, 100) == "+10.0%"
    assert fmt.change(Decimal("0.9"), Decimal(1)) == "-10.0%"
    assert fmt.change(5_000, 10) == "500 times"
    assert fmt.change(5, 0) is None
    assert fmt.change(5, None) is None
    assert fmt.change(100, 100) is None
    assert fmt.points(Decimal("0.054"), Decimal("0.05")) == "+0.4 points"
    assert fmt.points(Decimal("0.05"), Decimal("0.05001")) is None
    assert fmt.points(None, Decimal("0.05")) is None


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (None, "-"),
        (0.84, "0.8 ms"),
        (850.4, "850 ms"),
        (1240.0, "1.24 s"),
        (31_000.0, "31.0 s"),
        (125_000.0, "2 min 5 s"),
    ],
)
def test_durations_use_the_unit_that_fits(milliseconds: float | None, text: str) -> None:
    """Milliseconds, seconds or minutes, never 125000 ms."""
    assert fmt.duration(milliseconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-3, "just now"),
        (1, "just now"),
        (12, "12 s ago"),
        (310, "5 min ago"),
        (3 * 3600 + 5, "3 h ago"),
        (4 * 86_400, "4 days ago"),
    ],
)
def test_ages_read_as_one_would_say_them(seconds: int, text: str) -> None:
    """Freshness is seen at a glance, also when two clocks differ a little."""
    assert fmt.age(NOW - timedelta(seconds=seconds), NOW) == text


def test_what_never_happened_has_no_age() -> None:
    """A store without events says never."""
    assert fmt.age(None, NOW) == "never"
