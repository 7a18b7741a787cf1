"""Streamed answers, frame by frame."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway_hooks.reading.answer import answer_reader
from gateway_hooks.reading.operations import Call, recognise
from gateway_hooks.reading.request import RequestFacts
from gateway_hooks.reading.usage import Usage, reported_usage
from tests.gateway_hooks.wire_samples import (
    CHAT,
    CHAT_USAGE,
    DONE,
    EVENTS,
    FIRST_AZURE_FRAME,
    MAX_BYTES,
    SAFE,
    call,
    chunk,
    frame,
    read,
    typed,
    usage_chunk,
)

RESPONSES = recognise("POST", "/openai/v1/responses", "")
SPEECH = call("audio/speech")
IMAGES = call("images/generations")
STREAM = [
    frame(FIRST_AZURE_FRAME),
    frame(chunk({"role": "assistant", "content": ""})),
    frame(chunk({"content": "Grüße"})),
    frame(chunk({"content": " 🎈"})),
    frame(chunk(finish_reason="stop", content_filter_results=SAFE)),
    frame(usage_chunk()),
    DONE,
]
WITHOUT_USAGE = [*STREAM[:-2], DONE]


def seen(frames: list[bytes], of: Call = CHAT) -> tuple[list[bool], list[bool]]:
    """After each frame: whether content was seen, and whether the answer had ended."""
    reader = answer_reader(of, 200, EVENTS, RequestFacts(stream=True), MAX_BYTES)
    content, ended = [], []
    for sent in frames:
        reader.feed(sent)
        content.append(reader.saw_content)
        ended.append(reader.ended)
    return content, ended


class TestChat:
    """Chunks of chat and completions."""

    def test_whole_stream(self) -> None:
        """Id and model come from the first chunk that has them, usage from the last."""
        facts = read(STREAM)
        assert facts.usage == reported_usage(CHAT, CHAT_USAGE)
        assert (facts.response_id, facts.response_model) == ("chatcmpl-7", "gpt-4o-2024-08-06")
        assert facts.finish_reasons == ["stop"]
        assert facts.content_filter is not None
        assert facts.content_filter["prompt"] == SAFE
        assert facts.complete
        assert facts.completion_text == []

    def test_first_content_and_end(self) -> None:
        """Neither the annotation frame nor an empty delta is content; only [DONE] is the end."""
        content, ended = seen(STREAM)
        assert content == [False, False, True, True, True, True, True]
        assert ended == [False] * 6 + [True]

    @settings(deadline=None)
    @given(st.lists(st.integers(0, 2000), max_size=12))
    def test_chunking_makes_no_difference(self, places: list[int]) -> None:
        """Frames and characters may be cut anywhere."""
        stream = b"".join(WITHOUT_USAGE)
        edges = [0, *sorted(place % len(stream) for place in places), len(stream)]
        pieces = [stream[a:b] for a, b in itertools.pairwise(edges)]
        assert read(pieces, headers=EVENTS) == read(WITHOUT_USAGE)

    def test_stream_without_usage_keeps_its_text(self) -> None:
        """The text of a stream is counted joined, not chunk by chunk."""
        facts = read(WITHOUT_USAGE)
        assert facts.usage is None
        assert facts.completion_text == ["Grüße 🎈"]

    def test_cut_stream(self) -> None:
        """What came before the cut is there, and it is known to be not all."""
        facts = read([*STREAM[:4], STREAM[4][:20]])
        assert facts.completion_text == ["Grüße 🎈"]
        assert not facts.complete

    def test_missing_done(self) -> None:
        """A stream that finished without saying so is complete."""
        facts = read(STREAM[:-1])
        assert facts.complete
        assert facts.usage is not None

    def test_carriage_returns(self) -> None:
        """Gateways that end lines in CR LF are read the same."""
        stream = b"".join(WITHOUT_USAGE).replace(b"\n", b"\r\n")
        assert read([stream], headers=EVENTS) == read(WITHOUT_USAGE)

    def test_missing_blank_lines(self) -> None:
        """Gateways that leave out the blank lines are read the same."""
        stream = b"".join(WITHOUT_USAGE).replace(b"\n\n", b"\n")
        assert read([stream], headers=EVENTS) == read(WITHOUT_USAGE)

    def test_data_over_several_lines(self) -> None:
        """One event may be spread over lines, as the standard says."""
        spread = (
            b'data: {"id": "x",\ndata:  "usage": {"prompt_tokens": 1,\n'
            b'data: "completion_tokens": 2}}\n\n'
        )
        assert read([spread], headers=EVENTS).usage == Usage(
            "reported", input_tokens=1, output_tokens=2
        )

    @pytest.mark.parametrize(
        "junk", [frame(b"{broken"), frame(b"[]"), frame(b"5"), b": ping\n\n", frame(b""), b"\n\n"]
    )
    def test_junk_between_frames(self, junk: bytes) -> None:
        """A malformed frame costs itself and nothing else."""
        noisy = [part for sent in STREAM for part in (junk, sent)]
        assert read(noisy, headers=EVENTS) == read(STREAM)

    def test_usage_in_the_last_content_chunk(self) -> None:
        """Some gateways do not send a chunk of its own."""
        frames = [
            frame(chunk({"content": "a"})),
            frame(chunk(finish_reason="stop", usage=CHAT_USAGE)),
        ]
        assert read([*frames, DONE]).usage == reported_usage(CHAT, CHAT_USAGE)

    def test_cumulative_usage(self) -> None:
        """Where every chunk reports, the last one counts, and nothing is added up."""
        frames = [
            frame(chunk({"content": "a"}, usage={"prompt_tokens": 9, "completion_tokens": count}))
            for count in (1, 2, 3)
        ]
        assert read([*frames, DONE]).usage == Usage("reported", input_tokens=9, output_tokens=3)

    def test_null_usage_does_not_undo_a_reported_one(self) -> None:
        """Chunks after the usage may carry null or nonsense."""
        late = [frame(chunk(usage=None)), frame(chunk(usage={})), frame(chunk(usage="x"))]
        assert read([frame(usage_chunk()), *late]).usage == reported_usage(CHAT, CHAT_USAGE)

    def test_later_names_change_nothing(self) -> None:
        """The chunk with the usage may come without an id, or with another."""
        for late in ("", None, "other"):
            last = {**usage_chunk(), "id": late, "model": late}
            facts = read([frame(chunk({"content": "a"})), frame(last)])
            assert (facts.response_id, facts.response_model) == ("chatcmpl-7", "gpt-4o-2024-08-06")

    def test_error_frame(self) -> None:
        """A stream can fail after it began; the code is kept, the text is not."""
        error = frame({"error": {"type": "server_error", "code": "500", "message": "secret"}})
        facts = read([*STREAM[:3], error])
        assert (facts.error_type, facts.error_code) == ("server_error", "500")
        assert facts.completion_text == ["Grüße"]
        assert not facts.complete
        assert "secret" not in repr(facts)

    def test_choices_apart(self) -> None:
        """Two choices that come in turns are two texts and two reasons."""
        frames = [
            frame(chunk({"content": "one"}, index=0)),
            frame(chunk({"content": "un"}, index=1)),
            frame(chunk({"content": " two"}, index=0)),
            frame(chunk(index=1, finish_reason="length")),
            frame(chunk(index=0, finish_reason="stop")),
        ]
        facts = read(frames)
        assert facts.completion_text == ["one two", "un"]
        assert facts.finish_reasons == ["stop", "length"]

    @pytest.mark.parametrize(
        "delta",
        [
            {"tool_calls": [{"index": 0, "function": {"name": "look"}}]},
            {"tool_calls": [{"index": 0, "function": {"arguments": "{"}}]},
            {"function_call": {"arguments": "{"}},
            {"refusal": "I"},
            {"reasoning_content": "hm"},
            {"audio": {"data": "AAAA"}},
            {"audio": {"transcript": "hi"}},
            {"content": [{"type": "text", "text": "a"}]},
        ],
    )
    def test_content_of_every_kind(self, delta: dict[str, Any]) -> None:
        """The first thing generated counts as content, be it a call, a refusal or sound."""
        assert seen([frame(chunk({"role": "assistant"})), frame(chunk(delta))])[0] == [False, True]

    def test_tool_calls_are_joined_by_call(self) -> None:
        """The arguments of two calls come in pieces and in turns."""
        frames = [
            frame(chunk({"tool_calls": [{"index": index, "function": function}]}))
            for index, function in (
                (0, {"name": "look", "arguments": ""}),
                (1, {"name": "run", "arguments": ""}),
                (0, {"arguments": '{"a"'}),
                (1, {"arguments": "{}"}),
                (0, {"arguments": ":1}"}),
            )
        ]
        assert read(frames).completion_text == ['look{"a":1}', "run{}"]

    def test_late_annotations(self) -> None:
        """The asynchronous filter sends its findings after the content."""
        late = chunk(content_filter_offsets={"start_offset": 0})
        late["choices"][0]["content_filter_results"] = {
            "hate": {"filtered": True, "severity": "high"}
        }
        facts = read([*STREAM[:4], frame(late)])
        assert facts.content_filter is not None
        assert facts.content_filter["completion"]["hate"] == {"filtered": True, "severity": "high"}

    def test_legacy_completion(self) -> None:
        """Completions stream texts."""
        frames = [
            frame({"id": "cmpl-1", "choices": [{"index": 0, "text": text}]}) for text in ("a", "b")
        ]
        assert read([*frames, DONE], call("completions")).completion_text == ["ab"]

    def test_split_emoji(self) -> None:
        """An emoji whose halves come in two chunks costs none of the text around it."""
        halves = [
            b'{"choices":[{"delta":{"content":"a\\ud83d"}}]}',
            b'{"choices":[{"delta":{"content":"b"}}]}',
        ]
        assert read([frame(half) for half in halves]).completion_text == ["a?b"]


class TestResponses:
    """Typed events of the responses API."""

    CREATED = typed({"type": "response.created", "response": {"id": "resp_1", "model": "gpt-5"}})
    DELTA = typed(
        {"type": "response.output_text.delta", "item_id": "m", "output_index": 0, "delta": "Hello"}
    )

    def end(self, kind: str = "response.completed", **more: Any) -> bytes:
        """The last event."""
        response = {
            "id": "resp_1",
            "model": "gpt-5",
            "status": kind.removeprefix("response."),
            "usage": {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7},
            **more,
        }
        return typed({"type": kind, "response": response})

    def test_completed(self) -> None:
        """Usage stands in the last event, which is the end without any [DONE]."""
        facts = read([self.CREATED, self.DELTA, self.end()], RESPONSES)
        assert facts.usage == Usage("reported", input_tokens=3, output_tokens=4)
        assert (facts.response_id, facts.response_model) == ("resp_1", "gpt-5")
        assert facts.finish_reasons == ["completed"]
        assert seen([self.CREATED, self.DELTA, self.end()], RESPONSES) == (
            [False, True, True],
            [False, False, True],
        )

    def test_incomplete(self) -> None:
        """An answer that ran out of room is charged like any other."""
        end = self.end("response.incomplete", incomplete_details={"reason": "content_filter"})
        facts = read([self.CREATED, end], RESPONSES)
        assert facts.finish_reasons == ["content_filter"]
        assert facts.usage is not None

    def test_failed(self) -> None:
        """A failure ends the stream and brings its code."""
        end = self.end("response.failed", usage=None, error={"code": "rate_limit_exceeded"})
        facts = read([self.CREATED, self.DELTA, end], RESPONSES)
        assert facts.error_code == "rate_limit_exceeded"
        assert facts.completion_text == ["Hello"]

    def test_error_event(self) -> None:
        """An error can come as an event of its own."""
        error = {"type": "error", "code": "server_error", "message": "secret", "param": None}
        facts = read([self.CREATED, typed(error)], RESPONSES)
        assert (facts.error_type, facts.error_code) == (None, "server_error")

    def test_wrapped_error_event(self) -> None:
        """Or with an error object in it."""
        error = {"type": "error", "error": {"type": "invalid_request_error", "code": "x"}}
        facts = read([typed(error)], RESPONSES)
        assert (facts.error_type, facts.error_code) == ("invalid_request_error", "x")

    @pytest.mark.parametrize(
        "kind",
        [
            "response.output_text.delta",
            "response.refusal.delta",
            "response.function_call_arguments.delta",
            "response.reasoning_summary_text.delta",
            "response.custom_tool_call_input.delta",
        ],
    )
    def test_cut_stream_keeps_what_was_generated(self, kind: str) -> None:
        """Deltas of every kind are text to be counted, each item by itself."""
        frames = [
            typed({"type": kind, "item_id": item, "delta": text})
            for item, text in (("a", "1"), ("b", "2"), ("a", "3"))
        ]
        assert read([self.CREATED, *frames], RESPONSES).completion_text == ["13", "2"]

    def test_sound_is_content_but_no_text(self) -> None:
        """Encoded audio is not counted as if it were written."""
        sound = typed({"type": "response.audio.delta", "delta": "AAAA"})
        facts = read([self.CREATED, sound], RESPONSES)
        assert facts.saw_content
        assert facts.completion_text == []

    def test_output_of_the_last_event_without_deltas(self) -> None:
        """A gateway that swallows deltas still leaves the whole output at the end."""
        output = [{"type": "message", "content": [{"type": "output_text", "text": "Hello"}]}]
        facts = read([self.CREATED, self.end(usage=None, output=output)], RESPONSES)
        assert facts.completion_text == ["Hello"]

    @pytest.mark.parametrize(
        "event",
        [
            {"type": "response.completed"},
            {"type": "response.completed", "response": "x"},
            {"type": "response.output_text.delta"},
            {"type": "response.output_text.delta", "delta": {"a": 1}},
            {"type": "response.in_progress", "response": None},
            {"type": "unheard.of", "response": {"id": 5}},
            {"type": 7},
        ],
    )
    def test_strange_events(self, event: dict[str, Any]) -> None:
        """Events without what they should carry raise nothing."""
        assert read([frame(event)], RESPONSES).usage is None


class TestMedia:
    """Streams of sound, transcripts and pictures."""

    def test_speech(self) -> None:
        """Newer speech models report tokens at the end of their stream."""
        usage = {"input_tokens": 14, "output_tokens": 101, "total_tokens": 115}
        frames = [
            typed({"type": "speech.audio.delta", "audio": "AAAA"}),
            typed({"type": "speech.audio.done", "usage": usage}),
        ]
        assert seen(frames, SPEECH) == ([True, True], [False, True])
        facts = read(frames, SPEECH)
        assert facts.usage == reported_usage(SPEECH, usage)

    def test_transcript(self) -> None:
        """A transcription's last event has its usage; its text is not kept."""
        of = call("audio/transcriptions")
        usage = {"type": "tokens", "input_tokens": 14, "output_tokens": 3, "total_tokens": 17}
        frames = [
            typed({"type": "transcript.text.delta", "delta": "secret"}),
            typed({"type": "transcript.text.done", "text": "secret", "usage": usage}),
        ]
        facts = read(frames, of)
        assert facts.usage == Usage("reported", input_tokens=14, output_tokens=3)
        assert read(frames[:1], of).completion_text == []
        assert facts.complete

    def test_picture(self) -> None:
        """Partial pictures are content, the completed one ends the stream."""
        usage = {"input_tokens": 5, "output_tokens": 1000, "total_tokens": 1005}
        frames = [
            typed({"type": "image_generation.partial_image", "b64_json": "A" * 50_000}),
            typed(
                {
                    "type": "image_generation.completed",
                    "b64_json": "A" * 50_000,
                    "size": "1024x1024",
                    "quality": "low",
                    "usage": usage,
                }
            ),
        ]
        assert seen(frames, IMAGES) == ([True, True], [False, True])
        facts = read(frames, IMAGES)
        assert facts.usage == reported_usage(IMAGES, usage)
        assert (facts.images, facts.image_size, facts.image_quality) == (1, "1024x1024", "low")

    def test_short_partial_picture_is_content_too(self) -> None:
        """However small the frame."""
        frames = [frame({"type": "image_edit.partial_image", "b64_json": "AA"})]
        assert seen(frames, IMAGES)[0] == [True]

    def test_several_pictures(self) -> None:
        """The stream ends when all pictures that were asked for are there."""
        done = typed({"type": "image_generation.completed", "b64_json": "A"})
        reader = answer_reader(IMAGES, 200, EVENTS, RequestFacts(images=2, stream=True), MAX_BYTES)
        ends = []
        for _ in range(2):
            reader.feed(done)
            ends.append(reader.ended)
        assert ends == [False, True]
        assert reader.finish().images == 2


def test_endless_frame_is_given_up() -> None:
    """A frame beyond the bound is not kept in memory; what was read before it stays."""
    facts = read([*STREAM[:3], b"data: " + b"x" * 5000], max_bytes=4000)
    assert facts.unreadable
    assert facts.response_id == "chatcmpl-7"


def test_text_of_an_endless_answer_is_bounded() -> None:
    """Text beyond the bound is counted by its length only."""
    frames = [frame(chunk({"content": "x" * 100}))] * 50
    facts = read(frames, max_bytes=1000)
    assert sum(map(len, facts.completion_text)) == 1000
    assert facts.unread_characters == 4000
