"""The answer's side of the middleware: it passes as it comes, its last bytes after the event.

A client that has seen its whole answer therefore always has a stored event, whatever is killed.
The last bytes are those of the final message, those that fill the announced length, or those that
hold the stream's own end (`[DONE]`), whichever comes first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway_hooks.async_settle import settle
from gateway_hooks.reading.headers import lower_headers, whole_number
from gateway_hooks.reading.sse import UsageChunkFilter, can_hide_usage_chunk

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway_hooks.asgi_types import Message, Send
    from gateway_hooks.exchange import Exchange


class AnswerSide:
    """Stands between the application and the server's `send`."""

    def __init__(
        self, exchange: Exchange, send: Send, *, hides_usage_chunk: Callable[[], bool]
    ) -> None:
        self._exchange = exchange
        self._meter = exchange.meter
        self._hides_usage_chunk = hides_usage_chunk
        self._send = send
        self._filter: UsageChunkFilter | None = None
        self._announced: int | None = None
        self._passed = 0

    async def send(self, message: Message) -> None:
        """The application's `send`."""
        match message["type"]:
            case "http.response.start":
                await self._forward(self._start(message))
            case "http.response.body":
                await self._body(message)
            case "http.response.pathsend" | "http.response.zerocopysend":
                # The server sends a file by itself: nothing of it passes here.
                if not message.get("more_body", False):
                    await settle(self._exchange)
                await self._forward(message)
            case _:
                await self._forward(message)

    def _start(self, message: Message) -> Message:
        headers = message.get("headers", ())
        with self._meter.safety("answer"):
            lowered = lower_headers(headers)
            self._exchange.start_answer(message["status"], lowered)
            self._announced = whole_number(lowered.get("content-length"))
            if self._hides_usage_chunk() and can_hide_usage_chunk(lowered):
                self._filter = UsageChunkFilter()
                self._announced = None
                return {**message, "headers": _without_length(headers)}
        return message

    async def _body(self, message: Message) -> None:
        chunk = message.get("body", b"")
        more = message.get("more_body", False)
        self._exchange.feed_answer(bytes(chunk))
        self._passed += len(chunk)
        if not more or self._exchange.answer_ended or self._passed == self._announced:
            await settle(self._exchange)
        if self._filter is not None:
            chunk = self._filtered(bytes(chunk), more=more)
            if not chunk and more:
                return
            message = {**message, "body": chunk}
        await self._forward(message)

    def _filtered(self, chunk: bytes, *, more: bool) -> bytes:
        if self._filter is None:
            return chunk
        with self._meter.safety("usage_chunk"):
            kept = self._filter.feed(chunk)
            return kept if more else kept + self._filter.finish()
        self._filter = None
        return chunk

    async def _forward(self, message: Message) -> None:
        try:
            await self._send(message)
        except Exception:
            self._exchange.client_left()
            raise


def _without_length(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Without the length: the answer becomes shorter by the chunk that is taken out."""
    return [(name, value) for name, value in headers if name.lower() != b"content-length"]
