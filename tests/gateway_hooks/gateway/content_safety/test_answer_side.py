"""Answers, whole and streamed: what is blocked, what passes unchanged, what is charged."""

from __future__ import annotations

import asyncio
import gzip
import json
from typing import Any

import httpx
import openai
import pytest

from gatemeter.simulator import RunningSimulator
from gateway_hooks.gateway.content_safety import (
    ContentSafety,
    ContentSafetySettings,
    SafetyService,
    policy,
)
from tests.gateway_hooks.gateway.content_safety.conftest import LISTS, StartSafe

HARMFUL = "simulate-harmful-answer"
V1 = "/openai/v1/responses"
WORD = "simulate-violence-6"
MODES = ["buffered", "window"]


def sse(*events: Any) -> bytes:
    """A stream."""
    return b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events)


def chunk(delta: dict[str, Any], index: int = 0, **fields: Any) -> dict[str, Any]:
    """A chunk of a chat."""
    choice = {"index": index, "delta": delta, "finish_reason": None}
    return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "choices": [choice], **fields}


USAGE = {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12}
END = sse({"id": "chatcmpl-1", "choices": [], "usage": USAGE}) + b"data: [DONE]\n\n"


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("path", ["chat/completions", V1])
def test_a_harmful_answer_comes_as_azure_filters_it(
    start_safe: StartSafe, mode: str, path: str
) -> None:
    """200 without content; the event has the real usage, the reason and the annotations."""
    gateway = start_safe(check_answers=mode)
    body = {"model": "gpt-4o", "input": HARMFUL, "messages": [{"role": "user", "content": HARMFUL}]}
    response = gateway.post(path, json=body)
    assert response.status_code == 200
    assert WORD not in response.text
    payload = response.json()
    if path == V1:
        assert (payload["status"], payload["output"]) == ("incomplete", [])
        assert payload["incomplete_details"] == {"reason": "content_filter"}
    else:
        (choice,) = payload["choices"]
        assert (choice["finish_reason"], choice["message"]["content"]) == ("content_filter", "")
    check_charged(gateway)


def check_charged(gateway: Any) -> None:
    """The backend's usage, exactly, and why the caller did not see what it is for."""
    event = gateway.event
    used = gateway.backend.ledger.entries()[0].used
    assert event["usage_source"] == "reported"
    assert (event["input_tokens"], event["output_tokens"]) == (
        used.input_tokens,
        used.output_tokens,
    )
    assert event["attempts"][-1]["status_code"] == 200
    assert event["decisions"] == [
        {"policy": "content_safety", "action": "denied", "reason": "violence"}
    ]
    violence = event["content_filter"]["completion"]["violence"]
    assert violence == {"filtered": True, "severity": "high"}
    assert WORD.encode() not in gateway.recorded


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("stream", [True, False])
def test_a_harmful_answer_as_api_management_says_it(
    start_safe: StartSafe, mode: str, *, stream: bool
) -> None:
    """403 in place of the answer, charged all the same; a stream that has begun just ends."""
    gateway = start_safe(check_answers=mode, blocked_status=403)
    response = gateway.chat(HARMFUL, stream=stream)
    begun = mode == "window" and stream
    assert response.status_code == (200 if begun else 403)
    assert '"content_filter"' in response.text
    assert WORD not in response.text
    check_charged(gateway)


@pytest.mark.parametrize("mode", MODES)
def test_the_sdk_sees_a_filtered_stream(start_safe: StartSafe, mode: str) -> None:
    """The trigger is split over chunks; the stream ends in content_filter and its own end."""
    gateway = start_safe(check_answers=mode, window_characters=50)
    with gateway.client() as client:
        stream = client.chat.completions.create(
            model="gpt-4o", messages=[{"role": "user", "content": HARMFUL}], stream=True
        )
        chunks = list(stream)
    choices = [choice for one in chunks for choice in one.choices]
    assert choices[-1].finish_reason == "content_filter"
    assert WORD not in "".join(choice.delta.content or "" for choice in choices)
    assert gateway.event["finish_reasons"] == ["content_filter"]
    check_charged(gateway)


@pytest.mark.parametrize("mode", MODES)
def test_the_sdk_sees_a_filtered_response_stream(start_safe: StartSafe, mode: str) -> None:
    """The last event is response.incomplete, with the reason and the usage."""
    gateway = start_safe(check_answers=mode, window_characters=50)
    with openai.OpenAI(base_url=f"{gateway.url}/openai/v1", api_key="k", timeout=20) as client:
        events = list(client.responses.create(model="gpt-4o", input=HARMFUL, stream=True))
    last = events[-1]
    assert last.type == "response.incomplete"
    assert last.response.incomplete_details is not None
    assert last.response.incomplete_details.reason == "content_filter"
    assert WORD not in "".join(event.model_dump_json() for event in events)
    check_charged(gateway)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("stream", [True, False])
def test_a_fine_answer_passes(start_safe: StartSafe, mode: str, *, stream: bool) -> None:
    """The same seed gives the same words with and without checks."""
    texts = []
    for check in ("off", mode):
        gateway = start_safe(check_answers=check, window_characters=50)
        with gateway.client() as client:
            asked: dict[str, Any] = {
                "model": "gpt-4o",
                "messages": [{"role": "user", "content": "hi"}],
            }
            if stream:
                chunks = client.chat.completions.create(stream=True, **asked)
                parts = [c.delta.content or "" for one in chunks for c in one.choices]
                texts.append("".join(parts))
            else:
                texts.append(client.chat.completions.create(**asked).choices[0].message.content)
        assert "decisions" not in gateway.event
        assert gateway.event["usage_source"] == "reported"
    assert texts[0]
    assert texts[0] == texts[1]


def test_a_stored_response_cannot_be_fetched_around_the_check(start_safe: StartSafe) -> None:
    """What was blocked when it was made is blocked when it is read again."""
    gateway = start_safe(check_answers="window")
    made = gateway.post(V1, json={"model": "gpt-4o", "input": HARMFUL}).json()
    fetched = httpx.get(f"{gateway.url}{V1}/{made['id']}", headers={"api-key": "k"}, timeout=20)
    assert fetched.json()["output"] == []
    assert WORD not in fetched.text


def test_choices_do_not_hide_each_other(start_safe: StartSafe, start_recorder: Any) -> None:
    """A word of one choice is found though chunks of another come between its parts."""
    backend = start_recorder()
    backend.headers = [(b"content-type", b"text/event-stream")]
    parts = [chunk({"content": "mau"}, 0), chunk({"content": "fine"}, 1), chunk({"content": "ve"})]
    backend.body = sse(*parts) + END
    gateway = start_safe(backend=backend, check_answers="window", blocklists=tuple(LISTS))
    response = gateway.chat("hi", stream=True, stream_options={"include_usage": True})
    assert "mau" not in response.text
    assert response.text.count('"finish_reason":"content_filter"') == 2
    assert response.content.endswith(END)
    assert gateway.event["output_tokens"] == 7
    assert gateway.event["decisions"][0]["reason"] == "blocklist"


@pytest.mark.parametrize(
    "delta",
    [
        {"tool_calls": [{"index": 0, "function": {"arguments": "mauve"}}]},
        {"refusal": "mauve"},
        {"reasoning_content": "mauve"},
        {"audio": {"transcript": "mauve"}},
        {"content": [{"type": "text", "text": "mauve"}]},
    ],
)
def test_every_kind_of_text_is_checked(
    start_safe: StartSafe, start_recorder: Any, delta: Any
) -> None:
    """Not only the content of messages."""
    backend = start_recorder()
    backend.headers = [(b"content-type", b"text/event-stream")]
    backend.body = sse(chunk(delta)) + END
    gateway = start_safe(backend=backend, check_answers="window", blocklists=tuple(LISTS))
    assert "mauve" not in gateway.chat("hi", stream=True).text


@pytest.mark.parametrize("word", ["mauve", "green"])
@pytest.mark.parametrize("mode", MODES)
def test_compressed_answers_are_checked_too(
    start_safe: StartSafe, start_recorder: Any, mode: str, word: str
) -> None:
    """Backends are asked for plain answers; one that compresses all the same is unpacked."""
    backend = start_recorder()
    message = {"role": "assistant", "content": word}
    body = json.dumps({"choices": [{"index": 0, "message": message}], "usage": USAGE}).encode()
    backend.body = gzip.compress(body)
    backend.headers = [(b"content-type", b"application/json"), (b"content-encoding", b"gzip")]
    gateway = start_safe(backend=backend, check_answers=mode, blocklists=tuple(LISTS))
    response = gateway.chat("hi")
    assert backend.seen[0].headers["accept-encoding"] == "identity"
    assert ("mauve" in response.text) is False
    assert (response.content == body) == (word == "green")
    assert gateway.event["output_tokens"] == 7


@pytest.mark.parametrize("on_failure", ["closed", "open"])
@pytest.mark.parametrize("body", [b"<html>", b'{"choices": [{"message"', b"[]"])
def test_an_answer_that_cannot_be_read(
    start_safe: StartSafe, start_recorder: Any, body: bytes, on_failure: str
) -> None:
    """It is a failure like any other: held back or passed."""
    backend = start_recorder()
    backend.body = body
    gateway = start_safe(backend=backend, check_answers="buffered", on_failure=on_failure)
    response = gateway.chat("hi")
    assert gateway.event["decisions"][0]["reason"] == "unreadable"
    assert (response.content == body) == (on_failure == "open")
    assert response.status_code == (200 if on_failure == "open" else 502)


def test_errors_of_backends_pass(start_safe: StartSafe, start_recorder: Any) -> None:
    """They are nobody's text."""
    backend = start_recorder()
    backend.status, backend.body = 404, b'{"error": {"code": "DeploymentNotFound"}}'
    gateway = start_safe(backend=backend, check_answers="buffered")
    response = gateway.chat("hi")
    assert (response.status_code, response.content) == (404, backend.body)


async def test_a_backend_that_does_not_end_is_not_waited_for(
    safety: RunningSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The caller of a blocked stream gets its end, and the backend is let go."""
    monkeypatch.setattr(policy, "DRAIN_SECONDS", 0.05)
    monkeypatch.setenv("SAFETY_KEY", "safety-key")
    let_go = False

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        nonlocal let_go
        headers = [(b"content-type", b"text/event-stream")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        body = sse(chunk({"content": f"{WORD} " + "a" * 60}))
        await send({"type": "http.response.body", "body": body, "more_body": True})
        try:
            await asyncio.Event().wait()
        finally:
            let_go = True

    async def receive() -> Any:
        return {"type": "http.request", "body": b"{}", "more_body": False}

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    settings = ContentSafetySettings(
        endpoint=safety.url,
        key_env="SAFETY_KEY",
        check_answers="window",
        window_characters=50,
        timeout_ms=10_000,
    )
    service = SafetyService()
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/openai/v1/chat/completions",
        "query_string": b"",
        "headers": [],
    }
    await asyncio.wait_for(ContentSafety(app, settings, service)(scope, receive, send), 15)
    await service.close()
    assert let_go
    assert b'"finish_reason":"content_filter"' in sent[1]["body"]
    assert sent[-1] == {
        "type": "http.response.body",
        "body": b"data: [DONE]\n\n",
        "more_body": False,
    }
