"""Choosing among rates of several sources when the use does not say its region or version."""

from __future__ import annotations

from decimal import Decimal

from analytics.ratecard.choose import by_precedence
from tests.analytics.ratecard.made_rates import price, rate


def test_sources_come_in_order_of_who_knows_the_bill_best() -> None:
    """Your file, your contract, the list you imported, the one installed, the stand-ins."""
    sources = ("genai-prices", "builtin", "azure-genai-prices", "azure-retail", "contract", "file")
    groups = by_precedence(rate(1, source=source) for source in sources)
    assert [group[0].source for group in groups] == list(reversed(sources))


def test_a_contract_is_off_the_list_that_wins() -> None:
    """With two lists the discount on the newer, imported one is what is billed."""
    old = rate(2, source="contract", list_rate_id="azure-genai-prices:1")
    new = rate(3, source="contract", list_rate_id="azure-retail:1", valid_from=old.valid_from)
    assert price([old, new]) == 3


def test_one_regions_own_price_is_not_that_of_an_unknown_region() -> None:
    """A request of which nobody knows the region is not given Sweden's price."""
    own = rate(1, source="file", region="swedencentral")
    assert price([own, rate(2)]) == "region_unknown"
    assert price([own, rate(1)]) == 1
    assert price([own, rate(2)], region="eastus") == 2


def test_regions_that_a_contract_makes_equal_are_equal() -> None:
    """What counts is what every region would pay, not how many rates say it."""
    lists = [rate(3, region="eu"), rate(3, region="us")]
    contract = [
        rate("2.7", source="contract", region=one.region, list_rate_id=one.rate_id) for one in lists
    ]
    assert price([*lists, *contract]) == Decimal("2.7")
    assert price([*lists, contract[0]]) == "region_unknown"


def test_one_versions_own_price_is_not_that_of_another() -> None:
    """An entry for one version leaves the others, and requests that name none, to the lists."""
    own = rate(1, source="file", model_version="2024-11-20")
    lists = [rate(2, model_version="1120"), rate(5, model_version="0513")]
    assert price([own, *lists], response_model="gpt-4o-2024-11-20") == 1
    assert price([own, *lists], response_model="gpt-4o-2024-05-13") == 5
    assert price([own, *lists]) == "version_unknown"
    assert price([own, rate(2)]) == "version_unknown"


def test_equal_prices_in_two_currencies_are_not_equal() -> None:
    """Two euros are not two dollars."""
    regions = [rate(2, region="eu", currency="EUR"), rate(2, region="us")]
    assert price(regions) == "region_unknown"
