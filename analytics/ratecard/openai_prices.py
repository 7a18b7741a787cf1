"""Rates from `genai-prices`: OpenAI's list prices, for models that Azure's price list lacks.

They are taken for global deployments, whose prices Azure keeps level with OpenAI's, and for those
only. Each says `openai` as its provider, so that a stand-in can be told from Azure's own price.
"""

from __future__ import annotations

from datetime import UTC, datetime, time
from decimal import Decimal
from importlib import metadata
from typing import TYPE_CHECKING, Final

from analytics.ratecard.models import split_model
from analytics.ratecard.rate import Rate
from analytics.ratecard.rate_id import rate_id

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from genai_prices.types import ModelInfo, ModelPrice

    from analytics.ratecard.rate import Meter

SOURCE: Final = "genai-prices"
_LONG_CONTEXT: Final = 272_000
_ALWAYS: Final = datetime(2020, 1, 1, tzinfo=UTC)
_MILLION: Final = Decimal(1_000_000)
_FIELDS: Final[tuple[tuple[str, Meter, Decimal], ...]] = (
    ("input_mtok", "input", _MILLION),
    ("cache_read_mtok", "cached_input", _MILLION),
    ("cache_write_mtok", "cache_write", _MILLION),
    ("input_audio_mtok", "audio_input", _MILLION),
    ("input_image_mtok", "image_input", _MILLION),
    ("output_mtok", "output", _MILLION),
    ("output_audio_mtok", "audio_output", _MILLION),
    ("output_image_mtok", "image_output", _MILLION),
    ("input_mchars", "character", _MILLION),
    ("input_audio_hours", "second", Decimal(3600)),
)


def openai_source_version() -> str:
    """The package's version; its prices are part of it."""
    return metadata.version(SOURCE)


def openai_rates(known: Collection[str]) -> list[Rate]:
    """List prices of the models that are not among `known`."""
    from genai_prices.data import providers

    models = next(provider.models for provider in providers if provider.id == "openai")
    return [rate for model in models for rate in _of_model(model, known)]


def _of_model(model: ModelInfo, known: Collection[str]) -> Iterator[Rate]:
    name, version = split_model(model.id)
    if name in known:
        return
    periods = _periods(model)
    ends = [start for start, _ in periods[1:]] + [None]
    for (start, prices), end in zip(periods, ends, strict=True):
        for field, meter, units in _FIELDS:
            for tier, price in _tiers(getattr(prices, field, None)):
                yield rate_id(
                    Rate(
                        rate_id="",
                        provider="openai",
                        model=name,
                        model_version=version,
                        meter=meter,
                        price=price / units,
                        valid_from=start,
                        valid_to=end,
                        deployment_type="global",
                        context_tier=tier,
                        source=SOURCE,
                        source_version=openai_source_version(),
                        source_name=f"{model.id} {field}",
                    )
                )


def _periods(model: ModelInfo) -> list[tuple[datetime, ModelPrice]]:
    """The model's prices, each with the day it began."""
    if not isinstance(model.prices, list):
        return [(_ALWAYS, model.prices)]
    periods = []
    for conditional in model.prices:
        day = getattr(conditional.constraint, "start_date", None)
        if conditional.constraint is None or day is not None:
            start = datetime.combine(day, time(), UTC) if day else _ALWAYS
            periods.append((start, conditional.prices))
    return sorted(periods, key=lambda period: period[0])


def _tiers(price: object) -> Iterator[tuple[str, Decimal]]:
    if isinstance(price, Decimal):
        yield "standard", price
    elif price is not None:
        yield "standard", price.base  # type: ignore[attr-defined] # TieredPrices
        for tier in price.tiers:  # type: ignore[attr-defined] # TieredPrices
            if tier.start == _LONG_CONTEXT:
                yield "long", tier.price
