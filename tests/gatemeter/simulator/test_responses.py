"""The Responses API of the simulator, held against the openai SDK's own types."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from openai import BadRequestError, NotFoundError, OpenAI
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from gatemeter.simulator import BLOCKED_PROMPT, RunningSimulator

TOOL: dict[str, Any] = {
    "type": "function",
    "name": "get_weather",
    "description": "Weather",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    "strict": False,
}


@pytest.fixture
def client(simulator: RunningSimulator) -> Iterator[OpenAI]:
    """The SDK on the v1 path."""
    base_url = f"{simulator.url}/openai/v1"
    with OpenAI(base_url=base_url, api_key="k", max_retries=0) as openai:
        yield openai


def validate(response: Response) -> None:
    """Check a response strictly; the SDK itself builds its objects unchecked."""
    Response.model_validate_json(response.model_dump_json(by_alias=True))


def test_a_response_is_stored_fetched_and_deleted(client: OpenAI) -> None:
    """Fetching gives the same object; after deletion it is gone, and listing shows the input."""
    created = client.responses.create(model="gpt-4o", input="hello")
    validate(created)
    assert created.usage is not None
    assert created.usage.output_tokens == len(created.output_text.split())
    fetched = client.responses.retrieve(created.id)
    assert fetched == created
    (item,) = client.responses.input_items.list(created.id).data
    assert item.type == "message"
    client.responses.delete(created.id)
    with pytest.raises(NotFoundError):
        client.responses.retrieve(created.id)


def test_store_false_keeps_nothing(client: OpenAI) -> None:
    """An unstored response cannot be fetched."""
    created = client.responses.create(model="gpt-4o", input="hello", store=False)
    with pytest.raises(NotFoundError):
        client.responses.retrieve(created.id)


def test_a_conversation_carries_its_tokens(client: OpenAI) -> None:
    """previous_response_id brings the earlier input and output into the next input."""
    first = client.responses.create(model="gpt-4o", input="hello")
    second = client.responses.create(model="gpt-4o", input="hello", previous_response_id=first.id)
    assert first.usage is not None
    assert second.usage is not None
    earlier = first.usage.input_tokens + first.usage.output_tokens
    assert second.usage.input_tokens == first.usage.input_tokens + earlier
    with pytest.raises(BadRequestError, match="not found"):
        client.responses.create(model="gpt-4o", input="x", previous_response_id="resp_none")


@pytest.mark.parametrize(
    ("model", "extra", "last"),
    [
        ("gpt-4o", {}, "response.completed"),
        ("o4-mini", {}, "response.completed"),
        ("gpt-4o", {"tools": [TOOL]}, "response.completed"),
        ("gpt-4o", {"max_output_tokens": 3}, "response.incomplete"),
    ],
)
def test_streams_hold_valid_events_in_order_and_end_with_usage(
    simulator: RunningSimulator, client: OpenAI, model: str, extra: dict[str, Any], last: str
) -> None:
    """Every event validates; the last one carries the usage that the ledger has."""
    adapter: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
    with client.responses.create(model=model, input="hello", stream=True, **extra) as stream:
        events = list(stream)
    for event in events:
        adapter.validate_json(event.model_dump_json(by_alias=True))
    assert [event.sequence_number for event in events] == list(range(len(events)))
    final = events[-1]
    assert final.type == last
    assert final.type in {"response.completed", "response.incomplete"}
    response = final.response
    assert response.usage is not None
    (entry,) = simulator.ledger.entries(response_id=response.id)
    assert entry.used.output_tokens == response.usage.output_tokens
    assert entry.used.input_tokens == response.usage.input_tokens


def test_tool_calls_have_arguments(client: OpenAI) -> None:
    """A function tool is called with JSON that fits."""
    created = client.responses.create(model="gpt-4o", input="hello", tools=[TOOL])  # type: ignore[list-item]  # the SDK's typed dict, spelt out above
    validate(created)
    call = created.output[0]
    assert call.type == "function_call"
    assert set(json.loads(call.arguments)) == {"city"}


def test_reasoning_models_list_their_thinking(client: OpenAI) -> None:
    """A reasoning item comes first, its tokens are inside the output."""
    created = client.responses.create(model="o4-mini", input="hello")
    assert [item.type for item in created.output] == ["reasoning", "message"]
    assert created.usage is not None
    assert created.usage.output_tokens_details.reasoning_tokens > 0


def test_images_in_the_input_cost_tokens(client: OpenAI) -> None:
    """An input image is priced by its detail."""
    plain = client.responses.create(model="gpt-4o", input="look")
    seen = client.responses.create(
        model="gpt-4o",
        input=[
            {
                "role": "user",
                "content": [
                    {"type": "input_text", "text": "look"},
                    {"type": "input_image", "image_url": "https://x/y.png", "detail": "low"},
                ],
            }
        ],
    )
    assert plain.usage is not None
    assert seen.usage is not None
    assert seen.usage.input_tokens == plain.usage.input_tokens + 85


def test_blocked_prompts_and_missing_input_are_refused(client: OpenAI) -> None:
    """The filter's 400 has its code; no input at all is a 400 too."""
    with pytest.raises(BadRequestError) as refused:
        client.responses.create(model="gpt-4o", input=BLOCKED_PROMPT)
    assert refused.value.code == "content_filter"
    with pytest.raises(BadRequestError):
        client.responses.create(model="gpt-4o")
