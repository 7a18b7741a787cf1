"""POST chat/completions: text, vision, tools, JSON, several choices, streamed or whole."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from gatemeter.simulator import errors, filters, tokens
from gatemeter.simulator.answers import DONE, Frame, sse
from gatemeter.simulator.generation import Said, reasoning_tokens, said_tokens, say
from gatemeter.simulator.ids import new_id
from gatemeter.simulator.ledger import Used

if TYPE_CHECKING:
    from starlette.responses import Response

    from gatemeter.simulator.call import Call

OLDEST_STREAM_OPTIONS: Final = "2024-09-01"
_MOST_CHOICES: Final = 128
_SPOKEN_TOKENS_A_WORD: Final = 4


@dataclass(frozen=True, slots=True)
class Prompt:
    """A chat prompt and what it counts."""

    text: str
    used: Used


async def answer(call: Call) -> Response:
    """Answer one chat request."""
    check_stream_options(call)
    prompt = read_prompt(call)
    blocked = filters.asks_blocked_answer(prompt.text) or call.fault == "filtered-answer"
    harmful = filters.asks_harmful_answer(prompt.text)
    choices, used = generate(call, prompt.used, blocked=blocked, harmful=harmful)
    completion_id = new_id("chatcmpl-")
    if call.body.get("stream"):
        frames = stream_frames(call, completion_id, choices, used)
        return call.stream(frames, used, response_id=completion_id)
    payload = envelope(call, completion_id, "chat.completion") | {
        "choices": [_choice(index, said) for index, said in enumerate(choices)],
        "prompt_filter_results": filters.prompt_filter_results(),
        "usage": usage(used),
    }
    if wants_audio(call):
        used = _speak(call, payload, used)
    return call.reply(payload, used, response_id=completion_id)


def check_stream_options(call: Call) -> None:
    """Refuse `stream_options` where Azure does: in old api-versions and without a stream.

    Raises:
        AzureError: 400.
    """
    if call.body.get("stream_options") is None:
        return
    if call.api_version[:10] < OLDEST_STREAM_OPTIONS and call.api_version[:1].isdigit():
        raise errors.bad_request("Unrecognized request argument supplied: stream_options")
    if not call.body.get("stream"):
        raise errors.bad_request(
            "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
            "stream_options",
        )


def read_prompt(call: Call) -> Prompt:
    """Count a prompt, after the content filter looked at it.

    Raises:
        AzureError: 400 for no messages, or from the content filter.
    """
    messages = call.body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise errors.bad_request("Missing required parameter: 'messages'.", "messages")
    if not all(isinstance(message, dict) and "role" in message for message in messages):
        raise errors.bad_request("Invalid value for 'messages': expected objects.", "messages")
    texts = [text for message in messages for text in tokens.content_texts(message.get("content"))]
    text = "\n".join(texts)
    images, audio = _media_tokens(call.model, messages)
    framed = tokens.chat_tokens(call.model, messages) + _declared_tokens(call)
    try:
        filters.check_prompt(text)
    except errors.AzureError:
        call.bill(Used(input_tokens=framed + images + audio), status_code=400)
        raise
    cached = call.resource.prompt_cache.cached_tokens(
        call.deployment.name, tokens.encode(call.model, text)
    )
    used = Used(
        input_tokens=framed + images + audio,
        cached_input_tokens=cached,
        audio_input_tokens=audio,
        image_input_tokens=0,  # Azure counts them in, but does not say how many they were
    )
    return Prompt(text, used)


def _declared_tokens(call: Call) -> int:
    declared = tokens.tool_tokens(call.model, call.body.get("tools") or [])
    schema = _schema(call)
    if schema:
        declared += tokens.schema_tokens(call.model, schema)
    return declared


def _media_tokens(model: str, messages: list[dict[str, Any]]) -> tuple[int, int]:
    images = audio = 0
    for message in messages:
        content = message.get("content")
        for part in content if isinstance(content, list) else ():
            if part.get("type") == "image_url":
                image = part.get("image_url") or {}
                images += tokens.image_tokens(
                    model, str(image.get("url", "")), str(image.get("detail", "auto"))
                )
            elif part.get("type") == "input_audio":
                data = tokens.decode_data_url(str((part.get("input_audio") or {}).get("data", "")))
                audio += tokens.audio_tokens(tokens.wav_seconds(data) or 1.0)
    return images, audio


def generate(
    call: Call, prompt: Used, *, blocked: bool, harmful: bool = False
) -> tuple[list[Said], Used]:
    """The choices of an answer and the whole usage."""
    body = call.body
    limit = body.get("max_completion_tokens") or body.get("max_tokens")
    limit = limit if isinstance(limit, int) else None
    count = 1 if body.get("n") is None else body["n"]
    if not isinstance(count, int) or not 1 <= count <= _MOST_CHOICES:
        raise errors.bad_request(f"Invalid 'n': integer from 1 to {_MOST_CHOICES}.", "n")
    thought = reasoning_tokens(call, limit)
    left = None if limit is None else limit - thought
    tool = called_tool(body)
    choices = [
        say(call, limit=left, tool=tool, schema=_schema(call), blocked=blocked, harmful=harmful)
        for _ in range(count)
    ]
    spoken = sum(said_tokens(call.model, said) for said in choices)
    used = Used(
        input_tokens=prompt.input_tokens,
        cached_input_tokens=prompt.cached_input_tokens,
        audio_input_tokens=prompt.audio_input_tokens,
        output_tokens=spoken + thought,
        reasoning_output_tokens=thought,
    )
    return choices, used


def called_tool(body: dict[str, Any]) -> dict[str, Any] | None:
    """The tool that the answer calls: the one asked for, else the first, unless none is wanted."""
    tools = body.get("tools") or []
    choice = body.get("tool_choice", "auto")
    messages = body.get("messages") or [{}]
    if not tools or choice == "none" or messages[-1].get("role") == "tool":
        return None
    wanted = choice.get("function", choice).get("name") if isinstance(choice, dict) else None
    functions: list[dict[str, Any]] = [tool.get("function") or tool for tool in tools]
    named = [function for function in functions if function.get("name") == wanted]
    return (named or functions)[0]


def _schema(call: Call) -> object:
    wanted = call.body.get("response_format") or {}
    if wanted.get("type") == "json_schema":
        return (wanted.get("json_schema") or {}).get("schema") or {"type": "object"}
    if wanted.get("type") == "json_object":
        return {"type": "object", "properties": {"answer": {"type": "string"}}}
    return None


def envelope(call: Call, completion_id: str, kind: str) -> dict[str, Any]:
    """The fields that whole answers and chunks share."""
    return {
        "id": completion_id,
        "object": kind,
        "created": call.created,
        "model": served_model(call.model),
        "system_fingerprint": "fp_simulated",
    }


def served_model(model: str) -> str:
    """The dated name that answers carry instead of the deployment's."""
    dated = {
        "gpt-4o": "gpt-4o-2024-11-20",
        "gpt-4o-mini": "gpt-4o-mini-2024-07-18",
        "gpt-4.1": "gpt-4.1-2025-04-14",
        "gpt-4.1-mini": "gpt-4.1-mini-2025-04-14",
        "o4-mini": "o4-mini-2025-04-16",
        "gpt-35-turbo": "gpt-35-turbo",
    }
    return dated.get(model, model)


def usage(used: Used) -> dict[str, Any]:
    """The usage object of chat answers."""
    return {
        "prompt_tokens": used.input_tokens,
        "completion_tokens": used.output_tokens,
        "total_tokens": used.input_tokens + used.output_tokens,
        "prompt_tokens_details": {
            "audio_tokens": used.audio_input_tokens,
            "cached_tokens": used.cached_input_tokens,
        },
        "completion_tokens_details": {
            "accepted_prediction_tokens": 0,
            "audio_tokens": used.audio_output_tokens,
            "reasoning_tokens": used.reasoning_output_tokens,
            "rejected_prediction_tokens": 0,
        },
    }


def _choice(index: int, said: Said) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": said.text, "refusal": None}
    if said.tool is not None:
        message["content"] = None
        message["tool_calls"] = [_tool_call(said.tool, said.text)]
    return {
        "index": index,
        "message": message,
        "finish_reason": said.finish_reason,
        "logprobs": None,
        "content_filter_results": filters.answer_results(
            blocked=said.finish_reason == "content_filter"
        ),
    }


def _tool_call(name: str, arguments: str) -> dict[str, Any]:
    return {
        "id": new_id("call_", 24),
        "type": "function",
        "function": {"name": name, "arguments": arguments},
    }


def stream_frames(call: Call, completion_id: str, choices: list[Said], used: Used) -> list[Frame]:
    """Every chunk of a stream, the annotation frame first and `[DONE]` last."""
    frames = [sse(annotation_chunk())]
    base = envelope(call, completion_id, "chat.completion.chunk")
    with_usage = bool((call.body.get("stream_options") or {}).get("include_usage"))
    if with_usage:
        base["usage"] = None
    thought = used.reasoning_output_tokens
    for index, said in enumerate(choices):
        for delta, tokens_here in _deltas(call.model, said):
            chunk = base | {"choices": [_chunk_choice(index, delta, None)]}
            frames.append(sse(chunk, tokens=tokens_here + thought))
            thought = 0
        last = base | {"choices": [_chunk_choice(index, {}, said.finish_reason)]}
        frames.append(sse(last))
    if with_usage:
        frames.append(sse(base | {"choices": [], "usage": usage(used)}, is_usage=True))
    return [*frames, Frame(DONE)]


def annotation_chunk() -> dict[str, Any]:
    """Azure's first frame: what the filter said of the prompt, and nothing else."""
    return {
        "choices": [],
        "created": 0,
        "id": "",
        "model": "",
        "object": "",
        "prompt_filter_results": filters.prompt_filter_results(),
    }


def _deltas(model: str, said: Said) -> list[tuple[dict[str, Any], int]]:
    if said.tool is None:
        opening: dict[str, Any] = {"role": "assistant", "content": "", "refusal": None}
        return [(opening, 0), *(({"content": piece}, 1) for piece in said.pieces)]
    head = _tool_call(said.tool, "") | {"index": 0}
    opening = {"role": "assistant", "content": None, "tool_calls": [head]}
    framing = said_tokens(model, said) - len(said.pieces)
    pieces = (
        ({"tool_calls": [{"index": 0, "function": {"arguments": piece}}]}, 1)
        for piece in said.pieces
    )
    return [(opening, framing), *pieces]


def _chunk_choice(index: int, delta: dict[str, Any], finish_reason: str | None) -> dict[str, Any]:
    blocked = finish_reason == "content_filter"
    results = filters.answer_results(blocked=blocked) if delta.get("content") or blocked else {}
    return {
        "index": index,
        "delta": delta,
        "finish_reason": finish_reason,
        "logprobs": None,
        "content_filter_results": results,
    }


def wants_audio(call: Call) -> bool:
    """True when the answer is to be spoken too."""
    return "audio" in (call.body.get("modalities") or [])


def _speak(call: Call, payload: dict[str, Any], used: Used) -> Used:
    """Turn the choices' text into audio with a transcript; spoken words cost audio tokens."""
    spoken = 0
    for choice in payload["choices"]:
        message = choice["message"]
        transcript = message["content"] or ""
        message["content"] = None
        spoken += _SPOKEN_TOKENS_A_WORD * len(transcript.split())
        message["audio"] = {
            "id": new_id("audio_", 24),
            "data": base64.b64encode(call.rng.randbytes(256)).decode(),
            "expires_at": call.created + 3600,
            "transcript": transcript,
        }
    total = Used(
        input_tokens=used.input_tokens,
        cached_input_tokens=used.cached_input_tokens,
        audio_input_tokens=used.audio_input_tokens,
        output_tokens=used.output_tokens + spoken,
        reasoning_output_tokens=used.reasoning_output_tokens,
        audio_output_tokens=spoken,
    )
    payload["usage"] = usage(total)
    return total
