"""What is watched besides budgets and quotas. TOML: `[alerts]`."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from gateway_hooks.event import Name

AnomalyBy = Literal["key", "team", "deployment"]


class AlertRules(BaseModel):
    """Which alerts there are, and where they go when nothing nearer says so."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    channels: Annotated[
        tuple[Name, ...], Field(description="For everything that names no channels itself")
    ] = ()
    anomaly_by: Annotated[
        tuple[AnomalyBy, ...], Field(description="Whose hours of spend are watched; none: nobody's")
    ] = ("key", "team", "deployment")
    anomaly_smallest: Annotated[
        Decimal, Field(gt=0, description="An hour has to be so much dearer than usual")
    ] = Decimal(5)
    anomaly_deviations: Annotated[
        Decimal, Field(ge=1, description="And so many deviations from the usual")
    ] = Decimal(6)
    anomaly_weeks: Annotated[
        int, Field(ge=2, le=6, description="Weeks of history before a name is watched")
    ] = 3
    unpriced: Annotated[bool, Field(description="Tell when a model without a rate appears")] = True
    dead_letters: Annotated[bool, Field(description="Tell once a day of lines not readable")] = True
    silent_minutes: Annotated[
        int | None, Field(ge=5, description="Tell when nothing was stored for so long")
    ] = None
