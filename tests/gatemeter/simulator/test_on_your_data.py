"""Chat over one's own data, in the shapes of both eras."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from gatemeter.simulator import RunningSimulator

BODY: dict[str, Any] = {
    "messages": [{"role": "user", "content": "hi there"}],
    "dataSources": [{"type": "AzureCognitiveSearch", "parameters": {}}],
}
PATH = "/openai/deployments/gpt-4o/extensions/chat/completions"


def ask(http: httpx.Client, api_version: str, **extra: object) -> httpx.Response:
    """One request of an era."""
    return http.post(PATH, params={"api-version": api_version}, json=BODY | extra)


def test_first_era_answers_messages_without_usage(
    simulator: RunningSimulator, http: httpx.Client
) -> None:
    """The tool's citations and the answer are two messages; only the ledger knows the tokens."""
    response = ask(http, "2023-06-01-preview")
    body = response.json()
    tool, assistant = body["choices"][0]["messages"]
    assert (tool["role"], tool["end_turn"]) == ("tool", False)
    assert json.loads(tool["content"])["citations"][0]["filepath"]
    assert (assistant["role"], assistant["end_turn"]) == ("assistant", True)
    assert "usage" not in body
    (entry,) = simulator.ledger.entries(request_id=response.headers["apim-request-id"])
    assert entry.operation == "on_your_data"
    assert entry.used.input_tokens > 400
    assert entry.used.output_tokens == len(assistant["content"].split())


def test_first_era_stream_ends_in_a_message_that_says_done(http: httpx.Client) -> None:
    """Its end is content, not the usual frame."""
    text = ask(http, "2023-07-01-preview", stream=True).text
    frames = [json.loads(line[6:]) for line in text.split("\n\n") if line]
    messages = [frame["choices"][0]["messages"][0] for frame in frames]
    assert messages[0]["delta"]["role"] == "tool"
    assert messages[-1] == {"index": 1, "delta": {"content": "[DONE]"}, "end_turn": True}
    assert "data: [DONE]" not in text


def test_second_era_looks_like_chat_with_context(http: httpx.Client) -> None:
    """From 2023-08-01-preview on: one message, its context, and usage."""
    body = ask(http, "2023-08-01-preview").json()
    message = body["choices"][0]["message"]
    assert message["context"]["messages"][0]["role"] == "tool"
    assert body["usage"]["completion_tokens"] == len(message["content"].split())
    text = ask(http, "2023-08-01-preview", stream=True).text
    assert text.endswith("data: [DONE]\n\n")
    assert "usage" not in text


@pytest.mark.parametrize("sources", [None, []])
def test_no_data_source_is_refused(http: httpx.Client, sources: list[object] | None) -> None:
    """The extension needs data."""
    assert ask(http, "2023-08-01-preview", dataSources=sources).status_code == 400
