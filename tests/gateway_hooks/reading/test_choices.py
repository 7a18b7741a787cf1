"""Choices: chats on the caller's data, and choices that are none."""

from __future__ import annotations

from typing import Any

import pytest

from gateway_hooks.reading.answer import answer_reader
from gateway_hooks.reading.request import RequestFacts
from gateway_hooks.reading.usage import Usage
from tests.gateway_hooks.wire_samples import (
    CHAT,
    DONE,
    EVENTS,
    MAX_BYTES,
    call,
    chunk,
    frame,
    read,
)

ON_DATA = call("extensions/chat/completions")


def turn(delta: dict[str, Any], **more: Any) -> bytes:
    """A chunk of a chat on data: messages nested in choices."""
    message = {"index": more.pop("index", 0), "delta": delta, "end_turn": False, **more}
    return frame({"id": "d-1", "model": "gpt-4o", "choices": [{"index": 0, "messages": [message]}]})


FOUND = turn({"role": "tool", "content": '{"citations": ["a long document"]}'})
STREAM = [
    FOUND,
    turn({"role": "assistant"}, index=1),
    turn({"content": "It says"}, index=1),
    turn({"content": " so."}, index=1),
    turn({"content": "[DONE]"}, index=2, end_turn=True),
]


def test_streamed_chat_on_data() -> None:
    """What was found in the data is not generated text; the end is a message of its own."""
    facts = read(STREAM, ON_DATA)
    assert facts.completion_text == ["It says so."]
    assert (facts.response_id, facts.response_model) == ("d-1", "gpt-4o")
    assert facts.complete


def test_first_content_and_end_of_a_chat_on_data() -> None:
    """Citations are no content, and `[DONE]` as content is the end."""
    reader = answer_reader(ON_DATA, 200, EVENTS, RequestFacts(stream=True), MAX_BYTES)
    states = []
    for sent in STREAM:
        reader.feed(sent)
        states.append((reader.saw_content, reader.ended))
    assert states == [(False, False), (False, False), (True, False), (True, False), (True, True)]


def test_later_form_of_a_chat_on_data() -> None:
    """Later versions put the context into an ordinary delta and end with a flag."""
    frames = [
        frame(chunk({"role": "assistant", "context": {"citations": [{"content": "long"}]}})),
        frame(chunk({"content": "It says so."})),
        frame(chunk({"end_turn": True}, finish_reason="stop")),
        DONE,
    ]
    facts = read(frames, ON_DATA)
    assert facts.completion_text == ["It says so."]
    assert facts.complete


def test_whole_chat_on_data() -> None:
    """In one piece, messages stand in the choice."""
    messages = [
        {"index": 0, "role": "tool", "content": '{"citations": []}', "end_turn": False},
        {"index": 1, "role": "assistant", "content": "It says so.", "end_turn": True},
    ]
    facts = read({"id": "d-1", "choices": [{"index": 0, "messages": messages}]}, ON_DATA)
    assert facts.completion_text == ["It says so."]


def test_usage_of_a_chat_on_data() -> None:
    """Where usage is reported it is taken."""
    usage = {"prompt_tokens": 900, "completion_tokens": 12, "total_tokens": 912}
    facts = read({"choices": [], "usage": usage}, ON_DATA)
    assert facts.usage == Usage("reported", input_tokens=900, output_tokens=12)


def test_done_as_text_ends_no_ordinary_chat() -> None:
    """A model that writes [DONE] has not ended its answer."""
    reader = answer_reader(CHAT, 200, EVENTS, RequestFacts(stream=True), MAX_BYTES)
    reader.feed(frame(chunk({"content": "[DONE]"})))
    assert not reader.ended
    assert reader.finish().completion_text == ["[DONE]"]


@pytest.mark.parametrize(
    "choice",
    [
        None,
        5,
        [],
        {"index": "x", "delta": "y"},
        {"index": 10**30, "delta": {"content": 5}},
        {"delta": {"content": [1, None, {"text": 7}]}},
        {"delta": {"tool_calls": {"a": 1}}},
        {"delta": {"tool_calls": [None, {"function": 3}, {"index": [], "function": {"name": 1}}]}},
        {"delta": {"function_call": "x", "audio": "y"}},
        {"messages": 3},
        {"messages": [None, {"delta": 5}, {"role": {}, "content": {}}]},
        {"text": {}, "finish_reason": "a whole sentence"},
        {"finish_reason": ["stop"]},
    ],
)
def test_strange_choices(choice: object) -> None:
    """A choice of no known shape is passed over, in a stream and in one piece."""
    for of in (CHAT, ON_DATA):
        facts = read([frame({"choices": [choice]}), DONE], of)
        assert (facts.completion_text, facts.finish_reasons) == ([], [])
        assert read({"choices": [choice]}, of).finish_reasons == []


def test_reasoning_is_counted_once() -> None:
    """Some gateways send the same reasoning under two names."""
    twice = {"reasoning": "hm", "reasoning_content": "hm"}
    assert read([frame(chunk(twice))]).completion_text == ["hm"]
    assert read([frame(chunk({"reasoning": "hm"}))]).completion_text == ["hm"]


def test_finish_reasons_are_bounded() -> None:
    """A backend with endless choices cannot make an endless event."""
    frames = [frame(chunk(index=index, finish_reason="stop")) for index in range(500)]
    assert len(read(frames).finish_reasons) == 128
