"""Your own prices: a TOML file that wins over the price lists, with the discounts of your contract.

currency = "EUR"                    # of the prices below; default: USD

[[rates]]
model = "gpt-4o"                    # as the rate card names it, without the version
version = "2024-11-20"              # optional, as are all of the following
deployment_type = "data_zone"       # global, data_zone, regional, batch, ptu; default: any
region = "swedencentral"            # or a data zone, eu or us; default: any
service_tier = "standard"           # or batch, priority, flex
long_context = false                # true: only for requests of more than 272,000 input tokens
valid_from = 2026-01-01             # UTC; default: always
valid_to = 2027-01-01               # the first day it no longer holds
currency = "USD"                    # of this entry alone
per_million_tokens = { input = 2.20, cached_input = 1.10, output = 8.80 }

[[rates]]
model = "dall-e-3"
image_size = "1024x1024"
image_quality = "hd"
per_image = 0.07

[[rates]]
model = "whisper"
per_hour = 0.30                     # of audio

[[rates]]
model = "tts-1"
per_million_characters = 14

[[rates]]
model = "*"                         # any
deployment_type = "global"          # where the units are: global, data_zone, regional
per_ptu_hour = 0.90                 # one provisioned throughput unit for an hour

[[discounts]]                       # off Azure's list prices; see discounts.py
name = "EA 2026"
percent = 12
model = "gpt-4o*"                   # optional, as are meter, deployment_type, region,
                                    # service_tier, valid_from and valid_to
"""

from __future__ import annotations

import hashlib
import tomllib
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from analytics.errors import RateCardError
from analytics.ratecard.discounts import Discount
from analytics.ratecard.models import split_model
from analytics.ratecard.rate import PROVISIONED, Rate
from analytics.ratecard.rate_id import rate_id
from analytics.ratecard.regions import region_name
from gateway_hooks.event import DeploymentType

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from analytics.ratecard.rate import Meter

SOURCE: Final = "file"
_ALWAYS: Final = datetime(2000, 1, 1, tzinfo=UTC)
# Six digits before the decimal point and twelve after it are what the store keeps.
DEFAULT_CURRENCY: Final = "USD"
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
Price = Annotated[Decimal, Field(ge=0, lt=1_000_000)]
TokenMeter = Literal[
    "input",
    "cached_input",
    "cache_write",
    "audio_input",
    "image_input",
    "output",
    "audio_output",
    "image_output",
]


class _Entry(BaseModel):
    """One `[[rates]]` of the file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: Annotated[str, Field(min_length=1)]
    version: str | None = None
    deployment_type: DeploymentType | None = None
    region: str | None = None
    service_tier: str = "standard"
    long_context: bool = False
    valid_from: date | None = None
    valid_to: date | None = None
    image_size: str | None = None
    image_quality: str | None = None
    per_million_tokens: dict[TokenMeter, Price] = {}
    per_image: Price | None = None
    per_hour: Price | None = None
    per_million_characters: Price | None = None
    per_ptu_hour: Price | None = None
    currency: Currency | None = None

    @model_validator(mode="after")
    def _prices_something(self) -> _Entry:
        if not list(self.prices()):
            raise ValueError(
                "no price: give per_million_tokens, per_image, per_hour, "
                "per_million_characters or per_ptu_hour"
            )
        return self

    def prices(self) -> Iterator[tuple[Meter, Decimal]]:
        """Price of one unit by meter."""
        for meter, price in self.per_million_tokens.items():
            yield meter, price / 1_000_000
        if self.per_image is not None:
            yield "image", self.per_image
        if self.per_hour is not None:
            yield "second", self.per_hour / 3600
        if self.per_million_characters is not None:
            yield "character", self.per_million_characters / 1_000_000
        if self.per_ptu_hour is not None:
            yield PROVISIONED, self.per_ptu_hour


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    currency: Currency = DEFAULT_CURRENCY
    rates: list[_Entry] = []
    discounts: list[Discount] = []


@dataclass(frozen=True, slots=True)
class RatesFile:
    """What the operator's file says, and its version: a fingerprint of its content."""

    rates: tuple[Rate, ...]
    discounts: tuple[Discount, ...]
    version: str


def read_rates_file(path: Path) -> RatesFile:
    """What the file says.

    Raises:
        RateCardError: the file cannot be read or an entry is wrong; the message names it.
    """
    try:
        content = path.read_bytes()
        said = _File.model_validate(tomllib.loads(content.decode(), parse_float=Decimal))
    except OSError as error:
        raise RateCardError(f"rates_file {path} cannot be read: {error.strerror}") from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        what = first["msg"].removeprefix("Value error, ")
        raise RateCardError(f"rates_file {path}: {_place(first['loc'])}: {what}") from None
    except ValueError as error:
        raise RateCardError(f"rates_file {path} is no TOML: {error}") from None
    version = hashlib.sha256(content).hexdigest()[:12]
    rates = [
        _rate(entry, meter, price, version, entry.currency or said.currency)
        for entry in said.rates
        for meter, price in entry.prices()
    ]
    kept = tuple({rate.rate_id: rate for rate in rates}.values())
    return RatesFile(kept, tuple(said.discounts), version)


def _place(path: Sequence[int | str]) -> str:
    """Where in the file: `[[rates]] number 2, per_image`."""
    table, *rest = path
    if not rest:
        return str(table)
    number, *field = rest
    entry = f"[[{table}]] number {int(number) + 1}"
    named = ".".join(str(part) for part in field if part != "[key]")
    return f"{entry}, {named}" if named else entry


def _rate(entry: _Entry, meter: Meter, price: Decimal, version: str, currency: str) -> Rate:
    model, dated = split_model(entry.model)
    return rate_id(
        Rate(
            rate_id="",
            model=model,
            model_version=entry.version or dated,
            meter=meter,
            price=price.quantize(Decimal("1e-12")),
            valid_from=_day(entry.valid_from) or _ALWAYS,
            valid_to=_day(entry.valid_to),
            deployment_type=entry.deployment_type,
            region=region_name(entry.region),
            service_tier=entry.service_tier,
            context_tier="long" if entry.long_context else "standard",
            image_size=entry.image_size,
            image_quality=entry.image_quality,
            currency=currency,
            source=SOURCE,
            source_version=version,
            source_name=entry.model,
        )
    )


def _day(day: date | None) -> datetime | None:
    return datetime.combine(day, time(), UTC) if day else None
