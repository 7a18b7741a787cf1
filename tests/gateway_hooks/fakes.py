"""Fakes that several tests of the hooks share: a clock, backends, servers."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gateway_hooks.asgi import UsageMiddleware
from gateway_hooks.clock import NANOSECONDS_PER_SECOND
from gateway_hooks.event import UsageEvent, validate_line

if TYPE_CHECKING:
    from gateway_hooks.asgi_types import App, Message, Receive, Scope, Send
    from gateway_hooks.meter import Meter
    from gateway_hooks.sink import MemorySink

CHAT_PATH = "/openai/deployments/gpt-4o/chat/completions"
QUERY = "api-version=2024-10-21"
URL = f"{CHAT_PATH}?{QUERY}"
USAGE = {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}
START_NS = 1_800_000_000 * NANOSECONDS_PER_SECOND


class FakeClock:
    """Stands still until it is advanced."""

    def __init__(self) -> None:
        self.now_ns = START_NS

    def wall_ns(self) -> int:
        """UTC since the epoch."""
        return self.now_ns

    def monotonic_ns(self) -> int:
        """The same reading."""
        return self.now_ns

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now_ns += int(seconds * NANOSECONDS_PER_SECOND)


def recorded(sink: MemorySink) -> list[UsageEvent]:
    """The events a sink has taken, each checked against the definition."""
    return [validate_line(line) for line in sink.lines]


def chat_body(**fields: Any) -> bytes:
    """A chat request's body."""
    messages = [{"role": "user", "content": "hello there"}]
    return json.dumps({"model": "gpt-4o", "messages": messages, **fields}).encode()


def chat_answer(text: str = "hi", **fields: Any) -> bytes:
    """A chat answer's body, usage included."""
    choice = {
        "index": 0,
        "finish_reason": "stop",
        "message": {"role": "assistant", "content": text},
    }
    answer = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "gpt-4o-2024-08-06",
        "choices": [choice],
        "usage": USAGE,
    }
    return json.dumps({**answer, **fields}).encode()


def frame(data: object) -> bytes:
    """One server-sent event."""
    return b"data: " + json.dumps(data).encode() + b"\n\n"


def chunk(text: str | None = None, **fields: Any) -> dict[str, Any]:
    """One chunk of a chat stream."""
    delta = {} if text is None else {"content": text}
    choice = {"index": 0, "delta": delta, "finish_reason": None if text is not None else "stop"}
    base = {
        "id": "chatcmpl-2",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "gpt-4o-2024-08-06",
        "choices": [choice],
    }
    return {**base, **fields}


ANNOTATION_FRAME = frame(
    {"id": "", "model": "", "object": "", "created": 0, "choices": [], "prompt_filter_results": []}
)
TEXT_FRAMES = [frame(chunk("he")), frame(chunk("llo")), frame(chunk())]
USAGE_FRAME = frame(chunk(choices=[], usage=USAGE))
DONE_FRAME = b"data: [DONE]\n\n"
CHAT_STREAM = [ANNOTATION_FRAME, *TEXT_FRAMES, USAGE_FRAME, DONE_FRAME]

JSON_HEADERS = {"content-type": "application/json"}
STREAM_HEADERS = {"content-type": "text/event-stream"}
THROTTLED_BODY = b'{"error":{"code":"429","message":"exceeded token rate limit"}}'


@dataclass
class Reply:
    """What a scripted application answers to one request."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: dict(JSON_HEADERS))
    chunks: list[bytes] = field(default_factory=lambda: [chat_answer()])
    announce_length: bool = True
    delay_seconds: float = 0.0
    """Before each chunk."""


@dataclass
class SeenRequest:
    """What a scripted application was asked."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class ScriptedApp:
    """An ASGI application that gives prepared answers, the last one again and again."""

    def __init__(self, *replies: Reply) -> None:
        self.replies = list(replies) or [Reply()]
        self.seen: list[SeenRequest] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            raise RuntimeError("only HTTP")
        body = b""
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message.get("body", b"")
            more = message.get("more_body", False)
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        self.seen.append(SeenRequest(scope["method"], scope["path"], headers, body))
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        await answer(reply, send)


async def answer(reply: Reply, send: Send) -> None:
    """Send a prepared answer."""
    headers = dict(reply.headers)
    if reply.announce_length and "content-length" not in headers:
        headers["content-length"] = str(sum(map(len, reply.chunks)))
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": reply.status, "headers": raw})
    for piece in reply.chunks:
        await asyncio.sleep(reply.delay_seconds)
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


def streamed(*frames: bytes, **fields: Any) -> Reply:
    """An answer that is a stream."""
    return Reply(
        headers=dict(STREAM_HEADERS),
        chunks=list(frames or CHAT_STREAM),
        announce_length=False,
        **fields,
    )


def http_scope(
    path: str = CHAT_PATH,
    *,
    method: str = "POST",
    query: str = QUERY,
    headers: dict[str, str] | None = None,
) -> Scope:
    """A request's scope as a server makes it."""
    return {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": query.encode(),
        "headers": [
            (name.lower().encode(), value.encode())
            for name, value in (headers or JSON_HEADERS).items()
        ],
    }


class Connection:
    """A server's end of one request, for calling an application without a server."""

    def __init__(self, body: bytes = b"", *, chunks: list[bytes] | None = None) -> None:
        pieces = [body] if chunks is None else chunks
        self._incoming: list[Message] = [
            {"type": "http.request", "body": piece, "more_body": index < len(pieces) - 1}
            for index, piece in enumerate(pieces)
        ]
        self.sent: list[Message] = []
        self.left = asyncio.Event()

    async def receive(self) -> Message:
        """The application's `receive`: the body, then the client leaving once it does."""
        if self._incoming:
            return self._incoming.pop(0)
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        """The application's `send`."""
        self.sent.append(message)

    @property
    def status(self) -> int:
        """Status of the answer."""
        return int(self.sent[0]["status"])

    @property
    def body(self) -> bytes:
        """Body of the answer so far."""
        return b"".join(message.get("body", b"") for message in self.sent[1:])


@contextmanager
def serving(app: App) -> Iterator[str]:
    """A real server on a free port of this machine; gives its address."""
    import uvicorn

    config = uvicorn.Config(app, port=0, log_level="critical", ws="none", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    wait_until(lambda: server.started)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(10)


def wait_until(condition: Any, seconds: float = 20.0) -> None:
    """Wait for something that another thread or process does."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError("waited in vain")
        time.sleep(0.005)


async def passed(
    app: App, meter: Meter, body: bytes = b"", scope: Scope | None = None
) -> Connection:
    """Send one request through the middleware; the connection has the answer."""
    connection = Connection(body)
    middleware = UsageMiddleware(app, meter)
    await middleware(scope or http_scope(), connection.receive, connection.send)
    return connection


def only(sink: MemorySink) -> UsageEvent:
    """The one event that was recorded."""
    (event,) = recorded(sink)
    return event


async def answer_ok(send: Send, body: bytes = b"{}", status: int = 200) -> None:
    """A complete answer in two messages."""
    await send({"type": "http.response.start", "status": status, "headers": []})
    await send({"type": "http.response.body", "body": body})
