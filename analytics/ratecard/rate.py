"""A rate: what one unit of one meter costs, where, when, and who says so."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, get_args

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from decimal import Decimal

Meter = Literal[
    "input",
    "cached_input",
    "cache_write",
    "audio_input",
    "image_input",
    "output",
    "audio_output",
    "image_output",
    "image",
    "second",
    "character",
    "provisioned",
]
METERS: Final[tuple[Meter, ...]] = (
    "input",
    "cached_input",
    "cache_write",
    "audio_input",
    "image_input",
    "output",
    "audio_output",
    "image_output",
    "image",
    "second",
    "character",
)
"""What a request uses."""
PROVISIONED: Final[Meter] = "provisioned"
"""A provisioned throughput unit for an hour: capacity, which no request uses up."""
UNITS: Final[Mapping[Meter, str]] = {
    **{meter: meter if meter in {"image", "second", "character"} else "token" for meter in METERS},
    PROVISIONED: "hour",
}
BATCHES: Final[Mapping[str, str]] = {"batch": "global", "data_zone_batch": "data_zone"}
"""Deployment types that the lists sell as the batch tier of another."""
Source = Literal[
    "file", "contract", "azure-retail", "azure-genai-prices", "builtin", "genai-prices"
]
SOURCES: Final[tuple[Source, ...]] = get_args(Source)
"""Where rates come from; an earlier source wins over a later one."""


@dataclass(frozen=True, slots=True)
class Rate:
    """One price. None in a dimension means that it holds for every value of it."""

    rate_id: str
    model: str
    meter: Meter
    price: Decimal
    valid_from: datetime
    source: Source
    source_version: str
    provider: str = "azure"
    model_version: str | None = None
    deployment_type: str | None = None
    region: str | None = None
    service_tier: str = "standard"
    context_tier: str = "standard"
    image_size: str | None = None
    image_quality: str | None = None
    currency: str = "USD"
    valid_to: datetime | None = None
    source_name: str | None = None
    list_price: Decimal | None = None
    """What the price list asks, where a contract made it cheaper; None: the price is the list's."""
    list_rate_id: str | None = None

    @property
    def unit(self) -> str:
        """What the price is for one of."""
        return UNITS[self.meter]


@dataclass(frozen=True, slots=True)
class Use:
    """What a request used, as far as the choice of its rates goes."""

    at: datetime
    deployment: str | None = None
    backend: str | None = None
    response_model: str | None = None
    request_model: str | None = None
    deployment_type: str | None = None
    region: str | None = None
    service_tier: str | None = None
    long_context: bool = False
    image_size: str | None = None
    image_quality: str | None = None


@dataclass(frozen=True, slots=True)
class Sheet:
    """What every meter costs for a use: a rate, or the reason why there is none."""

    model: str | None
    model_version: str | None
    deployment_type: str
    region: str | None
    rates: Mapping[Meter, Rate] = field(default_factory=dict)
    reasons: Mapping[Meter, str] = field(default_factory=dict)
    currency: str = "USD"
    """Of every rate here that is not zero."""
