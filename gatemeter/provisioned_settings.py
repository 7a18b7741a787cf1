"""Provisioned throughput in the settings: TOML `[[provisioned]]`.

Knows nothing of the store, because settings are read where there is none.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from gateway_hooks.event import Name

_DAY: TypeAdapter[date | datetime] = TypeAdapter(date | datetime)


def _moment(value: object) -> datetime:
    """A date or a time as an aware time; without a zone it is UTC."""
    try:
        given = _DAY.validate_python(value)
    except ValidationError:
        raise ValueError("is no day such as 2026-11-01, nor a time of one") from None
    if not isinstance(given, datetime):
        given = datetime.combine(given, time())
    return given.astimezone(UTC) if given.tzinfo else given.replace(tzinfo=UTC)


Moment = Annotated[datetime, BeforeValidator(_moment)]


class Reservation(BaseModel):
    """A price for a month or a year, whatever happens in it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    price: Annotated[
        Decimal,
        Field(ge=0, lt=10**11, decimal_places=6, description="Of all PTUs, for one term"),
    ]
    term: Literal["month", "year"]


class ProvisionedFacts(BaseModel):
    """Provisioned throughput that was bought: TOML `[[provisioned]]`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name
    deployments: Annotated[tuple[Name, ...], Field(min_length=1)]
    backend: Annotated[
        Name | None, Field(description="Only at this host; default: wherever they are called")
    ] = None
    region: Name | None = None
    model: Annotated[Name | None, Field(description="Default: that of [deployments.<name>]")] = None
    deployment_type: Annotated[
        Literal["global", "data_zone", "regional"],
        Field(description="Its reach; pay-as-you-go is compared at this type's prices"),
    ] = "global"
    ptus: Annotated[int, Field(ge=1, le=1_000_000)]
    price_per_ptu_hour: Annotated[Decimal, Field(ge=0, lt=10_000, decimal_places=12)] | None = None
    reservation: Reservation | None = None
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")] = "USD"
    valid_from: Moment
    valid_to: Moment | None = None
    input_tokens_per_minute_per_ptu: Annotated[int, Field(ge=1, le=10**9)] | None = None
    output_weight: Annotated[Decimal, Field(ge=0, lt=1000, decimal_places=3)] | None = None

    @model_validator(mode="after")
    def _can_be_charged(self) -> ProvisionedFacts:
        if (self.price_per_ptu_hour is None) == (self.reservation is None):
            raise ValueError("give either price_per_ptu_hour or reservation")
        if self.valid_to is not None and self.valid_to < self.valid_from:
            raise ValueError("valid_to is before valid_from: correct one of them")
        return self


def _one_at_a_time(entries: tuple[ProvisionedFacts, ...]) -> tuple[ProvisionedFacts, ...]:
    ordered = sorted(entries, key=lambda one: (one.name, one.valid_from))
    for one, following in pairwise(ordered):
        same = one.name == following.name
        if same and (one.valid_to is None or one.valid_to > following.valid_from):
            raise ValueError(
                f"two periods of {one.name!r} overlap from {following.valid_from:%Y-%m-%d}: end "
                "the first with valid_to, or give what was bought on top a name of its own"
            )
        if same and one.valid_from == following.valid_from:
            raise ValueError(f"two periods of {one.name!r} begin at the same time")
    return entries


ProvisionedList = Annotated[tuple[ProvisionedFacts, ...], AfterValidator(_one_at_a_time)]
