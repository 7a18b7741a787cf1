"""The Responses API: create (whole or streamed), fetch, delete, list the input."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse

from gatemeter.simulator import errors, filters, tokens
from gatemeter.simulator.call import resource_headers
from gatemeter.simulator.chat import served_model
from gatemeter.simulator.generation import reasoning_tokens, said_tokens, say
from gatemeter.simulator.ids import hex_id
from gatemeter.simulator.ledger import Used
from gatemeter.simulator.response_stream import stream_frames

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from gatemeter.simulator.call import Call
    from gatemeter.simulator.resource import SimulatedResource


@dataclass(frozen=True, slots=True)
class _Input:
    messages: list[dict[str, Any]]
    items: list[dict[str, Any]]
    carried_tokens: int


async def create(call: Call) -> Response:
    """Answer one request; it is stored unless the caller says not to."""
    given = _read_input(call)
    text = _text(given)
    prompt = _count_prompt(call, given, text)
    limit = call.body.get("max_output_tokens")
    thought = reasoning_tokens(call, limit)
    tool = _tool(call, given)
    said = say(
        call,
        limit=None if limit is None else limit - thought,
        tool=tool,
        harmful=filters.asks_harmful_answer(text),
    )
    used = Used(
        input_tokens=prompt.input_tokens,
        cached_input_tokens=prompt.cached_input_tokens,
        output_tokens=said_tokens(call.model, said) + thought,
        reasoning_output_tokens=thought,
    )
    response = _completed(call, used)
    response["output"] = [*_reasoning_item(thought), _spoken_item(said.tool, said.text)]
    if said.finish_reason == "length":
        response["status"] = "incomplete"
        response["incomplete_details"] = {"reason": "max_output_tokens"}
    if call.body.get("store", True):
        stored = {"response": response, "input": given.items}
        call.resource.responses.put(response["id"], stored)
    if call.fault == "no-usage":
        response = response | {"usage": None}
    if call.body.get("stream"):
        frames = stream_frames(response, said, used)
        return call.stream(frames, used, response_id=response["id"])
    return call.reply(response, used, response_id=response["id"])


def _read_input(call: Call) -> _Input:
    raw = call.body.get("input")
    if isinstance(raw, str):
        items: list[dict[str, Any]] = [{"type": "message", "role": "user", "content": raw}]
    elif isinstance(raw, list) and raw and all(isinstance(item, dict) for item in raw):
        items = raw
    else:
        raise errors.bad_request("Missing required parameter: 'input'.", "input")
    messages = [_as_message(item) for item in items]
    if instructions := call.body.get("instructions"):
        messages.insert(0, {"role": "system", "content": str(instructions)})
    return _Input(messages, items, _carried_tokens(call))


def _carried_tokens(call: Call) -> int:
    """Tokens of the conversation so far: the earlier response's input and output."""
    previous_id = call.body.get("previous_response_id")
    if previous_id is None:
        return 0
    stored = call.resource.responses.get(str(previous_id))
    if stored is None:
        raise errors.bad_request(
            f"Previous response with id '{previous_id}' not found.",
            "previous_response_id",
            "previous_response_not_found",
        )
    usage = stored["response"]["usage"]
    reasoning = usage["output_tokens_details"]["reasoning_tokens"]
    return int(usage["input_tokens"] + usage["output_tokens"] - reasoning)


def _as_message(item: dict[str, Any]) -> dict[str, Any]:
    content = item.get("content", item.get("output", item.get("arguments", "")))
    return {"role": str(item.get("role", "user")), "content": content}


def _text(given: _Input) -> str:
    texts = [
        text for message in given.messages for text in tokens.content_texts(message["content"])
    ]
    return "\n".join(texts)


def _count_prompt(call: Call, given: _Input, text: str) -> Used:
    count = given.carried_tokens + tokens.chat_tokens(call.model, given.messages)
    count += tokens.tool_tokens(call.model, call.body.get("tools") or [])
    count += sum(
        tokens.image_tokens(
            call.model, str(part.get("image_url", "")), str(part.get("detail", "auto"))
        )
        for message in given.messages
        for part in (message["content"] if isinstance(message["content"], list) else ())
        if part.get("type") == "input_image"
    )
    try:
        filters.check_prompt(text)
    except errors.AzureError:
        call.bill(Used(input_tokens=count), status_code=400)
        raise
    ids = tokens.encode(call.model, text)
    cached = call.resource.prompt_cache.cached_tokens(call.deployment.name, ids)
    return Used(input_tokens=count, cached_input_tokens=cached)


def _tool(call: Call, given: _Input) -> dict[str, Any] | None:
    functions: list[dict[str, Any]] = [
        tool for tool in call.body.get("tools") or [] if tool.get("type", "function") == "function"
    ]
    answered = given.items[-1].get("type") == "function_call_output"
    if not functions or answered or call.body.get("tool_choice") == "none":
        return None
    return functions[0]


def _completed(call: Call, used: Used) -> dict[str, Any]:
    body = call.body
    return {
        "id": hex_id("resp_"),
        "object": "response",
        "created_at": call.created,
        "status": "completed",
        "background": False,
        "content_filters": [
            {
                "blocked": False,
                "source_type": source,
                "content_filter_results": results,
            }
            for source, results in (
                ("prompt", filters.prompt_results()),
                ("completion", filters.answer_results()),
            )
        ],
        "error": None,
        "incomplete_details": None,
        "instructions": body.get("instructions"),
        "max_output_tokens": body.get("max_output_tokens"),
        "metadata": body.get("metadata") or {},
        "model": served_model(call.model),
        "output": [],
        "parallel_tool_calls": True,
        "previous_response_id": body.get("previous_response_id"),
        "reasoning": {"effort": None, "summary": None},
        "service_tier": body.get("service_tier") or "default",
        "store": body.get("store", True),
        "temperature": body.get("temperature", 1.0),
        "text": {"format": {"type": "text"}},
        "tool_choice": body.get("tool_choice", "auto"),
        "tools": body.get("tools") or [],
        "top_p": body.get("top_p", 1.0),
        "truncation": "disabled",
        "usage": usage(used),
        "user": body.get("user"),
    }


def usage(used: Used) -> dict[str, Any]:
    """The usage object of the Responses API."""
    return {
        "input_tokens": used.input_tokens,
        "input_tokens_details": {
            "cached_tokens": used.cached_input_tokens,
            "cache_write_tokens": 0,
        },
        "output_tokens": used.output_tokens,
        "output_tokens_details": {"reasoning_tokens": used.reasoning_output_tokens},
        "total_tokens": used.input_tokens + used.output_tokens,
    }


def _reasoning_item(thought: int) -> list[dict[str, Any]]:
    return [{"id": hex_id("rs_"), "type": "reasoning", "summary": []}] if thought else []


def _spoken_item(tool: str | None, text: str) -> dict[str, Any]:
    if tool is not None:
        return {
            "id": hex_id("fc_"),
            "type": "function_call",
            "status": "completed",
            "call_id": hex_id("call_"),
            "name": tool,
            "arguments": text,
        }
    part = {"type": "output_text", "annotations": [], "logprobs": [], "text": text}
    return {
        "id": hex_id("msg_"),
        "type": "message",
        "status": "completed",
        "role": "assistant",
        "content": [part],
    }


def _stored(resource: SimulatedResource, request: Request) -> dict[str, Any]:
    response_id = request.path_params["response_id"]
    stored = resource.responses.get(response_id)
    if stored is None:
        raise errors.item_not_found("Response", response_id)
    return stored


def get(resource: SimulatedResource, request: Request, request_id: str) -> Response:
    """A stored response, usage and all, though fetching it costs nothing.

    Raises:
        AzureError: 404.
    """
    headers = resource_headers(resource, request, request_id)
    return JSONResponse(_stored(resource, request)["response"], headers=headers)


def delete(resource: SimulatedResource, request: Request, request_id: str) -> Response:
    """Forget a stored response.

    Raises:
        AzureError: 404.
    """
    response_id = _stored(resource, request)["response"]["id"]
    resource.responses.remove(response_id)
    payload = {"id": response_id, "object": "response", "deleted": True}
    return JSONResponse(payload, headers=resource_headers(resource, request, request_id))


def input_items(resource: SimulatedResource, request: Request, request_id: str) -> Response:
    """What a stored response was given.

    Raises:
        AzureError: 404.
    """
    data = [_listed(item) for item in _stored(resource, request)["input"]]
    payload = {
        "object": "list",
        "data": data,
        "first_id": data[0]["id"],
        "last_id": data[-1]["id"],
        "has_more": False,
    }
    return JSONResponse(payload, headers=resource_headers(resource, request, request_id))


def _listed(item: dict[str, Any]) -> dict[str, Any]:
    content = item.get("content")
    listed = {"id": hex_id("msg_"), "type": "message", "status": "completed"} | item
    if isinstance(content, str):
        listed["content"] = [{"type": "input_text", "text": content}]
    return listed
