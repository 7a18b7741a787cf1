"""What an operator can set for limits: whom a limit is for, and how much it allows.

[[limits]]
name = "team-a"
per = ["key"]
teams = ["team-a"]
tokens_per_minute = 20_000
tokens_per_month = 50_000_000
"""

from __future__ import annotations

import os
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, field_validator, model_validator

from gateway_hooks.errors import SettingsError

Dimension = Literal["key", "team", "product", "deployment"]
WhenUnreachable = Literal["local", "allow", "deny"]
Patterns = Annotated[tuple[Annotated[str, Field(min_length=1, max_length=256)], ...], Field()]

_FIGURES = (
    "tokens_per_minute",
    "requests_per_minute",
    "tokens_per_day",
    "tokens_per_month",
    "concurrent_requests",
)


class Limit(BaseModel):
    """One limit. TOML: `[[limits]]`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[
        str,
        Field(
            pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$",
            description="What refusals and counters call it; letters, digits, `-`, `_` and `.`",
        ),
    ]
    per: Annotated[
        tuple[Dimension, ...],
        Field(description="Counted for each combination of these; one counter for all when empty"),
    ] = ()
    keys: Annotated[
        Patterns, Field(description="Only for these keys, by name or id; `*` and `?` match")
    ] = ()
    teams: Annotated[Patterns, Field(description="Only for callers of these teams")] = ()
    products: Annotated[Patterns, Field(description="Only for callers of these products")] = ()
    deployments: Annotated[Patterns, Field(description="Only for these deployments or models")] = ()
    tokens_per_minute: Annotated[
        PositiveInt | None, Field(description="Tokens in any 60 seconds")
    ] = None
    requests_per_minute: Annotated[
        PositiveInt | None, Field(description="Requests in any 60 seconds")
    ] = None
    tokens_per_day: Annotated[PositiveInt | None, Field(description="Tokens a calendar day")] = None
    tokens_per_month: Annotated[
        PositiveInt | None, Field(description="Tokens a calendar month")
    ] = None
    concurrent_requests: Annotated[
        PositiveInt | None, Field(description="Requests that may be running at once")
    ] = None
    time_zone: Annotated[
        str, Field(description="Where days and months begin, such as `Europe/Berlin`")
    ] = "UTC"

    @field_validator("per")
    @classmethod
    def _each_once(cls, per: tuple[Dimension, ...]) -> tuple[Dimension, ...]:
        return tuple(sorted(set(per)))

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"there is no time zone {name!r}; use one as Europe/Berlin") from None
        return name

    @model_validator(mode="after")
    def _limits_something(self) -> Self:
        if all(getattr(self, figure) is None for figure in _FIGURES):
            raise ValueError(f"limit {self.name} limits nothing: set one of {', '.join(_FIGURES)}")
        return self


class SharedCounters(BaseModel):
    """Counters that all gateways share, in Redis or Valkey. TOML: `[limit_counters]`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url_env: Annotated[
        str,
        Field(
            min_length=1,
            description="Environment variable with the address: `redis://` or `rediss://`",
        ),
    ]
    when_unreachable: Annotated[
        WhenUnreachable,
        Field(
            description="Without Redis: each process counts by itself (`local`), everything passes"
            " (`allow`), or requests with a limit get 503 (`deny`)"
        ),
    ] = "local"
    timeout_ms: Annotated[
        int, Field(ge=5, le=5000, description="Longest that a request waits for Redis")
    ] = 50
    lease_seconds: Annotated[
        int,
        Field(ge=1, le=600, description="After this the running requests of a dead process end"),
    ] = 20
    prefix: Annotated[
        str,
        Field(
            pattern=r"^[A-Za-z0-9_.:-]{1,64}$",
            description="Begins the name of every key; gateways with the same one share counters",
        ),
    ] = "gatemeter"

    def url(self) -> str:
        """The address, read from the environment.

        Raises:
            SettingsError: the variable is not set.
        """
        found = os.environ.get(self.url_env, "")
        if not found:
            raise SettingsError(
                f"limit_counters.url_env: {self.url_env} is not set; set it to redis://host:6379/0"
            )
        return found


def unique_names(limits: tuple[Limit, ...]) -> tuple[Limit, ...]:
    """The limits, when no two share a name and thereby their counters.

    Raises:
        SettingsError: two have the same name.
    """
    seen: set[str] = set()
    for limit in limits:
        if limit.name in seen:
            raise SettingsError(f"limits: two are called {limit.name}; give each its own name")
        seen.add(limit.name)
    return limits
