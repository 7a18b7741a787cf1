"""Splitting money loses and makes none."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from analytics.exports.spread import spread, sum_exactly

MONEY = st.decimals(min_value=0, max_value=10**14, places=18)
WEIGHTS = st.dictionaries(
    st.integers(0, 50), st.decimals(min_value="0.000001", max_value=10**9, places=6), min_size=1
)


@given(amount=MONEY, weights=WEIGHTS)
def test_the_parts_add_up_to_the_amount_exactly(
    amount: Decimal, weights: dict[int, Decimal]
) -> None:
    """To the eighteenth decimal, for amounts longer than Python's default precision."""
    parts = spread(amount, weights)
    assert sum_exactly(["all"] * len(parts), parts.values()) == {"all": amount}
    assert set(parts) == set(weights)
    assert all(part >= 0 for part in parts.values())


def test_parts_follow_the_weights_and_the_heaviest_takes_the_rest() -> None:
    """Thirds of one: the odd digit goes to the one with most."""
    parts = spread(Decimal(1), {"a": Decimal(1), "b": Decimal(2)})
    assert parts == {"a": Decimal("0.333333333333333333"), "b": Decimal("0.666666666666666667")}


def test_owners_are_added_up_apart() -> None:
    """By currency, say."""
    sums = sum_exactly(["EUR", "USD", "EUR"], [Decimal(1), Decimal(2), Decimal("0.5")])
    assert sums == {"EUR": Decimal("1.5"), "USD": Decimal(2)}
