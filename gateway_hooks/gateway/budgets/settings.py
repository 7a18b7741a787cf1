"""What an operator can set for enforcing budgets; the budgets themselves are in gatemeter.toml."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator


class BudgetEnforcement(BaseModel):
    """Enforce the budgets of gatemeter.toml that say `enforce`. TOML: `[budgets]`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    state_file: Annotated[
        Path | None,
        Field(
            description="Where `gatemeter budgets publish` writes what was used; default "
            "GATEMETER_HOME/budget-state.json"
        ),
    ] = None
    publish_seconds: Annotated[
        float,
        Field(
            ge=0,
            le=3600,
            description="How often the gateway has it written by a process of its own; 0: somebody "
            "else sees to that",
        ),
    ] = 30.0

    stale_seconds: Annotated[
        float, Field(gt=0, description="A state older than this is not relied upon")
    ] = 600.0
    when_stale: Annotated[
        Literal["allow", "deny"],
        Field(description="What happens to the requests of enforced budgets then"),
    ] = "allow"

    @field_validator("publish_seconds")
    @classmethod
    def _not_all_the_time(cls, value: float) -> float:
        if 0 < value < 1:
            raise ValueError("the store is asked once a second at most: write 0, or 1 or more")
        return value
