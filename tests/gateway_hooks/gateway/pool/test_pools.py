"""Which backends serve a deployment, and how their requests are shared."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from gateway_hooks.errors import SettingsError
from gateway_hooks.gateway.pool.backends import Backend
from gateway_hooks.gateway.pool.pools import Pool, Pools, Route, drawn

A, B, C = (Backend.parse(f"https://{name}.openai.azure.com,name={name}") for name in "abc")


def names(routes: tuple[Route, ...] | list[Route]) -> list[str]:
    """Backends of routes."""
    return [route.backend.name for route in routes]


def test_the_first_pool_that_names_a_deployment_serves_it() -> None:
    """Patterns are looked at in the order of the file; the pool for the rest comes last."""
    pools = Pools(
        (
            Pool((Route(A),)),
            Pool((Route(B),), ("gpt-4o*", "o?-mini")),
            Pool((Route(C),), ("gpt-*",)),
        )
    )
    found = {one: names(pools.routes(one)) for one in ("gpt-4o", "gpt-4o-mini", "o4-mini")}
    assert found == {"gpt-4o": ["b"], "gpt-4o-mini": ["b"], "o4-mini": ["b"]}
    assert names(pools.routes("gpt-35")) == ["c"]
    assert names(pools.routes("whisper")) == ["a"]
    assert names(pools.routes("GPT-4o")) == ["a"]
    assert names(pools.routes(None)) == ["a"]
    assert sorted(one.name for one in pools.backends) == ["a", "b", "c"]


def test_without_a_pool_for_the_rest_unnamed_deployments_have_no_route() -> None:
    """What no pool names is refused; what names no deployment may go anywhere."""
    pools = Pools(
        (Pool((Route(A), Route(B, 2)), ("gpt-*",)), Pool((Route(B), Route(C, 2)), ("tts-*",)))
    )
    assert pools.routes("whisper") == ()
    assert names(pools.routes(None)) == ["a", "b", "c"]


def test_backends_without_pools_are_asked_in_their_order() -> None:
    """The command line's order is an order of priority, whatever the dice say."""
    routes = Pools.in_order([B, A, C]).routes("anything")
    assert all(names(drawn(routes, Random(seed))) == ["b", "a", "c"] for seed in range(50))  # noqa: S311


def test_weights_share_the_requests_of_one_priority() -> None:
    """Over many requests each gets its share, and none of another priority comes before."""
    routes = [Route(C, 2, 100), Route(A, 1, 3), Route(B, 1, 1)]
    random = Random(11)  # noqa: S311
    orders = [names(drawn(routes, random)) for _ in range(8000)]
    assert {order[2] for order in orders} == {"c"}
    firsts = Counter(order[0] for order in orders)
    assert firsts["a"] / 8000 == pytest.approx(0.75, abs=0.02)


def test_what_remains_is_shared_by_weight_too() -> None:
    """When the first choice fails, its requests fall to the others as their weights say."""
    routes = [Route(A, 1, 1), Route(B, 1, 4), Route(C, 1, 1)]
    random = Random(12)  # noqa: S311
    seconds = Counter(
        order[1] for order in (names(drawn(routes, random)) for _ in range(8000)) if order[0] == "a"
    )
    assert seconds["b"] / seconds.total() == pytest.approx(0.8, abs=0.05)


def test_a_route_renames_only_what_has_a_name() -> None:
    """A request that names no deployment is not made to name one."""
    assert Route(A, deployment="ptu").deployment_for("gpt-4o") == "ptu"
    assert Route(A, deployment="ptu").deployment_for(None) is None
    assert Route(A).deployment_for("gpt-4o") == "gpt-4o"


def test_a_deployment_has_all_the_names_that_its_routes_give_it() -> None:
    """Spend is known by the backends' names, so budgets need them too."""
    pools = Pools((Pool((Route(A, deployment="ptu"), Route(B, 2)), ("chat",)),))
    assert pools.names("chat") == {"chat", "ptu"}
    assert pools.names("other") == {"other"}
    assert pools.names(None) == set()


@pytest.mark.parametrize(
    ("pools", "said"),
    [
        ((), "no backend"),
        ((Pool((Route(A),)), Pool((Route(B),))), "two pools name no deployments"),
        (
            (Pool((Route(A), Route(Backend.parse("https://other.host,name=a")))),),
            "two backends are called a",
        ),
    ],
)
def test_pools_that_cannot_be_meant_are_refused(pools: tuple[Pool, ...], said: str) -> None:
    """A gateway does not start on a guess."""
    with pytest.raises(SettingsError, match=said):
        Pools(pools)
