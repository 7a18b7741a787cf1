"""What fewer PTUs would have saved and cost."""

from __future__ import annotations

from decimal import Decimal

from analytics.provisioned.fewer import Hour, Slice, best, choices, spread
from analytics.provisioned.pay_as_you_go import Price
from tests.analytics.provisioned.made_blocks import block


def one(needs: int, cost: str, requests: int = 1, unpriced: int = 0) -> Slice:
    """Requests of a thousand tokens each."""
    price = Price(Decimal(cost), Decimal(unpriced))
    return Slice(needs, Decimal(requests), Decimal(1000 * requests), price)


def test_each_step_down_pushes_over_what_needed_it() -> None:
    """Requests that need the fourth PTU go first; those that need none of the block's never go."""
    made = choices(
        block(ptus=4), Decimal(40), [one(4, "1"), one(2, "2", requests=3), one(9, "4"), one(0, "8")]
    )
    steps: list[tuple[object, ...]] = [
        (step.ptus, step.saved, step.requests_over, step.pay_as_you_go) for step in made
    ]
    assert steps == [(4, 0, 0, 0), (3, 10, 2, 5), (2, 20, 2, 5), (1, 30, 5, 7), (0, 40, 5, 7)]
    assert [step.total for step in made] == [40, 35, 25, 17, 7]
    assert [step.tokens_over for step in made] == [0, 2000, 2000, 5000, 5000]


def test_the_cheapest_is_one_that_azure_deploys() -> None:
    """gpt-4o comes in 15, 20, 25 PTUs worldwide: 17 are cheaper than 20, but cannot be had."""
    slices = [one(needs, "100") for needs in range(1, 18)]
    made = choices(block(ptus=30), Decimal(300), slices)
    assert min(made, key=lambda step: step.total).ptus == 17
    assert best(made).ptus == 20
    assert [step.ptus for step in made if step.for_sale] == [30, 25, 20, 15, 0]


def test_a_regional_block_has_larger_steps() -> None:
    """gpt-4o in one region is sold in fifties; a model that nobody published, in any size."""
    regional = choices(block(ptus=100, compared_with="regional"), Decimal(1), [])
    assert [step.ptus for step in regional if step.for_sale] == [100, 50, 0]
    unknown = choices(block(ptus=3, model="house"), Decimal(1), [])
    assert [step.ptus for step in unknown if step.for_sale] == [3, 2, 1, 0]


def test_what_has_no_price_is_not_taken_for_free() -> None:
    """A choice that pushes unpriced tokens over is never called the cheapest."""
    made = choices(block(ptus=20), Decimal(300), [one(1, "0", unpriced=500)])
    assert made[-1].total == 0
    assert best(made).ptus == 15


def test_an_hour_is_cut_into_what_each_ptu_carries() -> None:
    """Sums stay whole: 250 of 100 a PTU are 100, 100 and 50; above all PTUs the last takes it."""
    hour = Hour(Decimal(250), Decimal(5), Decimal(500), Price(Decimal(10)), Decimal(100))
    made = spread(hour, 4)
    assert [(part.needs_ptus, part.requests, part.price.cost) for part in made] == [
        (1, Decimal(2), Decimal(4)),
        (2, Decimal(2), Decimal(4)),
        (3, Decimal(1), Decimal(2)),
    ]
    assert [part.tokens for part in spread(hour, 2)] == [200, 300]
    assert [
        part.requests
        for part in spread(Hour(Decimal(0), Decimal(5), Decimal(0), Price(), Decimal(100)), 2)
    ] == [5]
