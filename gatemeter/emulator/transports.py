"""Below AMQP: a plain or TLS connection, or a WebSocket inside it; the first bytes tell which."""

from __future__ import annotations

import asyncio

from gatemeter.emulator.errors import WireError
from gatemeter.emulator.websocket import (
    MAX_REQUEST_BYTES,
    NOT_FOUND_ANSWER,
    FrameStream,
    frame_of,
    upgrade,
)

_HTTP_START = b"GET "
_HTTP_END = b"\r\n\r\n"


class Transport:
    """Bytes in and out of one connection."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._websocket: FrameStream | None = None
        self._first = b""
        self._is_known = False
        self.is_writable = True

    def start(self, transport: asyncio.BaseTransport) -> None:
        """Use a connection."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - TCP and TLS both are
        self._transport = transport

    @property
    def is_closing(self) -> bool:
        """Whether the end has begun."""
        return self._transport is None or self._transport.is_closing()

    def unwrap(self, data: bytes) -> bytes:
        """The bytes of AMQP in what arrived.

        Raises:
            WireError: a WebSocket breaks its protocol.
        """
        if not self._is_known:
            self._first += data
            if len(self._first) < len(_HTTP_START):
                return b""
            if not self._first.startswith(_HTTP_START):
                self._is_known = True
                return self._first
            return self._handshake()
        if self._websocket is None:
            return data
        payload = self._websocket.feed(data)
        if self._websocket.replies:
            self._write(bytes(self._websocket.replies))
            self._websocket.replies.clear()
        if self._websocket.is_closed:
            self.close()
        return payload

    def write(self, data: bytes) -> None:
        """Send bytes of AMQP."""
        self._write(data if self._websocket is None else frame_of(data))

    def pause_reading(self) -> None:
        """Take nothing more."""
        if not self.is_closing and self._transport is not None:
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Take what comes again."""
        if not self.is_closing and self._transport is not None:
            self._transport.resume_reading()

    def close(self) -> None:
        """Hang up after what was written."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Hang up at once."""
        if self._transport is not None:
            self._transport.abort()

    def _write(self, data: bytes) -> None:
        if not self.is_closing and self._transport is not None:
            self._transport.write(data)

    def _handshake(self) -> bytes:
        """Answer the opening handshake of a WebSocket once it is complete."""
        head, end, rest = self._first.partition(_HTTP_END)
        if not end:
            if len(head) > MAX_REQUEST_BYTES:
                raise WireError("an HTTP request that does not end")
            return b""
        self._is_known = True
        try:
            self._write(upgrade(head))
        except WireError:
            self._write(NOT_FOUND_ANSWER)
            self.close()
            return b""
        self._websocket = FrameStream()
        return self.unwrap(rest)
