"""The reader of answers: what kind of body it is, its encoding, its bounds, its end."""

from __future__ import annotations

import gzip
import json
import zlib

import pytest

from gateway_hooks.reading.answer import answer_reader
from gateway_hooks.reading.operations import recognise
from gateway_hooks.reading.request import RequestFacts
from gateway_hooks.reading.usage import reported_usage
from tests.gateway_hooks.wire_samples import (
    CHAT,
    CHAT_USAGE,
    DONE,
    EVENTS,
    JSON,
    MAX_BYTES,
    call,
    chat_answer,
    chunk,
    frame,
    read,
    usage_chunk,
)

brotli = pytest.importorskip("brotli")

BODY = json.dumps(chat_answer()).encode()
STREAM = frame(chunk({"content": "a"})) + frame(usage_chunk()) + DONE
REPORTED = reported_usage(CHAT, CHAT_USAGE)
STREAMED = RequestFacts(stream=True)


def bytewise(body: bytes) -> list[bytes]:
    """A body, byte by byte."""
    return [body[place : place + 1] for place in range(len(body))]


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (BODY, JSON),
        (BODY, {}),
        (b"\n  " + BODY, JSON),
        (b"\xef\xbb\xbf" + BODY, JSON),
        (BODY, EVENTS),
        (BODY, {"content-type": "text/plain"}),
        (BODY, {"content-type": "application/octet-stream"}),
        (STREAM, EVENTS),
        (STREAM, {}),
        (STREAM, JSON),
        (STREAM, {"content-type": "text/plain"}),
        (b": keep-alive\n\n" + STREAM, EVENTS),
        (b"\xef\xbb\xbf" + STREAM, EVENTS),
        (b"\n\n" + STREAM, EVENTS),
        (b"event: message\n" + STREAM, JSON),
    ],
)
def test_body_is_known_by_its_look(body: bytes, headers: dict[str, str]) -> None:
    """A wrong or missing content type does not cost the usage, however the body is cut."""
    assert read(body, headers=headers, request=STREAMED).usage == REPORTED
    assert read(bytewise(body), headers=headers, request=STREAMED).usage == REPORTED


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [("gzip", gzip.compress), ("deflate", zlib.compress), ("br", brotli.compress)],
)
@pytest.mark.parametrize(("body", "headers"), [(BODY, JSON), (STREAM, EVENTS)])
def test_packed_answers(
    encoding: str, pack: type[bytes], body: bytes, headers: dict[str, str]
) -> None:
    """A compressed answer is read like any other."""
    packed = {**headers, "content-encoding": encoding}
    assert read(pack(body), headers=packed).usage == REPORTED
    assert read(bytewise(pack(body)), headers=packed).usage == REPORTED


@pytest.mark.parametrize("encoding", ["unheard-of", "gzip"])
def test_answer_that_cannot_be_unpacked(encoding: str) -> None:
    """It passes; only its usage is unknown, and that is said."""
    facts = read(b"\x00\x01\x02", headers={**JSON, "content-encoding": encoding})
    assert facts.unreadable
    assert facts.usage is None
    assert facts.saw_content


def test_cut_packed_answer() -> None:
    """A compressed answer that was cut gives what had been unpacked."""
    noisy = json.dumps(chat_answer(usage=None, system_fingerprint=list(range(3000)))).encode()
    packed = gzip.compress(noisy)
    facts = read(packed[:-200], headers={**JSON, "content-encoding": "gzip"})
    assert facts.completion_text == ["Good morning."]
    assert not facts.complete


def test_too_long_answer_is_given_up() -> None:
    """An answer beyond the bound is not kept; the reader says so."""
    long = json.dumps(chat_answer(usage=None)).encode()
    facts = read(bytewise(long), headers=JSON, max_bytes=100)
    assert facts.unreadable
    assert facts.usage is None
    assert facts.completion_text == []


@pytest.mark.parametrize(("body", "headers"), [(BODY, JSON), (b"data: " + BODY + DONE, EVENTS)])
def test_usage_at_the_end_of_a_too_long_answer(body: bytes, headers: dict[str, str]) -> None:
    """Ten pictures in one answer are charged by their usage, not by a guess."""
    facts = read(bytewise(body), headers=headers, request=STREAMED, max_bytes=100)
    assert facts.unreadable
    assert facts.usage == REPORTED


def test_an_error_that_is_too_long_reports_nothing() -> None:
    """Only a success is charged, whatever an error's end looks like."""
    assert read(BODY, headers=JSON, status=500, max_bytes=100).usage is None


def test_bomb_is_given_up() -> None:
    """A small packed answer that unpacks without end is stopped at the bound."""
    bomb = gzip.compress(b'{"a": "' + b"0" * 50_000_000)
    assert read(bomb, headers={**JSON, "content-encoding": "gzip"}).unreadable


def test_content_of_a_plain_answer_is_its_first_byte() -> None:
    """An answer in one piece has its content from the start."""
    reader = answer_reader(CHAT, 200, JSON, RequestFacts(), MAX_BYTES)
    assert not reader.saw_content
    reader.feed(b"")
    assert not reader.saw_content
    reader.feed(BODY[:1])
    assert reader.saw_content


@pytest.mark.parametrize("status", [400, 429, 500])
def test_errors_have_no_content(status: int) -> None:
    """A time to first content is not measured for refusals."""
    assert not read(b'{"error": {"code": "x"}}', status=status).saw_content
    assert not read(b"<html>", status=status).saw_content


def test_length_tells_the_end() -> None:
    """With a content length the last byte is known when it comes."""
    headers = {**JSON, "content-length": str(len(BODY))}
    reader = answer_reader(CHAT, 200, headers, RequestFacts(), MAX_BYTES)
    reader.feed(BODY[:-1])
    assert not reader.ended
    reader.feed(BODY[-1:])
    assert reader.ended


@pytest.mark.parametrize("length", ["", "-1", "many", "٣", "9" * 40])
def test_useless_length_tells_nothing(length: str) -> None:
    """A length that is none ends nothing."""
    reader = answer_reader(CHAT, 200, {**JSON, "content-length": length}, STREAMED, MAX_BYTES)
    reader.feed(BODY)
    assert not reader.ended


MP3 = {"content-type": "audio/mpeg", "content-length": "6"}


class TestMedia:
    """Bodies that say nothing but that they came."""

    def test_speech(self) -> None:
        """Sound is content from its first byte, whole when its length came."""
        facts = read([b"ID3", b"abc"], call("audio/speech"), headers=MP3)
        assert facts.saw_content
        assert facts.complete

    def test_cut_speech(self) -> None:
        """Sound that stops early is not complete."""
        assert not read([b"ID3"], call("audio/speech"), headers=MP3).complete

    def test_sound_that_looks_like_json(self) -> None:
        """The type of media is believed."""
        assert read(b'{"usage": 1}', call("audio/speech"), headers=MP3).usage is None

    @pytest.mark.parametrize(
        "body", [b"1\n00:00:00,000 --> 00:00:02,000\nhi\n", b"WEBVTT\n", b"hi"]
    )
    def test_subtitles(self, body: bytes) -> None:
        """Transcripts as text report nothing and keep nothing."""
        facts = read(body, call("audio/transcriptions"), headers={"content-type": "text/plain"})
        assert (facts.usage, facts.completion_text) == (None, [])
        assert facts.complete

    def test_spoken_data(self) -> None:
        """A transcript that starts like an event stream is none when no stream was asked for."""
        facts = read(b"data: is king", call("audio/transcriptions"), headers={})
        assert facts.complete
        assert facts.error_code is None


class TestOtherCalls:
    """Calls that charge nothing."""

    FETCH = recognise("GET", "/openai/v1/responses/resp_1", "")

    def test_fetching_a_response_counts_nothing(self) -> None:
        """Its body repeats the usage that was counted when it was made."""
        body = {"id": "resp_1", "usage": {"input_tokens": 5, "output_tokens": 6}}
        assert read(body, self.FETCH).usage is None

    def test_replaying_a_stream_counts_nothing(self) -> None:
        """Nor does its stream."""
        event = {"type": "response.completed", "response": {"usage": {"input_tokens": 5}}}
        assert read([frame(event)], self.FETCH).usage is None

    def test_errors_are_read(self) -> None:
        """What went wrong is worth knowing for every call."""
        facts = read(
            {"error": {"code": "DeploymentNotFound"}}, recognise("GET", "/x", ""), status=404
        )
        assert facts.error_code == "DeploymentNotFound"


def test_no_body_at_all() -> None:
    """An answer without a body, or a client that left before it, is no error."""
    facts = read([], headers=JSON)
    assert (facts.usage, facts.complete, facts.saw_content) == (None, False, False)
