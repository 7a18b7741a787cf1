"""A budget: how much of what may be used by whom in a day, week or month. TOML: `[[budgets]]`."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from analytics.business_days import PeriodKind
from gateway_hooks.event import Name

Measure = Literal["money", "tokens", "requests"]
Enforcement = Literal["off", "warn", "deny", "downgrade"]
Percent = Annotated[Decimal, Field(gt=0, le=1000, allow_inf_nan=False)]


class Scope(BaseModel):
    """Whose usage is meant; nothing set means all of it, several things set narrow one another."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: Annotated[Name | None, Field(description="Key, by name or id")] = None
    team: Name | None = None
    model: Name | None = None
    deployment: Name | None = None

    @property
    def named(self) -> dict[str, str]:
        """What is set."""
        chosen = {
            "key": self.key,
            "team": self.team,
            "model": self.model,
            "deployment": self.deployment,
        }
        return {name: value for name, value in chosen.items() if value is not None}

    def __str__(self) -> str:
        """As people read it."""
        return ", ".join(f"{name} {value}" for name, value in self.named.items()) or "everything"


class Budget(Scope):
    """A limit for a scope and a period, and when to say something."""

    name: Annotated[Name, Field(description="What alerts and `budgets status` call it")]
    measure: Measure = "money"
    limit: Annotated[Decimal, Field(gt=0, allow_inf_nan=False, max_digits=30, decimal_places=12)]
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$", description="Of a budget of money")] = (
        "USD"
    )
    period: PeriodKind = "monthly"
    actual: Annotated[
        tuple[Percent, ...], Field(description="Alert at these percentages of what was used")
    ] = (Decimal(80), Decimal(100))
    forecast: Annotated[
        tuple[Percent, ...], Field(description="Alert at these percentages of the forecast")
    ] = (Decimal(100),)
    channels: Annotated[tuple[Name, ...], Field(description="Where its alerts go")] = ()
    enforce: Annotated[
        Enforcement,
        Field(description="What the gateway does with requests of its scope once it is used up"),
    ] = "off"
    downgrade_to: Annotated[
        Name | None, Field(description="Deployment that `downgrade` sends them to")
    ] = None

    @field_validator("limit", mode="before")
    @classmethod
    def _exact(cls, value: object) -> object:
        # 19.99 in TOML is a binary fraction; its shortest text is what was written.
        return str(value) if isinstance(value, float) else value

    @model_validator(mode="after")
    def _whole_counts(self) -> Self:
        if self.measure != "money" and self.limit != int(self.limit):
            raise ValueError(f"the limit of a budget of {self.measure} is a whole number")
        return self

    @model_validator(mode="after")
    def _knows_where_to(self) -> Self:
        if (self.enforce == "downgrade") != (self.downgrade_to is not None):
            raise ValueError('enforce = "downgrade" goes together with downgrade_to')
        return self

    @property
    def unit(self) -> str:
        """The currency, `tokens` or `requests`."""
        return self.currency if self.measure == "money" else self.measure
