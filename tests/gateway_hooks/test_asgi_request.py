"""Requests pass as they came, but for those that must ask for usage."""

from __future__ import annotations

import gzip
import json

import pytest

from gateway_hooks.asgi import UsageMiddleware
from gateway_hooks.meter import Meter
from gateway_hooks.settings import HookSettings
from gateway_hooks.sink import MemorySink
from tests.gateway_hooks.fakes import (
    CHAT_STREAM,
    DONE_FRAME,
    STREAM_HEADERS,
    TEXT_FRAMES,
    THROTTLED_BODY,
    USAGE_FRAME,
    Connection,
    Reply,
    ScriptedApp,
    chat_answer,
    chat_body,
    http_scope,
    only,
    passed,
    streamed,
)


async def test_usage_is_asked_for_and_hidden(meter: Meter, sink: MemorySink) -> None:
    """A stream that did not ask has its usage recorded, and its caller sees no extra chunk."""
    app = ScriptedApp(streamed())
    body = chat_body(stream=True)
    headers = {
        "content-type": "application/json",
        "content-length": str(len(body)),
        "accept-encoding": "gzip, br",
        "x-other": "stays",
    }
    connection = await passed(app, meter, body, http_scope(headers=headers))
    (seen,) = app.seen
    assert json.loads(seen.body) == {**json.loads(body), "stream_options": {"include_usage": True}}
    assert seen.headers["content-length"] == str(len(seen.body))
    assert seen.headers["accept-encoding"] == "identity"
    assert seen.headers["x-other"] == "stays"
    assert connection.body == b"".join(piece for piece in CHAT_STREAM if piece is not USAGE_FRAME)
    event = only(sink)
    assert (event["usage_source"], event["input_tokens"]) == ("reported", 9)
    assert event["stream"] is True


async def test_an_announced_length_does_not_outlive_the_hidden_chunk(meter: Meter) -> None:
    """An answer that becomes shorter announces no length, so the client does not wait for more."""
    app = ScriptedApp(Reply(headers=dict(STREAM_HEADERS), chunks=CHAT_STREAM))
    connection = await passed(app, meter, chat_body(stream=True))
    assert b"content-length" not in dict(connection.sent[0]["headers"])
    assert USAGE_FRAME not in connection.body
    assert DONE_FRAME in connection.body


@pytest.mark.parametrize("content_type", ["text/plain", "Text/Event-Stream; charset=utf-8", None])
async def test_a_stream_under_another_name_hides_the_chunk(
    meter: Meter, content_type: str | None
) -> None:
    """A caller that did not ask gets no chunk without choices, whatever the stream is called."""
    headers = {} if content_type is None else {"content-type": content_type}
    app = ScriptedApp(Reply(headers=headers, chunks=CHAT_STREAM, announce_length=False))
    connection = await passed(app, meter, chat_body(stream=True))
    assert connection.body == b"".join(piece for piece in CHAT_STREAM if piece is not USAGE_FRAME)


async def test_json_instead_of_a_stream_passes_whole(meter: Meter, sink: MemorySink) -> None:
    """A backend that does not stream, and announces no length, is passed on and read."""
    body = chat_answer()
    headers = {"content-type": "application/json"}
    app = ScriptedApp(Reply(headers=headers, chunks=[body[:20], body[20:]], announce_length=False))
    connection = await passed(app, meter, chat_body(stream=True))
    assert connection.body == body
    assert only(sink)["usage_source"] == "reported"


async def test_a_caller_who_asked_gets_the_chunk(meter: Meter) -> None:
    """Usage that the caller asked for is its own."""
    app = ScriptedApp(streamed())
    body = chat_body(stream=True, stream_options={"include_usage": True})
    connection = await passed(app, meter, body)
    assert app.seen[0].body == body
    assert connection.body == b"".join(CHAT_STREAM)


async def test_asking_can_be_switched_off(sink: MemorySink) -> None:
    """With include_usage off no request is changed; such a stream is estimated."""
    settings = HookSettings.load(key_salt="0123456789abcdef", include_usage=False)
    app = ScriptedApp(streamed(*TEXT_FRAMES, DONE_FRAME))
    body = chat_body(stream=True)
    connection = await passed(app, Meter(settings, sink), body)
    assert app.seen[0].body == body
    assert connection.body == b"".join([*TEXT_FRAMES, DONE_FRAME])
    assert only(sink)["usage_source"] == "estimated"


async def test_an_error_instead_of_a_stream_passes_whole(meter: Meter, sink: MemorySink) -> None:
    """Only event streams have a chunk to hide."""
    app = ScriptedApp(Reply(status=429, chunks=[THROTTLED_BODY]))
    connection = await passed(app, meter, chat_body(stream=True))
    assert connection.body == THROTTLED_BODY
    length = dict(connection.sent[0]["headers"])[b"content-length"]
    assert int(length) == len(THROTTLED_BODY)
    assert only(sink)["status_code"] == 429


async def test_a_compressed_stream_is_read_and_passes_whole(meter: Meter, sink: MemorySink) -> None:
    """A backend that compresses although it was asked not to still has its usage read."""
    compressed = gzip.compress(b"".join(CHAT_STREAM))
    headers = {**STREAM_HEADERS, "content-encoding": "gzip"}
    app = ScriptedApp(Reply(headers=headers, chunks=[compressed[:50], compressed[50:]]))
    connection = await passed(app, meter, chat_body(stream=True))
    assert connection.body == compressed
    assert only(sink)["input_tokens"] == 9


async def test_long_bodies_pass_unread(sink: MemorySink) -> None:
    """Beyond the limit nothing is held in memory and nothing is changed."""
    settings = HookSettings.load(key_salt="0123456789abcdef", max_body_bytes=1024)
    meter = Meter(settings, sink)
    body = chat_body(stream=True, padding="x" * 2000)
    app = ScriptedApp(streamed())
    connection = Connection(chunks=[body[:500], body[500:1500], body[1500:]])
    await UsageMiddleware(app, meter)(http_scope(), connection.receive, connection.send)
    assert app.seen[0].body == body
    event = only(sink)
    assert event["deployment"] == "gpt-4o"
    assert event["stream"] is True  # the body was not read, but the answer is a stream
    assert event["time_to_first_chunk_ms"] >= 0
