"""The gateway's one file, `gateway.toml`: who is behind it, who may call, and with which limits.

It is read at the start and again at SIGHUP, and checked as a whole: a bad file changes nothing, and
what is wrong is told with line, table and field. Secrets stand in environment variables that the
file names.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from gateway_hooks.errors import SettingsError
from gateway_hooks.event import DeploymentType, Name
from gateway_hooks.gateway.access.settings import AccessSettings, EntraRule, Product
from gateway_hooks.gateway.breaker import BreakerSettings
from gateway_hooks.gateway.budgets.settings import BudgetEnforcement
from gateway_hooks.gateway.content_safety.settings import ContentSafetySettings
from gateway_hooks.gateway.limits.settings import Limit, SharedCounters
from gateway_hooks.gateway.pool.backends import Backend
from gateway_hooks.gateway.pool.pools import Pool, Pools, Route
from gateway_hooks.gateway.pool.upstream import Timeouts
from gateway_hooks.gateway.realtime.settings import RealtimeSettings
from gateway_hooks.gateway.toml_lines import line_of
from gateway_hooks.settings_errors import WrongAt, each, sentence, table_entry

if TYPE_CHECKING:
    from collections.abc import Mapping

_MEBIBYTE: Final = 1 << 20
DOCUMENTED: Final = "docs/gateway.md"
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ServerTable(_Table):
    """Where the gateway listens. TOML: `[server]`."""

    host: Annotated[str, Field(description="Address to listen on")] = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535, description="0: any free one")] = 8080
    workers: Annotated[int, Field(ge=1, le=128, description="Processes that serve")] = 1
    drain_seconds: Annotated[
        int, Field(ge=0, le=3600, description="How long running requests may take to end")
    ] = 30
    tls_certificate: Annotated[
        Path | None, Field(description="PEM file with the certificate and its chain")
    ] = None
    tls_key: Annotated[Path | None, Field(description="PEM file with its key")] = None
    access_log: Annotated[
        bool, Field(description="One line of JSON on standard output for each request")
    ] = False

    @model_validator(mode="after")
    def _both_or_none(self) -> Self:
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("tls_certificate and tls_key go together")
        for name in ("tls_certificate", "tls_key"):
            path: Path | None = getattr(self, name)
            if path is not None and not _is_file(path):
                # Not repeating it: it may be the key itself by mistake.
                raise WrongAt((name,), "names no file that is there")
        return self


class BoundsTable(_Table):
    """How large and how slow a request may be. TOML: `[bounds]`."""

    max_body_bytes: Annotated[
        int, Field(ge=1024, description="Longest request body; longer ones get 413")
    ] = 512 * _MEBIBYTE
    kept_body_bytes: Annotated[
        int,
        Field(
            ge=1024,
            description="Longest body that policies can read and that can go to a second backend",
        ),
    ] = 32 * _MEBIBYTE
    max_header_bytes: Annotated[
        int, Field(ge=1024, le=_MEBIBYTE, description="All headers together; more get 431")
    ] = 64 << 10
    body_seconds: Annotated[
        Positive, Field(description="Longest pause between parts of a request's body; then 408")
    ] = 30.0


class BackendTable(_Table):
    """One Azure OpenAI resource. TOML: `[[backends]]`."""

    name: Annotated[Name, Field(min_length=1, description="What events call it")]
    url: Annotated[str, Field(description="https://NAME.openai.azure.com")]
    key_env: Annotated[str | None, Field(description="Environment variable that holds its key")] = (
        None
    )
    identity: Annotated[
        str | None,
        Field(description="Entra ID instead: `default`, `managed` or `managed:CLIENT_ID`"),
    ] = None
    region: Annotated[Name | None, Field(description="Azure region, for events and prices")] = None
    type: Annotated[
        DeploymentType | None,
        Field(description="How it is billed: global, data_zone, regional, batch, ptu"),
    ] = None

    def backend(self, environment: Mapping[str, str]) -> Backend:
        """What the pools are made of.

        Raises:
            SettingsError: it cannot be used.
        """
        given = {
            "key": self.key_env,
            "identity": self.identity,
            "name": self.name,
            "region": self.region,
            "type": self.type,
        }
        options = {name: value for name, value in given.items() if value is not None}
        return Backend.of(self.url, options, environment)


class RouteTable(_Table):
    """A backend of a pool. TOML: `[[pools.routes]]`."""

    backend: Annotated[Name, Field(description="Name of one of the backends")]
    priority: Annotated[int, Field(ge=0, le=1000, description="Lower ones are asked first")] = 1
    weight: Annotated[
        int, Field(ge=1, le=1000, description="Share among those of the same priority")
    ] = 1
    deployment: Annotated[
        Name | None, Field(description="What the deployment is called there, if it is not the same")
    ] = None
    type: Annotated[
        DeploymentType | None, Field(description="How it is billed, if not as the backend")
    ] = None


class PoolTable(_Table):
    """Backends that serve some deployments. TOML: `[[pools]]`."""

    deployments: Annotated[
        tuple[Name, ...],
        Field(description="Deployments or models, with * and ?; none: what no other pool names"),
    ] = ()
    routes: tuple[RouteTable, ...]

    @model_validator(mode="after")
    def _leads_somewhere(self) -> Self:
        if not self.routes:
            raise ValueError("a pool has at least one route")
        return self


class TimeoutsTable(_Table):
    """How long backends may take, in seconds. TOML: `[timeouts]`."""

    connect: Annotated[Positive, Field(description="To reach a backend")] = 5.0
    read: Annotated[Positive, Field(description="Longest silence within an answer")] = 600.0
    first_byte: Annotated[Positive, Field(description="Until an answer begins")] = 600.0
    first_byte_of_stream: Annotated[Positive, Field(description="Until a stream begins")] = 120.0
    request: Annotated[
        Positive, Field(description="Until an answer begins, all attempts together")
    ] = 900.0


class BreakerTable(_Table):
    """When a failing backend is left alone. TOML: `[breaker]`."""

    failures: Annotated[int, Field(ge=1, description="Failures in a row that open it")] = 5
    open_seconds: Annotated[Positive, Field(description="How long, at first")] = 5.0
    longest_open_seconds: Annotated[Positive, Field(description="Doubled up to this")] = 60.0


class OperationsTable(_Table):
    """Metrics and the state of backends. TOML: `[operations]`."""

    key_env: Annotated[
        str | None,
        Field(
            description="Environment variable with a key for /metrics and /gateway/backends, sent "
            "as a bearer token. Default: both answer callers of this machine only"
        ),
    ] = None

    def key(self, environment: Mapping[str, str]) -> str | None:
        """The key.

        Raises:
            SettingsError: the variable is not set.
        """
        if self.key_env is None:
            return None
        found = environment.get(self.key_env)
        if not found:
            # Not repeating what was given: it may be a key by mistake.
            raise SettingsError(
                "[operations], key_env: names no environment variable that is set; "
                "put the key into a variable and give the variable's name"
            )
        return found


class GatewayConfig(_Table):
    """The whole file."""

    server: ServerTable = ServerTable()
    backends: tuple[BackendTable, ...]
    pools: tuple[PoolTable, ...] = ()
    timeouts: TimeoutsTable = TimeoutsTable()
    breaker: BreakerTable = BreakerTable()
    bounds: BoundsTable = BoundsTable()
    access: AccessSettings = AccessSettings()
    products: tuple[Product, ...] = (Product(name="default"),)
    entra: tuple[EntraRule, ...] = ()
    limits: tuple[Limit, ...] = ()
    limit_counters: SharedCounters | None = None
    budgets: BudgetEnforcement | None = None
    content_safety: ContentSafetySettings | None = None
    realtime: RealtimeSettings = RealtimeSettings()
    operations: OperationsTable = OperationsTable()

    @model_validator(mode="after")
    def _names_fit(self) -> Self:
        if not self.backends:
            raise ValueError("there is no backend: add [[backends]]")
        names = [backend.name for backend in self.backends]
        for number, name in enumerate(names):
            if name in names[:number]:
                said = f"two backends are called {name}: give each its own name"
                raise WrongAt(("backends", number, "name"), said)
        for number, pool in enumerate(self.pools):
            if not pool.deployments and any(not one.deployments for one in self.pools[:number]):
                said = "two pools name no deployments: which is for the rest?"
                raise WrongAt(("pools", number), said)
            for position, route in enumerate(pool.routes):
                if route.backend not in names:
                    said = f"names none of the backends: {', '.join(names)}"
                    raise WrongAt(("pools", number, "routes", position, "backend"), said)
        return self

    def made_pools(self, environment: Mapping[str, str] | None = None) -> Pools:
        """The pools; without any, one in which the backends are asked in their order.

        Raises:
            SettingsError: a backend or a pool cannot be used.
        """
        variables = os.environ if environment is None else environment
        backends = {table.name: table.backend(variables) for table in self.backends}
        if not self.pools:
            return Pools.in_order(tuple(backends.values()))
        return Pools(tuple(_pool(table, backends) for table in self.pools))

    def made_timeouts(self) -> Timeouts:
        """Time-outs of the calls to backends."""
        return Timeouts(**self.timeouts.model_dump())

    def made_breaker(self) -> BreakerSettings:
        """Settings of the breakers."""
        return BreakerSettings(**self.breaker.model_dump())


def _pool(table: PoolTable, backends: Mapping[str, Backend]) -> Pool:
    routes = tuple(
        Route(backends[one.backend], one.priority, one.weight, one.deployment, one.type)
        for one in table.routes
    )
    return Pool(routes, table.deployments)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # too long for a name, or no name at all
        return False


def read_config(path: Path, environment: Mapping[str, str] | None = None) -> GatewayConfig:
    """Read and check a file, and that the environment has what the file names of it.

    Raises:
        SettingsError: it cannot be used; the message says in which line and what to do.
    """
    try:
        text = path.read_text("utf-8")
        written = tomllib.loads(text)
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}; give the file with --config") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: {error}") from None
    try:
        config = GatewayConfig.model_validate(written)
    except ValidationError as error:
        wrong = [f"{path}:{line_of(text, at)}: {said}" for at, said in each(error, written)]
        raise SettingsError("; ".join(wrong).replace("docs/settings.md", DOCUMENTED)) from None
    _check_secrets(config, path, text, os.environ if environment is None else environment)
    return config


def _check_secrets(
    config: GatewayConfig, path: Path, text: str, environment: Mapping[str, str]
) -> None:
    wrong = []
    for number, table in enumerate(config.backends):
        try:
            table.backend(environment)
        except SettingsError as error:
            said = sentence(None, table_entry("backends", number + 1, table.name), str(error))
            unset = table.key_env is not None and not environment.get(table.key_env)
            at = line_of(text, ("backends", number, "key_env" if unset else "url"))
            wrong.append(f"{path}:{at}: {said}")
    try:
        config.operations.key(environment)
    except SettingsError as error:
        wrong.append(f"{path}:{line_of(text, ('operations', 'key_env'))}: {error}")
    if wrong:
        raise SettingsError("; ".join(wrong))
