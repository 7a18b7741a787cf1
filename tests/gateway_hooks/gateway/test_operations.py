"""What operators may ask of the gateway itself, and who is one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway_hooks.gateway import Backend
from gateway_hooks.gateway.breaker import Breakers, BreakerSettings
from gateway_hooks.gateway.metrics import Metrics
from gateway_hooks.gateway.operations import BACKENDS, LIVE, METRICS, READY, Operations, Watched
from gateway_hooks.gateway.pool.cooldown import Cooldowns
from gateway_hooks.gateway.pool.pools import Pools
from tests.gateway_hooks.fakes import Connection, ScriptedApp, http_scope
from tests.gateway_hooks.gateway.conftest import FakeClock

HERE, AWAY = ("127.0.0.1", 5), ("10.1.2.3", 5)


class Gateway:
    """Operations around an application."""

    def __init__(self, clock: FakeClock, key: str | None = None) -> None:
        self.inner = ScriptedApp()
        east = "https://u.openai.azure.com,name=east,key=K,region=eastus"
        backends = [
            Backend.parse(east, {"K": "the-backends-key"}),
            Backend.parse("https://v.openai.azure.com,name=west"),
        ]
        self.breakers = Breakers(clock, BreakerSettings(failures=1))
        self.cooldowns = Cooldowns(clock)
        self.pools = Pools.in_order(backends)
        watched = Watched(self.pools, self.breakers, self.cooldowns, Metrics())
        self.app = Operations(self.inner, watched, key)

    async def ask(self, path: str, client: Any = HERE, **fields: Any) -> Connection:
        """One request."""
        connection = Connection()
        scope = http_scope(path, method=fields.pop("method", "GET"), **fields)
        await self.app({**scope, "client": client}, connection.receive, connection.send)
        return connection


@pytest.fixture
def gateway(clock: FakeClock) -> Gateway:
    """Without a key: operators are of the same machine."""
    return Gateway(clock)


@pytest.mark.parametrize("path", [LIVE, READY, "/healthz"])
async def test_health_answers_anybody(gateway: Gateway, path: str) -> None:
    """A load balancer has no key."""
    answer = await gateway.ask(path, AWAY)
    assert (answer.status, json.loads(answer.body)) == (200, {"status": "ok"})
    assert gateway.inner.seen == []


@pytest.mark.parametrize("path", [METRICS, BACKENDS])
@pytest.mark.parametrize(
    ("client", "status"),
    [
        (HERE, 200),
        (("127.8.9.1", 1), 200),
        (("::1", 1), 200),
        (("::ffff:127.0.0.1", 1), 200),
        (AWAY, 403),
        (("::ffff:10.0.0.1", 1), 403),
        (("no address", 1), 403),
        (None, 403),
    ],
)
async def test_without_a_key_only_the_same_machine_is_answered(
    gateway: Gateway, path: str, client: Any, status: int
) -> None:
    """Names and loads are not told to whoever can reach the port."""
    answer = await gateway.ask(path, client)
    assert answer.status == status
    assert b"east" not in answer.body or status == 200


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({"authorization": "Bearer op-key"}, 200),
        ({"authorization": "Bearer op-key2"}, 403),
        ({"authorization": "op-key"}, 403),
        ({"authorization": "Bearer ü"}, 403),
        ({}, 403),
    ],
)
async def test_with_a_key_only_its_holders_are_answered(
    clock: FakeClock, given: dict[str, str], status: int
) -> None:
    """Behind a proxy every caller looks like this machine, so the key alone counts."""
    gateway = Gateway(clock, "op-key")
    assert (await gateway.ask(METRICS, HERE, headers=given)).status == status


async def test_backends_tell_their_state_and_no_key(gateway: Gateway) -> None:
    """Broken and throttled ones are seen, with when they will be asked again."""
    _, west = gateway.pools.backends
    gateway.breakers.failed("east")
    gateway.cooldowns.throttled(west, "gpt-4o", 1500)
    gateway.cooldowns.troubled(west, "other")
    answer = await gateway.ask(BACKENDS)
    assert b"the-backends-key" not in answer.body
    first, second = json.loads(answer.body)["backends"]
    assert (first["name"], first["state"], first["failures"]) == ("east", "open", 1)
    assert (first["region"], first["asked_again_in_ms"]) == ("eastus", 5000)
    assert (second["state"], second["throttled_ms"]) == ("closed", {"gpt-4o": 1500})


async def test_ready_is_who_has_a_backend_that_may_work(gateway: Gateway, clock: FakeClock) -> None:
    """A gateway without any takes no traffic; it comes back for the probe."""
    gateway.breakers.failed("east")
    assert (await gateway.ask(READY)).status == 200
    gateway.breakers.failed("west")
    assert (await gateway.ask(READY)).status == 503
    assert (await gateway.ask(LIVE)).status == 200
    clock.advance_ms(5000)
    assert (await gateway.ask(READY)).status == 200


@pytest.mark.parametrize(("path", "method"), [("/openai/models", "GET"), (METRICS, "POST")])
async def test_everything_else_goes_inward(gateway: Gateway, path: str, method: str) -> None:
    """Only these paths are the gateway's own, and only to be read."""
    await gateway.ask(path, AWAY, method=method)
    assert len(gateway.inner.seen) == 1
