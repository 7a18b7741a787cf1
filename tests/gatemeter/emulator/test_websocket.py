"""WebSocket frames as clients send them."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatemeter.emulator.errors import WireError
from gatemeter.emulator.websocket import FrameStream, upgrade


def _masked(payload: bytes, mask: bytes, opcode: int = 0x82) -> bytes:
    size = len(payload)
    if size < 126:
        head = bytes((opcode, 0x80 | size))
    elif size < 1 << 16:
        head = struct.pack(">BBH", opcode, 0x80 | 126, size)
    else:
        head = struct.pack(">BBQ", opcode, 0x80 | 127, size)
    return head + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))


@given(
    payloads=st.lists(st.binary(max_size=400), min_size=1, max_size=4),
    mask=st.binary(min_size=4, max_size=4),
    cuts=st.lists(st.integers(0, 1700), max_size=5),
)
def test_payloads_do_not_care_where_the_stream_is_cut(
    payloads: list[bytes], mask: bytes, cuts: list[int]
) -> None:
    """Masked frames give their payload back, in order, however they arrive."""
    stream = b"".join(_masked(payload, mask) for payload in payloads)
    frames, came, start = FrameStream(), b"", 0
    for cut in [*sorted(cuts), len(stream)]:
        came += frames.feed(stream[start:cut])
        start = max(start, min(cut, len(stream)))
    assert came == b"".join(payloads)


def test_pings_and_closes_are_answered() -> None:
    """A ping gets its pong; a close is sent back and ends it."""
    frames = FrameStream()
    assert frames.feed(_masked(b"hi", b"abcd", 0x89) + _masked(b"x", b"abcd")) == b"x"
    assert frames.replies == b"\x8a\x02hi"
    assert not frames.is_closed
    frames.feed(_masked(b"\x03\xe8", b"abcd", 0x88))
    assert frames.replies.endswith(b"\x88\x02\x03\xe8")
    assert frames.is_closed


@pytest.mark.parametrize("frame", [b"\x82\x01x", b"\x82\xff" + b"\xff" * 8 + b"mask"])
def test_unmasked_and_endless_frames_are_errors(frame: bytes) -> None:
    """A client that breaks the protocol is cut off before it costs memory."""
    with pytest.raises(WireError):
        FrameStream().feed(frame)


def test_the_handshake_is_that_of_the_standard() -> None:
    """The example of RFC 6455, section 1.3."""
    request = (
        b"GET /$servicebus/websocket HTTP/1.1\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        b"Sec-WebSocket-Protocol: chat, AMQPWSB10"
    )
    assert b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" in upgrade(request)
    for wrong in (b"/$servicebus/websocket", b"AMQPWSB10", b"Sec-WebSocket-Key"):
        with pytest.raises(WireError):
            upgrade(request.replace(wrong, b"other"))
