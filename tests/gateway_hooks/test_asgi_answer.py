"""An answer passes as it comes; its last bytes follow its event."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from gateway_hooks.asgi import UsageMiddleware
from gateway_hooks.asgi_types import App, Message, Receive, Scope, Send
from gateway_hooks.meter import Meter
from gateway_hooks.sink import MemorySink
from tests.gateway_hooks.fakes import (
    CHAT_STREAM,
    DONE_FRAME,
    TEXT_FRAMES,
    URL,
    USAGE_FRAME,
    Connection,
    Reply,
    ScriptedApp,
    answer_ok,
    chat_body,
    http_scope,
    only,
    passed,
    serving,
    streamed,
    wait_until,
)


async def events_when_sent(app: App, meter: Meter, sink: MemorySink, body: bytes) -> list[int]:
    """How many events were stored when each message reached the server."""
    connection = Connection(body)
    counts: list[int] = []

    async def send(message: Message) -> None:
        counts.append(len(sink.lines))
        await connection.send(message)

    await UsageMiddleware(app, meter)(http_scope(), connection.receive, send)
    return counts


async def test_the_event_is_stored_before_the_final_message(meter: Meter, sink: MemorySink) -> None:
    """An answer without a length ends with its last message, not before."""
    app = ScriptedApp(Reply(chunks=[b'{"id":', b'"x"}'], announce_length=False))
    assert await events_when_sent(app, meter, sink, chat_body()) == [0, 0, 0, 1]


async def test_the_event_is_stored_before_the_announced_length_is_reached(
    meter: Meter, sink: MemorySink
) -> None:
    """A client knows by the length that it has everything; no later message is needed for that."""
    app = ScriptedApp(Reply(chunks=[b'{"id":', b'"x"}']))
    assert await events_when_sent(app, meter, sink, chat_body()) == [0, 0, 1, 1]


async def test_the_event_is_stored_before_done_is_sent(meter: Meter, sink: MemorySink) -> None:
    """A stream's client stops at `[DONE]`."""
    body = chat_body(stream=True, stream_options={"include_usage": True})
    counts = await events_when_sent(ScriptedApp(streamed()), meter, sink, body)
    assert counts == [0, 0, 0, 0, 0, 0, 1, 1]
    assert only(sink)["output_tokens"] == 3


async def test_the_event_waits_for_an_estimate(meter: Meter, sink: MemorySink) -> None:
    """A stream that reports no usage is counted, off the loop, before its end is handed out."""
    app = ScriptedApp(streamed(*TEXT_FRAMES, DONE_FRAME))
    body = chat_body(stream=True, stream_options={"include_usage": True})
    counts = await events_when_sent(app, meter, sink, body)
    assert counts == [0, 0, 0, 0, 1, 1]
    event = only(sink)
    assert event["usage_source"] == "estimated"
    assert event["input_tokens"] > 0
    assert event["output_tokens"] > 0


KILLED_GATEWAY = """
    import asyncio, json, os, sys
    import uvicorn
    from gateway_hooks import UsageMiddleware

    async def app(scope, receive, send):
        if scope["type"] != "http":
            return
        while (await receive()).get("more_body"):
            pass
        body = json.dumps({"id": "x", "model": "m", "usage": {"prompt_tokens": 1}}).encode()
        length = str(len(body)).encode()
        start = {"type": "http.response.start", "status": 200}
        await send({**start, "headers": [(b"content-length", length)]})
        await send({"type": "http.response.body", "body": body})

    uvicorn.run(UsageMiddleware(app), fd=int(sys.argv[1]), log_level="critical", lifespan="off")
"""


def test_kill_nine_after_the_answer_loses_nothing(tmp_path: Path) -> None:
    """Clients that saw their whole answer find it in the queue although the gateway was killed."""
    listener = socket.create_server(("127.0.0.1", 0))
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(KILLED_GATEWAY), str(listener.fileno())],
        pass_fds=[listener.fileno()],
        env={**os.environ, "GATEMETER_HOME": str(tmp_path), "GATEMETER_GATEWAY": "doomed"},
    )
    answered = 0
    port = listener.getsockname()[1]
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
        for _ in range(30):
            assert client.post(URL, content=chat_body()).json()["id"] == "x"
            answered += 1
        process.send_signal(signal.SIGKILL)
    process.wait(10)
    listener.close()
    (segment,) = (tmp_path / "queue").iterdir()
    lines = segment.read_bytes().splitlines()
    assert len(lines) == answered
    assert all(json.loads(line)["input_tokens"] == 1 for line in lines)


async def test_chunks_pass_one_by_one_unchanged(meter: Meter) -> None:
    """The messages of an answer nobody has to change are the application's own."""
    sent: list[Message] = []

    async def app(_scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        start: Message = {"type": "http.response.start", "status": 200, "headers": []}
        messages = [start, *({"type": "http.response.body", "body": b"x", "more_body": True},) * 3]
        messages.append({"type": "http.response.body"})
        for message in messages:
            sent.append(message)
            await send(message)

    connection = await passed(app, meter, chat_body())
    assert all(one is other for one, other in zip(connection.sent, sent, strict=True))


async def test_the_request_reaches_the_application_unchanged(meter: Meter) -> None:
    """A body that is not to be changed arrives in the same messages, under the same scope."""
    received: list[Message] = []
    scopes: list[Scope] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        scopes.append(scope)
        while True:
            received.append(await receive())
            if not received[-1].get("more_body"):
                break
        await answer_ok(send)

    body = chat_body()
    pieces = [body[:10], body[10:11], b"", body[11:]]
    connection = Connection(chunks=pieces)
    scope = http_scope()
    await UsageMiddleware(app, meter)(scope, connection.receive, connection.send)
    assert scopes[0] is scope
    assert [message["body"] for message in received] == pieces


def test_first_chunks_are_not_held_back(meter: Meter, sink: MemorySink) -> None:
    """Through a real server, the client has the first text while the last is not yet generated."""
    app = ScriptedApp(streamed(delay_seconds=0.05))
    arrived: list[bytes] = []
    with (
        serving(UsageMiddleware(app, meter)) as url,
        httpx.stream("POST", url + URL, content=chat_body(stream=True)) as response,
    ):
        for piece in response.iter_raw():
            arrived.append(piece)
            if b"he" in piece:
                assert sink.lines == []
    assert b"".join(arrived) == b"".join(piece for piece in CHAT_STREAM if piece is not USAGE_FRAME)
    assert len(arrived) >= 4
    assert only(sink)["input_tokens"] == 9


def starlette_gateway(meter: Meter, *, use: Callable[[Request], Awaitable[Response]]) -> App:
    """A gateway in the usual framework."""
    app = Starlette(routes=[Route("/{path:path}", use, methods=["GET", "POST"])])
    app.add_middleware(UsageMiddleware, meter=meter)
    return app


def test_starlette_with_the_openai_sdk(meter: Meter, sink: MemorySink) -> None:
    """The SDK's stream through a real server is complete, and its usage recorded."""
    import openai

    async def endpoint(request: Request) -> Response:
        asked = await request.json()
        assert asked["stream_options"] == {"include_usage": True}

        async def frames() -> Any:
            for piece in CHAT_STREAM:
                yield piece

        return StreamingResponse(frames(), media_type="text/event-stream")

    with serving(starlette_gateway(meter, use=endpoint)) as url:
        client = openai.AzureOpenAI(
            azure_endpoint=url, api_key="sk-secret", api_version="2024-10-21", max_retries=0
        )
        with client:
            stream = client.chat.completions.create(
                model="gpt-4o", messages=[{"role": "user", "content": "hello"}], stream=True
            )
            chunks = list(stream)
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == "hello"
    assert all(c.usage is None for c in chunks)
    event = only(sink)
    assert (event["input_tokens"], event["stream"]) == (9, True)
    assert event["key_id"] == meter.fingerprints.key_id("sk-secret")


def test_a_client_that_cuts_the_connection(meter: Meter, sink: MemorySink) -> None:
    """A raw client hangs up in the middle of a stream: recorded, with what was generated."""

    async def endpoint(request: Request) -> Response:
        await request.body()

        async def frames() -> Any:
            yield TEXT_FRAMES[0]
            await asyncio.sleep(30)

        return StreamingResponse(frames(), media_type="text/event-stream")

    body = chat_body(stream=True)
    with serving(starlette_gateway(meter, use=endpoint)) as url:
        host, port = url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as raw:
            head = f"POST {URL} HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\n\r\n"
            raw.sendall(head.encode() + body)
            received = b""
            while b"he" not in received.partition(b"\r\n\r\n")[2]:
                received += raw.recv(4096)
        wait_until(lambda: sink.lines)
    event = only(sink)
    assert event["client_disconnected"] is True
    assert (event["status_code"], event["usage_source"]) == (200, "estimated")
    assert event["output_tokens"] > 0


def test_a_handled_exception_is_the_handlers_answer(meter: Meter, sink: MemorySink) -> None:
    """Errors that the framework turns into answers are recorded as those answers."""

    async def endpoint(_request: Request) -> Response:
        return JSONResponse({"error": {"code": "no_route", "message": "secret"}}, status_code=404)

    with serving(starlette_gateway(meter, use=endpoint)) as url:
        assert httpx.post(url + URL, content=chat_body()).status_code == 404
    event = only(sink)
    assert (event["status_code"], event["error_code"]) == (404, "no_route")
