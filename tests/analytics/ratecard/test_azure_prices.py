"""Azure's price list: regions put together, days told apart."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from analytics.ratecard.azure_prices import read_price_list


def item(price: float, *regions: str, since: str = "2025-04-01") -> dict[str, Any]:
    """An entry of the list for gpt-4.1's input."""
    return {
        "meterName": "gpt 4.1 Inp regnl Tokens",
        "productName": "Azure OpenAI",
        "unitOfMeasure": "1K",
        "retailPrice": price,
        "effectiveStartDate": f"{since}T00:00:00Z",
        "regions": list(regions),
    }


def places(*items: dict[str, Any]) -> dict[str | None, Decimal]:
    """Price per thousand by place."""
    return {rate.region: rate.price * 1000 for rate in read_price_list(items, "1")}


def test_one_price_everywhere_is_one_rate() -> None:
    """A later day with the same price is a region that came later, no change."""
    rates = read_price_list(
        [item(0.002, "eastus"), item(0.002, "westeurope", since="2026-01-01")], "1"
    )
    (rate,) = rates
    assert (rate.region, rate.price) == (None, Decimal("0.000002"))
    assert (rate.valid_from, rate.valid_to) == (datetime(2025, 4, 1, tzinfo=UTC), None)


def test_a_zone_with_one_price_is_one_rate() -> None:
    """Europe and the United States are told as zones, the rest by region."""
    found = places(
        item(0.002, "eastus", "westus"),
        item(0.0022, "westeurope", "swedencentral"),
        item(0.0024, "japaneast"),
        item(0.0025, "koreacentral"),
    )
    assert found == {
        "us": Decimal("0.002"),
        "eu": Decimal("0.0022"),
        "japaneast": Decimal("0.0024"),
        "koreacentral": Decimal("0.0025"),
    }


def test_a_zone_of_several_prices_is_told_by_region() -> None:
    """No region gets its neighbour's price."""
    found = places(item(0.002, "westeurope"), item(0.003, "swedencentral"), item(1, "eastus"))
    assert found == {
        "westeurope": Decimal("0.002"),
        "swedencentral": Decimal("0.003"),
        "us": Decimal(1),
    }


def test_azure_government_does_not_divide_the_rest() -> None:
    """Its own prices do not make everybody else's ambiguous."""
    found = places(item(0.002, "eastus", "westeurope"), item(0.0025, "usgovvirginia"))
    assert found == {None: Decimal("0.002"), "usgovvirginia": Decimal("0.0025")}


def test_a_changed_price_ends_where_the_next_begins() -> None:
    """Usage is priced by its day: the list may hold past and coming prices."""
    rates = read_price_list(
        [
            item(0.003, "eastus", "westus", since="2025-01-01"),
            item(0.002, "eastus", "westus", since="2026-02-01"),
        ],
        "1",
    )
    change = datetime(2026, 2, 1, tzinfo=UTC)
    assert [(rate.price * 1000, rate.valid_to) for rate in rates] == [
        (Decimal("0.003"), change),
        (Decimal("0.002"), None),
    ]
    assert rates[1].valid_from == change


def test_a_free_meter_is_no_price() -> None:
    """Zero in the list is a placeholder, and unpriced is better than free."""
    assert read_price_list([item(0, "eastus")], "1") == []
