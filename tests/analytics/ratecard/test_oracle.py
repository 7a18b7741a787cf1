"""Our prices against those of two packages that nobody here wrote.

`azure-genai-prices` reads the same list as we do with a parser and an arithmetic of its own;
`genai-prices` keeps a list by hand, which knows nothing of deployment types and regions. Where one
of them says something else, the difference is written down here with its reason.
"""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from importlib import resources
from typing import Final

import azure_genai_prices as azure
import genai_prices
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from analytics.load.price import LONG_CONTEXT_TOKENS
from analytics.ratecard.azure_meters import units_per_price
from analytics.ratecard.card import RateCard
from analytics.ratecard.models import split_model
from analytics.ratecard.rate import Sheet, Use
from analytics.ratecard.sources import gather_rates

NOW: Final = datetime(2026, 11, 21, tzinfo=UTC)
MODELS: Final = (
    "gpt-4o", "gpt-4o-0513", "gpt-4o-1120", "gpt-4o-mini-0718", "gpt-4.1", "gpt-4.1-mini",
    "gpt-4.1-nano", "gpt-5", "gpt-5-mini", "gpt-5-nano", "gpt-5.1", "gpt-5.4", "gpt-5-codex",
    "gpt-5.6-luna", "o1", "o3-mini-0131", "o3-0416", "o4-mini-0416", "text-embedding-3-large",
    "deepseek-v3.1", "grok-4", "mistral-large-3",
)  # fmt: skip
THEY_PRICE_OTHERWISE: Final = {
    # A meter's name has a typing error, `ccchd`, which they take for a part of the model.
    ("gpt-5-codex", "cached_input"),
}
GENAI_DIFFERS: Final = {
    # Cheaper since the day that azure-genai-prices saved Azure's list; an import brings it.
    "gpt-5.6-luna": {"input", "cached_input", "output"},
    "gpt-5.6-sol": {"input", "cached_input", "output"},
    "gpt-5.6-terra": {"input", "cached_input", "output"},
    # They know no price of another provider's hosting than that of the cheapest.
    "gpt-oss-120b": {"input", "cached_input", "output"},
    # What comes out of these is pictures and sound, which have meters of their own here.
    "gpt-image-1": {"output"},
    "gpt-image-1-mini": {"output"},
    "gpt-image-2": {"output"},
    "gpt-4o-mini-tts": {"output"},
    # Azure's list has a price for cached input, theirs has none.
    "o1-pro": {"cached_input"},
}


@dataclass(frozen=True, slots=True)
class Asked:
    """A request of random size at a random place."""

    model: str
    deployment: str
    mode: str
    region: str | None
    input_tokens: int
    cached_tokens: int
    output_tokens: int


@cache
def card() -> RateCard:
    """The card of the published lists."""
    return RateCard(gather_rates(None))


@cache
def raw_prices() -> dict[str, set[Decimal]]:
    """What the list says a token of each meter costs, straight from its file."""
    text = resources.files("azure_genai_prices.data").joinpath("snapshot.json").read_text("utf-8")
    prices: dict[str, set[Decimal]] = {}
    for item in json.loads(text)["items"]:
        units = units_per_price(item["unitOfMeasure"], "input")
        if units is not None:
            price = Decimal(str(item["retailPrice"])) / units
            prices.setdefault(item["meterName"], set()).add(price)
    return prices


@st.composite
def requests(draw: st.DrawFn) -> Asked:
    """Requests of the models that people use, in regions that the list names for them."""
    model = draw(st.sampled_from(MODELS))
    tokens = draw(st.integers(0, 400_000))
    return Asked(
        model=model,
        deployment=draw(st.sampled_from(["global", "data_zone", "regional"])),
        mode=draw(st.sampled_from(["standard", "standard", "batch", "priority"])),
        region=draw(st.sampled_from([None, *azure.list_regions(model)])),
        input_tokens=tokens,
        cached_tokens=draw(st.integers(0, tokens)),
        output_tokens=draw(st.integers(0, 50_000)),
    )


def ours(asked: Asked) -> Sheet:
    """The rates by which we charge it."""
    return card().sheet(
        Use(
            NOW,
            response_model=asked.model,
            deployment_type=asked.deployment,
            region=asked.region,
            service_tier=asked.mode,
            long_context=asked.input_tokens > LONG_CONTEXT_TOKENS,
        )
    )


def quantities(asked: Asked) -> dict[str, int]:
    """What the request used, by meter; the parts are no part of the whole."""
    used = {
        "input": asked.input_tokens - asked.cached_tokens,
        "cached_input": asked.cached_tokens,
        "output": asked.output_tokens,
    }
    return {meter: count for meter, count in used.items() if count}


def theirs(asked: Asked) -> Decimal | None:
    """What they charge; None when they do not know."""
    usage = azure.Usage(
        input_tokens=asked.input_tokens,
        cache_read_tokens=asked.cached_tokens,
        output_tokens=asked.output_tokens,
    )
    try:
        price = azure.calc_price(
            usage, asked.model, deployment=asked.deployment, mode=asked.mode, region=asked.region
        )
    except azure.AzurePricesError:
        return None
    total: Decimal = price.total_cost
    return total


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@given(requests())
def test_a_request_costs_what_another_reader_of_the_list_says(asked: Asked) -> None:
    """Where both know the price it is the same, and we know it wherever they do."""
    used = quantities(asked)
    assume(not any((asked.model, meter) in THEY_PRICE_OTHERWISE for meter in used))
    charged = theirs(asked)
    if charged is not None:
        rates: dict[str, Decimal] = {name: r.price for name, r in ours(asked).rates.items()}
        assert set(used) <= set(rates)
        assert sum(count * rates[meter] for meter, count in used.items()) == charged


@pytest.mark.parametrize("deployment", ["global", "data_zone", "regional"])
def test_every_unit_price_is_theirs_and_stands_in_the_list(deployment: str) -> None:
    """Meter by meter, tier by tier: what they know we know alike, and ours is a row of the list."""
    one_of = {"input": (1, 0, 0), "cached_input": (1, 1, 0), "output": (0, 0, 1)}
    wrong: list[tuple[object, ...]] = []
    for model, mode in itertools.product(MODELS, ("standard", "batch", "priority")):
        for region in (None, *sorted(azure.list_regions(model))[::9]):
            for meter, counts in one_of.items():
                asked = Asked(model, deployment, mode, region, *counts)
                charged = theirs(asked)
                rate = {str(name): r for name, r in ours(asked).rates.items()}.get(meter)
                if rate is not None and rate.price not in raw_prices()[rate.source_name or ""]:
                    wrong.append((asked, meter, "not in the list", rate))
                if (model, meter) in THEY_PRICE_OTHERWISE or charged is None:
                    continue
                if rate is None or rate.price != charged:
                    wrong.append((asked, meter, charged, rate))
    assert wrong == []


@pytest.mark.parametrize(("model", "meter"), sorted(THEY_PRICE_OTHERWISE))
def test_documented_differences_are_still_there(model: str, meter: str) -> None:
    """A difference that went away is no longer written down."""
    asked = Asked(model, "global", "standard", None, 1000, 1000 if "cached" in meter else 0, 0)
    rates = {str(name): rate for name, rate in ours(asked).rates.items()}
    assert theirs(asked) != 1000 * rates[meter].price


def test_global_prices_are_those_of_a_list_kept_by_hand() -> None:
    """Global deployments cost what OpenAI's models are known to cost, meter by meter."""
    found: dict[str, set[str]] = {}
    compared = 0
    for model in sorted({rate.model for rate in card().rates if rate.source.startswith("azure")}):
        if not model.startswith(("gpt-", "o1", "o3", "o4", "text-embedding")):
            continue
        for meter, price in _by_hand(model).items():
            sheet = card().sheet(Use(NOW, response_model=model))
            rate = {str(name): one for name, one in sheet.rates.items()}.get(meter)
            compared += rate is not None
            if rate is None and sheet.reasons.get("input") == "version_unknown":
                continue
            if rate is None or rate.price != price:
                found.setdefault(model, set()).add(meter)
    assert compared > 60
    assert found == GENAI_DIFFERS


def _by_hand(model: str) -> dict[str, Decimal]:
    """What a token of each meter costs by `genai-prices`, of what it prices."""
    usages = {
        "input": genai_prices.Usage(input_tokens=1000),
        "cached_input": genai_prices.Usage(input_tokens=1000, cache_read_tokens=1000),
        "output": genai_prices.Usage(output_tokens=1000),
    }
    prices = {}
    for meter, usage in usages.items():
        try:
            price = genai_prices.calc_price(
                usage, model, provider_id="azure", genai_request_timestamp=NOW
            )
        except LookupError:
            continue
        if price.total_price:
            prices[meter] = price.total_price / 1000
    return prices


@pytest.mark.parametrize(
    ("deployment", "region", "charged"),
    [
        ("global", "swedencentral", "2.875"),
        ("data_zone", "swedencentral", "3.1625"),
    ],
)
def test_the_known_example_of_both(deployment: str, region: str, charged: str) -> None:
    """A million tokens into gpt-4o, half of them cached, and 100,000 out, in both places."""
    asked = Asked("gpt-4o-1120", deployment, "standard", region, 10**6, 500_000, 100_000)
    sheet = card().sheet(
        Use(NOW, response_model="gpt-4o-2024-11-20", deployment_type=deployment, region=region)
    )
    rates = {str(name): rate.price for name, rate in sheet.rates.items()}
    total = sum(count * rates[meter] for meter, count in quantities(asked).items())
    assert total == theirs(asked) == Decimal(charged)
    assert split_model("gpt-4o-2024-11-20") == ("gpt-4o", "2024-11-20")
