"""A difference is taken apart into causes that add up to it."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal, localcontext

from hypothesis import given
from hypothesis import strategies as st

from analytics.exports.reconcile.explain import Cause, Day, explain

MONDAY = date(2026, 10, 5)
PRICE = Decimal("0.0000025")


def day(
    billed: int, ours: int, price: Decimal = PRICE, *, estimated: int = 0, tolerance: int = 0
) -> Day:
    """A day on which both sides used one price."""
    return Day(
        Decimal(billed), billed * price, Decimal(ours), ours * PRICE,
        estimated_quantity=Decimal(estimated), quantity_tolerance=Decimal(tolerance),
    )  # fmt: skip


def causes(*days: Day) -> list[dict[Cause, Decimal]]:
    """The causes of days that follow each other."""
    numbered = {MONDAY + timedelta(days=number): one for number, one in enumerate(days)}
    return [dict(explain(numbered)[one].causes) for one in numbered]


def captured(one: Day) -> Decimal:
    """What of a day's bill was seen."""
    return explain({MONDAY: one})[MONDAY].captured_cost


def test_the_same_needs_no_cause() -> None:
    """Nothing to explain, all captured."""
    assert causes(day(1000, 1000)) == [{}]
    assert captured(day(1000, 1000)) == Decimal("0.0025")


def test_more_on_the_bill_went_round_the_gateway() -> None:
    """Valued at the bill's price; the rest was captured."""
    assert causes(day(4000, 1000)) == [{"outside_gateway": Decimal("0.0075")}]
    assert captured(day(4000, 1000)) == Decimal("0.0025")


def test_less_on_the_bill_was_not_billed() -> None:
    """Also when there is nothing on the bill at all: valued at our price."""
    assert causes(day(1000, 4000)) == [{"not_billed": Decimal("-0.0075")}]
    assert causes(day(0, 4000)) == [{"not_billed": Decimal("-0.01")}]
    assert captured(day(1000, 4000)) == Decimal("0.0025")


def test_another_price_is_told_from_another_quantity() -> None:
    """Half as many tokens at twice the price cost the same, for two reasons that cancel."""
    found = causes(day(1000, 2000, price=2 * PRICE))
    assert found == [{"not_billed": Decimal("-0.005"), "price": Decimal("0.005")}]


def test_what_we_have_no_price_for() -> None:
    """The whole bill of it is explained by that."""
    one = Day(Decimal(1000), Decimal(2), Decimal(1000), unpriced_quantity=Decimal(1000))
    assert causes(one) == [{"unpriced": Decimal(2)}]


def test_an_estimate_explains_no_more_than_what_was_estimated() -> None:
    """Of 300 tokens too few, 200 were guessed; the other 100 need another reason."""
    one = day(1300, 1000, estimated=200)
    assert causes(one) == [{"estimated": 200 * PRICE, "outside_gateway": 100 * PRICE}]
    less = day(900, 1000, estimated=200)
    assert causes(less) == [{"estimated": -100 * PRICE}]


def test_what_moved_over_midnight_is_no_loss() -> None:
    """Missing on one day and too much on the next, as far as they cancel."""
    found = causes(day(800, 1000), day(1500, 1000))
    assert found == [
        {"day_boundary": -200 * PRICE},
        {"day_boundary": 200 * PRICE, "outside_gateway": 300 * PRICE},
    ]
    apart = causes(day(800, 1000), day(1000, 1000), day(1200, 1000))
    assert apart == [{"not_billed": -200 * PRICE}, {}, {"outside_gateway": 200 * PRICE}]


def test_rounding_is_what_the_export_s_decimals_can_hide() -> None:
    """A ten-thousandth of a thousand tokens, with four decimals, is no difference."""
    near = day(1000, 1001, tolerance=1)
    assert causes(near) == [{"rounding": -PRICE}]
    cents = Day(Decimal(1000), Decimal("0.003"), Decimal(1000), Decimal("0.0025"))
    cents.cost_tolerance = Decimal("0.0005")
    assert causes(cents) == [{"rounding": Decimal("0.0005")}]
    cents.cost_tolerance = Decimal("0.0004")
    assert causes(cents) == [{"price": Decimal("0.0005")}]


AMOUNTS = st.decimals(min_value=0, max_value=10**12, places=6)
COSTS = st.decimals(min_value=0, max_value=10**9, places=18)
DAYS = st.builds(
    Day,
    billed_quantity=AMOUNTS,
    billed_cost=COSTS,
    quantity=AMOUNTS,
    cost=COSTS,
    unpriced_quantity=st.just(Decimal(0)),
    estimated_quantity=AMOUNTS,
    quantity_tolerance=st.sampled_from([Decimal(0), Decimal(500)]),
    cost_tolerance=st.sampled_from([Decimal(0), Decimal("0.01")]),
)


@given(days=st.lists(DAYS, min_size=1, max_size=5))
def test_causes_always_add_up_and_nothing_is_captured_twice(days: list[Day]) -> None:
    """To the last digit, whatever both sides say."""
    with localcontext() as context:
        context.prec = 60
        numbered = {MONDAY + timedelta(days=number): one for number, one in enumerate(days)}
        for when, found in explain(numbered).items():
            sides = numbered[when]
            assert sum(found.causes.values(), Decimal(0)) == sides.difference
            assert 0 <= found.captured_cost <= sides.billed_cost + Decimal("1e-30")
