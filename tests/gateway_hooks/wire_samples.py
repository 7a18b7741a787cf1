"""Answers and requests in the shapes that backends send, for the tests of the readers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from gateway_hooks.reading.answer import AnswerFacts, answer_reader
from gateway_hooks.reading.operations import Call, recognise
from gateway_hooks.reading.request import RequestFacts

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_BYTES = 1 << 20
JSON = {"content-type": "application/json"}
EVENTS = {"content-type": "text/event-stream; charset=utf-8"}
SAFE = {
    "hate": {"filtered": False, "severity": "safe"},
    "self_harm": {"filtered": False, "severity": "safe"},
    "sexual": {"filtered": False, "severity": "safe"},
    "violence": {"filtered": False, "severity": "low"},
}
CHAT_USAGE = {
    "prompt_tokens": 1200,
    "completion_tokens": 340,
    "total_tokens": 1540,
    "prompt_tokens_details": {"cached_tokens": 1024, "audio_tokens": 0},
    "completion_tokens_details": {
        "reasoning_tokens": 192,
        "audio_tokens": 0,
        "accepted_prediction_tokens": 0,
        "rejected_prediction_tokens": 0,
    },
}
FIRST_AZURE_FRAME: dict[str, Any] = {
    "choices": [],
    "created": 0,
    "id": "",
    "model": "",
    "object": "",
    "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": SAFE}],
}
AZURE = "/openai/deployments/team-gpt/"
VERSION = "api-version=2024-10-21"


def call(tail: str = "chat/completions", query: str = VERSION) -> Call:
    """A call to a deployment."""
    return recognise("POST", AZURE + tail, query)


CHAT = call()


def frame(data: object) -> bytes:
    """One server-sent event."""
    return b"data: " + (data if isinstance(data, bytes) else json.dumps(data).encode()) + b"\n\n"


def typed(event: dict[str, Any]) -> bytes:
    """One server-sent event with its type on a line of its own."""
    return f"event: {event['type']}\n".encode() + frame(event)


DONE = frame(b"[DONE]")


def chunk(delta: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """A chunk of a streamed chat."""
    choice: dict[str, Any] = {"index": 0, "delta": delta or {}, "finish_reason": None}
    choice.update({key: more.pop(key) for key in ("index", "finish_reason") if key in more})
    return {
        "id": "chatcmpl-7",
        "model": "gpt-4o-2024-08-06",
        "object": "chat.completion.chunk",
        "choices": [choice],
        **more,
    }


def usage_chunk(usage: object = None) -> dict[str, Any]:
    """The extra chunk that `include_usage` asks for."""
    return {**chunk(), "choices": [], "usage": usage or CHAT_USAGE}


def chat_answer(**more: Any) -> dict[str, Any]:
    """A chat answer in one piece."""
    return {
        "id": "chatcmpl-7",
        "model": "gpt-4o-2024-08-06",
        "object": "chat.completion",
        "choices": [
            {
                "index": 0,
                "finish_reason": "stop",
                "message": {"role": "assistant", "content": "Good morning."},
                "content_filter_results": SAFE,
            }
        ],
        "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": SAFE}],
        "usage": CHAT_USAGE,
        **more,
    }


def read(
    body: bytes | Iterable[bytes] | dict[str, Any],
    of: Call = CHAT,
    *,
    status: int = 200,
    headers: dict[str, str] | None = None,
    request: RequestFacts | None = None,
    max_bytes: int = MAX_BYTES,
) -> AnswerFacts:
    """The facts of an answer, given as an object, as bytes, or chunk by chunk."""
    if isinstance(body, dict):
        body = json.dumps(body).encode()
    chunks = [body] if isinstance(body, bytes) else list(body)
    if headers is None:
        headers = EVENTS if chunks and chunks[0][:1] in b"de:" and chunks[0] else JSON
    reader = answer_reader(of, status, headers, request or RequestFacts(), max_bytes)
    for piece in chunks:
        reader.feed(piece)
    return reader.finish()
