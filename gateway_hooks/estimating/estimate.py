"""Usage that nobody reported, counted from the request and from what was seen of the answer.

Due when a stream brought no usage, was cut, or lost its client; when the content filter refused a
prompt; when an answer could not be read; and for audio files, whose length is charged. The result
is marked `estimated`, except the length of a file, which is `derived` from the request.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from gateway_hooks.estimating.audio import audio_seconds
from gateway_hooks.estimating.prompt_tokens import PromptCounter
from gateway_hooks.estimating.tokenizer import TokenizerUnavailable, count_tokens, encoding_name
from gateway_hooks.reading import wire
from gateway_hooks.reading.usage import HEARING_OPERATIONS, TOKEN_OPERATIONS, Usage, derived_usage

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway_hooks.reading.answer_facts import AnswerFacts
    from gateway_hooks.reading.operations import Call
    from gateway_hooks.reading.request import RequestFacts

BYTES_PER_TOKEN: Final = 4
AUDIO_BYTES_PER_SECOND: Final = 16_000
"""Of a file at 128 kbit/s: a guess for files that cannot be measured."""


@dataclass(frozen=True, slots=True)
class _Means:
    """What an estimate is made with."""

    count: Callable[[str], int]
    seconds_of: Callable[[bytes, str | None], float | None]


def estimate_usage(call: Call, body: bytes, request: RequestFacts, answer: AnswerFacts) -> Usage:
    """Count with the model's tokenizer, and measure audio files. Slow: never on the event loop."""
    model = answer.response_model or request.model or call.deployment
    encoding = encoding_name(model)
    try:
        return _estimate(
            call,
            body,
            request,
            answer,
            _Means(lambda text: count_tokens(text, encoding), audio_seconds),
        )
    except TokenizerUnavailable:
        return rough_usage(call, body, request, answer)


def rough_usage(call: Call, body: bytes, request: RequestFacts, answer: AnswerFacts) -> Usage:
    """The same without tokenizer and audio library, by size: for when there is no time."""
    return _estimate(call, body, request, answer, _Means(_rough_tokens, lambda _data, _name: None))


def _rough_tokens(text: str) -> int:
    return -(-len(text.encode("utf-8", "replace")) // BYTES_PER_TOKEN)


def _estimate(
    call: Call,
    body: bytes,
    request: RequestFacts,
    answer: AnswerFacts,
    means: _Means,
) -> Usage:
    derived = derived_usage(call, request, answer)
    if derived is not None:
        return derived
    if call.operation in HEARING_OPERATIONS:
        return _heard(request, means)
    if call.operation not in TOKEN_OPERATIONS:
        return Usage("none")
    fields = wire.as_dict(wire.decode(body, wire.any_json))
    model = answer.response_model or request.model or call.deployment
    prompt = PromptCounter(model, means.count, means.seconds_of)
    found = Usage("estimated", input_tokens=prompt.count(call.operation, fields))
    if call.operation != "embeddings":
        found.output_tokens = _output_tokens(call, fields, answer, means.count)
    if prompt.image_tokens:
        found.image_input_tokens = prompt.image_tokens
    if prompt.audio_tokens:
        found.audio_input_tokens = prompt.audio_tokens
    return found


def _heard(request: RequestFacts, means: _Means) -> Usage:
    if not request.audio:
        return Usage("none")
    measured = means.seconds_of(request.audio, request.audio_name)
    if measured is not None:
        return Usage("derived", audio_seconds=measured)
    return Usage("estimated", audio_seconds=len(request.audio) / AUDIO_BYTES_PER_SECOND)


def _output_tokens(
    call: Call, fields: dict[Any, Any], answer: AnswerFacts, count: Callable[[str], int]
) -> int:
    texts = answer.completion_text
    if call.operation == "text_completion" and fields.get("echo") is True:
        texts = [_without_prompt(text, fields.get("prompt")) for text in texts]
    tokens = sum(count(text) for text in texts)
    tokens += answer.unread_characters // BYTES_PER_TOKEN
    if call.operation == "text_completion":
        tokens = _all_candidates(tokens, fields)
    return tokens


def _without_prompt(text: str, prompt: object) -> str:
    prompts = prompt if isinstance(prompt, list) else [prompt]
    for candidate in prompts:
        if isinstance(candidate, str) and text.startswith(candidate):
            return text[len(candidate) :]
    return text


def _all_candidates(tokens: int, fields: dict[Any, Any]) -> int:
    """With `best_of`, more completions are generated and charged than are handed out."""
    best_of = wire.count(fields.get("best_of"))
    handed_out = wire.count(fields.get("n")) or 1
    if best_of is None or best_of <= handed_out:
        return tokens
    return tokens * min(best_of, 128) // handed_out
