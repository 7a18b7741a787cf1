"""LiteLLM's calls become events, whole requests of a Router become one, and no content is kept."""

from __future__ import annotations

import asyncio
import os
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from gateway_hooks.meter import Meter, use_meter
from gateway_hooks.settings import HookSettings
from gateway_hooks.sink import MemorySink
from tests.gateway_hooks.fakes import (
    CHAT_STREAM,
    DONE_FRAME,
    JSON_HEADERS,
    TEXT_FRAMES,
    THROTTLED_BODY,
    FakeClock,
    Reply,
    ScriptedApp,
    chat_answer,
    only,
    recorded,
    serving,
    streamed,
    wait_until,
)

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    litellm = pytest.importorskip("litellm", reason="LiteLLM has an environment of its own")
    from gateway_hooks import litellm_callback
    from gateway_hooks.litellm_callback import GatemeterCallback

pytestmark = [
    pytest.mark.filterwarnings("ignore"),  # LiteLLM's own
    pytest.mark.usefixtures("callback"),
]

PROMPT = "PROMPT-MARK"
MESSAGES = [{"role": "user", "content": PROMPT}]
VERSION = "2024-10-21"


@pytest.fixture
def callback(meter: Meter) -> Iterator[GatemeterCallback]:
    """A callback that LiteLLM knows of."""
    made = GatemeterCallback(meter)
    litellm.callbacks = [made]
    yield made
    for registered in (
        litellm.callbacks,
        litellm.success_callback,
        litellm.failure_callback,
        litellm._async_success_callback,
        litellm._async_failure_callback,
        litellm.input_callback,
    ):
        registered.clear()


async def settled(sink: MemorySink, count: int = 1) -> None:
    """LiteLLM logs after it has answered."""
    for _ in range(400):
        if len(sink.lines) >= count:
            break
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.05)
    assert len(sink.lines) == count


def azure(url: str, deployment: str = "gpt-4o", **fields: Any) -> dict[str, Any]:
    """Arguments of a call to a backend on this machine."""
    return {
        "model": f"azure/{deployment}",
        "api_key": "sk-secret",
        "api_base": url,
        "api_version": VERSION,
        "max_retries": 0,
        **fields,
    }


async def test_a_call_is_one_event(sink: MemorySink) -> None:
    """Usage, model, backend and what the backend's headers say."""
    headers = {
        **JSON_HEADERS,
        "x-ms-region": "East US",
        "apim-request-id": "azure-1",
        "x-ratelimit-remaining-tokens": "77",
    }
    with serving(ScriptedApp(Reply(headers=headers))) as url:
        await litellm.acompletion(messages=MESSAGES, user="someone", **azure(url))
        await settled(sink)
    event = only(sink)
    expected = {
        "gateway": "test-gateway",
        "operation": "chat",
        "auth_type": "none",
        "api_version": VERSION,
        "stream": False,
        "request_model": "gpt-4o",
        "response_model": "gpt-4o-2024-08-06",
        "deployment": "gpt-4o",
        "request_id": "azure-1",
        "response_id": "chatcmpl-1",
        "usage_source": "reported",
        "input_tokens": 9,
        "output_tokens": 3,
        "status_code": 200,
        "finish_reasons": ["stop"],
    }
    assert {key: value for key, value in event.items() if key in expected} == expected
    assert event["end_user"].startswith("u_")
    (attempt,) = event["attempts"]
    assert attempt["backend"] == url.removeprefix("http://")
    assert (attempt["region"], attempt["deployment"]) == ("eastus", "gpt-4o")
    assert (attempt["remaining_tokens"], attempt["status_code"]) == (77, 200)


def test_the_synchronous_call_is_one_event_too(sink: MemorySink) -> None:
    """LiteLLM's threads log synchronous calls."""
    with serving(ScriptedApp()) as url:
        litellm.completion(messages=MESSAGES, **azure(url))
        wait_until(lambda: sink.lines)
    assert only(sink)["input_tokens"] == 9


async def test_a_stream(sink: MemorySink) -> None:
    """Usage the stream was asked for is reported, and the first chunk has its time."""
    with serving(ScriptedApp(streamed(*CHAT_STREAM))) as url:
        stream = await litellm.acompletion(
            messages=MESSAGES, stream=True, stream_options={"include_usage": True}, **azure(url)
        )
        assert [chunk async for chunk in stream]
        await settled(sink)
    event = only(sink)
    assert (event["stream"], event["usage_source"], event["input_tokens"]) == (True, "reported", 9)
    assert event["time_to_first_chunk_ms"] <= event["duration_ms"]


async def test_a_stream_that_nobody_counted_is_estimated(sink: MemorySink) -> None:
    """Where a stream reports nothing LiteLLM writes zeros; its tokens are counted here."""
    with serving(ScriptedApp(streamed(*TEXT_FRAMES, DONE_FRAME))) as url:
        stream = await litellm.acompletion(messages=MESSAGES, stream=True, **azure(url))
        assert [chunk async for chunk in stream]
        await settled(sink)
    event = only(sink)
    assert event["usage_source"] == "estimated"
    assert event["input_tokens"] > 0 < event["output_tokens"]


async def test_a_stream_that_litellm_counted_is_an_estimate(sink: MemorySink) -> None:
    """Tokens of a stream that was not asked for its usage were counted by LiteLLM, at best."""
    stream = await litellm.acompletion(
        messages=MESSAGES, stream=True, mock_response="hello", **azure("http://127.0.0.1:9")
    )
    assert [chunk async for chunk in stream]
    await settled(sink)
    event = only(sink)
    assert event["usage_source"] == "estimated"
    assert event["input_tokens"] > 0


def test_a_synchronous_stream(sink: MemorySink) -> None:
    """Iterated by hand, without asyncio."""
    stream = litellm.completion(
        messages=MESSAGES, stream=True, mock_response="hello", **azure("http://127.0.0.1:9")
    )
    assert list(stream)
    wait_until(lambda: sink.lines)
    assert only(sink)["stream"] is True


EMBEDDINGS = (
    b'{"object":"list","model":"emb","data":[{"index":0,"embedding":[0.1],"object":"embedding"}],'
    b'"usage":{"prompt_tokens":3,"total_tokens":3}}'
)


@pytest.mark.parametrize(
    ("body", "call", "expected"),
    [
        (
            EMBEDDINGS,
            lambda url: litellm.aembedding(input=[PROMPT], **azure(url, "emb")),
            {"operation": "embeddings", "usage_source": "reported", "input_tokens": 3},
        ),
        (
            b'{"created":1,"data":[{"url":"http://x"},{"url":"http://y"}]}',
            lambda url: litellm.aimage_generation(
                prompt=PROMPT, n=2, size="1792x1024", **azure(url, "dall-e-3")
            ),
            {
                "operation": "image_generation",
                "usage_source": "derived",
                "images": 2,
                "image_size": "1792x1024",
            },
        ),
        (
            b'{"text":"ANSWER-MARK","duration":12.5,"task":"transcribe","language":"en"}',
            lambda url: litellm.atranscription(
                file=("FILE-MARK.wav", b"RIFF"),
                response_format="verbose_json",
                **azure(url, "whisper"),
            ),
            {"operation": "transcription", "usage_source": "reported", "audio_seconds": 12.5},
        ),
        (
            b"binary",
            lambda url: litellm.aspeech(input=PROMPT, voice="alloy", **azure(url, "tts-1")),
            {"operation": "speech", "usage_source": "derived", "characters": len(PROMPT)},
        ),
    ],
    ids=["embeddings", "images", "transcription", "speech"],
)
async def test_other_operations(
    sink: MemorySink, body: bytes, call: Callable[[str], Any], expected: dict[str, object]
) -> None:
    """Each operation's own unit."""
    with serving(ScriptedApp(Reply(chunks=[body]))) as url:
        await call(url)
        await settled(sink)
    event = only(sink)
    assert {key: value for key, value in event.items() if key in expected} == expected
    for mark in (b"PROMPT-MARK", b"ANSWER-MARK", b"FILE-MARK", b"sk-secret"):
        assert mark not in sink.lines[0]


async def test_a_refusal_for_load(sink: MemorySink) -> None:
    """A 429 names the backend, its kind and when to come back; nothing was used."""
    headers = {**JSON_HEADERS, "retry-after": "7", "x-ms-region": "East US"}
    reply = Reply(status=429, headers=headers, chunks=[THROTTLED_BODY])
    with serving(ScriptedApp(reply)) as url:
        with pytest.raises(litellm.RateLimitError):
            await litellm.acompletion(messages=MESSAGES, **azure(url))
        await settled(sink)
    event = only(sink)
    assert (event["status_code"], event["throttled_by"]) == (429, "backend")
    assert (event["error_type"], event["usage_source"]) == ("RateLimitError", "none")
    (attempt,) = event["attempts"]
    assert (attempt["throttle"], attempt["retry_after_ms"]) == ("token_rate", 7000)
    assert attempt["backend"] == url.removeprefix("http://")


async def test_a_prompt_that_the_filter_refused_is_estimated(sink: MemorySink) -> None:
    """Azure charges the prompt although it reports no usage."""
    body = (
        b'{"error":{"message":"The response was filtered","code":"content_filter","status":400,'
        b'"innererror":{"code":"ResponsibleAIPolicyViolation","content_filter_result":'
        b'{"violence":{"filtered":true,"severity":"high"}}}}}'
    )
    with serving(ScriptedApp(Reply(status=400, chunks=[body]))) as url:
        with pytest.raises(litellm.ContentPolicyViolationError):
            await litellm.acompletion(messages=MESSAGES, **azure(url))
        await settled(sink)
    event = only(sink)
    assert (event["status_code"], event["usage_source"]) == (400, "estimated")
    assert event["error_code"] == "content_filter"
    assert event["input_tokens"] > 0
    assert event["content_filter"]["prompt"] == {"violence": {"filtered": True, "severity": "high"}}


async def test_no_connection(sink: MemorySink) -> None:
    """An attempt without an answer has the class of its error and no status."""
    with pytest.raises(litellm.APIConnectionError):
        await litellm.acompletion(messages=MESSAGES, **azure("http://127.0.0.1:9"))
    await settled(sink)
    event = only(sink)
    assert event["status_code"] >= 500
    (attempt,) = event["attempts"]
    assert attempt["backend"] == "127.0.0.1:9"


async def test_error_texts_are_not_kept(sink: MemorySink) -> None:
    """LiteLLM quotes unexpected answers in its errors; the event has the error's class only."""
    with serving(ScriptedApp(Reply(chunks=[chat_answer("ANSWER-MARK")[:-1]]))) as url:
        with pytest.raises(litellm.APIError):
            await litellm.acompletion(messages=MESSAGES, **azure(url))
        await settled(sink)
    assert only(sink)["error_type"]
    assert b"MARK" not in sink.lines[0]


async def test_the_proxys_caller_and_tags(
    callback: GatemeterCallback, meter: Meter, sink: MemorySink
) -> None:
    """Of a virtual key the proxy's hash is fingerprinted; its alias and team are kept."""
    metadata = {
        "user_api_key_hash": "0a" * 32,
        "user_api_key_alias": "apollo",
        "user_api_key_team_alias": "moon",
        "tags": ["stage:test", "nightly"],
    }
    with serving(ScriptedApp()) as url:
        await litellm.acompletion(messages=MESSAGES, metadata=metadata, **azure(url))
        await settled(sink)
    event = only(sink)
    assert (event["auth_type"], event["key_id"]) == (
        "api_key",
        meter.fingerprints.key_id("0a" * 32),
    )
    assert (event["key_name"], event["team"]) == ("apollo", "moon")
    assert event["tags"] == {"stage": "test", "nightly": "true"}
    assert callback is not None


# --- Routers --------------------------------------------------------------------------------------


def router(bad: str, good: str, **options: Any) -> Any:
    """A Router whose first deployment always refuses."""
    return litellm.Router(
        model_list=[
            {
                "model_name": "chat",
                "litellm_params": azure(bad, "gpt-4o"),
                "model_info": {"id": "bad-1"},
            },
            {
                "model_name": "spare",
                "litellm_params": azure(good, "gpt-4o-2"),
                "model_info": {"id": "good-1"},
            },
        ],
        retry_after=0,
        disable_cooldowns=True,
        **options,
    )


REFUSAL = Reply(
    status=429, headers={**JSON_HEADERS, "retry-after-ms": "1"}, chunks=[THROTTLED_BODY]
)


async def test_retries_and_fallbacks_are_attempts_of_one_event(sink: MemorySink) -> None:
    """What the Router tried before it succeeded does not look like requests of their own."""
    with serving(ScriptedApp(REFUSAL)) as bad, serving(ScriptedApp()) as good:
        routing = router(bad, good, fallbacks=[{"chat": ["spare"]}], num_retries=1)
        await routing.acompletion(model="chat", messages=MESSAGES)
        await settled(sink)
    event = only(sink)
    assert [attempt["deployment"] for attempt in event["attempts"]] == ["bad-1", "bad-1", "good-1"]
    assert [attempt["status_code"] for attempt in event["attempts"]] == [429, 429, 200]
    offsets = [attempt["offset_ms"] for attempt in event["attempts"]]
    assert offsets == sorted(offsets)
    assert (event["status_code"], event["input_tokens"]) == (200, 9)
    assert (event["request_model"], event["deployment"]) == ("chat", "gpt-4o-2")
    last = event["attempts"][-1]
    assert event["duration_ms"] == pytest.approx(last["offset_ms"] + last["duration_ms"], abs=1)
    assert "throttled_by" not in event


async def test_a_request_that_nothing_could_serve(meter: Meter, sink: MemorySink) -> None:
    """When the Router gives up its request is one event, recorded when no try can come."""
    with serving(ScriptedApp(REFUSAL)) as bad:
        routing = router(bad, bad, num_retries=1)
        with pytest.raises(litellm.RateLimitError):
            await routing.acompletion(model="chat", messages=MESSAGES)
        await asyncio.sleep(0.3)
    assert sink.lines == []
    meter.close()
    event = only(sink)
    assert [attempt["status_code"] for attempt in event["attempts"]] == [429, 429]
    assert (event["status_code"], event["throttled_by"]) == (429, "backend")


async def test_the_next_request_of_a_trace_is_no_retry(sink: MemorySink) -> None:
    """Requests that share a trace stay requests of their own."""
    trace = {"litellm_trace_id": "shared-trace"}
    with serving(ScriptedApp(REFUSAL)) as bad, serving(ScriptedApp()) as good:
        routing = router(bad, good, num_retries=0)
        with pytest.raises(litellm.RateLimitError):
            await routing.acompletion(model="chat", messages=MESSAGES, **trace)
        await asyncio.sleep(0.2)
        await routing.acompletion(model="spare", messages=MESSAGES, **trace)
        await settled(sink, 2)
    assert [event["status_code"] for event in recorded(sink)] == [429, 200]


async def test_a_held_failure_is_recorded_in_time(
    settings: HookSettings, sink: MemorySink, clock: FakeClock
) -> None:
    """Without another try the failure waits some seconds and no longer."""
    held = GatemeterCallback(Meter(settings, sink, clock=clock))
    litellm.callbacks = [held]
    with serving(ScriptedApp(REFUSAL)) as bad:
        with pytest.raises(litellm.RateLimitError):
            await router(bad, bad, num_retries=0).acompletion(model="chat", messages=MESSAGES)
        await asyncio.sleep(0.3)
    held._held.end_overdue()
    assert sink.lines == []
    clock.advance(16)
    held._held.end_overdue()
    assert only(sink)["status_code"] == 429


# --- the hook itself ------------------------------------------------------------------------------


async def test_one_call_logged_twice_counts_once(
    callback: GatemeterCallback, sink: MemorySink
) -> None:
    """LiteLLM may call both of its hooks for one call."""
    seen: list[dict[str, Any]] = []

    class Spy(litellm.integrations.custom_logger.CustomLogger):  # type: ignore[misc,name-defined]
        """Keeps what LiteLLM hands over."""

        async def async_log_success_event(self, kwargs: Any, *_: Any, **__: Any) -> None:
            seen.append(kwargs)

    litellm.callbacks.append(Spy())
    await litellm.acompletion(messages=MESSAGES, mock_response="hi", **azure("http://127.0.0.1:9"))
    await settled(sink)
    for _ in range(3):
        callback.log_success_event(seen[0], None, None, None)
        await callback.async_log_success_event(
            kwargs=seen[0], response_obj=None, start_time=None, end_time=None
        )
    assert len(recorded(sink)) == 1


@pytest.mark.parametrize(
    "kwargs",
    [
        None,
        {},
        {"standard_logging_object": None},
        {"standard_logging_object": "text"},
        {"standard_logging_object": {"startTime": "soon", "call_type": 7, "api_base": 3}},
        {"standard_logging_object": {"status": "failure", "error_information": [], "metadata": 1}},
        {"standard_logging_object": {"startTime": -1, "endTime": float("nan"), "model": "\ud800"}},
    ],
)
def test_payloads_of_any_shape_raise_nothing(
    callback: GatemeterCallback, meter: Meter, sink: MemorySink, kwargs: Any
) -> None:
    """A payload that cannot be read makes a valid event, or none and a count."""
    callback.log_success_event(kwargs, None, None, None)
    callback.log_failure_event(kwargs, None, None, None)
    callback.log_pre_api_call("model", [], kwargs)
    recorded(sink)
    assert len(sink.lines) + meter.counters.lost <= 2
    assert meter.counters.lost == 0


def test_the_proxys_callback_is_made_when_asked_for(meter: Meter) -> None:
    """A proxy names it in its configuration; importing the module makes nothing."""
    use_meter(meter)
    try:
        assert isinstance(litellm_callback.proxy_callback, GatemeterCallback)
        assert litellm_callback.proxy_callback is litellm_callback.proxy_callback
    finally:
        litellm_callback._proxy_callback.cache_clear()
    with pytest.raises(AttributeError):
        _ = litellm_callback.anything_else
