"""Which backends serve a deployment, in which order: pools of routes with priorities and weights.

A pool is for the deployments that its patterns name, or for all that no other pool names. Its
routes are tried by priority, the lowest number first; routes of one priority share the requests by
their weights. So reserved capacity (PTU) goes first and pay-as-you-go takes what overflows.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Self

from gateway_hooks.errors import SettingsError
from gateway_hooks.gateway.pool.backends import unique

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

    from gateway_hooks.event import DeploymentType
    from gateway_hooks.gateway.pool.backends import Backend


@dataclass(frozen=True, slots=True)
class Route:
    """One way to serve a request: a backend, and what the deployment is called there."""

    backend: Backend
    priority: int = 1
    weight: int = 1
    deployment: str | None = None
    """None: what the caller calls it."""
    deployment_type: DeploymentType | None = None
    """None: the backend's."""

    def deployment_for(self, asked: str | None) -> str | None:
        """What a request's deployment is called at this backend."""
        return self.deployment if asked is not None and self.deployment is not None else asked


@dataclass(frozen=True, slots=True)
class Pool:
    """Routes for some deployments."""

    routes: tuple[Route, ...]
    deployments: tuple[str, ...] = ()
    """Patterns such as `gpt-4o*`; none: every deployment that no other pool names."""

    def serves(self, deployment: str) -> bool:
        """Whether a deployment is one of those that it names."""
        return any(fnmatchcase(deployment, pattern) for pattern in self.deployments)


@dataclass(frozen=True, slots=True)
class Pools:
    """All pools of a gateway, the first that names a deployment serving it."""

    pools: tuple[Pool, ...]
    backends: tuple[Backend, ...] = field(init=False)
    """Each backend once."""
    _rest: Pool | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        every = dict.fromkeys(route.backend for pool in self.pools for route in pool.routes)
        object.__setattr__(self, "backends", unique(tuple(every)))
        rest = next((pool for pool in self.pools if not pool.deployments), None)
        object.__setattr__(self, "_rest", rest)
        if sum(not pool.deployments for pool in self.pools) > 1:
            raise SettingsError("two pools name no deployments: which is for the rest?")

    @classmethod
    def in_order(cls, backends: Sequence[Backend]) -> Self:
        """One pool for everything, each backend after the ones before it."""
        routes = (Route(backend, number) for number, backend in enumerate(unique(backends), 1))
        return cls((Pool(tuple(routes)),))

    def routes(self, deployment: str | None) -> tuple[Route, ...]:
        """The routes to a deployment; empty when no pool has it.

        A request that names none (a list of models, a file) may go to any backend of the pool for
        the rest, or of all pools where there is no such one.
        """
        if deployment is not None:
            for pool in self.pools:
                if pool.deployments and pool.serves(deployment):
                    return pool.routes
        if self._rest is not None:
            return self._rest.routes
        if deployment is not None:
            return ()
        return tuple(
            {route.backend: route for pool in self.pools for route in pool.routes}.values()
        )

    def names(self, deployment: str | None) -> set[str]:
        """What a deployment is called, by the caller and by the backends that may serve it."""
        called = {route.deployment_for(deployment) for route in self.routes(deployment)}
        return {name for name in (deployment, *called) if name is not None}


def drawn(routes: Sequence[Route], random: Random) -> list[Route]:
    """The routes by priority, and within one in an order that their weights make likely."""
    if len(routes) == 1:
        return list(routes)
    # Efraimidis and Spirakis: the order of u^(1/w) is a weighted draw without putting back.
    keyed = [(route.priority, -(random.random() ** (1 / route.weight)), route) for route in routes]
    return [route for _, _, route in sorted(keyed, key=lambda one: one[:2])]
