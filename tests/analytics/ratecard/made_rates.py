"""Made-up rates for tests of the rate card."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from analytics.ratecard.card import RateCard
from analytics.ratecard.rate import Rate, Sheet, Use
from analytics.ratecard.rate_id import rate_id

if TYPE_CHECKING:
    from collections.abc import Sequence

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def rate(price: float | str, **fields: Any) -> Rate:
    """A rate of gpt-4o's input on global deployments, unless said otherwise."""
    usual: dict[str, Any] = {
        "model": "gpt-4o", "meter": "input", "deployment_type": "global",
        "valid_from": NOW - timedelta(days=100), "source": "azure-genai-prices",
        "source_version": "1",
    }  # fmt: skip
    return rate_id(Rate(rate_id="", price=Decimal(str(price)), **(usual | fields)))


def sheet(rates: Sequence[Rate], **use: Any) -> Sheet:
    """What a request to gpt-4o is charged by."""
    asked: dict[str, Any] = {"at": NOW, "response_model": "gpt-4o", **use}
    return RateCard(rates).sheet(Use(**asked))


def price(rates: Sequence[Rate], **use: Any) -> Decimal | str:
    """What the input of a request costs by these rates, or why it has no price."""
    found = sheet(rates, **use)
    applied = found.rates.get("input")
    return applied.price if applied else found.reasons["input"]
