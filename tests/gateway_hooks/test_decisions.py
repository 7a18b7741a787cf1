"""What policies decide reaches the event, and what they want to hear reaches them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from gateway_hooks.attempts import record_attempt
from gateway_hooks.decisions import MOST, record_decision, when_recorded
from gateway_hooks.known_caller import CALLER, KnownCaller, caller_of
from tests.gateway_hooks.fakes import (
    JSON_HEADERS,
    Reply,
    ScriptedApp,
    answer_ok,
    chat_body,
    http_scope,
    only,
    passed,
)

if TYPE_CHECKING:
    from gateway_hooks.event import UsageEvent
    from gateway_hooks.meter import Meter
    from gateway_hooks.reading.usage import Usage
    from gateway_hooks.sink import MemorySink


async def test_decisions_are_in_the_event_in_their_order(meter: Meter, sink: MemorySink) -> None:
    """Who did what and why, and no more of it than an event should hold."""

    async def policy(scope: Any, receive: Any, send: Any) -> None:
        record_decision("limits", "warned")
        for _ in range(2 * MOST):
            record_decision("budgets", "failed_open", "stale")
        await ScriptedApp()(scope, receive, send)

    await passed(policy, meter, chat_body())
    decisions = only(sink)["decisions"]
    assert decisions[:2] == [
        {"policy": "limits", "action": "warned"},
        {"policy": "budgets", "action": "failed_open", "reason": "stale"},
    ]
    assert len(decisions) == MOST


def test_outside_of_a_request_nothing_is_kept() -> None:
    """A policy in a gateway without metering works all the same."""
    record_decision("limits", "denied")
    assert when_recorded(lambda _: None) is False


@pytest.mark.parametrize("asked", [True, False])
async def test_a_denied_request_costs_nothing_unless_a_backend_was_asked(
    meter: Meter, sink: MemorySink, *, asked: bool
) -> None:
    """What no backend has seen is not estimated; what one has seen may be on the bill."""

    async def policy(_: Any, receive: Any, send: Any) -> None:
        await receive()
        if asked:
            with record_attempt("east") as attempt:
                attempt.answered(200, {})
        record_decision("safety", "denied", "violence")
        await answer_ok(send, b"{}", 400 if not asked else 200)

    await passed(policy, meter, chat_body())
    event = only(sink)
    assert event["usage_source"] == ("estimated" if asked else "none")
    assert ("input_tokens" in event) is asked


async def test_a_warned_request_is_estimated_as_ever(meter: Meter, sink: MemorySink) -> None:
    """Only a denial says that nothing was used."""

    async def policy(scope: Any, receive: Any, send: Any) -> None:
        record_decision("budgets", "warned", "b")
        await ScriptedApp(Reply(headers=dict(JSON_HEADERS), chunks=[b"{}"]))(scope, receive, send)

    await passed(policy, meter, chat_body())
    assert only(sink)["usage_source"] == "estimated"


async def test_observers_hear_the_usage_before_the_last_byte(
    meter: Meter, sink: MemorySink
) -> None:
    """Limits are settled before the caller can ask again; one that raises stops nobody."""
    heard: list[tuple[int | None, int]] = []

    def hear(usage: Usage) -> None:
        heard.append((usage.input_tokens, len(sink.lines)))

    def fail(_: Usage) -> None:
        raise RuntimeError("an observer's bug")

    async def policy(scope: Any, receive: Any, send: Any) -> None:
        assert when_recorded(fail)
        assert when_recorded(hear)

        async def last(message: Any) -> None:
            await send(message)
            if message["type"] == "http.response.body" and not message.get("more_body"):
                heard.append((None, -1))

        await ScriptedApp()(scope, receive, last)
        assert when_recorded(hear) is False

    answer = await passed(policy, meter, chat_body())
    assert answer.status == 200
    assert heard == [(9, 1), (None, -1)]
    assert meter.counters.errors == {"observer": 1}
    assert meter.counters.events == 1


async def test_observers_of_events_cost_nothing_when_they_raise(
    meter: Meter, sink: MemorySink
) -> None:
    """Each is told of each stored event; a broken one is counted and the event is kept."""
    told: list[UsageEvent] = []

    def fail(_: UsageEvent) -> None:
        raise ValueError("an observer's bug")

    meter.when_event(fail)
    meter.when_event(told.append)
    for _ in range(2):
        assert (await passed(ScriptedApp(), meter, chat_body())).status == 200
    assert [event["event_id"] for event in told] == [
        event["event_id"] for event in map(_decoded, sink.lines)
    ]
    assert meter.counters.errors == {"observer": 2}
    assert (meter.counters.events, meter.counters.dropped) == (2, {})


def _decoded(line: bytes) -> UsageEvent:
    from gateway_hooks.event import validate_line

    return validate_line(line)


async def test_a_checked_caller_is_who_the_event_names(meter: Meter, sink: MemorySink) -> None:
    """Not the key that it happened to send."""
    known = KnownCaller("k_known", "entra", key_name="anna", team="search", product="gold")
    scope = {**http_scope(headers={**JSON_HEADERS, "api-key": "another"}), CALLER: known}
    await passed(ScriptedApp(), meter, chat_body(), scope)
    event = only(sink)
    assert (event["key_id"], event["auth_type"], event["key_name"]) == ("k_known", "entra", "anna")
    assert (event["team"], event["product"]) == ("search", "gold")


@pytest.mark.parametrize("found", [None, "k_forged", {"key_id": "k_forged"}])
def test_only_a_checked_caller_is_one(found: object) -> None:
    """Something else under that name in a scope is nobody."""
    assert caller_of({"type": "http", CALLER: found}) is None
