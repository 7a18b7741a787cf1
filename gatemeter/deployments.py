"""What an operator says of deployments: `[deployments.<name>]` of gatemeter.toml.

One table for a name that means the same everywhere and always, or an array of tables
`[[deployments.<name>]]` when it differs by backend or has changed.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from gateway_hooks.event import DeploymentType, Name

if TYPE_CHECKING:
    from analytics import Deployment
    from gatemeter.settings import Settings
    from gateway_hooks.settings import BackendFacts


class DeploymentFacts(BaseModel):
    """What a deployment's name does not tell."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: Annotated[Name, Field(description="Model it serves, as the rate card names it")]
    version: Name | None = None
    deployment_type: DeploymentType | None = None
    region: Name | None = None
    backend: Annotated[
        Name | None, Field(description="Host, or the name given to it; default: any")
    ] = None
    sku: Name | None = None
    capacity: Annotated[
        int | None, Field(ge=0, description="Thousands of tokens a minute, or PTUs")
    ] = None
    tokens_per_minute: Annotated[int | None, Field(ge=0)] = None
    requests_per_minute: Annotated[int | None, Field(ge=0)] = None
    valid_from: Annotated[date | None, Field(description="First day, UTC; default: always")] = None
    valid_to: Annotated[date | None, Field(description="First day it no longer holds")] = None

    @model_validator(mode="after")
    def _begins_before_it_ends(self) -> Self:
        if self.valid_from and self.valid_to and self.valid_from >= self.valid_to:
            raise ValueError(
                f"valid_to ({self.valid_to}) is not after valid_from ({self.valid_from}): correct "
                "one of them"
            )
        return self


def _one_or_several(value: object) -> object:
    return (value,) if isinstance(value, dict | DeploymentFacts) else value


Facts = Annotated[tuple[DeploymentFacts, ...], BeforeValidator(_one_or_several)]


def configured_deployments(settings: Settings) -> list[Deployment]:
    """The settings' entries, their backends named as in events."""
    from analytics import Deployment
    from analytics.ratecard.azure_skus import type_of_sku

    names = backend_names(settings)
    return [
        Deployment(
            name=name,
            model=facts.model,
            version=facts.version,
            deployment_type=facts.deployment_type or type_of_sku(facts.sku),
            region=facts.region,
            backend=names.get(facts.backend, facts.backend) if facts.backend else None,
            sku=facts.sku,
            capacity=facts.capacity,
            tokens_per_minute=facts.tokens_per_minute,
            requests_per_minute=facts.requests_per_minute,
            valid_from=_start_of(facts.valid_from),
            valid_to=_start_of(facts.valid_to),
        )
        for name, several in settings.deployments.items()
        for facts in several
    ]


def backend_names(settings: Settings) -> dict[str, str]:
    """By host, what events call a backend, where the settings give it a name."""
    return {host: facts.name for host, facts in settings.backends.items() if facts.name}


def backend_facts(settings: Settings, name: str) -> BackendFacts | None:
    """What the settings say of a backend, by its host or by the name they give it."""
    named = {facts.name: facts for facts in settings.backends.values() if facts.name}
    return settings.backends.get(name) or named.get(name)


def _start_of(day: date | None) -> datetime | None:
    return datetime.combine(day, time(), UTC) if day else None
