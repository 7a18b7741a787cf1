"""Framing of event streams, and the filter that hides one frame."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway_hooks.reading.sse import (
    FrameSplitter,
    UsageChunkFilter,
    can_hide_usage_chunk,
    data_lines,
    event_data,
    is_usage_chunk,
)
from tests.gateway_hooks.wire_samples import (
    DONE,
    FIRST_AZURE_FRAME,
    SAFE,
    chunk,
    frame,
    usage_chunk,
)

CONTENT = frame(chunk({"content": "grüße 🎈"}))
USAGE = frame(usage_chunk())
# What a backend may send, and what it should not: all kinds of line ends, torn and empty lines.
pieces = st.sampled_from(
    [
        b"data: a",
        b"data:",
        b": ping",
        b"event: x",
        b"\n",
        b"\n\n",
        b"\r\n",
        b"\r\n\r\n",
        b"\r",
        b"\r\r",
        "ü".encode(),
        CONTENT,
        USAGE,
        USAGE.replace(b"\n", b"\r\n"),
        DONE,
    ]
)
streams = st.lists(pieces | st.binary(max_size=8), max_size=12).map(b"".join)


def cut(stream: bytes, places: list[int]) -> list[bytes]:
    """The stream in chunks, cut at the given places."""
    edges = [0, *sorted(place % (len(stream) + 1) for place in places), len(stream)]
    return [stream[start:end] for start, end in itertools.pairwise(edges)]


def frames_of(chunks: list[bytes]) -> list[bytes]:
    """All frames of a stream, the unfinished rest last."""
    splitter = FrameSplitter()
    frames = [found for piece in chunks for found in splitter.feed(piece)]
    return [*frames, splitter.rest()]


def filtered(chunks: list[bytes]) -> bytes:
    """What the filter lets through of a stream."""
    usage_filter = UsageChunkFilter()
    return b"".join(usage_filter.feed(piece) for piece in chunks) + usage_filter.finish()


@settings(deadline=None)
@given(streams, st.lists(st.integers(0, 10_000), max_size=10))
def test_framing_is_independent_of_chunking(stream: bytes, places: list[int]) -> None:
    """Where the network cuts a stream changes no frame, and no byte is lost."""
    frames = frames_of(cut(stream, places))
    assert frames == frames_of([stream])
    assert b"".join(frames) == stream


@settings(deadline=None)
@given(streams, st.lists(st.integers(0, 10_000), max_size=10))
def test_filter_is_independent_of_chunking(stream: bytes, places: list[int]) -> None:
    """What a caller sees does not depend on where the network cut."""
    assert filtered(cut(stream, places)) == filtered([stream])


@settings(deadline=None)
@given(st.lists(st.sampled_from([CONTENT, DONE, b": ping\n\n", USAGE, frame(b"{]")]), max_size=8))
def test_filter_removes_usage_chunks_and_nothing_else(frames: list[bytes]) -> None:
    """Everything but the one kind of frame passes byte for byte."""
    stream = b"".join(frames)
    expected = b"".join(sent for sent in frames if sent != USAGE)
    assert filtered([stream[place : place + 1] for place in range(len(stream))]) == expected


@pytest.mark.parametrize("end", [b"\n\n", b"\r\n\r\n", b"\n\r\n", b"\r\n\n"])
def test_line_ends(end: bytes) -> None:
    """Frames end at a blank line, however lines end."""
    assert frames_of([b"data: 1" + end + b"data: 2" + end]) == [
        b"data: 1" + end,
        b"data: 2" + end,
        b"",
    ]


def test_carriage_returns_alone() -> None:
    """The standard knows them, so they end lines too; the last waits for a line feed."""
    assert frames_of([b"data: 1\r\rdata: 2\r\r"]) == [b"data: 1\r\r", b"data: 2\r\r"]


@pytest.mark.parametrize(
    ("sent", "data"),
    [
        (b"data: a b\n\n", b"a b"),
        (b"data:a\n\n", b"a"),
        (b"data:  a\n\n", b" a"),
        (b"event: x\nid: 1\ndata: a\ndata: b\n\n", b"a\nb"),
        (b"data: a\r\ndata: b\r\n\r\n", b"a\nb"),
        (b": comment\n\n", b""),
        (b"\n", b""),
        (b"datax: a\n\n", b""),
        (b"data: [DONE]", b"[DONE]"),
    ],
)
def test_event_data(sent: bytes, data: bytes) -> None:
    """Data lines are joined, one space after the colon is dropped, the rest is passed over."""
    assert event_data(sent) == data


def test_data_lines_stay_apart() -> None:
    """Gateways that leave out blank lines can still be read line by line."""
    assert data_lines(b"data: 1\ndata: 2\n\n") == [b"1", b"2"]


def test_held_bytes_is_the_unfinished_frame() -> None:
    """The size of what waits for its end is known, so that it can be bounded."""
    splitter = FrameSplitter()
    splitter.feed(DONE + b"data: 12")
    assert splitter.held_bytes == 8


@pytest.mark.parametrize("blank", [b"", b"\n "])
def test_json_instead_of_a_stream_passes_at_once(blank: bytes) -> None:
    """An answer that is no stream is not held until its end."""
    usage_filter = UsageChunkFilter()
    assert usage_filter.feed(blank) == b""
    assert usage_filter.feed(b'{"error":') == blank + b'{"error":'
    assert usage_filter.feed(b" {}}\n\n") == b" {}}\n\n"
    assert usage_filter.finish() == b""


@pytest.mark.parametrize(
    ("headers", "can"),
    [
        ({"content-type": "text/event-stream"}, True),
        ({"content-type": "Text/Event-Stream; charset=utf-8", "content-length": "9"}, True),
        ({"content-type": "text/plain"}, True),
        ({}, True),
        ({"content-type": "application/json", "content-length": "9"}, False),
        ({"content-type": "text/event-stream", "content-encoding": "gzip"}, False),
    ],
)
def test_streams_are_known_by_type_or_by_missing_length(
    headers: dict[str, str], *, can: bool
) -> None:
    """A stream under another name is still one; what has a length or is packed is left alone."""
    assert can_hide_usage_chunk(headers) is can


def test_each_complete_frame_passes_at_once() -> None:
    """The filter delays no frame that is whole."""
    usage_filter = UsageChunkFilter()
    assert usage_filter.feed(CONTENT) == CONTENT
    assert usage_filter.feed(DONE[:5]) == b""
    assert usage_filter.feed(DONE[5:] + CONTENT[:9]) == DONE
    assert usage_filter.finish() == CONTENT[:9]


@pytest.mark.parametrize(
    "sent",
    [
        USAGE,
        USAGE.replace(b"\n", b"\r\n"),
        b"event: message\n" + USAGE,
        frame(json.dumps(usage_chunk(), indent=1).replace("\n", "").encode()),
        frame(json.dumps(usage_chunk(), separators=(",", ":")).encode()),
        USAGE.rstrip(),
    ],
)
def test_usage_chunk_is_known_in_every_dress(sent: bytes) -> None:
    """Spacing, line ends and a missing blank line do not let the chunk slip through."""
    assert filtered([CONTENT, sent]) == CONTENT


@pytest.mark.parametrize(
    "sent",
    [
        frame(FIRST_AZURE_FRAME),
        frame({**FIRST_AZURE_FRAME, "usage": None}),
        frame(chunk({"content": "x"}, usage={"prompt_tokens": 1})),
        frame(chunk({"content": '"choices":[] "usage":{}'})),
        frame({**usage_chunk(), "usage": None}),
        frame({**usage_chunk(), "prompt_filter_results": [{"content_filter_results": SAFE}]}),
        frame(b'{"usage": {}, "choices": [] broken'),
        frame(b'["choices", [], "usage"]'),
        frame(chunk({"content": "x"}, usage={"prompt_tokens": 1}, more={"choices": []})),
        frame({"error": {"message": "no", "usage": 1}, "choices": []}),
    ],
)
def test_everything_else_is_no_usage_chunk(sent: bytes) -> None:
    """What a caller would miss is never taken out: annotations, content, errors, broken frames."""
    assert not is_usage_chunk(sent)
    assert filtered([sent]) == sent


def test_endless_frame_passes_unfiltered() -> None:
    """A frame that does not end cannot fill the memory, and is not held back."""
    usage_filter = UsageChunkFilter(max_bytes=100)
    assert usage_filter.feed(b"data: " + b"x" * 50) == b""
    assert usage_filter.feed(b"y" * 60) == b"data: " + b"x" * 50 + b"y" * 60
    assert usage_filter.feed(b"z") == b"z"
    assert usage_filter.finish() == b""
