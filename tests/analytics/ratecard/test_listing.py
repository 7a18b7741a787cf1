"""The rate card as people look at it."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from analytics.ratecard.card import RateCard
from analytics.ratecard.listing import current, explain, rates_frame
from analytics.ratecard.rate import Use
from analytics.ratecard.sources import gather_rates

NOW = datetime(2026, 11, 21, tzinfo=UTC)


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
    assert (shown["usd"], shown["per"]) == (Decimal("0.4"), "1M tokens")
    assert (shown["price"], shown["unit"]) == (Decimal("0.0000004"), "token")
    hour = frame.filter(frame["model"] == "whisper").row(0, named=True)
    assert hour["per"] == "hour"
    assert hour["usd"].quantize(Decimal("0.01")) == Decimal("0.36")


def test_an_explanation_names_the_rate_and_why_others_do_not_apply(card: RateCard) -> None:
    """Who doubts a price sees every rate of the model, each with its reason."""
    frame = explain(card, Use(NOW, response_model="gpt-4.1-mini", region="swedencentral"))
    applies = frame.filter(frame["verdict"] == "applies")
    by_meter = dict(zip(applies["meter"], applies["usd"], strict=True))
    assert by_meter["input"] == by_meter["cache_write"] == Decimal("0.4")
    whys = set(frame.filter(frame["verdict"] == "passed over")["why"])
    assert {"is for type data_zone", "is for the service tier batch"} <= whys
    assert "" not in whys


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
