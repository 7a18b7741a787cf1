"""What tokens would have cost by the token, had they not gone through provisioned throughput."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from analytics.ratecard.rate import Use

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from analytics.provisioned.block import Block
    from analytics.ratecard.card import RateCard
    from analytics.ratecard.rate import Meter


@dataclass(frozen=True, slots=True)
class Tokens:
    """Tokens of one price: what the choice of a rate depends on, and how many by meter."""

    day: datetime
    model: str | None
    model_version: str | None
    region: str | None
    service_tier: str | None
    long_context: bool
    by_meter: Mapping[Meter, Decimal] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Price:
    """A sum, and how many tokens are missing from it because no rate has them."""

    cost: Decimal = Decimal(0)
    unpriced_tokens: Decimal = Decimal(0)

    def __add__(self, other: Price) -> Price:
        return Price(self.cost + other.cost, self.unpriced_tokens + other.unpriced_tokens)


def price_by_token(card: RateCard, block: Block, tokens: Tokens) -> Price:
    """What tokens of a block cost at the rate card's prices of the block's reach."""
    model = tokens.model or block.model
    use = Use(
        at=tokens.day,
        response_model=f"{model}-{tokens.model_version}" if tokens.model_version else model,
        deployment_type=block.compared_with,
        region=block.region or tokens.region,
        service_tier=tokens.service_tier,
        long_context=tokens.long_context,
    )
    rates = card.sheet(use).rates
    cost = unpriced = Decimal(0)
    for meter, quantity in tokens.by_meter.items():
        rate = rates.get(meter)
        if rate is None or rate.currency != block.currency:
            unpriced += quantity
        else:
            cost += quantity * rate.price
    return Price(cost, unpriced)
