"""Streams in windows, whatever chunks they come in."""

from __future__ import annotations

import itertools
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gateway_hooks.gateway.content_safety import ContentSafetySettings
from gateway_hooks.gateway.content_safety.assessment import Assessment, failed
from gateway_hooks.gateway.content_safety.stream_guard import StreamGuard

SETTINGS = ContentSafetySettings(
    endpoint="https://x.cognitiveservices.azure.com", identity="default", overlap_characters=20
)
BAD = "forbidden words"


class Judge:
    """Blocks what holds the bad words; writes down what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str | None] = []

    async def __call__(self, text: str | None) -> Assessment | None:
        """Why the stream must stop."""
        self.asked.append(text)
        if text is None:
            return failed("unreadable")
        return Assessment({"Hate": 6}) if BAD in text else None


def said(text: str, index: int = 0) -> bytes:
    """A chunk of a chat."""
    choice = {"index": index, "delta": {"content": text}}
    return b"data: " + json.dumps({"id": "c", "choices": [choice]}).encode() + b"\n\n"


DONE = b"data: [DONE]\n\n"
USAGE = b'data: {"id":"c","choices":[],"usage":{"total_tokens":3}}\n\n'


async def run(stream: bytes, cuts: list[int], window: int | None, judge: Any) -> list[bytes]:
    """Feed a stream cut into chunks; what went out at each step."""
    guard = StreamGuard(SETTINGS, judge, window_characters=window)
    places = sorted({cut % (len(stream) + 1) for cut in cuts} | {0, len(stream)})
    out = [await guard.feed(stream[start:end]) for start, end in itertools.pairwise(places)]
    return [*out, await guard.finish()]


EVENTS = st.one_of(
    st.tuples(st.text(max_size=12), st.integers(0, 2)).map(lambda pair: said(*pair)),
    st.sampled_from(
        [
            USAGE,
            DONE,
            b": keep-alive\n\n",
            b"\n\n",
            b"data: not json\n\n",
            (
                b'event: response.output_text.delta\r\ndata: {"type":"response.output_text.delta",'
                b'"item_id":"m","delta":"abc"}\r\n\r\n'
            ),
            b'data: {"type":"response.output_text.done","item_id":"m","text":"abc"}\n\n',
            b'data: {"type":"response.completed","response":{"output":[]}}\n\n',
            b"data: [1, 2]\n\n",
            b'data: {"choices": null}\n\n',
        ]
    ),
)


@given(
    events=st.lists(EVENTS, max_size=12),
    tail=st.sampled_from([b"", b"data: cut", b'data: {"choices":[{"delta":{"content":"half']),
    cuts=st.lists(st.integers(0, 2000), max_size=12),
    window=st.sampled_from([None, 1, 5, 1000]),
)
async def test_what_passes_is_byte_for_byte_what_came(
    events: list[bytes], tail: bytes, cuts: list[int], window: int | None
) -> None:
    """However the network cuts it, in every window."""
    stream = b"".join(events) + tail
    assert b"".join(await run(stream, cuts, window, Judge())) == stream


@given(
    before=st.text("ab ", max_size=60),
    after=st.text("ab ", max_size=60),
    pieces=st.integers(1, 7),
    cuts=st.lists(st.integers(0, 5000), max_size=12),
    window=st.sampled_from([None, 1, 7, 50]),
)
async def test_bad_words_never_pass_whole(
    before: str, after: str, pieces: int, cuts: list[int], window: int | None
) -> None:
    """Split over frames and windows as they may be; usage and the end come once and last."""
    text = before + BAD + after
    frames = [said(text[at : at + pieces]) for at in range(0, len(text), pieces)]
    out = b"".join(await run(b"".join(frames) + USAGE + DONE, cuts, window, Judge()))
    events = [json.loads(line[6:]) for line in out.split(b"\n\n") if line and line[6:7] == b"{"]
    passed = "".join(
        choice["delta"].get("content", "") for event in events for choice in event["choices"]
    )
    assert text.startswith(passed)
    assert BAD not in passed
    assert events[-2]["choices"][0]["finish_reason"] == "content_filter"
    assert out.endswith(USAGE + DONE)
    assert out.count(DONE) == 1


async def test_nothing_is_released_before_its_window_was_checked() -> None:
    """The first frames without text go on at once; text waits for the window to be full."""
    role = b'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}\n\n'
    judge = Judge()
    guard = StreamGuard(SETTINGS, judge, window_characters=10)
    assert await guard.feed(role) == role
    assert await guard.feed(said("12345")) == b""
    assert judge.asked == []
    assert await guard.feed(said("67890")) == said("12345") + said("67890")
    assert judge.asked == ["1234567890"]


async def test_each_window_is_seen_with_the_end_of_the_one_before() -> None:
    """A phrase between two windows is whole in the second."""
    judge = Judge()
    await run(said("one") + said("two") + DONE, [], 3, judge)
    assert judge.asked == ["one", "onetwo"]


async def test_what_a_response_repeats_is_not_checked_again() -> None:
    """Only a repetition that says something else is."""
    delta = b'data: {"type":"response.output_text.delta","item_id":"m","delta":"abc"}\n\n'
    done = b'data: {"type":"response.output_text.done","item_id":"m","text":"%s"}\n\n'
    judge = Judge()
    await run(delta + done % b"abc", [], 1, judge)
    assert judge.asked == ["abc"]
    judge = Judge()
    await run(delta + done % b"other", [], 1, judge)
    assert judge.asked == ["abc", "other"]


async def test_a_stream_that_is_not_waited_for_ends_all_the_same() -> None:
    """The caller gets an end also when the backend never does."""
    guard = StreamGuard(SETTINGS, Judge(), window_characters=1)
    assert b'"finish_reason":"content_filter"' in await guard.feed(said(BAD))
    assert guard.stopped_by is not None
    assert guard.end() == DONE
    assert guard.end() == b""


async def test_a_frame_without_end_is_not_kept_forever() -> None:
    """More than is held of one frame cannot be read, and counts as that."""
    judge = Judge()
    guard = StreamGuard(SETTINGS, judge, window_characters=1000)
    for _ in range(33):
        await guard.feed(b"a" * (1 << 20))
    assert judge.asked == [None]
    assert guard.stopped_by is not None
