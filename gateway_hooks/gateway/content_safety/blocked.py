"""What a caller gets instead of what was blocked, as Azure OpenAI or API Management would say it.

Azure OpenAI refuses a prompt with a 400 and its content filter's annotations, and gives a filtered
answer as a 200 whose `finish_reason` is `content_filter`. API Management says 403 to both.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from gateway_hooks.gateway.refusals import Refusal, refusal
from gateway_hooks.reading import wire

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway_hooks.gateway.content_safety.assessment import Failure

FILTERED: Final = "content_filter"
_PROMPT_MESSAGE: Final = (
    "The prompt was blocked by the gateway's content safety policy. "
    "Please modify your prompt and retry."
)
_ANSWER_MESSAGE: Final = "The answer was blocked by the gateway's content safety policy."
_LATER: Final = (
    "Content safety could not be asked, so the request was refused. Please retry shortly."
)
_UNREADABLE: Final = (
    "The request cannot be checked by the gateway's content safety policy: send JSON or a form "
    "without compression, with text instead of token ids that no vocabulary has."
)
_TOO_LONG: Final = (
    "The request has more text than the gateway's content safety policy can check. "
    "Please send a shorter one."
)
_UNREADABLE_ANSWER: Final = (
    "The backend's answer cannot be checked by the gateway's content safety policy, so it was "
    "held back."
)
_OF_THE_REQUEST: Final = {
    "unreadable": ("content_safety_unreadable", _UNREADABLE),
    "too_long": ("content_safety_too_long", _TOO_LONG),
}


def blocked_prompt(status: int, results: Mapping[str, Any]) -> Refusal:
    """The refusal of a prompt, with the annotations of each category."""
    return _filtered(status, _PROMPT_MESSAGE, "prompt", results)


def blocked_answer(status: int, results: Mapping[str, Any]) -> Refusal:
    """The refusal of an answer, in place of all of it."""
    return _filtered(status, _ANSWER_MESSAGE, "completion", results)


def _filtered(status: int, message: str, param: str, results: Mapping[str, Any]) -> Refusal:
    error = {
        "message": message,
        "type": None,
        "param": param,
        "code": FILTERED,
        "status": status,
        "innererror": {
            "code": "ResponsibleAIPolicyViolation",
            "content_filter_result": dict(results),
        },
    }
    return as_json(status, {"error": error})


def as_json(
    status: int, payload: Mapping[str, Any], headers: list[tuple[bytes, bytes]] | None = None
) -> Refusal:
    """An answer of ours; `headers` without those that describe the body."""
    body = json.dumps(payload, separators=(",", ":")).encode()
    described = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
    ]
    return Refusal(status, described + (headers or []), body)


def unchecked(failure: Failure) -> Refusal:
    """The refusal of what could not be checked: 400 if that is the request's own fault."""
    code, message = _OF_THE_REQUEST.get(failure, (None, None))
    if code is not None and message is not None:
        return refusal(400, code, message)
    return refusal(503, "content_safety_unavailable", _LATER, [(b"retry-after", b"1")])


def unchecked_answer(failure: Failure) -> Refusal:
    """The refusal of an answer that could not be checked."""
    if failure in _OF_THE_REQUEST:
        return refusal(502, _OF_THE_REQUEST[failure][0], _UNREADABLE_ANSWER)
    return unchecked(failure)


def filtered_payload(payload: dict[str, Any], results: Mapping[str, Any]) -> dict[str, Any]:
    """A whole answer without what was generated; usage and names stay."""
    if "choices" in payload:
        return {
            **payload,
            "choices": [
                _filtered_choice(wire.as_dict(choice), position, results)
                for position, choice in enumerate(wire.as_list(payload["choices"]))
            ],
        }
    return filtered_response(payload, results)


def filtered_response(response: dict[str, Any], results: Mapping[str, Any]) -> dict[str, Any]:
    """The same for an answer of the responses API."""
    kept = {name: value for name, value in response.items() if name != "output_text"}
    annotations = [
        one
        for one in wire.as_list(kept.get("content_filters"))
        if wire.as_dict(one).get("source_type") != "completion"
    ]
    ours = {
        "blocked": True,
        "source_type": "completion",
        "content_filter_results": dict(results),
    }
    return {
        **kept,
        "status": "incomplete",
        "incomplete_details": {"reason": FILTERED},
        "output": [],
        "content_filters": [*annotations, ours],
    }


def _filtered_choice(
    choice: dict[str, Any], position: int, results: Mapping[str, Any]
) -> dict[str, Any]:
    filtered: dict[str, Any] = {
        "index": choice.get("index", position),
        "finish_reason": FILTERED,
        "logprobs": None,
        "content_filter_results": dict(results),
    }
    if "text" in choice:
        return {**filtered, "text": ""}
    return {**filtered, "message": {"role": "assistant", "content": "", "refusal": None}}


def final_chunk(last: Mapping[str, Any], results: Mapping[str, Any], choices: set[int]) -> bytes:
    """The chunk that ends a chat or completion stream: every choice is over.

    Args:
        last: a chunk of the stream, for its names.
        results: the annotations.
        choices: numbers of the choices that had begun.
    """
    is_text = last.get("object") == "text_completion"
    said: dict[str, Any] = {"text": ""} if is_text else {"delta": {}}
    chunk = {
        "id": last.get("id") or "",
        "object": last.get("object") or "chat.completion.chunk",
        "created": last.get("created") or 0,
        "model": last.get("model") or "",
        "choices": [
            {
                "index": index,
                **said,
                "finish_reason": FILTERED,
                "logprobs": None,
                "content_filter_results": dict(results),
            }
            for index in sorted(choices) or [0]
        ],
    }
    return b"data: " + json.dumps(chunk, separators=(",", ":")).encode() + b"\n\n"


def final_event(
    response: Mapping[str, Any], results: Mapping[str, Any], sequence_number: int
) -> bytes:
    """The event that ends a stream of the responses API."""
    filtered = filtered_response(dict(response), results)
    return _response_event("response.incomplete", filtered, sequence_number)


def failed_response_event(
    response: Mapping[str, Any], failure: Failure, sequence_number: int
) -> bytes:
    """The same for one whose rest cannot be checked."""
    kept = {name: value for name, value in response.items() if name != "output_text"}
    failed = {**kept, "status": "failed", "error": _error(failure), "output": []}
    return _response_event("response.failed", failed, sequence_number)


def _response_event(kind: str, response: Mapping[str, Any], sequence_number: int) -> bytes:
    event = {"type": kind, "sequence_number": sequence_number, "response": response}
    return f"event: {kind}\ndata: {json.dumps(event)}\n\n".encode()


def failed_event(failure: Failure) -> bytes:
    """The event that ends a chat or completion stream whose rest cannot be checked."""
    event = {"type": "error", "error": _error(failure)}
    return b"event: error\ndata: " + json.dumps(event).encode() + b"\n\n"


def _error(failure: Failure) -> dict[str, Any]:
    error: dict[str, Any] = json.loads(unchecked_answer(failure).body)["error"]
    return error
