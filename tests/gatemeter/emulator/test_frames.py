"""Frames: cut anywhere on their way, put together the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatemeter.emulator.decode import decode
from gatemeter.emulator.errors import WireError
from gatemeter.emulator.frames import (
    EMPTY_FRAME,
    HEADER_BYTES,
    SASL_HEADER,
    Frame,
    FrameReader,
    frame_of,
    transfer_head,
)
from gatemeter.emulator.performatives import Transfer, performative_of
from gatemeter.emulator.wire_types import UInt

LIMIT = 65_536


def _read_all(reader: FrameReader) -> list[Frame]:
    return list(iter(reader.frame, None))


@given(
    bodies=st.lists(st.binary(max_size=300), min_size=1, max_size=5),
    cuts=st.lists(st.integers(0, 1600), max_size=6),
)
def test_frames_do_not_care_where_the_stream_is_cut(bodies: list[bytes], cuts: list[int]) -> None:
    """Frames come out whole and in order however their bytes arrive."""
    stream = b"".join(frame_of(body, channel) for channel, body in enumerate(bodies))
    reader, frames, start = FrameReader(LIMIT), [], 0
    for cut in [*sorted(cuts), len(stream)]:
        reader.feed(stream[start:cut])
        frames += _read_all(reader)
        start = max(start, min(cut, len(stream)))
    assert frames == [Frame(0, channel, body) for channel, body in enumerate(bodies)]


def test_a_protocol_header_is_told_from_a_frame() -> None:
    """The eight bytes `AMQP....` are no frame."""
    reader = FrameReader(LIMIT)
    reader.feed(SASL_HEADER + EMPTY_FRAME)
    assert reader.next_is_header()
    assert reader.header() == SASL_HEADER
    assert not reader.next_is_header()
    assert reader.frame() == Frame(0, 0, b"")


@pytest.mark.parametrize("size", [0, 7, LIMIT + 1, 0xFFFFFFFF])
def test_impossible_sizes_are_errors(size: int) -> None:
    """A frame is never smaller than its header nor larger than agreed."""
    reader = FrameReader(LIMIT)
    reader.feed(size.to_bytes(4, "big") + b"\x02\x00\x00\x00")
    with pytest.raises(WireError):
        reader.frame()


@given(
    channel=st.integers(0, 0xFFFF),
    handle=st.integers(0, 0xFFFFFFFF),
    delivery_id=st.integers(0, 0xFFFFFFFF),
    payload=st.binary(max_size=100),
    more=st.booleans(),
)
def test_the_quick_transfer_is_a_correct_one(
    channel: int, handle: int, delivery_id: int, payload: bytes, *, more: bool
) -> None:
    """What is written by layout reads as the performative it stands for, with all its fields."""
    reader = FrameReader(LIMIT)
    reader.feed(transfer_head(channel, handle, delivery_id, len(payload), more=more) + payload)
    frame = reader.frame()
    assert frame is not None
    assert frame.channel == channel
    value, end = decode(frame.body)
    assert len(value.value) == 11
    tag = delivery_id.to_bytes(4, "big")
    assert performative_of(value) == Transfer(
        UInt(handle), UInt(delivery_id), tag, UInt(0), settled=True, more=more
    )
    assert frame.body[end:] == payload
    assert HEADER_BYTES + len(frame.body) == len(reader._buffer)
