"""The openai SDK is metered through its HTTP client, whichever library that is built on."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import json
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import openai
import pytest

from gateway_hooks.asgi import UsageMiddleware
from gateway_hooks.asgi_types import Receive, Scope, Send
from gateway_hooks.meter import Meter
from gateway_hooks.metered_clients import async_metered_client, metered_client
from gateway_hooks.sink import MemorySink
from gateway_hooks.transport import AsyncMeteredTransport, MeteredTransport
from tests.gateway_hooks.fakes import (
    CHAT_STREAM,
    DONE_FRAME,
    JSON_HEADERS,
    TEXT_FRAMES,
    THROTTLED_BODY,
    USAGE_FRAME,
    Connection,
    Reply,
    ScriptedApp,
    answer_ok,
    chat_answer,
    chat_body,
    http_scope,
    only,
    recorded,
    serving,
    streamed,
    wait_until,
)

MESSAGES: Any = [{"role": "user", "content": "hello there"}]
RETRY_SOON = {**JSON_HEADERS, "retry-after-ms": "1", "x-ms-region": "East US"}


def throttled() -> Reply:
    """A refusal that the SDK repeats at once."""
    return Reply(status=429, headers=dict(RETRY_SOON), chunks=[THROTTLED_BODY])


def azure(url: str, meter: Meter, **options: Any) -> openai.AzureOpenAI:
    """The two lines of the documentation."""
    return openai.AzureOpenAI(
        azure_endpoint=url,
        api_key="sk-secret",
        api_version="2024-10-21",
        http_client=metered_client(meter=meter),
        **options,
    )


def async_azure(url: str, meter: Meter, **options: Any) -> openai.AsyncAzureOpenAI:
    """The same for asyncio."""
    return openai.AsyncAzureOpenAI(
        azure_endpoint=url,
        api_key="sk-secret",
        api_version="2024-10-21",
        http_client=async_metered_client(meter=meter),
        **options,
    )


def ask(client: openai.OpenAI, **fields: Any) -> Any:
    """One chat."""
    return client.chat.completions.create(model="gpt-4o", messages=MESSAGES, **fields)


async def ask_async(client: openai.AsyncOpenAI, **fields: Any) -> Any:
    """One chat."""
    return await client.chat.completions.create(model="gpt-4o", messages=MESSAGES, **fields)


# --- one call, one event --------------------------------------------------------------------------


def test_a_call_is_one_event_with_one_attempt(meter: Meter, sink: MemorySink) -> None:
    """Usage, caller and backend of a plain call."""
    reply = Reply(headers={**JSON_HEADERS, "x-ms-region": "East US", "apim-request-id": "azure-1"})
    with serving(ScriptedApp(reply)) as url, azure(url, meter) as client:
        assert ask(client).choices[0].message.content == "hi"
        event = only(sink)
    assert (event["usage_source"], event["input_tokens"], event["output_tokens"]) == (
        "reported",
        9,
        3,
    )
    assert event["key_id"] == meter.fingerprints.key_id("sk-secret")
    assert (event["deployment"], event["api_version"]) == ("gpt-4o", "2024-10-21")
    assert event["request_id"] == "azure-1"
    (attempt,) = event["attempts"]
    assert attempt["backend"] == url.removeprefix("http://")
    assert (attempt["region"], attempt["status_code"]) == ("eastus", 200)
    assert attempt["deployment"] == "gpt-4o"


async def test_the_same_under_asyncio(meter: Meter, sink: MemorySink) -> None:
    """The asynchronous client is metered alike."""
    with serving(ScriptedApp()) as url:
        async with async_azure(url, meter) as client:
            assert (await ask_async(client)).choices[0].message.content == "hi"
    event = only(sink)
    assert (event["usage_source"], event["input_tokens"]) == ("reported", 9)
    assert len(event["attempts"]) == 1


def test_the_version_1_address(meter: Meter, sink: MemorySink) -> None:
    """`OpenAI(base_url=".../openai/v1")` is the same API under another address."""
    with serving(ScriptedApp()) as url:
        client = openai.OpenAI(
            base_url=f"{url}/openai/v1",
            api_key="sk-secret",
            http_client=metered_client(meter=meter),
        )
        with client:
            ask(client)
    event = only(sink)
    assert (event["operation"], event["api_version"], event["request_model"]) == (
        "chat",
        "v1",
        "gpt-4o",
    )
    assert event["key_id"] == meter.fingerprints.key_id("sk-secret")


def test_a_file_is_read_on_its_way(meter: Meter, sink: MemorySink) -> None:
    """A form that the SDK streams is read without the backend seeing a difference."""
    app = ScriptedApp(Reply(chunks=[b'{"text":"hello"}']))
    with serving(app) as url, azure(url, meter) as client:
        client.audio.transcriptions.create(model="whisper", file=("a.wav", wav(seconds=2)))
    event = only(sink)
    assert (event["operation"], event["audio_seconds"]) == ("transcription", 2.0)
    assert wav(seconds=2) in app.seen[0].body


def wav(seconds: int) -> bytes:
    """Silence."""
    data = bytes(8000 * seconds)
    head = b"WAVEfmt " + (16).to_bytes(4, "little") + b"\x01\x00\x01\x00"
    head += (8000).to_bytes(4, "little") * 2 + b"\x01\x00\x08\x00"
    body = head + b"data" + len(data).to_bytes(4, "little") + data
    return b"RIFF" + len(body).to_bytes(4, "little") + body


# --- streams --------------------------------------------------------------------------------------


def test_a_stream_is_stored_before_its_end_is_seen(meter: Meter, sink: MemorySink) -> None:
    """Usage is asked for and hidden, and the event is there when the loop over chunks ends."""
    app = ScriptedApp(streamed())
    with serving(app) as url, azure(url, meter) as client:
        chunks = list(ask(client, stream=True))
        event = only(sink)
    assert json.loads(app.seen[0].body)["stream_options"] == {"include_usage": True}
    assert all(chunk.usage is None for chunk in chunks)
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == "hello"
    assert (event["usage_source"], event["input_tokens"]) == ("reported", 9)
    assert event["time_to_first_chunk_ms"] <= event["duration_ms"]


async def test_an_asynchronous_stream(meter: Meter, sink: MemorySink) -> None:
    """The same under asyncio; a caller who asked for usage keeps its chunk."""
    with serving(ScriptedApp(streamed())) as url:
        async with async_azure(url, meter) as client:
            stream = await ask_async(client, stream=True, stream_options={"include_usage": True})
            chunks = [chunk async for chunk in stream]
            assert len(recorded(sink)) == 1
    assert chunks[-1].usage.total_tokens == 12


async def test_streams_without_usage_are_estimated(meter: Meter, sink: MemorySink) -> None:
    """Under asyncio the tokens are counted off the loop, and the event still comes first."""
    with serving(ScriptedApp(streamed(*TEXT_FRAMES, DONE_FRAME))) as url:
        async with async_azure(url, meter) as client:
            async for _ in await ask_async(client, stream=True):
                pass
            event = only(sink)
    assert event["usage_source"] == "estimated"
    assert event["input_tokens"] > 0 < event["output_tokens"]


def test_a_stream_that_is_left_early(meter: Meter, sink: MemorySink) -> None:
    """A caller that has enough is recorded with what was generated until then."""
    app = ScriptedApp(streamed(delay_seconds=0.05))
    with serving(app) as url, azure(url, meter) as client, ask(client, stream=True) as stream:
        for chunk in stream:
            if chunk.choices:
                break
    event = only(sink)
    assert event["client_disconnected"] is True
    assert (event["status_code"], event["usage_source"]) == (200, "estimated")


class CutOff:
    """A server that announces more than it sends."""

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        """Break off in the middle."""
        await receive()
        headers = [(b"content-type", b"text/event-stream"), (b"content-length", b"9999")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": TEXT_FRAMES[0]})


def test_a_stream_that_breaks_off(meter: Meter, sink: MemorySink) -> None:
    """A failing backend is no leaving caller; the caller sees the library's own error."""
    with (
        serving(CutOff()) as url,
        azure(url, meter) as client,
        pytest.raises(Exception, match=r"peer closed|Connection error"),
    ):
        list(ask(client, stream=True))
    event = only(sink)
    assert event["error_type"] == "RemoteProtocolError"
    assert "client_disconnected" not in event
    assert event["attempts"][0]["error_type"] == "RemoteProtocolError"
    assert event["usage_source"] == "estimated"


# --- retries --------------------------------------------------------------------------------------


def test_the_sdks_retries_are_attempts_of_one_event(meter: Meter, sink: MemorySink) -> None:
    """One call, one event: what the SDK tried before is in its attempts."""
    app = ScriptedApp(throttled(), Reply(status=503, headers=RETRY_SOON, chunks=[b"{}"]), Reply())
    with serving(app) as url, azure(url, meter) as client:
        ask(client)
        event = only(sink)
    assert [attempt["status_code"] for attempt in event["attempts"]] == [429, 503, 200]
    first = event["attempts"][0]
    assert (first["throttle"], first["retry_after_ms"], first["region"]) == (
        "token_rate",
        1,
        "eastus",
    )
    assert (event["status_code"], event["input_tokens"]) == (200, 9)
    assert "throttled_by" not in event
    assert "error_type" not in event


async def test_retries_of_many_tasks_do_not_mix(meter: Meter, sink: MemorySink) -> None:
    """Concurrent calls through one client keep their own attempts."""
    failing = 12
    app = ScriptedApp(*[throttled() for _ in range(failing)], Reply())
    with serving(app) as url:
        async with async_azure(url, meter, max_retries=2) as client:
            calls = [ask_async(client) for _ in range(8)]
            await asyncio.gather(*calls, return_exceptions=True)
            events = recorded(sink)
    assert len(events) == 8
    assert sum(len(event["attempts"]) for event in events) == len(app.seen)
    for event in events:
        statuses = [attempt["status_code"] for attempt in event["attempts"]]
        assert statuses[:-1] == [429] * (len(statuses) - 1)
        assert event["status_code"] == statuses[-1]


def test_the_last_allowed_try_is_recorded_at_once(meter: Meter, sink: MemorySink) -> None:
    """When the SDK gives up its caller's exception finds the event stored."""
    with serving(ScriptedApp(throttled())) as url, azure(url, meter) as client:
        with pytest.raises(openai.RateLimitError):
            ask(client)
        event = only(sink)
    assert [attempt["status_code"] for attempt in event["attempts"]] == [429, 429, 429]
    assert (event["status_code"], event["throttled_by"]) == (429, "backend")


def test_what_the_sdk_never_repeats_is_recorded_at_once(meter: Meter, sink: MemorySink) -> None:
    """A refused request is over with its first answer."""
    body = b'{"error":{"code":"DeploymentNotFound","message":"secret words"}}'
    app = ScriptedApp(Reply(status=404, chunks=[body]))
    with serving(app) as url, azure(url, meter) as client:
        with pytest.raises(openai.NotFoundError):
            ask(client)
        event = only(sink)
    assert (event["status_code"], event["error_code"]) == (404, "DeploymentNotFound")


@pytest.mark.parametrize(("wish", "events_at_once"), [("false", 1), ("true", 0)])
def test_the_backends_wish_is_followed(
    meter: Meter, sink: MemorySink, wish: str, events_at_once: int
) -> None:
    """`x-should-retry` decides, as it does in the SDK."""
    headers = {**JSON_HEADERS, "x-should-retry": wish}
    reply = Reply(status=400 if wish == "true" else 500, headers=headers, chunks=[b"{}"])
    with serving(ScriptedApp(reply)) as url, azure(url, meter, max_retries=0) as client:
        with pytest.raises(openai.APIStatusError):
            ask(client)
        assert len(recorded(sink)) == events_at_once


def test_a_call_that_was_not_repeated_is_recorded_with_the_next(
    meter: Meter, sink: MemorySink
) -> None:
    """A client that retries less than its transport believes loses no event."""
    app = ScriptedApp(throttled(), Reply())
    with serving(app) as url, azure(url, meter, max_retries=0) as client:
        with pytest.raises(openai.RateLimitError):
            ask(client)
        assert recorded(sink) == []
        ask(client)
    first, second = recorded(sink)
    assert (first["status_code"], second["status_code"]) == (429, 200)
    assert first["event_id"] < second["event_id"]
    assert first["duration_ms"] < 5000


def test_a_call_that_was_not_repeated_is_recorded_at_the_end(
    meter: Meter, sink: MemorySink
) -> None:
    """What is held when the meter is closed is recorded."""
    with (
        serving(ScriptedApp(throttled())) as url,
        azure(url, meter, max_retries=0) as client,
        pytest.raises(openai.RateLimitError),
    ):
        ask(client)
    meter.close()
    assert only(sink)["status_code"] == 429


def test_no_retries_are_awaited_when_there_will_be_none(meter: Meter, sink: MemorySink) -> None:
    """With the same number on both sides every failure is stored when the caller sees it."""
    with serving(ScriptedApp(throttled())) as url:
        http_client = metered_client(meter=meter, max_retries=0)
        client = openai.AzureOpenAI(
            azure_endpoint=url,
            api_key="k",
            api_version="2024-10-21",
            max_retries=0,
            http_client=http_client,
        )
        with client, pytest.raises(openai.RateLimitError):
            ask(client)
    assert only(sink)["status_code"] == 429


def test_a_backend_that_cannot_be_reached(meter: Meter, sink: MemorySink) -> None:
    """No connection is a 502 whose attempts name the class of the error."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with azure(f"http://127.0.0.1:{port}", meter, max_retries=2) as client:
        with pytest.raises(openai.APIConnectionError):
            ask(client)
        event = only(sink)
    assert (event["status_code"], event["error_type"]) == (502, "ConnectError")
    assert [attempt["error_type"] for attempt in event["attempts"]] == ["ConnectError"] * 3
    assert event["usage_source"] == "none"


# --- inside a metered gateway ---------------------------------------------------------------------


def gateway_calling(url: str, meter: Meter) -> Callable[[Scope, Receive, Send], Any]:
    """A gateway that serves each request by one call through the SDK."""

    async def app(_scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        async with async_azure(url, meter) as client:
            answer = await ask_async(client)
        await answer_ok(send, answer.model_dump_json().encode())

    return app


async def test_inside_a_metered_request_a_call_is_an_attempt(
    meter: Meter, sink: MemorySink
) -> None:
    """Nothing is counted twice: the surrounding request makes the one event."""
    with serving(ScriptedApp(throttled(), Reply())) as url:
        connection = Connection(chat_body())
        middleware = UsageMiddleware(gateway_calling(url, meter), meter)
        await middleware(http_scope(), connection.receive, connection.send)
    event = only(sink)
    assert [attempt["status_code"] for attempt in event["attempts"]] == [429, 200]
    assert event["attempts"][0]["throttle"] == "token_rate"
    assert {attempt["backend"] for attempt in event["attempts"]} == {url.removeprefix("http://")}
    assert event["input_tokens"] == 9
    assert event["gateway_overhead_ms"] <= event["duration_ms"]


async def test_an_application_that_is_no_gateway_has_its_calls_recorded(
    meter: Meter, sink: MemorySink
) -> None:
    """Calls made while some other request is served are not lost in it."""
    with serving(ScriptedApp()) as url:
        connection = Connection(b"")
        middleware = UsageMiddleware(gateway_calling(url, meter), meter)
        await middleware(http_scope("/ask-me"), connection.receive, connection.send)
    chat, other = recorded(sink)
    assert (chat["operation"], chat["input_tokens"]) == ("chat", 9)
    assert other["operation"] == "other"
    assert "attempts" not in other


# --- both HTTP libraries --------------------------------------------------------------------------


@pytest.fixture(params=["httpx", "httpx2"])
def library(request: pytest.FixtureRequest) -> Any:
    """The HTTP library, by either name."""
    return importlib.import_module(request.param)


@contextmanager
def plain_client(library: Any, meter: Meter, handle: Callable[[Any], Any]) -> Iterator[Any]:
    """A client that is not the SDK's."""
    transport = MeteredTransport(library.MockTransport(handle), meter=meter)
    with library.Client(transport=transport, base_url="https://a.example") as client:
        yield client


URL = "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21"


def test_plain_clients_are_metered_too(library: Any, meter: Meter, sink: MemorySink) -> None:
    """Every call is an event, also a failed one: nobody says that it will be repeated."""
    replies = [library.Response(429, content=THROTTLED_BODY)]
    replies += [library.Response(200, content=chat_answer())]
    with plain_client(library, meter, lambda _: replies.pop(0)) as client:
        assert client.post(URL, content=chat_body()).status_code == 429
        assert client.post(URL, content=chat_body()).json()["id"] == "chatcmpl-1"
    first, second = recorded(sink)
    assert (first["status_code"], second["status_code"]) == (429, 200)
    assert second["attempts"][0]["backend"] == "a.example"


async def test_plain_asynchronous_clients(library: Any, meter: Meter, sink: MemorySink) -> None:
    """The same under asyncio, with a stream."""

    async def frames() -> AsyncIterator[bytes]:
        for piece in CHAT_STREAM:
            yield piece

    def handle(request: Any) -> Any:
        assert request.headers["accept-encoding"] == "identity"
        assert request.headers["content-length"] == str(len(request.content))
        return library.Response(
            200, headers={"content-type": "text/event-stream"}, content=frames()
        )

    transport = AsyncMeteredTransport(library.MockTransport(handle), meter=meter)
    async with (
        library.AsyncClient(transport=transport, base_url="https://a.example") as client,
        client.stream("POST", URL, content=chat_body(stream=True)) as response,
    ):
        received = b"".join([piece async for piece in response.aiter_bytes()])
    assert received == b"".join(piece for piece in CHAT_STREAM if piece is not USAGE_FRAME)
    assert only(sink)["input_tokens"] == 9


def test_the_inner_transports_errors_pass_unchanged(
    library: Any, meter: Meter, sink: MemorySink
) -> None:
    """The caller catches the very exception that was raised; a time-out is a 504."""
    error = library.ReadTimeout("with a secret in it")

    def handle(_request: Any) -> Any:
        raise error

    with plain_client(library, meter, handle) as client, pytest.raises(type(error)) as caught:
        client.post(URL, content=chat_body())
    assert caught.value is error
    event = only(sink)
    assert (event["status_code"], event["error_type"]) == (504, "ReadTimeout")


async def test_a_cancelled_call_is_a_caller_that_left(
    library: Any, meter: Meter, sink: MemorySink
) -> None:
    """A task that is cancelled while it waits for the backend is recorded as such."""
    waiting = asyncio.Event()

    async def handle(_request: Any) -> Any:
        waiting.set()
        await asyncio.sleep(60)

    transport = AsyncMeteredTransport(library.MockTransport(handle), meter=meter)
    async with library.AsyncClient(transport=transport, base_url="https://a.example") as client:
        task = asyncio.create_task(client.post(URL, content=chat_body()))
        await waiting.wait()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    # Tokens are counted in a thread, for which a cancelled task does not wait.
    await asyncio.to_thread(wait_until, lambda: sink.lines)
    event = only(sink)
    assert (event["status_code"], event["client_disconnected"]) == (499, True)


def test_long_and_streamed_requests_pass_unread(
    library: Any, meter: Meter, sink: MemorySink
) -> None:
    """A body without a length is not gathered in memory."""
    seen: list[bytes] = []

    def pieces() -> Iterator[bytes]:
        yield chat_body()[:20]
        yield chat_body()[20:]

    def handle(request: Any) -> Any:
        seen.append(b"".join(request.stream))
        return library.Response(200, content=chat_answer())

    with plain_client(library, meter, handle) as client:
        client.post(URL, content=pieces())
    assert seen == [chat_body()]
    assert only(sink)["usage_source"] == "reported"


def test_errors_of_the_hook_touch_no_call(
    library: Any, meter: Meter, sink: MemorySink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call that cannot be metered goes through as if there were no meter."""

    def broken(*_: object) -> None:
        raise RuntimeError("broken on purpose")

    monkeypatch.setattr("gateway_hooks.transport.watch", broken)
    answer = library.Response(200, content=chat_answer())
    with plain_client(library, meter, lambda _: answer) as client:
        assert client.post(URL, content=chat_body()).content == chat_answer()
    assert sink.lines == []
    assert meter.counters.errors == {"begin": 1}


# --- the client -----------------------------------------------------------------------------------


def test_the_client_keeps_the_sdks_defaults(meter: Meter) -> None:
    """Time limits and redirects are those of the SDK's own client; options reach it."""
    with metered_client(meter=meter) as client:
        assert isinstance(client, type(openai.DefaultHttpxClient()))
        assert client.timeout == openai.DEFAULT_TIMEOUT
        assert client.follow_redirects is True
    with metered_client(meter=meter, timeout=3) as client:
        assert client.timeout.read == 3


async def test_proxies_of_the_environment_are_metered(
    meter: Meter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy for everything is used, and what goes through it is recorded."""
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    with metered_client(meter=meter) as client:
        proxied = [inner for inner in client._mounts.values() if inner is not None]
        assert [type(inner) for inner in proxied] == [MeteredTransport]
    async with async_metered_client(meter=meter) as client:
        proxied = [inner for inner in client._mounts.values() if inner is not None]
        assert [type(inner) for inner in proxied] == [AsyncMeteredTransport]


def test_what_is_held_is_recorded_when_its_time_is_over(
    timed_meter: Meter, sink: MemorySink, clock: Any
) -> None:
    """Without a next call the sweeper records what the SDK did not repeat."""
    with (
        serving(ScriptedApp(throttled())) as url,
        azure(url, timed_meter, max_retries=0) as client,
        pytest.raises(openai.RateLimitError),
    ):
        ask(client)
    timed_meter.paused.end_overdue()
    assert sink.lines == []
    clock.advance(14)
    wait_until(lambda: sink.lines)
    event = only(sink)
    assert (event["status_code"], event["duration_ms"]) == (429, 0)
