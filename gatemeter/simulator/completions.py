"""POST completions: the old text completions, one prompt or several, streamed or whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gatemeter.simulator import errors, filters, tokens
from gatemeter.simulator.answers import DONE, Frame, sse
from gatemeter.simulator.chat import annotation_chunk, check_stream_options, envelope
from gatemeter.simulator.generation import Said, say
from gatemeter.simulator.ids import new_id
from gatemeter.simulator.ledger import Used

if TYPE_CHECKING:
    from starlette.responses import Response

    from gatemeter.simulator.call import Call


async def answer(call: Call) -> Response:
    """Answer one completion request."""
    check_stream_options(call)
    prompts = token_lists(call.model, call.body.get("prompt", "<|endoftext|>"), "prompt")
    prompt_tokens = sum(prompts)
    _check_prompt(call, prompt_tokens)
    limit = call.body.get("max_tokens", 16)
    count = call.body.get("n") or 1
    copies = len(prompts) * max(count, call.body.get("best_of") or 1)
    choices = [say(call, limit=limit) for _ in range(copies)][: len(prompts) * count]
    spoken = sum(len(said.pieces) for said in choices)
    used = Used(input_tokens=prompt_tokens, output_tokens=spoken)
    completion_id = new_id("cmpl-")
    if call.body.get("stream"):
        frames = _frames(call, completion_id, choices, used)
        return call.stream(frames, used, response_id=completion_id)
    payload = envelope(call, completion_id, "text_completion") | {
        "choices": [
            _choice(index, said.text, said.finish_reason) for index, said in enumerate(choices)
        ],
        "prompt_filter_results": filters.prompt_filter_results(len(prompts)),
        "usage": usage(used),
    }
    return call.reply(payload, used, response_id=completion_id)


def token_lists(model: str, value: object, name: str) -> list[int]:
    """Token counts of an input that is a text, texts, token ids, or lists of token ids.

    Raises:
        AzureError: 400 when it is none of these.
    """
    if isinstance(value, str):
        return [tokens.count(model, value)]
    if isinstance(value, list) and value:
        if all(isinstance(item, str) for item in value):
            return [tokens.count(model, item) for item in value]
        if all(isinstance(item, int) for item in value):
            return [len(value)]
        if all(isinstance(item, list) for item in value):
            return [len(item) for item in value]
    raise errors.bad_request(f"'{name}' is a required property and must not be empty.", name)


def _check_prompt(call: Call, prompt_tokens: int) -> None:
    try:
        filters.check_prompt(str(call.body.get("prompt", "")))
    except errors.AzureError:
        call.bill(Used(input_tokens=prompt_tokens), status_code=400)
        raise


def usage(used: Used) -> dict[str, int]:
    """The usage object of text completions."""
    return {
        "prompt_tokens": used.input_tokens,
        "completion_tokens": used.output_tokens,
        "total_tokens": used.input_tokens + used.output_tokens,
    }


def _choice(index: int, text: str, finish_reason: str | None) -> dict[str, Any]:
    return {
        "index": index,
        "text": text,
        "finish_reason": finish_reason,
        "logprobs": None,
        "content_filter_results": filters.answer_results() if text else {},
    }


def _frames(call: Call, completion_id: str, choices: list[Said], used: Used) -> list[Frame]:
    base = envelope(call, completion_id, "text_completion")
    frames = [sse(annotation_chunk())]
    for index, said in enumerate(choices):
        frames += [
            sse(base | {"choices": [_choice(index, piece, None)]}, tokens=1)
            for piece in said.pieces
        ]
        frames.append(sse(base | {"choices": [_choice(index, "", said.finish_reason)]}))
    if (call.body.get("stream_options") or {}).get("include_usage"):
        frames.append(sse(base | {"choices": [], "usage": usage(used)}, is_usage=True))
    return [*frames, Frame(DONE)]
