"""What callers of used-up budgets get."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from gatemeter.simulator import RunningSimulator
from gateway_hooks.asgi_types import App
from gateway_hooks.gateway import Backend
from gateway_hooks.gateway.budgets import BudgetEnforcement, BudgetState, SpendBudgets
from gateway_hooks.gateway.pool.pools import Pool, Pools, Route
from gateway_hooks.known_caller import CALLER, KnownCaller
from gateway_hooks.meter import Meter
from gateway_hooks.sink import MemorySink
from tests.gateway_hooks.fakes import (
    URL,
    Connection,
    ScriptedApp,
    chat_body,
    http_scope,
    only,
    passed,
)
from tests.gateway_hooks.gateway.budgets.conftest import StateFile
from tests.gateway_hooks.gateway.conftest import FakeClock
from tests.gateway_hooks.gateway.pool.test_forward import BODY, CHAT, chat

V1 = "/openai/v1/chat/completions"


@pytest.fixture
def guard(published: StateFile, clock: FakeClock) -> Callable[..., App]:
    """Puts the policy around an application."""

    def made(app: App, **settings: Any) -> App:
        enforced = BudgetEnforcement(**settings)
        state = BudgetState(published.path, clock, stale_seconds=enforced.stale_seconds)
        return SpendBudgets(app, state, enforced)

    return made


@pytest.fixture
def inner() -> ScriptedApp:
    """What the policy protects."""
    return ScriptedApp()


def headers_of(connection: Connection) -> dict[str, str]:
    """Headers of an answer."""
    return {name.decode(): value.decode() for name, value in connection.sent[0]["headers"]}


async def test_deny_is_a_403_in_azures_form(
    guard: Callable[..., App],
    inner: ScriptedApp,
    published: StateFile,
    meter: Meter,
    sink: MemorySink,
) -> None:
    """Nobody is called, the caller reads why and until when, and the event says who decided."""
    published.write(published.budget(name="search team"))
    answer = await passed(guard(inner), meter, chat_body())
    assert (answer.status, inner.seen) == (403, [])
    error = json.loads(answer.body)["error"]
    assert error["code"] == "BudgetExceeded"
    assert error["message"].startswith("The budget search team is used up (100 USD).")
    event = only(sink)
    assert event["decisions"] == [
        {"policy": "budgets", "action": "denied", "reason": "search team"}
    ]
    assert event["usage_source"] == "none"
    assert "input_tokens" not in event


async def test_warn_lets_pass_and_says_so(
    guard: Callable[..., App],
    inner: ScriptedApp,
    published: StateFile,
    meter: Meter,
    sink: MemorySink,
) -> None:
    """The answer is the backend's, with a header; a name is made fit for one."""
    published.write(published.budget(name="büdget", enforce="warn"))
    answer = await passed(guard(inner), meter, chat_body())
    assert answer.status == 200
    assert headers_of(answer)["x-gatemeter-budget-warning"] == "b?dget"
    assert inner.seen[0].body == chat_body()
    assert only(sink)["decisions"][0]["action"] == "warned"


async def test_what_is_not_used_up_or_not_concerned_passes_untouched(
    guard: Callable[..., App],
    inner: ScriptedApp,
    published: StateFile,
    meter: Meter,
    sink: MemorySink,
) -> None:
    """A budget of others, or with something left, is not noticed."""
    published.write(
        published.budget(used="99.99"),
        published.budget(team="sales"),
        published.budget(deployments=["other"]),
    )
    answer = await passed(guard(inner), meter, chat_body())
    assert answer.status == 200
    assert not [name for name in headers_of(answer) if name.startswith("x-gatemeter")]
    assert "decisions" not in only(sink)


@pytest.mark.parametrize(("team", "status"), [("search", 403), ("sales", 200), (None, 200)])
async def test_the_checked_caller_counts(
    *,
    guard: Callable[..., App],
    inner: ScriptedApp,
    published: StateFile,
    meter: Meter,
    team: str | None,
    status: int,
) -> None:
    """A team's budget stops that team and nobody else."""
    published.write(published.budget(team="search"))
    scope = {**http_scope(), CALLER: KnownCaller("k_1", team=team)}
    assert (await passed(guard(inner), meter, chat_body(), scope)).status == status


@pytest.mark.parametrize(
    ("enforced", "action"),
    [
        (["warn", "deny", "downgrade"], "denied"),
        (["warn", "downgrade"], "downgraded"),
        (["warn"], "warned"),
        (["something of tomorrow", "warn"], "denied"),
    ],
)
async def test_the_strictest_wins(
    *,
    guard: Callable[..., App],
    inner: ScriptedApp,
    published: StateFile,
    meter: Meter,
    sink: MemorySink,
    enforced: list[str],
    action: str,
) -> None:
    """Of several used-up budgets one decides; one that has something left does not."""
    budgets = [
        published.budget(name=one, enforce=one, downgrade_to="mini" if one == "downgrade" else None)
        for one in enforced
    ]
    published.write(published.budget(used="1"), *budgets)
    await passed(guard(inner), meter, chat_body())
    assert [one["action"] for one in only(sink)["decisions"]] == [action]


@pytest.mark.parametrize("path", [CHAT, V1])
def test_downgrade_really_calls_the_other_deployment(
    start_pools: Any,
    start_recorder: Callable[..., Any],
    guard: Callable[..., App],
    published: StateFile,
    path: str,
) -> None:
    """The cheaper name goes to the pool that has it; the event keeps what was asked for."""
    published.write(published.budget(enforce="downgrade", downgrade_to="mini"))
    dear, cheap = start_recorder(), start_recorder()
    gateway = start_pools(
        Pool((Route(Backend.parse(dear.url)),)),
        Pool((Route(Backend.parse(cheap.url), deployment="mini-at-b"),), ("mini",)),
        around=guard,
    )
    answer = chat(gateway.url, path, body=BODY | {"model": "gpt-4o"})
    assert answer.status_code == 200
    assert answer.headers["x-gatemeter-downgraded-to"] == "mini"
    assert dear.seen == []
    (seen,) = cheap.seen
    if path == V1:
        assert json.loads(seen.body)["model"] == "mini-at-b"
        assert seen.headers["content-length"] == str(len(seen.body))
    else:
        assert seen.target == CHAT.replace("gpt-4o", "mini-at-b")
    (event,) = gateway.events
    assert event.get("deployment", event.get("request_model")) == "gpt-4o"
    assert event["attempts"][0]["deployment"] == "mini-at-b"
    assert event["decisions"] == [{"policy": "budgets", "action": "downgraded", "reason": "b"}]


def test_a_downgraded_stream_is_billed_by_what_the_cheap_one_said(
    start_pools: Any,
    start_simulator: Callable[..., RunningSimulator],
    guard: Callable[..., App],
    published: StateFile,
) -> None:
    """Streams are downgraded as well, with their usage."""
    published.write(published.budget(enforce="downgrade", downgrade_to="gpt-4o-mini"))
    simulator = start_simulator()
    gateway = start_pools(Pool((Route(Backend.parse(simulator.url)),)), around=guard)
    answer = chat(gateway.url, V1, body=BODY | {"model": "gpt-4o", "stream": True})
    assert "[DONE]" in answer.text
    (event,) = gateway.events
    assert event["usage_source"] == "reported"
    assert event["response_model"].startswith("gpt-4o-mini")


async def test_whoever_asks_for_the_cheap_one_gets_it(
    guard: Callable[..., App],
    inner: ScriptedApp,
    published: StateFile,
    meter: Meter,
    sink: MemorySink,
) -> None:
    """Nothing is changed about a request that is where it would be sent to."""
    published.write(published.budget(enforce="downgrade", downgrade_to="gpt-4o"))
    answer = await passed(guard(inner), meter, chat_body())
    assert answer.status == 200
    assert "x-gatemeter-downgraded-to" not in headers_of(answer)
    assert "decisions" not in only(sink)


@pytest.mark.parametrize("body", [b'{"messages": []}', b"no json", b""])
async def test_what_cannot_be_downgraded_is_denied(
    guard: Callable[..., App], inner: ScriptedApp, published: StateFile, meter: Meter, body: bytes
) -> None:
    """A body that hides its model is no way around a budget."""
    published.write(published.budget(enforce="downgrade", downgrade_to="mini"))
    answer = await passed(guard(inner), meter, body, http_scope(V1))
    assert (answer.status, inner.seen) == (403, [])


async def test_a_budget_of_the_backends_name_stops_the_callers(
    published: StateFile, clock: FakeClock, inner: ScriptedApp, meter: Meter
) -> None:
    """Spend is stored under the name that was billed; an alias of a pool is no way around."""
    published.write(published.budget(deployments=["gpt-4o-ptu"]))
    pools = Pools((Pool((Route(Backend.parse("http://a"), deployment="gpt-4o-ptu"),)),))
    state = BudgetState(published.path, clock, stale_seconds=600)
    app = SpendBudgets(inner, state, BudgetEnforcement(), names=pools.names)
    assert (await passed(app, meter, chat_body())).status == 403
    plain = SpendBudgets(inner, state, BudgetEnforcement())
    assert (await passed(plain, meter, chat_body())).status == 200


@pytest.mark.parametrize("written", [True, False])
@pytest.mark.parametrize(("when_stale", "status"), [("allow", 200), ("deny", 503)])
async def test_without_figures_the_operator_decides(
    *,
    guard: Callable[..., App],
    inner: ScriptedApp,
    published: StateFile,
    meter: Meter,
    sink: MemorySink,
    clock: FakeClock,
    when_stale: str,
    status: int,
    written: bool,
) -> None:
    """A state that is too old, or was never written, fails open or closed, and says which."""
    if written:
        published.write(published.budget(used="1"))
        clock.advance_ms(601_000)
    answer = await passed(guard(inner, when_stale=when_stale), meter, chat_body())
    assert answer.status == status
    action = "failed_open" if status == 200 else "denied"
    assert only(sink)["decisions"] == [{"policy": "budgets", "action": action, "reason": "stale"}]


async def test_a_stale_state_concerns_only_those_with_a_budget(
    *,
    guard: Callable[..., App],
    inner: ScriptedApp,
    published: StateFile,
    meter: Meter,
    sink: MemorySink,
    clock: FakeClock,
) -> None:
    """Requests that no budget is for do not suffer from a publisher that is away."""
    published.write(published.budget(team="sales"))
    clock.advance_ms(601_000)
    answer = await passed(guard(inner, when_stale="deny"), meter, chat_body())
    assert answer.status == 200
    assert "decisions" not in only(sink)


async def test_what_costs_nothing_is_not_stopped(
    guard: Callable[..., App], inner: ScriptedApp, published: StateFile, meter: Meter
) -> None:
    """Looking at a stored response or a list of models is free."""
    published.write(published.budget())
    for path in ("/openai/models", "/openai/v1/responses/resp_12345678"):
        scope = http_scope(path, method="GET")
        assert (await passed(guard(inner), meter, b"", scope)).status == 200


def test_a_caller_that_leaves_ends_in_peace(
    start_pools: Any, start_recorder: Callable[..., Any], guard: Callable[..., App]
) -> None:
    """Half a request is no error of the policy."""
    recorder = start_recorder()
    gateway = start_pools(Pool((Route(Backend.parse(recorder.url)),)), around=guard)

    def half() -> Any:
        yield b"{"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        httpx.post(gateway.url + URL, content=half())
    (event,) = gateway.wait_for_events(1)
    assert (event["status_code"], recorder.seen) == (499, [])
    assert event["operation"] == "chat"


def test_the_store_is_not_asked_all_the_time() -> None:
    """What the publisher would refuse is refused where it is set."""
    assert BudgetEnforcement(publish_seconds=0).publish_seconds == 0
    with pytest.raises(ValueError, match="write 0, or 1 or more"):
        BudgetEnforcement(publish_seconds=0.5)
