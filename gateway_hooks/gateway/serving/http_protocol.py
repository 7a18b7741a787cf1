"""HTTP/1.1 of uvicorn, with a bound on how long and how slow a request's head may be.

And HTTP/1.0 as its callers know it: the end of the connection is the end of an answer without a
length. uvicorn would send it in chunks, which HTTP/1.0 has not got.

And an answer's head goes out together with what follows at once: a write to a socket costs as much
as some hundred lines of Python.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

if TYPE_CHECKING:
    from uvicorn._types import ASGISendEvent
    from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

HEAD_BYTES: Final = 64 << 10
HEAD_SECONDS: Final = 20.0
_AROUND_HEADER: Final = 4
_TOO_SLOW: Final = 408
_STATUS: Final = {408: b"Request Timeout", 431: b"Request Header Fields Too Large"}


class BoundedHttp(HttpToolsProtocol):
    """Closes connections whose request line and headers are too long, or come too slowly."""

    head_bytes = HEAD_BYTES
    head_seconds = HEAD_SECONDS

    def __init__(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - uvicorn's own
        super().__init__(*arguments, **options)
        self._read = 0
        """Bytes that came while a head was due: what the parser may hold of it."""
        self._head = 0
        """Bytes of the head so far: what it has given out."""
        self._in_head = True
        self._is_too_long = False
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's own
        """A caller has connected: its first request's head is due."""
        super().connection_made(transport)
        self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """The caller is gone."""
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes of a caller."""
        if self._in_head:
            self._read += len(data)
        super().data_received(data)
        if not self._in_head:
            return
        if self._read > self.head_bytes:
            self._close_with(431)
        elif self._timer is None:  # nearly always a head comes as a whole, and needs none
            self._start_timer()

    def on_url(self, url: bytes) -> None:
        """A part of the request line."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or a trailer of a body in chunks."""
        self._count(len(name) + len(value) + _AROUND_HEADER)
        super().on_header(name, value)

    def _count(self, size: int) -> None:
        self._head += size
        if self._head > self.head_bytes:
            self._is_too_long = True
            raise ValueError("head too long")  # stops the parser, which has us answer

    def send_400_response(self, msg: str) -> None:
        """The parser gave up."""
        if self._is_too_long:
            self._close_with(431)
        else:
            super().send_400_response(msg)

    def on_message_begin(self) -> None:
        """A request begins."""
        self._in_head = True
        self._head = 0
        self._read = max(self._read, 1)  # it has begun
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """A request's head is complete."""
        self._in_head = False
        self._read = self._head = 0
        self._stop_timer()
        before = self.cycle
        super().on_headers_complete()
        if self.cycle is not before:
            self.cycle.transport = _HeadWithBody(self.transport, self.loop)
        if self.scope["http_version"] == "1.0" and self.cycle is not None:
            # The application is started later than this; it is given the `send` of then.
            self.cycle.send = _Unframed(self.cycle).send  # type: ignore[method-assign] # see above

    def _start_timer(self) -> None:
        self._timer = self.loop.call_later(self.head_seconds, self._close_with, _TOO_SLOW)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _close_with(self, status: int) -> None:
        """Give up on a request whose head is not complete."""
        self._timer = None
        if self.transport.is_closing():
            return
        if status == _TOO_SLOW and self.cycle is not None and not self.cycle.response_complete:
            # The next request waits behind one that is being answered: that is no fault of it.
            self._start_timer()
            return
        if self._read and (self.cycle is None or self.cycle.response_complete):
            head = b"HTTP/1.1 %d %s\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
            self.transport.write(head % (status, _STATUS[status]))
        self.transport.close()


class _Unframed:
    """The `send` of an answer whose end is the connection's end, if nothing tells its length."""

    def __init__(self, cycle: RequestResponseCycle) -> None:
        self._cycle = cycle
        self._send = cycle.send
        self._has_no_length = False

    async def send(self, message: ASGISendEvent) -> None:
        """ASGI."""
        if message["type"] == "http.response.start":
            names = {name.lower() for name, _ in message.get("headers", ())}
            self._has_no_length = b"content-length" not in names
            if self._has_no_length:
                self._cycle.chunked_encoding = False
        elif self._has_no_length and message["type"] == "http.response.body":
            # uvicorn holds it against what was announced: nothing more when this is the last part.
            length, more = len(message.get("body", b"")), message.get("more_body", False)
            self._cycle.expected_content_length = length + 1 if more else length
        await self._send(message)


class _HeadWithBody(asyncio.Transport):
    """A transport whose first write waits for the second, to the end of the loop's turn at most."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._transport = transport
        self._loop = loop
        self._held: bytes | bytearray | memoryview | None = None
        self._flush: asyncio.Handle | None = None

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Hold the first, send the others."""
        if self._flush is None:
            self._held = data
            self._flush = self._loop.call_soon(self._send_held)
        elif self._held is None:
            self._transport.write(data)
        else:
            head, self._held = self._held, None
            self._flush.cancel()
            self._transport.write(b"".join((head, data)))

    def is_closing(self) -> bool:
        """Whether nothing can be sent any more."""
        return self._transport.is_closing()

    def close(self) -> None:
        """Close when all is sent."""
        self._send_held()
        self._transport.close()

    def _send_held(self) -> None:
        held, self._held = self._held, None
        if held is not None and not self._transport.is_closing():
            self._transport.write(held)
