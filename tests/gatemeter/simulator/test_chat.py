"""Chat completions of the simulator, held against the openai SDK's own types."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from openai import AzureOpenAI
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from gatemeter.simulator import BLOCKED_ANSWER, BLOCKED_PROMPT, JAILBREAK_PROMPT, RunningSimulator
from gatemeter.simulator.audio import silence

HELLO: list[dict[str, Any]] = [{"role": "user", "content": "hi there"}]
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Weather of a city",
        "parameters": {
            "type": "object",
            "properties": {
                "city": {"type": "string", "description": "Its name"},
                "unit": {"type": "string", "enum": ["celsius", "kelvin"]},
            },
        },
    },
}
Post = Callable[..., httpx.Response]


def chunks(response: httpx.Response) -> list[dict[str, Any]]:
    """The JSON frames of a stream that ends in [DONE]."""
    lines = [line for line in response.text.split("\n\n") if line]
    assert lines.pop() == "data: [DONE]"
    return [json.loads(line.removeprefix("data: ")) for line in lines]


def test_answer_has_the_sdks_shape_and_counts_the_prompt_as_openai_does(post: Post) -> None:
    """A whole answer validates, and "hi there" is nine tokens, as OpenAI's cookbook counts."""
    response = post("gpt-4o", "chat/completions", messages=HELLO)
    completion = ChatCompletion.model_validate_json(response.content)
    assert completion.usage is not None
    assert completion.usage.prompt_tokens == 9
    text = completion.choices[0].message.content
    assert text is not None
    assert completion.usage.completion_tokens == len(text.split())
    assert completion.model == "gpt-4o-2024-11-20"
    assert response.json()["prompt_filter_results"][0]["content_filter_results"]["jailbreak"]


def test_equal_requests_get_equal_answers_under_different_ids(post: Post) -> None:
    """Answers are reproducible; ids are unique, as the provider's are."""
    first, second = (post("gpt-4o", "chat/completions", messages=HELLO).json() for _ in range(2))
    assert first["choices"] == second["choices"]
    assert first["id"] != second["id"]


def test_stream_begins_with_the_annotation_frame_and_has_no_usage_unasked(post: Post) -> None:
    """Azure's first frame has no choices, model or id; nothing carries usage unless asked for."""
    response = post("gpt-4o", "chat/completions", messages=HELLO, stream=True)
    first, *rest = chunks(response)
    assert (first["choices"], first["id"], first["model"]) == ([], "", "")
    assert first["prompt_filter_results"][0]["prompt_index"] == 0
    assert all("usage" not in chunk for chunk in rest)
    for chunk in rest:
        ChatCompletionChunk.model_validate(chunk)
    assert rest[-1]["choices"][0]["finish_reason"] == "stop"


def test_stream_with_include_usage_ends_in_a_usage_chunk_without_choices(post: Post) -> None:
    """The extra chunk says what the ledger says, and every other chunk has a null usage."""
    response = post(
        "gpt-4o",
        "chat/completions",
        messages=HELLO,
        stream=True,
        stream_options={"include_usage": True},
    )
    _, *rest, last = chunks(response)
    assert last["choices"] == []
    assert all(chunk["usage"] is None for chunk in rest)
    said = [chunk for chunk in rest if chunk["choices"][0]["delta"].get("content")]
    assert last["usage"]["completion_tokens"] == len(said)


def test_ledger_holds_what_a_whole_stream_was_billed(
    simulator: RunningSimulator, post: Post
) -> None:
    """The ledger counts a stream that told nobody its usage."""
    response = post("gpt-4o", "chat/completions", messages=HELLO, stream=True, max_tokens=5)
    (entry,) = simulator.ledger.entries(request_id=response.headers["apim-request-id"])
    assert (entry.used.input_tokens, entry.used.output_tokens) == (9, 5)
    assert (entry.streamed, entry.finished, entry.status_code) == (True, True, 200)


@pytest.mark.parametrize(
    ("api_version", "status"),
    [("2024-06-01", 400), ("2024-09-01-preview", 200), ("2024-10-21", 200)],
)
def test_old_api_versions_reject_stream_options(
    http: httpx.Client, api_version: str, status: int
) -> None:
    """A client that asks for usage where Azure does not know the field gets a 400."""
    response = http.post(
        "/openai/deployments/gpt-4o/chat/completions",
        params={"api-version": api_version},
        json={"messages": HELLO, "stream": True, "stream_options": {"include_usage": True}},
    )
    assert response.status_code == status
    assert ("stream_options" in response.text) == (status == 400)


def test_stream_options_without_a_stream_is_refused(post: Post) -> None:
    """Azure allows stream_options only with stream."""
    response = post("gpt-4o", "chat/completions", messages=HELLO, stream_options={})
    assert response.status_code == 400


def test_several_choices_are_all_billed(post: Post) -> None:
    """N multiplies the output, whole or streamed."""
    whole = post("gpt-4o", "chat/completions", messages=HELLO, n=3).json()
    spoken = sum(len(choice["message"]["content"].split()) for choice in whole["choices"])
    assert [choice["index"] for choice in whole["choices"]] == [0, 1, 2]
    assert whole["usage"]["completion_tokens"] == spoken
    streamed = chunks(post("gpt-4o", "chat/completions", messages=HELLO, n=2, stream=True))
    assert {chunk["choices"][0]["index"] for chunk in streamed[1:]} == {0, 1}


def test_a_tool_is_called_with_arguments_that_fit_its_schema(post: Post) -> None:
    """With tools the answer is a call, and the declaration costs input tokens."""
    body = post("gpt-4o", "chat/completions", messages=HELLO, tools=[WEATHER]).json()
    choice = ChatCompletion.model_validate(body).choices[0]
    assert choice.finish_reason == "tool_calls"
    assert choice.message.tool_calls is not None
    call = choice.message.tool_calls[0]
    assert call.type == "function"
    assert set(json.loads(call.function.arguments)) == {"city", "unit"}
    assert body["usage"]["prompt_tokens"] > 9


def test_streamed_tool_call_joins_to_the_same_arguments(simulator: RunningSimulator) -> None:
    """The SDK's stream accumulator reads the pieces of a call."""
    with (
        AzureOpenAI(azure_endpoint=simulator.url, api_key="k", api_version="2024-10-21") as client,
        client.chat.completions.stream(
            model="gpt-4o",
            messages=[{"role": "user", "content": "hi"}],
            tools=[WEATHER],  # type: ignore[list-item]  # the SDK's typed dict, spelt out above
            stream_options={"include_usage": True},
        ) as stream,
    ):
        completion = stream.get_final_completion()
    calls = completion.choices[0].message.tool_calls
    assert calls is not None
    assert set(json.loads(calls[0].function.arguments)) == {"city", "unit"}
    assert completion.usage is not None
    assert completion.usage.completion_tokens > 0


def test_no_tool_is_called_after_its_result_or_when_unwanted(post: Post) -> None:
    """A conversation with a tool ends in text."""
    answered = [*HELLO, {"role": "tool", "tool_call_id": "call_1", "content": "rain"}]
    for extra in ({"messages": answered}, {"messages": HELLO, "tool_choice": "none"}):
        body = post("gpt-4o", "chat/completions", tools=[WEATHER], **extra).json()
        assert body["choices"][0]["finish_reason"] == "stop"


def test_json_answers_fit_the_schema(post: Post) -> None:
    """response_format json_schema gives JSON of that form."""
    schema = {"type": "object", "properties": {"n": {"type": "integer"}, "ok": {"type": "boolean"}}}
    wanted = {"type": "json_schema", "json_schema": {"name": "a", "schema": schema}}
    body = post("gpt-4o", "chat/completions", messages=HELLO, response_format=wanted).json()
    answer = json.loads(body["choices"][0]["message"]["content"])
    assert isinstance(answer["n"], int)
    assert isinstance(answer["ok"], bool)


def test_images_cost_by_tile_and_by_detail(post: Post) -> None:
    """Low detail costs the base, high detail 170 for each tile of 512 pixels."""

    def cost(detail: str) -> int:
        image = {"url": "https://example.com/cat.png", "detail": detail}
        content = [{"type": "text", "text": "hi there"}, {"type": "image_url", "image_url": image}]
        body = post(
            "gpt-4o", "chat/completions", messages=[{"role": "user", "content": content}]
        ).json()
        return int(body["usage"]["prompt_tokens"]) - 9

    assert cost("low") == 85
    assert cost("high") == 85 + 170 * 4


def test_reasoning_is_inside_the_output(post: Post) -> None:
    """Models that think bill their thoughts as output tokens."""
    body = post("o4-mini", "chat/completions", messages=HELLO).json()
    usage = ChatCompletion.model_validate(body).usage
    assert usage is not None
    assert usage.completion_tokens_details is not None
    reasoning = usage.completion_tokens_details.reasoning_tokens
    assert reasoning
    visible = len(body["choices"][0]["message"]["content"].split())
    assert usage.completion_tokens == reasoning + visible


def test_a_long_prefix_is_cached_the_second_time(post: Post) -> None:
    """From 1,024 equal leading tokens on, the repeat says how many were cached."""
    messages = [{"role": "user", "content": "a quite unusual beginning " + "again " * 1500}]
    first, second = (
        post("gpt-4o", "chat/completions", messages=messages).json()["usage"] for _ in range(2)
    )
    assert first["prompt_tokens_details"]["cached_tokens"] == 0
    cached = second["prompt_tokens_details"]["cached_tokens"]
    assert 1024 <= cached <= second["prompt_tokens"]
    assert (cached - 1024) % 128 == 0


def test_heard_and_spoken_audio_are_counted_apart(post: Post) -> None:
    """Audio in and out are tokens of their own, inside the totals."""
    recording = base64.b64encode(silence(3)).decode()
    content = [{"type": "input_audio", "input_audio": {"data": recording, "format": "wav"}}]
    body = post(
        "gpt-4o-audio",
        "chat/completions",
        messages=[{"role": "user", "content": content}],
        modalities=["text", "audio"],
    ).json()
    usage = ChatCompletion.model_validate(body).usage
    assert usage is not None
    assert usage.prompt_tokens_details is not None
    assert usage.completion_tokens_details is not None
    assert usage.prompt_tokens_details.audio_tokens == 30
    spoken = usage.completion_tokens_details.audio_tokens
    assert spoken is not None
    assert 0 < spoken < usage.completion_tokens


@pytest.mark.parametrize(
    ("word", "category"), [(BLOCKED_PROMPT, "violence"), (JAILBREAK_PROMPT, "jailbreak")]
)
def test_blocked_prompt_is_a_400_that_is_billed(
    simulator: RunningSimulator, post: Post, word: str, category: str
) -> None:
    """The content filter's wire form, and input tokens on the ledger although none are told."""
    response = post("gpt-4o", "chat/completions", messages=[{"role": "user", "content": word}])
    assert response.status_code == 400
    error = response.json()["error"]
    assert (error["code"], error["param"]) == ("content_filter", "prompt")
    results = error["innererror"]["content_filter_result"]
    assert [name for name, result in results.items() if result["filtered"]] == [category]
    (entry,) = simulator.ledger.entries(request_id=response.headers["apim-request-id"])
    assert entry.status_code == 400
    assert entry.used.input_tokens > 7
    assert entry.used.output_tokens == 0


def test_blocked_answer_is_cut_off_by_the_filter(post: Post) -> None:
    """A completion-side block is a 200 whose finish reason says so."""
    body = post(
        "gpt-4o", "chat/completions", messages=[{"role": "user", "content": BLOCKED_ANSWER}]
    ).json()
    choice = body["choices"][0]
    assert choice["finish_reason"] == "content_filter"
    assert choice["content_filter_results"]["violence"]["filtered"] is True


@pytest.mark.parametrize("body", [{}, {"messages": []}, {"messages": ["hi"]}, {"n": 0}])
def test_bad_bodies_are_refused(post: Post, body: dict[str, Any]) -> None:
    """What is no chat request is a 400 in the SDK's error form."""
    if "n" in body:
        body = body | {"messages": HELLO}
    response = post("gpt-4o", "chat/completions", **body)
    assert response.status_code == 400
    assert response.json()["error"]["type"] == "invalid_request_error"
