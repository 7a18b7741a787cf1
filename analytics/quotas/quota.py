"""The contracted quota of a deployment: from the settings, `[[quotas]]`, and from `deployments`."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from analytics.budgets.budget import Percent
from gateway_hooks.event import Name

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from analytics.store import Store


class Quota(BaseModel):
    """What may be asked of a deployment in a minute, and when to say something."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    deployment: Name
    backend: Annotated[Name | None, Field(description="Default: the same on every backend")] = None
    tokens_per_minute: Annotated[int | None, Field(gt=0)] = None
    requests_per_minute: Annotated[int | None, Field(gt=0)] = None
    capacity: Annotated[int | None, Field(gt=0, description="Provisioned throughput units")] = None
    alert_percent: Annotated[
        tuple[Percent, ...], Field(description="Alert when minutes reach these percentages")
    ] = (Decimal(80), Decimal(100))
    alert_minutes: Annotated[
        int, Field(ge=1, le=1440, description="So many minutes of one day have to reach them")
    ] = 5
    channels: Annotated[tuple[Name, ...], Field(description="Where its alerts go")] = ()

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not (self.tokens_per_minute or self.requests_per_minute or self.capacity):
            raise ValueError("give tokens_per_minute, requests_per_minute or capacity")
        return self


@dataclass(frozen=True, slots=True)
class Contract:
    """A quota and when it held; None is always."""

    deployment: str
    backend: str | None
    tokens_per_minute: int | None
    requests_per_minute: int | None
    capacity: int | None
    valid_from: datetime | None = None
    valid_to: datetime | None = None


def contracts(store: Store, quotas: Sequence[Quota]) -> list[Contract]:
    """Every contracted quota; what the settings say of a deployment at a backend goes first."""
    said = [
        Contract(
            quota.deployment,
            quota.backend,
            quota.tokens_per_minute,
            quota.requests_per_minute,
            quota.capacity,
        )
        for quota in quotas
    ]
    mine = {(one.deployment, one.backend) for one in said}
    kept = [one for one in _of_deployments(store) if (one.deployment, one.backend) not in mine]
    return said + kept


def _of_deployments(store: Store) -> list[Contract]:
    """The quotas that stand beside the deployments."""
    rows = store.frame(
        "SELECT deployment, backend, tokens_per_minute, requests_per_minute, capacity, "
        "valid_from, valid_to FROM deployments "
        "WHERE tokens_per_minute > 0 OR requests_per_minute > 0 OR capacity > 0"
    )
    return [Contract(*row) for row in rows.iter_rows()]
