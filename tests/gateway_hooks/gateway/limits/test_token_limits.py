"""The policy refuses what is over a limit, and gives back what was not used."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest

from gateway_hooks.asgi import UsageMiddleware
from gateway_hooks.gateway.limits import Limit, LocalCounters, TokenLimits
from gateway_hooks.known_caller import CALLER, KnownCaller
from gateway_hooks.meter import Meter
from gateway_hooks.sink import MemorySink
from tests.gateway_hooks.fakes import (
    CHAT_PATH,
    QUERY,
    USAGE,
    FakeClock,
    chat_answer,
    chat_body,
    recorded,
)

_BACKEND = [
    (b"content-type", b"application/json"),
    (b"x-ratelimit-remaining-tokens", b"7"),
    (b"x-ms-region", b"East US"),
]


class _Backend:
    """Answers what it is told to."""

    def __init__(self, status: int = 200, error: BaseException | None = None) -> None:
        self.status = status
        self.error = error
        self.calls = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """ASGI."""
        self.calls += 1
        assert scope["type"] == "http"
        assert (await receive())["type"] == "http.request"
        if self.error is not None:
            raise self.error
        body = chat_answer(usage=USAGE) if self.status == 200 else b'{"error": {"code": "429"}}'
        headers = [*_BACKEND, (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


async def _ask(app: Any, key: str = "key-1", **fields: Any) -> tuple[int, dict[str, str], Any]:
    scope = {
        "type": "http",
        "method": "POST",
        "path": CHAT_PATH,
        "query_string": QUERY.encode(),
        "headers": [(b"content-type", b"application/json")],
        CALLER: KnownCaller(key, key_name=key, team="red"),
    }
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": chat_body(**fields), "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], headers, json.loads(sent[1]["body"])


def _app(
    backend: Any, limits: Sequence[Limit], clock: FakeClock, meter: Meter | None = None
) -> Any:
    app = TokenLimits(backend, limits=limits, counters=LocalCounters(clock), clock=clock)
    return app if meter is None else UsageMiddleware(app, meter)


async def test_an_answer_tells_what_is_left_of_the_gateways_limit(
    meter: Meter, sink: MemorySink, clock: FakeClock
) -> None:
    """By real usage, in Azure's headers; the event keeps what the backend said of its own."""
    limits = [Limit(name="a", tokens_per_minute=1000, requests_per_minute=5, tokens_per_day=9000)]
    app = _app(_Backend(), limits, clock, meter)
    status, headers, _ = await _ask(app, max_tokens=500)
    assert status == 200
    assert headers["x-ratelimit-limit-tokens"] == "1000"
    assert headers["x-ratelimit-remaining-tokens"] == "988"
    assert headers["x-ratelimit-remaining-requests"] == "4"
    assert headers["remaining-quota-tokens"] == "8988"
    assert headers["consumed-tokens"] == "12"
    [event] = recorded(sink)
    assert event["attempts"][0]["remaining_tokens"] == 7
    _, headers, _ = await _ask(app, max_tokens=500)
    assert headers["x-ratelimit-remaining-tokens"] == "976"


async def test_a_refusal_is_one_by_the_gateway_and_reaches_no_backend(
    meter: Meter, sink: MemorySink, clock: FakeClock
) -> None:
    """429 as Azure says it, with the moment to come back, and an event that says who refused."""
    backend = _Backend()
    app = _app(backend, [Limit(name="rpm", requests_per_minute=1)], clock, meter)
    assert (await _ask(app))[0] == 200
    status, headers, body = await _ask(app)
    assert (status, body["error"]["code"]) == (429, "429")
    assert "rpm" in body["error"]["message"]
    assert headers["retry-after"] == "60"
    assert 60_000 <= int(headers["retry-after-ms"]) <= 60_100
    assert backend.calls == 1
    event = recorded(sink)[1]
    assert event["throttled_by"] == "gateway"
    assert "attempts" not in event
    assert event["decisions"] == [
        {"policy": "token_limits", "action": "denied", "reason": "requests_per_minute"}
    ]


async def test_a_used_up_quota_is_403_until_it_renews(meter: Meter, clock: FakeClock) -> None:
    """A quota's refusal is no invitation to try again soon."""
    app = _app(_Backend(), [Limit(name="q", tokens_per_month=20)], clock, meter)
    assert (await _ask(app))[0] == 200
    assert (await _ask(app))[0] == 403
    status, _, body = await _ask(app)
    assert (status, body["error"]["code"]) == (403, "QuotaExceeded")
    assert body["error"]["renews_at"] == "2027-02-01T00:00:00Z"


async def test_what_can_never_pass_is_not_to_be_retried(meter: Meter, clock: FakeClock) -> None:
    """A request larger than its limit is told so, SDKs included."""
    app = _app(_Backend(), [Limit(name="small", tokens_per_minute=100)], clock, meter)
    status, headers, body = await _ask(app, max_tokens=101)
    assert (status, headers["x-should-retry"]) == (429, "false")
    assert "max_tokens" in body["error"]["message"]
    assert (await _ask(app, max_tokens=20))[0] == 200


@pytest.mark.parametrize("metered", [True, False])
async def test_failures_give_back_all_their_tokens(
    meter: Meter, clock: FakeClock, *, metered: bool
) -> None:
    """Throttled, failed and cancelled requests hold neither tokens nor a place."""
    limits = [Limit(name="all", tokens_per_minute=100, concurrent_requests=1)]
    backend = _Backend(status=429)
    app = _app(backend, limits, clock, meter if metered else None)
    for _ in range(3):
        assert (await _ask(app, max_tokens=80))[0] == 429
    for error in (RuntimeError("broken"), asyncio.CancelledError()):
        backend.error = error
        for _ in range(2):
            with pytest.raises(type(error)):
                await _ask(app, max_tokens=80)
            for _ in range(20):
                await asyncio.sleep(0.01)
    backend.error, backend.status = None, 200
    assert (await _ask(app, max_tokens=80))[0] == 200
    assert backend.calls == 8


async def test_each_key_has_its_own_counter(meter: Meter, clock: FakeClock) -> None:
    """One caller's load is not another's refusal, unless the limit is for all."""
    limit = Limit(name="each", per=("key",), teams=("r*",), requests_per_minute=1)
    app = _app(_Backend(), [limit], clock, meter)
    statuses = [(await _ask(app, key))[0] for key in ("one", "two", "one", "two")]
    assert statuses == [200, 200, 429, 429]


@pytest.mark.parametrize("answers", [True, False])
async def test_websockets_are_counted_while_they_are_open(
    clock: FakeClock, *, answers: bool
) -> None:
    """The second of one allowed is refused at the handshake, and the place comes back."""
    sent: list[Any] = []
    inner: list[int] = []

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    async def backend(scope: Any, receive: Any, send: Any) -> None:
        inner.append(1)
        if len(inner) == 1:
            await app(scope, receive, send)

    app = _app(backend, [Limit(name="ws", concurrent_requests=1)], clock)
    extensions: Any = {"websocket.http.response": {}} if answers else {}
    scope = {"type": "websocket", "path": "/openai/realtime", "extensions": extensions}
    await app(scope, receive, send)
    assert len(inner) == 1
    if answers:
        assert (sent[0]["type"], sent[0]["status"]) == ("websocket.http.response.start", 429)
    else:
        assert sent == [{"type": "websocket.close", "code": 1008}]
    await app(scope, receive, send)
    assert len(inner) == 2
