"""Tokens of prompts, of every operation that takes one."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from gateway_hooks.estimating.audio import audio_seconds
from gateway_hooks.estimating.prompt_tokens import PromptCounter
from gateway_hooks.estimating.tokenizer import O200K, count_tokens
from gateway_hooks.event import Operation
from tests.gateway_hooks.audio_samples import wav

TOOL = {"type": "function", "function": {"name": "look", "description": "Look around"}}


def words(text: str) -> int:
    """A tokenizer that can be checked by hand."""
    return len(text.split())


def counter(model: str | None = "gpt-4o") -> PromptCounter:
    """A counter with that tokenizer."""
    return PromptCounter(model, words, audio_seconds)


def tokens(operation: Operation, **body: Any) -> int:
    """Tokens of a prompt."""
    return counter().count(operation, body)


def chat(*messages: object, **more: Any) -> int:
    """Tokens of a chat."""
    return tokens("chat", messages=list(messages), **more)


def test_published_example() -> None:
    """Three for the message, its role, its content, three for the answer to come."""
    exact = PromptCounter("gpt-4o", lambda text: count_tokens(text, O200K), audio_seconds)
    body = {"messages": [{"role": "user", "content": "hi there"}]}
    assert exact.count("chat", body) == 9


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ({"role": "user", "content": "one two"}, 3 + 1 + 2),
        ({"role": "user", "content": "one two", "name": "Ann"}, 3 + 1 + 2 + 1 + 1),
        ({"role": "user", "content": [{"type": "text", "text": "one two"}]}, 3 + 1 + 2),
        ({"role": "assistant", "content": None, "refusal": "not this"}, 3 + 1 + 2),
        ({"role": "tool", "content": "it is so", "tool_call_id": "call 1 2 3"}, 3 + 1 + 3),
        (
            {"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "a b"}}]},
            3 + 1 + 1 + 2,
        ),
        ({"role": "assistant", "function_call": {"name": "f", "arguments": "a b"}}, 3 + 1 + 1 + 2),
    ],
)
def test_messages(message: dict[str, Any], expected: int) -> None:
    """Everything a message says counts, once."""
    assert chat(message) == expected + 3


def test_tools_and_schema_are_part_of_the_prompt() -> None:
    """The backend writes them into it."""
    plain = chat({"role": "user", "content": "a"})
    assert chat({"role": "user", "content": "a"}, tools=[TOOL]) > plain
    assert chat({"role": "user", "content": "a"}, functions=[TOOL["function"]]) > plain
    schema = {"type": "json_schema", "json_schema": {"schema": {"n": 10**30}}}
    assert chat({"role": "user", "content": "a"}, response_format=schema) > plain


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image_url", "image_url": {"url": "https://x/y.png", "detail": "low"}},
        {"type": "input_image", "image_url": "https://x/y.png", "detail": "low"},
    ],
)
def test_images(part: dict[str, Any]) -> None:
    """Images count by their rule, in the chat's form and in the responses API's."""
    prompt = counter()
    body = {"messages": [{"role": "user", "content": [part]}]}
    assert prompt.count("chat", body) == 3 + 1 + 85 + 3
    assert prompt.image_tokens == 85


def test_image_of_another_model() -> None:
    """The model decides what an image is worth."""
    prompt = counter("gpt-4o-mini")
    part = {"type": "image_url", "image_url": {"url": "https://x/y.png", "detail": "low"}}
    prompt.count("chat", {"messages": [{"role": "user", "content": [part]}]})
    assert prompt.image_tokens == 2833


def test_audio() -> None:
    """Spoken input counts ten tokens a second."""
    sound = base64.b64encode(wav(3)).decode()
    part = {"type": "input_audio", "input_audio": {"data": sound, "format": "wav"}}
    prompt = counter()
    assert prompt.count("chat", {"messages": [{"role": "user", "content": [part]}]}) == 37
    assert prompt.audio_tokens == 30


@pytest.mark.parametrize("data", [None, 5, "", "no base64 é", "AAAA"])
def test_audio_that_is_none(data: object) -> None:
    """Sound that cannot be measured counts nothing and raises nothing."""
    part = {"type": "input_audio", "input_audio": {"data": data}}
    assert chat({"role": "user", "content": [part]}) == 3 + 1 + 3


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("one two", 2),
        (["one two", "three"], 3),
        ([5, 6, 7], 3),
        ([[5, 6], [7]], 3),
        ([], 0),
        (None, 0),
        ({"a": 1}, 0),
        (["one", 5, [6], None, {"text": "two three"}], 5),
    ],
)
def test_embeddings(given: object, expected: int) -> None:
    """A text, texts, token ids, or lists of token ids."""
    assert tokens("embeddings", input=given) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"prompt": "one two"}, 2),
        ({"prompt": ["one", "two"]}, 2),
        ({"prompt": [1, 2, 3]}, 3),
        ({"prompt": [[1], [2, 3]]}, 3),
        ({"prompt": "one", "suffix": "the end"}, 3),
        ({}, 1),
        ({"prompt": ""}, 1),
    ],
)
def test_completions(body: dict[str, Any], expected: int) -> None:
    """Completions take what embeddings take; without a prompt they start from one token."""
    assert tokens("text_completion", **body) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"input": "one two"}, 3 + 1 + 2),
        ({"input": [{"role": "user", "content": "one two"}]}, 3 + 1 + 2),
        (
            {"input": [{"role": "user", "content": [{"type": "input_text", "text": "one two"}]}]},
            3 + 1 + 2,
        ),
        ({"input": "one", "instructions": "be kind"}, (3 + 1 + 1) + (3 + 1 + 2)),
        ({"input": [{"type": "function_call", "name": "f", "arguments": "a b"}]}, 3 + 1 + 1 + 2),
        ({"input": [{"type": "function_call_output", "output": "it is so"}]}, 3 + 3),
        ({"input": [{"type": "reasoning", "summary": [{"text": "so what"}]}]}, 3 + 2),
        ({}, 0),
        ({"input": 5, "instructions": 7}, 3 + 1),
    ],
)
def test_responses(body: dict[str, Any], expected: int) -> None:
    """Items of every kind count like messages."""
    assert tokens("responses", **body) == expected + 3


def test_responses_schema_and_tools() -> None:
    """Formats and tools of the responses API are flat and count too."""
    plain = tokens("responses", input="a")
    assert tokens("responses", input="a", text={"format": {"schema": {"a": "b c"}}}) > plain
    assert tokens("responses", input="a", tools=[{"type": "function", "name": "f"}]) > plain


def test_chats_on_data_count_like_chats() -> None:
    """What the backend finds in the data is not known here."""
    messages = [{"role": "user", "content": "one two"}]
    assert tokens("on_your_data", messages=messages) == chat(*messages)


@pytest.mark.parametrize("messages", [None, 5, "x", {}, [None, 5, "x", []]])
def test_strange_messages(messages: object) -> None:
    """Messages of no known shape raise nothing."""
    assert tokens("chat", messages=messages) == 3
