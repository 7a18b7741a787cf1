"""Which rate applies: precedence, and never a guess."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from analytics.ratecard.card import RateCard
from analytics.ratecard.rate import Use
from analytics.ratecard.rate_id import rate_id
from analytics.types import Deployment
from tests.analytics.ratecard.made_rates import NOW, price, rate, sheet


def test_your_own_file_wins_over_the_lists() -> None:
    """A negotiated price is the price, also where a list is more specific."""
    rates = [rate(3, source="file", deployment_type=None), rate(2), rate(1, source="genai-prices")]
    assert price(rates) == 3
    assert price(rates[1:]) == 2


def test_the_file_wins_for_what_it_names_and_no_more() -> None:
    """An entry for one region leaves the others to the lists."""
    rates = [rate(3, source="file", region="swedencentral"), rate(2)]
    assert price(rates, region="swedencentral") == 3
    assert price(rates, region="eastus") == 2


def test_a_version_has_its_own_price() -> None:
    """A dated model takes its version's rate, in whichever spelling."""
    rates = [rate(5, model_version="0513"), rate(2.5, model_version="1120")]
    assert price(rates, response_model="gpt-4o-2024-05-13") == 5
    assert price(rates, response_model="gpt-4o-2024-11-20") == Decimal("2.5")


def test_a_version_without_a_rate_takes_the_one_without_a_version() -> None:
    """A new version is not unpriced while the model has a general rate."""
    rates = [rate(5, model_version="0513"), rate(2)]
    assert price(rates, response_model="gpt-4o-2026-01-01") == 2


def test_versions_that_cost_differently_do_not_stand_in_for_another() -> None:
    """Without the version nobody knows which price it was."""
    rates = [rate(5, model_version="0513"), rate(2, model_version="1120")]
    assert price(rates) == "version_unknown"
    assert price([rate(2, model_version="0806"), rate(2, model_version="1120")]) == 2


def test_a_region_wins_over_its_zone_and_that_over_everywhere() -> None:
    """The nearest price applies."""
    everywhere, zone, here = rate(1), rate(2, region="eu"), rate(3, region="swedencentral")
    assert price([everywhere, zone, here], region="Sweden Central") == 3
    assert price([everywhere, zone, here], region="westeurope") == 2
    assert price([everywhere, zone, here], region="eastus") == 1
    assert price([zone, here], region="eastus") == "no_rate_in_region"


def test_an_unknown_region_is_priced_only_when_regions_agree() -> None:
    """No region's price is guessed."""
    assert price([rate(2, region="eu"), rate(2, region="us")]) == 2
    assert price([rate(2, region="eu"), rate(3, region="us")]) == "region_unknown"
    assert price([rate(2), rate(3, region="usgovvirginia")]) == 2


def test_deployment_types_and_tiers_do_not_stand_in_for_each_other() -> None:
    """A data zone costs more than global; nobody is billed the other's price."""
    assert price([rate(2)], deployment_type="data_zone") == "no_rate"
    assert price([rate(2)], service_tier="priority") == "no_rate"
    assert price([rate(1, service_tier="batch")], deployment_type="batch") == 1
    assert price([rate(1, deployment_type="batch")], deployment_type="batch") == 1
    in_zone = rate(3, deployment_type="data_zone", service_tier="batch")
    assert price([rate(1, service_tier="batch"), in_zone], deployment_type="data_zone_batch") == 3
    assert price([rate(1, service_tier="batch"), in_zone], deployment_type="batch") == 1
    assert price([rate(2)], service_tier="auto") == 2


def test_a_long_context_has_its_price_where_there_is_one() -> None:
    """Models without a long-context price cost the same at any length."""
    long = rate(4, context_tier="long")
    assert price([rate(2), long], long_context=True) == 4
    assert price([rate(2), long]) == 2
    assert price([rate(2)], long_context=True) == 2


def test_a_rate_holds_on_its_days() -> None:
    """From the first day on, and no longer on the last."""
    rates = [rate(3, valid_to=NOW), rate(2, valid_from=NOW)]
    assert price(rates) == 2
    assert price(rates, at=NOW - timedelta(seconds=1)) == 3
    assert price(rates, at=NOW - timedelta(days=101)) == "no_rate"


def test_the_model_comes_from_configuration_then_answer_then_request() -> None:
    """Deployment names tell nothing, so configuration is asked first, and names that fit next."""
    card = RateCard(
        [rate(2), rate(7, model="o3")],
        [Deployment("prod", "o3", deployment_type="data_zone", region="westeurope")],
    )
    configured = card.sheet(Use(NOW, deployment="prod", response_model="gpt-4o"))
    assert (configured.model, configured.deployment_type, configured.region) == (
        "o3", "data_zone", "westeurope",
    )  # fmt: skip
    assert card.sheet(Use(NOW, response_model="gpt-4o", request_model="o3")).model == "gpt-4o"
    assert card.sheet(Use(NOW, response_model="x", request_model="o3")).model == "o3"
    assert card.sheet(Use(NOW, response_model="x", request_model="y")).model == "x"
    assert card.sheet(Use(NOW, deployment="gpt-4o")).model == "gpt-4o"
    assert card.sheet(Use(NOW)).reasons["input"] == "no_model"


def test_the_attempt_knows_better_than_configuration_where_it_went() -> None:
    """What the backend said of itself wins over what was written down about its deployment."""
    card = RateCard([rate(2)], [Deployment("prod", "gpt-4o", None, "data_zone", "westeurope")])
    sheet = card.sheet(Use(NOW, deployment="prod", deployment_type="global", region="eastus"))
    assert (sheet.deployment_type, sheet.region) == ("global", "eastus")


def test_made_up_names_cannot_fill_the_memory() -> None:
    """Callers may name any model; the card forgets old answers instead of keeping all."""
    card = RateCard([rate(2)])
    for number in range(10_050):
        card.sheet(Use(NOW, request_model=f"made-up-{number}"))
    assert len(card._sheets) <= 10_000
    assert card.sheet(Use(NOW, response_model="gpt-4o")).rates["input"].price == 2


@pytest.mark.parametrize("field", ["price", "region", "model_version", "valid_from", "meter"])
def test_a_rates_id_tells_what_it_says(field: str) -> None:
    """The same rate has the same id everywhere; another one never has."""
    one = rate(2)
    other: dict[str, Any] = {
        "price": Decimal(3), "region": "eu", "model_version": "1120", "valid_from": NOW,
        "meter": "output",
    }  # fmt: skip
    assert rate_id(replace(one, source_version="2", valid_to=NOW)).rate_id == one.rate_id
    assert rate_id(replace(one, **{field: other[field]})).rate_id != one.rate_id


def test_a_request_is_charged_in_one_currency() -> None:
    """The currency is that of the most preferred rate, and other currencies are not mixed in."""
    euros = rate(2, source="file", deployment_type=None, currency="EUR")
    dollars = rate(8, meter="output")
    charged = sheet([euros, dollars])
    assert (charged.currency, charged.rates["input"]) == ("EUR", euros)
    assert charged.reasons["output"] == "mixed_currencies"
    both = sheet([euros, dollars, rate(7, meter="output", source="genai-prices", currency="EUR")])
    assert both.rates["output"].price == 7
    assert sheet([dollars]).currency == "USD"


def test_a_part_is_billed_as_its_whole_rather_than_in_another_currency() -> None:
    """Cached tokens without a price in euros cost what input costs in euros, as Azure bills it."""
    euros = rate(2, source="file", currency="EUR")
    charged = sheet([euros, rate(1, meter="cached_input")])
    assert charged.rates["cached_input"] == euros


def test_what_costs_nothing_costs_nothing_in_any_currency() -> None:
    """Free meters neither decide the currency nor are left without a price by it."""
    free = rate(0, meter="output", source="file")
    charged = sheet([rate(2, currency="EUR"), free])
    assert (charged.currency, charged.rates["output"]) == ("EUR", free)
