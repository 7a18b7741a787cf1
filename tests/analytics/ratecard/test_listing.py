"""The rate card as people look at it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from analytics.ratecard.card import RateCard
from analytics.ratecard.contract import contract_rates
from analytics.ratecard.discounts import Discount
from analytics.ratecard.listing import current, explain, rates_frame
from analytics.ratecard.rate import Use
from analytics.ratecard.sources import gather_rates
from tests.analytics.ratecard.made_rates import NOW, rate


@pytest.fixture(scope="module")
def card() -> RateCard:
    """The card of the published lists."""
    return RateCard(gather_rates(None))


def test_prices_are_shown_per_what_is_usual(card: RateCard) -> None:
    """People compare dollars per million tokens, programs multiply by single ones."""
    frame = rates_frame(current(card.rates, NOW))
    shown = frame.filter(
        (frame["model"] == "gpt-4.1-mini")
        & (frame["meter"] == "input")
        & (frame["deployment_type"] == "global")
        & (frame["service_tier"] == "standard")
    ).row(0, named=True)
    assert (shown["price_per"], shown["currency"], shown["per"]) == (
        Decimal("0.4"), "USD", "1M tokens",
    )  # fmt: skip
    assert (shown["price"], shown["unit"]) == (Decimal("0.0000004"), "token")
    hour = frame.filter(frame["model"] == "whisper").row(0, named=True)
    assert hour["per"] == "hour of audio"
    assert hour["price_per"].quantize(Decimal("0.01")) == Decimal("0.36")


def test_an_explanation_names_the_rate_and_why_others_do_not_apply(card: RateCard) -> None:
    """Who doubts a price sees every rate of the model, each with its reason."""
    frame = explain(card, Use(NOW, response_model="gpt-4.1-mini", region="swedencentral"))
    applies = frame.filter(frame["verdict"] == "applies")
    by_meter = dict(zip(applies["meter"], applies["price_per"], strict=True))
    assert by_meter["input"] == by_meter["cache_write"] == Decimal("0.4")
    whys = set(frame.filter(frame["verdict"] == "passed over")["why"])
    assert {"is for type data_zone", "is for the service tier batch"} <= whys
    assert "" not in whys
    assert set(applies["why"]) == {"Azure's list", "billed as input: Azure's list"}


def test_an_explanation_shows_the_list_price_and_the_contract() -> None:
    """A cheaper price stands beside the one it was made of, with the contract's name."""
    listed = rate("0.000002", region="eu")
    off = Discount(name="EA 2026", percent=Decimal(12))
    rates = [listed, *contract_rates([listed], [off], "1"), rate(1, source="genai-prices")]
    frame = explain(RateCard(rates), Use(NOW, response_model="gpt-4o", region="westeurope"))
    winner = frame.filter((frame["meter"] == "input") & (frame["verdict"] == "applies"))
    told = winner.select("why", "price_per", "list_price_per", "source", "list_rate_id").row(0)
    assert told == (
        "EA 2026: 12 % off", Decimal("1.76"), Decimal(2), "contract", listed.rate_id,
    )  # fmt: skip
    lost = frame.filter((frame["meter"] == "input") & (frame["verdict"] == "passed over"))
    assert dict(zip(lost["source"], lost["why"], strict=True)) == {
        "azure-genai-prices": "contract comes first",
        "genai-prices": "contract comes first",
    }


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"region": "eastus"}, "is for eastus"),
        ({"model_version": "0513"}, "is for version 0513"),
        ({"currency": "EUR"}, "is in EUR"),
        ({"source": "genai-prices"}, "file comes first"),
        ({"source": "file", "region": "eu"}, "another one fits better"),
    ],
)
def test_a_rate_that_lost_says_what_made_the_difference(fields: dict[str, Any], why: str) -> None:
    """Every rate that fits but is not the one has a reason of its own."""
    winner = rate(2, source="file", region="swedencentral", model_version="2024-11-20")
    asked = Use(NOW, response_model="gpt-4o-2024-11-20", region="swedencentral")
    loser = rate(3, **({"model_version": "2024-11-20"} | fields))
    frame = explain(RateCard([winner, loser]), asked)
    lost = frame.filter((frame["meter"] == "input") & (frame["verdict"] == "passed over"))
    assert lost["why"].to_list() == [why]


@pytest.mark.parametrize(
    ("use", "reason"),
    [
        (Use(NOW, response_model="gpt-99"), "unknown_model"),
        (Use(NOW, response_model="gpt-4o", deployment_type="regional"), "region_unknown"),
        (Use(NOW), "unknown_model"),
    ],
)
def test_an_explanation_says_why_there_is_no_price(card: RateCard, use: Use, reason: str) -> None:
    """Without a price the reason is the answer."""
    frame = explain(card, use)
    assert reason in set(frame.filter(frame["verdict"] == "unpriced")["why"])
    assert "applies" not in set(frame["verdict"])
