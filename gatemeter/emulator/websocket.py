"""The server's side of WebSockets, as far as AMQP over WebSockets needs it.

AMQP is a stream of bytes there too: frames of the two protocols need not coincide, so the payload
of every data frame is handed on as it comes.
"""

from __future__ import annotations

import struct
from base64 import b64encode
from hashlib import sha1
from typing import Final

from gatemeter.emulator.errors import WireError

PATH: Final = "/$servicebus/websocket"
SUBPROTOCOL: Final = "AMQPWSB10"
MAX_REQUEST_BYTES: Final = 16_384
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_MAX_FRAME_BYTES: Final = 16 * 1024 * 1024
_DATA = {0x0, 0x1, 0x2}
_CLOSE, _PING, _PONG = 0x8, 0x9, 0xA
_LENGTH_16, _LENGTH_64 = 126, 127
_MAX_16 = 0xFFFF
_BINARY_FINAL = 0x82


def upgrade(request: bytes) -> bytes:
    """The answer to a client's opening handshake.

    Raises:
        WireError: it is no request for AMQP over WebSockets.
    """
    lines = request.decode("latin-1").split("\r\n")
    headers = {
        name.strip().lower(): value.strip()
        for name, _, value in (line.partition(":") for line in lines[1:])
    }
    path = lines[0].split(" ")[1] if lines[0].count(" ") == 2 else ""  # noqa: PLR2004 - method, path, version
    offered = [one.strip() for one in headers.get("sec-websocket-protocol", "").split(",")]
    key = headers.get("sec-websocket-key")
    if path != PATH or SUBPROTOCOL not in offered or not key:
        raise WireError(f"WebSockets are served at {PATH} with the subprotocol {SUBPROTOCOL}")
    accept = b64encode(sha1(key.encode() + _GUID, usedforsecurity=False).digest()).decode()
    return (
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Protocol: {SUBPROTOCOL}\r\n\r\n"
    ).encode()


NOT_FOUND_ANSWER: Final = (
    b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
)


def frame_of(payload: bytes, opcode: int = _BINARY_FINAL) -> bytes:
    """One unmasked frame, as servers send them."""
    size = len(payload)
    if size < _LENGTH_16:
        return bytes((opcode, size)) + payload
    if size <= _MAX_16:
        return struct.pack(">BBH", opcode, _LENGTH_16, size) + payload
    return struct.pack(">BBQ", opcode, _LENGTH_64, size) + payload


class FrameStream:
    """Takes a client's frames apart; `replies` collects what must be sent back."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self.replies = bytearray()
        self.is_closed = False

    def feed(self, data: bytes) -> bytes:
        """The payload bytes that are complete now.

        Raises:
            WireError: a frame is not masked or too large.
        """
        self._buffer += data
        payload = bytearray()
        while (frame := self._next()) is not None:
            opcode, content = frame
            if opcode in _DATA:
                payload += content
            elif opcode == _PING:
                self.replies += frame_of(content, 0x80 | _PONG)
            elif opcode == _CLOSE:
                self.replies += frame_of(content, 0x80 | _CLOSE)
                self.is_closed = True
        return bytes(payload)

    def _next(self) -> tuple[int, bytes] | None:
        """The next whole frame, unmasked."""
        buffer = self._buffer
        if len(buffer) < 2:  # noqa: PLR2004 - opcode and short length
            return None
        opcode, size, position = buffer[0] & 0x0F, buffer[1] & 0x7F, 2
        if not buffer[1] & 0x80:
            raise WireError("a client's WebSocket frames are masked")
        extra = {_LENGTH_16: 2, _LENGTH_64: 8}.get(size, 0)
        if len(buffer) < position + extra + 4:
            return None
        if extra:
            size = int.from_bytes(buffer[position : position + extra], "big")
            position += extra
        if size > _MAX_FRAME_BYTES:
            raise WireError(f"a WebSocket frame of {size} bytes, {_MAX_FRAME_BYTES} are allowed")
        start = position + 4
        if len(buffer) < start + size:
            return None
        content = _unmasked(buffer[start : start + size], buffer[position:start])
        del buffer[: start + size]
        return opcode, content


def _unmasked(content: bytearray, mask: bytearray) -> bytes:
    """Exclusive or of the content and a mask that repeats, done on one large number."""
    size = len(content)
    pattern = (bytes(mask) * (size // 4 + 1))[:size]
    number = int.from_bytes(content, "little") ^ int.from_bytes(pattern, "little")
    return number.to_bytes(size, "little")
