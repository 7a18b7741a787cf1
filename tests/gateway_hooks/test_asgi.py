"""The middleware records every request and changes nothing for gateway or client."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from gateway_hooks.asgi import UsageMiddleware
from gateway_hooks.asgi_types import App, Message, Receive, Scope, Send
from gateway_hooks.attempts import record_attempt
from gateway_hooks.errors import SettingsError
from gateway_hooks.meter import Meter, use_meter
from gateway_hooks.settings import HookSettings
from gateway_hooks.sink import MemorySink
from tests.gateway_hooks.fakes import (
    CHAT_PATH,
    CHAT_STREAM,
    DONE_FRAME,
    TEXT_FRAMES,
    THROTTLED_BODY,
    USAGE_FRAME,
    Connection,
    FakeClock,
    Reply,
    ScriptedApp,
    answer_ok,
    chat_answer,
    chat_body,
    http_scope,
    only,
    passed,
    recorded,
    streamed,
    wait_until,
)


async def test_a_chat_is_one_event(meter: Meter, sink: MemorySink) -> None:
    """Identity, caller, call, usage and outcome of a plain request all arrive."""
    headers = {
        "api-key": "sk-secret",
        "content-type": "application/json",
        "x-session-id": "session-1",
        "x-request-id": "request-1",
        "x-gatemeter-tags": "project=apollo, stage=test",
    }
    app = ScriptedApp(Reply(headers={"content-type": "application/json"}))
    connection = await passed(
        app, meter, chat_body(user="someone@example.com"), http_scope(headers=headers)
    )
    assert connection.body == chat_answer()
    event = only(sink)
    assert event["duration_ms"] >= 0
    expected = {
        "schema_version": 1,
        "gateway": "test-gateway",
        "request_id": "request-1",
        "response_id": "chatcmpl-1",
        "session_id": "session-1",
        "auth_type": "api_key",
        "key_id": meter.fingerprints.key_id("sk-secret"),
        "end_user": meter.fingerprints.end_user("someone@example.com"),
        "tags": {"project": "apollo", "stage": "test"},
        "operation": "chat",
        "api_version": "2024-10-21",
        "stream": False,
        "request_model": "gpt-4o",
        "response_model": "gpt-4o-2024-08-06",
        "deployment": "gpt-4o",
        "usage_source": "reported",
        "input_tokens": 9,
        "output_tokens": 3,
        "status_code": 200,
        "finish_reasons": ["stop"],
    }
    assert {key: value for key, value in event.items() if key in expected} == expected
    assert "attempts" not in event
    assert "throttled_by" not in event


async def test_aliases_come_from_the_settings(sink: MemorySink) -> None:
    """A key's name and team are looked up by its fingerprint."""
    plain = HookSettings.load(key_salt="0123456789abcdef")
    key_id = Meter(plain, sink).fingerprints.key_id("sk-secret")
    settings = HookSettings.load(
        key_salt="0123456789abcdef", keys={key_id: {"name": "apollo", "team": "moon"}}
    )
    scope = http_scope(headers={"authorization": "Bearer sk-secret"})
    await passed(ScriptedApp(), Meter(settings, sink), chat_body(), scope)
    event = only(sink)
    assert (event["key_name"], event["team"]) == ("apollo", "moon")


async def test_skipped_paths_and_other_protocols_pass_untouched(
    meter: Meter, sink: MemorySink
) -> None:
    """Health checks, websockets and the lifespan reach the application as the server sent them."""
    seen: list[tuple[Scope, Receive, Send]] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append((scope, receive, send))

    connection = Connection()
    middleware = UsageMiddleware(app, meter)
    scopes: list[Scope] = [
        http_scope("/healthz", method="GET"),
        http_scope("/health/live", method="GET"),
        {"type": "websocket", "path": CHAT_PATH},
        {"type": "lifespan"},
    ]
    for scope in scopes:
        await middleware(scope, connection.receive, connection.send)
    assert seen == [(scope, connection.receive, connection.send) for scope in scopes]
    assert sink.lines == []


async def test_a_middleware_inside_a_middleware_adds_nothing(
    meter: Meter, sink: MemorySink
) -> None:
    """A mounted application that is wrapped as well does not count its requests twice."""
    connection = await passed(UsageMiddleware(ScriptedApp(), meter), meter, chat_body())
    assert connection.body == chat_answer()
    assert len(recorded(sink)) == 1


@pytest.mark.parametrize("length", ["\xb2", "-1", "", "1e3", "9" * 5000])
async def test_a_length_that_is_none_passes(meter: Meter, sink: MemorySink, length: str) -> None:
    """Numbers that only look like some make neither request nor answer fail."""
    headers = {"content-type": "application/json", "content-length": length}
    scope = http_scope()
    scope["headers"] = [(name.encode(), text.encode("latin-1")) for name, text in headers.items()]

    async def app(_scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        start: Message = {"type": "http.response.start", "status": 200}
        await send({**start, "headers": scope["headers"]})
        await send({"type": "http.response.body", "body": chat_answer()})

    connection = await passed(app, meter, chat_body(), scope)
    assert connection.body == chat_answer()
    assert only(sink)["status_code"] == 200
    assert meter.counters.errors == {}


async def test_other_requests_are_recorded_as_other(meter: Meter, sink: MemorySink) -> None:
    """What is no LLM call still shows who called and how it ended, and never any usage."""
    await passed(ScriptedApp(), meter, b"", http_scope("/v2/anything", method="GET"))
    event = only(sink)
    assert (event["operation"], event["usage_source"]) == ("other", "none")
    assert "input_tokens" not in event


def at_times(
    clock: FakeClock, *steps: tuple[float, bytes | None], status: int = 200, **headers: str
) -> App:
    """An application that sends its answer's pieces after so many seconds each."""

    async def app(_scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        for index, (seconds, piece) in enumerate(steps):
            clock.advance(seconds)
            if index == 0:
                await send({"type": "http.response.start", "status": status, "headers": raw})
            if piece is not None:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    return app


async def test_times_of_a_stream(timed_meter: Meter, sink: MemorySink, clock: FakeClock) -> None:
    """The first chunk counts when it has content: Azure's annotation frame before it does not."""
    app = at_times(
        clock,
        (0.5, CHAT_STREAM[0]),
        (0.25, TEXT_FRAMES[0]),
        (1.0, TEXT_FRAMES[1]),
        (0.25, USAGE_FRAME + DONE_FRAME),
        (9.0, None),
        content_type="text/event-stream",
    )
    await passed(app, timed_meter, chat_body(stream=True, stream_options={"include_usage": True}))
    event = only(sink)
    assert event["time_to_first_chunk_ms"] == 750
    assert event["duration_ms"] == 2000
    assert event["started_at"] == "2027-01-15T08:00:00.000000Z"


async def test_a_plain_answer_has_no_first_chunk(meter: Meter, sink: MemorySink) -> None:
    """Time to first chunk is a property of streams only."""
    await passed(ScriptedApp(), meter, chat_body())
    assert "time_to_first_chunk_ms" not in only(sink)


async def test_overhead_is_what_the_backends_did_not_take(
    timed_meter: Meter, sink: MemorySink, clock: FakeClock
) -> None:
    """Attempts that overlap count once."""

    async def app(_scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        clock.advance(0.1)
        first = record_attempt("a.example")
        clock.advance(1)
        second = record_attempt("b.example")
        first.end()
        clock.advance(2)
        second.answered(200, {})
        second.end()
        clock.advance(0.1)
        await answer_ok(send)

    await passed(app, timed_meter, chat_body())
    event = only(sink)
    assert event["duration_ms"] == 3200
    assert event["gateway_overhead_ms"] == 200
    assert [(one["offset_ms"], one["duration_ms"]) for one in event["attempts"]] == [
        (100, 1000),
        (1100, 2000),
    ]


async def test_an_attempt_is_derived_from_azures_headers(meter: Meter, sink: MemorySink) -> None:
    """A gateway that reports no attempts still shows region, limits and throttling."""
    headers = {
        "content-type": "application/json",
        "x-ms-region": "Sweden Central",
        "apim-request-id": "azure-1",
        "x-ratelimit-remaining-tokens": "0",
        "x-ratelimit-limit-tokens": "1000",
        "retry-after-ms": "1500",
    }
    app = ScriptedApp(Reply(status=429, headers=headers, chunks=[THROTTLED_BODY]))
    await passed(app, meter, chat_body())
    event = only(sink)
    assert event["throttled_by"] == "backend"
    assert event["request_id"] == "azure-1"
    assert event["attempts"] == [
        {
            "backend": "unknown",
            "region": "swedencentral",
            "status_code": 429,
            "throttle": "token_rate",
            "retry_after_ms": 1500,
            "remaining_tokens": 0,
            "limit_tokens": 1000,
        }
    ]


async def test_a_429_without_any_attempt_is_the_gateways(meter: Meter, sink: MemorySink) -> None:
    """Limits of the gateway itself do not look like limits of a backend."""
    await passed(ScriptedApp(Reply(status=429, chunks=[b"{}"])), meter, chat_body())
    event = only(sink)
    assert event["throttled_by"] == "gateway"
    assert "attempts" not in event


async def test_reported_attempts_win_over_headers(meter: Meter, sink: MemorySink) -> None:
    """Backends that the gateway named are not joined by an unknown one."""

    async def app(_scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        with record_attempt("a.example", deployment="gpt-4o-ptu") as attempt:
            attempt.answered(429, {"Retry-After": "2", "x-ms-region": "East US"})
        with record_attempt("b.example", region="Sweden Central") as attempt:
            attempt.answered(200, [(b"X-Ms-Deployment-Name", b"gpt-4o-spill")])
        start: Message = {"type": "http.response.start", "status": 200}
        await send({**start, "headers": [(b"x-ms-region", b"East US")]})
        await send({"type": "http.response.body", "body": chat_answer()})

    await passed(app, meter, chat_body())
    event = only(sink)
    first, second = event["attempts"]
    assert (first["backend"], first["status_code"], first["region"]) == ("a.example", 429, "eastus")
    assert (first["deployment"], first["retry_after_ms"]) == ("gpt-4o-ptu", 2000)
    assert (second["backend"], second["deployment"]) == ("b.example", "gpt-4o-spill")
    assert second["region"] == "swedencentral"
    assert "throttled_by" not in event


class BrokenBackendError(Exception):
    """What a gateway's own code might raise."""


async def test_an_exception_passes_unmodified_and_is_a_500(meter: Meter, sink: MemorySink) -> None:
    """The gateway's error handling sees its own exception; the event names its class only."""
    error = BrokenBackendError("text that must not be kept")

    async def app(_scope: Scope, receive: Receive, _send: Send) -> None:
        await receive()
        raise error

    with pytest.raises(BrokenBackendError) as caught:
        await passed(app, meter, chat_body())
    assert caught.value is error
    event = only(sink)
    assert (event["status_code"], event["error_type"]) == (500, "BrokenBackendError")
    assert event["usage_source"] == "none"
    assert b"must not" not in sink.lines[0]


async def test_an_exception_in_the_middle_keeps_the_status(meter: Meter, sink: MemorySink) -> None:
    """What had been sent stays true; what was generated until then is estimated."""

    async def app(_scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        start: Message = {"type": "http.response.start", "status": 200}
        await send({**start, "headers": [(b"content-type", b"text/event-stream")]})
        await send({"type": "http.response.body", "body": TEXT_FRAMES[0], "more_body": True})
        raise BrokenBackendError

    with pytest.raises(BrokenBackendError):
        await passed(app, meter, chat_body(stream=True))
    event = only(sink)
    assert (event["status_code"], event["error_type"]) == (200, "BrokenBackendError")
    assert (event["usage_source"], event["output_tokens"] > 0) == ("estimated", True)


async def test_no_answer_at_all_is_a_500(meter: Meter, sink: MemorySink) -> None:
    """An application that returns without answering has failed, as its server will say."""

    async def app(_scope: Scope, receive: Receive, _send: Send) -> None:
        await receive()

    await passed(app, meter, chat_body())
    assert only(sink)["status_code"] == 500


async def test_a_client_that_leaves_before_the_answer(meter: Meter, sink: MemorySink) -> None:
    """Its request is a 499; the backend works on and bills the prompt, so that is estimated."""

    async def app(_scope: Scope, receive: Receive, _send: Send) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    connection = Connection(chat_body())
    connection.left.set()
    await UsageMiddleware(app, meter)(http_scope(), connection.receive, connection.send)
    event = only(sink)
    assert (event["status_code"], event["client_disconnected"]) == (499, True)
    assert event["usage_source"] == "estimated"
    assert event["input_tokens"] > 0


async def test_a_client_that_leaves_after_a_refusal(meter: Meter, sink: MemorySink) -> None:
    """No backend works on a request that the last one throttled: nothing is charged."""

    async def app(_scope: Scope, receive: Receive, _send: Send) -> None:
        await receive()
        with record_attempt("a.example") as attempt:
            attempt.answered(429, {})
        while (await receive())["type"] != "http.disconnect":
            pass

    connection = Connection(chat_body())
    connection.left.set()
    await UsageMiddleware(app, meter)(http_scope(), connection.receive, connection.send)
    assert only(sink)["usage_source"] == "none"


async def test_a_client_that_leaves_while_sending_its_body(meter: Meter, sink: MemorySink) -> None:
    """The application sees what had come and then the leaving, in that order."""
    received: list[Message] = []

    async def app(_scope: Scope, receive: Receive, _send: Send) -> None:
        while not received or received[-1]["type"] != "http.disconnect":
            received.append(await receive())

    connection = Connection(chunks=[b'{"mod', b""])
    connection._incoming[1]["more_body"] = True
    connection.left.set()
    await UsageMiddleware(app, meter)(http_scope(), connection.receive, connection.send)
    assert [message["type"] for message in received] == [
        "http.request",
        "http.request",
        "http.disconnect",
    ]
    assert only(sink)["client_disconnected"] is True


async def test_a_failing_send_is_a_client_that_left(meter: Meter, sink: MemorySink) -> None:
    """Servers that raise on a broken connection tell the same thing as those that do not."""
    connection = Connection(chat_body(stream=True))

    async def send(message: Message) -> None:
        if message["type"] == "http.response.body":
            raise OSError("connection lost")

    with pytest.raises(OSError, match="connection lost"):
        await UsageMiddleware(ScriptedApp(streamed()), meter)(
            http_scope(), connection.receive, send
        )
    event = only(sink)
    assert event["client_disconnected"] is True
    assert "error_type" not in event


async def test_a_cancelled_request_is_recorded(meter: Meter, sink: MemorySink) -> None:
    """A server that cancels the task gets its cancellation; the thread finishes the estimate."""
    started = asyncio.Event()

    async def app(_scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        start: Message = {"type": "http.response.start", "status": 200}
        await send({**start, "headers": [(b"content-type", b"text/event-stream")]})
        await send({"type": "http.response.body", "body": TEXT_FRAMES[0], "more_body": True})
        started.set()
        await asyncio.sleep(60)

    task = asyncio.create_task(passed(app, meter, chat_body(stream=True)))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.to_thread(wait_until, lambda: sink.lines)
    event = only(sink)
    assert (event["error_type"], event["usage_source"]) == ("CancelledError", "estimated")


@pytest.mark.parametrize(
    ("steps", "counted"),
    [
        (("exchange.answer_reader", "exchange.read_request"), {"answer", "request"}),
        (("exchange.answer_reader", "asgi_request.ask_for_usage"), {"answer", "ask_for_usage"}),
    ],
)
async def test_errors_of_the_hook_touch_nothing(
    meter: Meter,
    sink: MemorySink,
    monkeypatch: pytest.MonkeyPatch,
    steps: tuple[str, ...],
    counted: set[str],
) -> None:
    """Whatever breaks inside the hook, request and answer pass, and the loss is counted."""

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("broken on purpose")

    for name in steps:
        monkeypatch.setattr(f"gateway_hooks.{name}", broken)
    connection = await passed(ScriptedApp(streamed()), meter, chat_body(stream=True))
    assert connection.body == b"".join(CHAT_STREAM)
    event = only(sink)
    assert (event["status_code"], event["deployment"]) == (200, "gpt-4o")
    assert set(meter.counters.errors) == counted


async def test_a_meter_that_cannot_begin_lets_everything_pass(
    meter: Meter, sink: MemorySink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even a request that cannot be recorded is refused; it is counted as lost."""

    def broken(*_: object) -> None:
        raise RuntimeError("broken on purpose")

    monkeypatch.setattr("gateway_hooks.meter.recognise", broken)
    connection = await passed(ScriptedApp(), meter, chat_body())
    assert connection.body == chat_answer()
    assert sink.lines == []
    assert meter.counters.dropped == {"hook_error": 1}


def test_a_bad_setting_stops_the_construction(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the variable."""
    monkeypatch.setenv("GATEMETER_MAX_BODY_BYTES", "12")
    with pytest.raises(SettingsError, match="GATEMETER_MAX_BODY_BYTES"):
        UsageMiddleware(ScriptedApp())


STARLETTE_APP = """
    import sys
    import uvicorn
    from starlette.applications import Starlette
    from gateway_hooks import UsageMiddleware

    app = Starlette()
    app.add_middleware(UsageMiddleware)
    uvicorn.run(app, port=0, log_level="error")
"""


def test_a_bad_setting_stops_a_server(tmp_path: Path) -> None:
    """Starlette builds its middlewares late; a server with a bad setting still does not start."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(STARLETTE_APP)],
        env={**os.environ, "GATEMETER_HOME": str(tmp_path), "GATEMETER_INCLUDE_USAGE": "perhaps"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode != 0
    assert "GATEMETER_INCLUDE_USAGE" in done.stderr


async def test_the_process_has_one_meter(meter: Meter, sink: MemorySink) -> None:
    """Middlewares without a meter of their own share the process's."""
    use_meter(meter)
    connection = Connection(chat_body())
    for _ in range(2):
        await UsageMiddleware(ScriptedApp())(http_scope(), connection.receive, connection.send)
        connection = Connection(chat_body())
    assert len(recorded(sink)) == 2
