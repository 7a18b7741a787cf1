"""Discounts of a contract (an Enterprise Agreement, a Customer Agreement) off Azure's list prices.

A discount names what it is for and leaves open what it does not restrict. Where several fit, the
most specific one applies and the others do not add to it: one for a model before one for a pattern
of models before one for all, then one for a meter, for a deployment type, for a region before one
for its data zone, for a service tier; of two alike the one that began later, else the later in the
file. Prices of reservations are agreed by themselves: only a discount that names their service tier
changes them.
"""

from __future__ import annotations

import fnmatch
from datetime import date
from decimal import Decimal
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from analytics.ratecard.models import same_version, split_model
from analytics.ratecard.rate import BATCHES, Meter, Rate
from analytics.ratecard.regions import region_name, zone_of

RESERVATION: Final = "reservation"
"""How the service tiers of reserved capacity begin."""
_WILD: Final = frozenset("*?[")


class Discount(BaseModel):
    """One `[[discounts]]` of the operator's file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(min_length=1)]
    percent: Annotated[Decimal, Field(ge=0, le=100)]
    model: Annotated[str, Field(min_length=1)] | None = None
    meter: Meter | None = None
    deployment_type: (
        Literal["global", "data_zone", "regional", "batch", "data_zone_batch"] | None
    ) = None
    region: str | None = None
    service_tier: str | None = None
    valid_from: date | None = None
    valid_to: date | None = None

    @field_validator("region")
    @classmethod
    def _spelled(cls, value: str | None) -> str | None:
        return region_name(value)

    @model_validator(mode="after")
    def _lasts(self) -> Discount:
        if self.valid_from and self.valid_to and self.valid_to <= self.valid_from:
            raise ValueError("valid_to is the first day it no longer holds: after valid_from")
        return self

    @property
    def version(self) -> str | None:
        """The version that its model names."""
        return None if self.model is None or self._is_pattern else split_model(self.model)[1]

    @property
    def label(self) -> str:
        """Contract and percent, as a charge's rate shows them."""
        return f"{self.name}: {self.percent.normalize():f} % off"

    def concerns(self, rate: Rate) -> bool:
        """Whether it is for such a rate, region and validity apart."""
        tests = (
            self._names_model(rate),
            self.meter in {None, rate.meter},
            self._names_type(rate),
            rate.service_tier == self.service_tier
            or (self.service_tier is None and not rate.service_tier.startswith(RESERVATION)),
        )
        return all(tests)

    def covers(self, place: str | None) -> bool:
        """Whether it holds in all of a place: a region, a data zone, or None for everywhere."""
        return self.region is None or (place is not None and self.region in {place, zone_of(place)})

    def specificity(self) -> tuple[object, ...]:
        """The larger, the more specific."""
        model = "" if self.model is None else self.model
        letters = sum(letter not in _WILD for letter in model)
        return (
            0 if self.model is None else 1 if self._is_pattern else 2,
            self.version is not None,
            letters if self._is_pattern else 0,
            self.meter is not None,
            self.deployment_type is not None,
            0 if self.region is None else 1 if self.region in {"eu", "us"} else 2,
            self.service_tier is not None,
            self.valid_from is not None,
            self.valid_from.toordinal() if self.valid_from else 0,
        )

    @property
    def _is_pattern(self) -> bool:
        return self.model is not None and bool(_WILD & set(self.model))

    def _names_model(self, rate: Rate) -> bool:
        if self.model is None:
            return True
        if self._is_pattern:
            return fnmatch.fnmatchcase(rate.model, self.model.lower())
        model, version = split_model(self.model)
        return rate.model == model and (
            version is None
            or rate.model_version is None
            or same_version(rate.model_version, version)
        )

    def _names_type(self, rate: Rate) -> bool:
        if self.deployment_type is not None and self.deployment_type in BATCHES:
            own = BATCHES[self.deployment_type]
            return rate.deployment_type == own and rate.service_tier == "batch"
        return self.deployment_type in {None, rate.deployment_type}
