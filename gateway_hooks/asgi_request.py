"""The request's side of the middleware: reading the body as it passes, asking for usage."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from gateway_hooks.reading.headers import whole_number
from gateway_hooks.reading.request import ask_for_usage

if TYPE_CHECKING:
    from gateway_hooks.asgi_types import Message, Receive, Scope
    from gateway_hooks.exchange import Exchange

_CAN_BE_ASKED = frozenset({"chat", "text_completion"})


class RequestSide:
    """Stands between the server's `receive` and the application."""

    def __init__(self, exchange: Exchange, receive: Receive) -> None:
        self._exchange = exchange
        self._meter = exchange.meter
        self._receive = receive
        self._waiting: deque[Message] = deque()
        self._chunks: list[bytes] = []
        self._size = 0
        self._reading = exchange.call.reads_usage
        self._asked = False

    def has_asked(self) -> bool:
        """Whether the answer will have a chunk that the caller did not ask for."""
        return self._asked

    async def receive(self) -> Message:
        """The application's `receive`."""
        if self._waiting:
            return self._waiting.popleft()
        return await self._next()

    async def ask_for_usage(self, scope: Scope) -> Scope:
        """The scope to call the application with, after asking for usage on the caller's behalf.

        A stream reports its usage only when it is asked to. So the body of a call that could be
        such a stream is read before the application is called, and what was read is handed to it
        as it came, unless the body is one that has to ask.
        """
        if not self._may_ask():
            return scope
        while self._reading:
            self._waiting.append(await self._next())
        if not self._exchange.request.stream:
            return scope
        asking = None
        with self._meter.safety("ask_for_usage"):
            asking = ask_for_usage(self._exchange.call, self._exchange.body)
        if asking is None:
            return scope
        self._waiting = deque([{"type": "http.request", "body": asking, "more_body": False}])
        self._asked = True
        return {**scope, "headers": _rewritten(scope["headers"], len(asking))}

    def _may_ask(self) -> bool:
        exchange = self._exchange
        if not self._meter.include_usage or exchange.call.operation not in _CAN_BE_ASKED:
            return False
        length = whole_number(exchange.headers.get("content-length"))
        return length is None or length <= self._meter.max_body_bytes

    async def _next(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            self._reading = False
            self._exchange.client_left()
        elif self._reading:
            self._keep(message)
        return message

    def _keep(self, message: Message) -> None:
        """Collect the body; one that is too long passes unread."""
        chunk = message.get("body", b"")
        self._size += len(chunk)
        if self._size > self._meter.max_body_bytes:
            self._reading = False
            self._chunks.clear()
            return
        if chunk:
            self._chunks.append(chunk)
        if not message.get("more_body", False):
            self._reading = False
            self._exchange.read_request(b"".join(self._chunks))
            self._chunks.clear()


def _rewritten(headers: list[tuple[bytes, bytes]], length: int) -> list[tuple[bytes, bytes]]:
    """Headers for the changed body, and for an answer that can be read frame by frame."""
    kept = []
    for name, value in headers:
        match name.lower():
            case b"content-length":
                kept.append((name, str(length).encode()))
            case b"accept-encoding":
                pass
            case _:
                kept.append((name, value))
    return [*kept, (b"accept-encoding", b"identity")]
