"""Contract discounts: list price less percent, the most specific, never two at once."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.ratecard.contract import contract_rates
from analytics.ratecard.discounts import Discount
from tests.analytics.ratecard.made_rates import price, rate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analytics.ratecard.rate import Rate

START = datetime(2026, 1, 1, tzinfo=UTC)


def off(percent: float | str, **fields: Any) -> Discount:
    """A discount on everything, unless said otherwise."""
    return Discount.model_validate({"name": "EA", "percent": percent, **fields})


def listed(amount: float | str = 10, **fields: Any) -> Rate:
    """A rate of Azure's list."""
    return rate(amount, **({"valid_from": START} | fields))


def paid(rates: Sequence[Rate], discounts: Sequence[Discount], **use: Any) -> Decimal | str:
    """What the input of a request costs with the contract."""
    return price([*rates, *contract_rates(rates, discounts, "1")], **use)


def test_a_contracts_rate_keeps_the_list_price_and_names_the_contract() -> None:
    """Who reads a charge sees what it would have cost, by which list, and why it did not."""
    of_list = listed("2.50")
    (made,) = contract_rates([of_list], [off("12.5", name="Contoso EA")], "v1")
    assert (made.price, made.list_price) == (Decimal("2.1875"), Decimal("2.50"))
    assert (made.source, made.source_version) == ("contract", "v1")
    assert made.source_name == "Contoso EA: 12.5 % off"
    assert made.list_rate_id == of_list.rate_id
    assert (made.valid_from, made.valid_to) == (of_list.valid_from, None)


@pytest.mark.parametrize(
    ("fields", "matches"),
    [
        ({}, True),
        ({"model": "gpt-4o"}, True),
        ({"model": "GPT-4o*"}, True),
        ({"model": "gpt-4*"}, True),
        ({"model": "gpt-4"}, False),
        ({"model": "gpt-4o-mini*"}, False),
        ({"meter": "input"}, True),
        ({"meter": "output"}, False),
        ({"deployment_type": "global"}, True),
        ({"deployment_type": "regional"}, False),
        ({"deployment_type": "batch"}, False),
        ({"service_tier": "standard"}, True),
        ({"service_tier": "priority"}, False),
        ({"valid_to": date(2025, 12, 31)}, False),
        ({"valid_from": date(2027, 1, 1)}, True),
    ],
)
def test_a_discount_is_for_what_it_names(fields: dict[str, Any], *, matches: bool) -> None:
    """What a discount leaves open it is for; what it names it is for alone."""
    assert bool(contract_rates([listed()], [off(10, **fields)], "1")) is matches


def test_only_azures_lists_are_discounted() -> None:
    """Your own prices are what you pay, and OpenAI's list is nobody's contract with Azure."""
    others = [listed(source=source) for source in ("file", "builtin", "genai-prices")]
    assert contract_rates(others, [off(10)], "1") == []
    imported = listed(source="azure-retail", currency="EUR")
    assert contract_rates([imported], [off(10)], "1")[0].currency == "EUR"


@pytest.mark.parametrize(
    ("specific", "general"),
    [
        ({"model": "gpt-4o"}, {"model": "gpt-4o*", "meter": "input", "region": "eastus"}),
        ({"model": "gpt-4o*"}, {"model": "gpt-*"}),
        ({"model": "gpt-*"}, {"meter": "input"}),
        ({"meter": "input"}, {"deployment_type": "global"}),
        ({"deployment_type": "global"}, {"region": "eastus"}),
        ({"region": "eastus"}, {"region": "us"}),
        ({"region": "us"}, {"service_tier": "standard"}),
        ({"service_tier": "standard"}, {}),
        ({"valid_from": date(2026, 3, 1)}, {"valid_from": date(2026, 2, 1)}),
    ],
)
def test_the_most_specific_applies_and_they_never_add_up(
    specific: dict[str, Any], general: dict[str, Any]
) -> None:
    """Of several that fit one applies, whatever their order in the file."""
    both = [off(20, **specific), off(30, **general)]
    for order in (both, both[::-1]):
        assert paid([listed(region="eastus")], order, region="eastus") == 8


def test_of_two_alike_the_later_in_the_file_applies() -> None:
    """An addition at the end of the file corrects what stands above."""
    assert paid([listed()], [off(20), off(30)]) == 7


def test_a_discount_holds_on_its_days_and_the_next_one_takes_over() -> None:
    """A campaign of some months does not end the discount of the year."""
    discounts = [off(10), off(50, model="gpt-4o", valid_from="2026-03-01", valid_to="2026-06-01")]
    months = {2: 9, 3: 5, 5: 5, 6: 9}
    for month, expected in months.items():
        at = datetime(2026, month, 1, tzinfo=UTC)
        assert paid([listed()], discounts, at=at) == expected


def test_validity_is_what_list_and_discount_share() -> None:
    """A price that the list ended is not kept alive by the contract."""
    ended = listed(valid_to=datetime(2026, 6, 1, tzinfo=UTC))
    (made,) = contract_rates([ended], [off(10, valid_from="2026-02-01")], "1")
    assert (made.valid_from, made.valid_to) == (datetime(2026, 2, 1, tzinfo=UTC), ended.valid_to)


def test_a_discount_for_a_place_inside_is_for_that_place() -> None:
    """A regional discount on a price for everywhere leaves the other regions at the list price."""
    discounts = [off(20, region="Sweden Central")]
    assert paid([listed()], discounts, region="swedencentral") == 8
    assert paid([listed()], discounts, region="eastus") == 10
    assert paid([listed(region="eu")], discounts, region="swedencentral") == 8
    assert paid([listed(region="swedencentral")], [off(20, region="eu")],
                region="swedencentral") == 8  # fmt: skip
    assert paid([listed(region="us")], [off(20, region="eu")], region="eastus") == 10


def test_a_discount_for_a_version_is_for_that_version() -> None:
    """A dated model in the file is not a discount on the other versions."""
    discounts = [off(20, model="gpt-4o-2024-11-20")]
    for rates in ([listed()], [listed(model_version="1120"), listed(model_version="0513")]):
        assert paid(rates, discounts, response_model="gpt-4o-2024-11-20") == 8
        assert paid(rates, discounts, response_model="gpt-4o-2024-05-13") == 10


def test_batches_are_a_tier_of_global_deployments() -> None:
    """A discount on batches reaches what the list sells as batches, and nothing else."""
    rates = [listed(5, service_tier="batch"), listed(10)]
    assert paid(rates, [off(10, deployment_type="batch")], deployment_type="batch") == Decimal(
        "4.5"
    )
    assert paid(rates, [off(10, deployment_type="batch")]) == 10


def test_reservations_are_discounted_only_by_name() -> None:
    """What was agreed for a reservation is not made cheaper once more by a general discount."""
    reserved = listed(meter="provisioned", model="*", service_tier="reservation_1_year")
    assert contract_rates([reserved], [off(10)], "1") == []
    assert contract_rates([reserved], [off(10, service_tier="reservation_1_year")], "1")


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.builds(
            off,
            st.integers(0, 100),
            model=st.sampled_from([None, "gpt-4o", "gpt-*", "o3"]),
            region=st.sampled_from([None, "eu", "swedencentral", "eastus"]),
            valid_from=st.sampled_from([None, "2026-02-01", "2026-06-01"]),
            valid_to=st.sampled_from([None, "2026-07-01", "2026-12-01"]),
        ),
        max_size=4,
    ),
    st.sampled_from([None, "eu", "swedencentral"]),
    st.integers(2, 12),
)
def test_what_is_paid_is_the_list_price_less_one_discount(
    discounts: list[Discount], region: str | None, month: int
) -> None:
    """However discounts overlap, the most specific that holds there and then is taken, alone."""
    at = datetime(2026, month, 15, tzinfo=UTC)
    of_list = listed(region=region)
    holding = [
        (one.specificity(), number, one.percent)
        for number, one in enumerate(discounts)
        if one.concerns(of_list)
        and one.covers("swedencentral")
        and (one.valid_from is None or one.valid_from <= at.date())
        and (one.valid_to is None or at.date() < one.valid_to)
    ]
    percent = max(holding)[2] if holding else Decimal(0)
    expected = Decimal(10) * (100 - percent) / 100
    assert paid([of_list], discounts, region="swedencentral", at=at) == expected


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"percent": 101}, "percent"),
        ({"percent": -1}, "percent"),
        ({"name": ""}, "name"),
        ({"model": ""}, "model"),
        ({"meter": "tokens"}, "meter"),
        ({"deployment_type": "ptu"}, "deployment_type"),
        ({"modle": "gpt-4o"}, "modle"),
        ({"valid_from": "2026-02-01", "valid_to": "2026-02-01"}, "valid_to"),
    ],
)
def test_a_wrong_discount_is_refused(fields: dict[str, Any], complaint: str) -> None:
    """A discount that can never apply, or says what it cannot mean, stops the start."""
    with pytest.raises(ValueError, match=complaint):
        Discount.model_validate({"name": "EA", "percent": 10, **fields})


def test_a_discount_for_a_version_is_taken_off_the_versions_own_price() -> None:
    """A newer price of the other versions does not become the price of this one."""
    own = listed(5, model_version="2024-05-13")
    others = listed("2.5", valid_from=datetime(2026, 3, 1, tzinfo=UTC))
    contract = [off(10, model="gpt-4o-2024-05-13")]
    assert paid([own, others], contract, response_model="gpt-4o-2024-05-13") == Decimal("4.5")


def test_a_discount_for_a_region_is_taken_off_the_regions_own_price() -> None:
    """A newer price of the zone around it does not become the region's."""
    own = listed(12, region="swedencentral")
    zone = listed(10, region="eu", valid_from=datetime(2026, 3, 1, tzinfo=UTC))
    contract = [off(10, region="swedencentral")]
    assert paid([own, zone], contract, region="swedencentral") == Decimal("10.8")
