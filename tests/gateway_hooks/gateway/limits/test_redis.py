"""Counters in Redis are shared exactly, survive its absence and killed processes."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable

import pytest

from gateway_hooks.errors import SettingsError
from gateway_hooks.gateway.limits.counting import Demand, Figures, Quota
from gateway_hooks.gateway.limits.redis import RedisCounters
from gateway_hooks.gateway.limits.settings import SharedCounters, WhenUnreachable
from tests.servers import RedisServer

Make = Callable[..., RedisCounters]

_CHILD = """
import asyncio, sys
from gateway_hooks.gateway.limits.counting import Demand, Figures
from gateway_hooks.gateway.limits.redis import RedisCounters
from gateway_hooks.gateway.limits.settings import SharedCounters

async def main():
    settings = SharedCounters(url_env="LIMITS_URL", timeout_ms=5000, lease_seconds=1)
    counters = RedisCounters(settings)
    {body}

asyncio.run(main())
"""


@pytest.fixture
def make(redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Counters on the test's own server."""
    monkeypatch.setenv("LIMITS_URL", redis_server.url)

    def made(
        when_unreachable: WhenUnreachable = "local", *, timeout_ms: int = 2000, lease: int = 20
    ) -> RedisCounters:
        return RedisCounters(
            SharedCounters(
                url_env="LIMITS_URL",
                when_unreachable=when_unreachable,
                timeout_ms=timeout_ms,
                lease_seconds=lease,
            )
        )

    return made


def _child(body: str) -> subprocess.Popen[str]:
    code = _CHILD.format(body=textwrap.indent(textwrap.dedent(body), "    ").strip())
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)


async def test_two_processes_share_a_limit_exactly(make: Make) -> None:
    """100 requests a minute are 100 for all processes together, not for each worker."""
    make()
    body = """
        demand = [Demand("shared", Figures("shared", requests_per_minute=100))]
        verdicts = await asyncio.gather(*(counters.reserve(demand, 0) for _ in range(90)))
        assert all(one.reachable for one in verdicts)
        print(sum(one.denial is None for one in verdicts))
        await counters.aclose()
    """
    children = [_child(body), _child(body)]
    granted = [int(child.communicate(timeout=60)[0]) for child in children]
    assert sum(granted) == 100


async def test_tokens_are_corrected_without_anybody_waiting(make: Make) -> None:
    """What was reserved and not used is there again, in the minute and in the quota."""
    counters = make()
    figures = Figures("all", tokens_per_minute=100, quotas=(Quota("day", 1000),))
    demand = [Demand("all", figures)]
    first = await counters.reserve(demand, 90)
    assert (first.standings[0].tokens, first.standings[0].quota_tokens) == (10, 910)
    refused = await counters.reserve(demand, 20)
    assert refused.denial is not None
    assert refused.denial.reason == "tokens_per_minute"
    assert refused.denial.retry_ms is not None
    assert 58_000 <= refused.denial.retry_ms <= 61_000
    assert first.reservation is not None
    first.reservation.finish(30)
    first.reservation.finish(0)
    await counters.aclose()
    again = make()
    after = await again.reserve(demand, 20)
    assert (after.standings[0].tokens, after.standings[0].quota_tokens) == (50, 950)
    await again.aclose()


async def test_a_cancelled_reservation_is_undone(make: Make) -> None:
    """A caller that leaves while Redis is asked keeps neither tokens nor a place."""
    counters = make()
    demand = [Demand("one", Figures("one", concurrent_requests=1, quotas=(Quota("day", 100),)))]
    await counters.reserve([Demand("warm", Figures("warm", requests_per_minute=9))], 0)
    for turns in range(8):
        task = asyncio.create_task(counters.reserve(demand, 100))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        if not task.cancelled():
            reservation = task.result().reservation
            assert reservation is not None
            reservation.finish(0)
        await asyncio.sleep(0.1)  # nobody waits for what is given back
    await counters.aclose()
    again = make()
    assert (await again.reserve(demand, 100)).denial is None
    await again.aclose()


async def test_the_next_request_of_a_caller_finds_its_place_free(make: Make) -> None:
    """One at a time means one after the other, too: the last answer's place is no obstacle."""
    counters = make()
    demand = [Demand("one", Figures("one", concurrent_requests=1))]
    for _ in range(20):
        verdict = await counters.reserve(demand, 0)
        assert verdict.reservation is not None
        verdict.reservation.finish(0)
    await counters.aclose()


async def test_a_killed_workers_places_come_back(make: Make) -> None:
    """A process that is killed in the middle of requests blocks nobody longer than a lease."""
    counters = make(lease=1)
    child = _child("""
        demand = [Demand("slots", Figures("slots", concurrent_requests=2))]
        for _ in range(2):
            assert (await counters.reserve(demand, 0)).denial is None
        print("held", flush=True)
        await asyncio.sleep(60)
    """)
    assert child.stdout is not None
    assert child.stdout.readline() == "held\n"
    demand = [Demand("slots", Figures("slots", concurrent_requests=2))]
    await asyncio.sleep(1.5)  # longer than a lease: they are renewed while the process lives
    refused = await counters.reserve(demand, 0)
    assert refused.denial is not None
    assert refused.denial.reason == "concurrent_requests"
    child.kill()
    child.communicate(timeout=30)
    deadline = time.monotonic() + 20
    while (await counters.reserve(demand, 0)).denial is not None:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.1)
    await counters.aclose()


@pytest.mark.parametrize("mode", ["local", "allow", "deny"])
async def test_without_redis_the_setting_decides_and_it_is_found_again(
    make: Make, redis_server: RedisServer, mode: WhenUnreachable
) -> None:
    """Redis is killed and restarted in the middle; nobody has to restart the gateway."""
    counters = make(mode)
    demand = [Demand("two", Figures("two", requests_per_minute=2))]
    assert (await counters.reserve(demand, 0)).reachable
    redis_server.kill()
    verdicts = [await counters.reserve(demand, 0) for _ in range(5)]
    assert not any(one.reachable for one in verdicts)
    assert not counters.is_reachable
    passed = [one.denial is None and not one.refused for one in verdicts]
    expected = {
        "local": [True, True, False, False, False],
        "allow": [True] * 5,
        "deny": [False] * 5,
    }
    assert passed == expected[mode]
    redis_server.start()
    deadline = time.monotonic() + 20
    while not (await counters.reserve(demand, 0)).reachable:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)
    await counters.aclose()


async def test_every_key_expires(make: Make, redis_server: RedisServer) -> None:
    """Nothing stays in Redis for good."""
    from redis.asyncio import Redis

    counters = make()
    figures = Figures(
        "all",
        tokens_per_minute=9,
        concurrent_requests=5,
        quotas=(Quota("day", 9), Quota("month", 9)),
    )
    verdict = await counters.reserve([Demand("all", figures)], 3)
    assert verdict.reservation is not None
    client = Redis.from_url(redis_server.url)
    names = [name async for name in client.scan_iter()]
    assert len(names) == 5
    assert all([await client.pttl(name) > 0 for name in names])
    await client.aclose()
    await counters.aclose()


def test_a_bad_address_stops_the_start_without_its_password(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The message names the setting and says what to do, and never quotes the address."""
    monkeypatch.setenv("LIMITS_URL", "redis://:made-up-secret@host:port:secret/0")
    with pytest.raises(SettingsError, match="limit_counters") as caught:
        RedisCounters(SharedCounters(url_env="LIMITS_URL"))
    assert "secret" not in str(caught.value)
