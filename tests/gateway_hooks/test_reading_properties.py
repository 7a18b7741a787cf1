"""Whatever comes over the wire, reading it raises nothing and gives what fits an event."""

from __future__ import annotations

import dataclasses
import itertools
import json
from typing import Any, cast

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway_hooks.estimating.estimate import rough_usage
from gateway_hooks.event import UsageEvent, validate_line
from gateway_hooks.reading.answer import AnswerFacts, AnswerReader, answer_reader
from gateway_hooks.reading.operations import Call, recognise
from gateway_hooks.reading.request import RequestFacts, ask_for_usage, read_request
from gateway_hooks.reading.throttling import rate_limit_fields, throttle_kind
from gateway_hooks.reading.usage import Usage, derived_usage
from tests.gateway_hooks.wire_samples import (
    CHAT_USAGE,
    FIRST_AZURE_FRAME,
    MAX_BYTES,
    chat_answer,
    chunk,
    frame,
    usage_chunk,
)

TAILS = [
    "completions",
    "embeddings",
    "chat/completions",
    "extensions/chat/completions",
    "images/generations",
    "images/edits",
    "audio/transcriptions",
    "audio/translations",
    "audio/speech",
    "responses",
    "nothing",
]
# Every word that some reader looks for, so that garbage lands where it could hurt.
KEYS = [
    "id",
    "model",
    "service_tier",
    "usage",
    "error",
    "choices",
    "prompt_filter_results",
    "prompt_annotations",
    "output",
    "status",
    "incomplete_details",
    "content_filters",
    "data",
    "size",
    "quality",
    "duration",
    "text",
    "message",
    "code",
    "type",
    "statusCode",
    "delta",
    "messages",
    "content",
    "refusal",
    "role",
    "tool_calls",
    "function_call",
    "function",
    "name",
    "arguments",
    "index",
    "finish_reason",
    "content_filter_results",
    "content_filter_result",
    "innererror",
    "inner_error",
    "response",
    "item_id",
    "end_turn",
    "audio",
    "transcript",
    "prompt_tokens",
    "completion_tokens",
    "total_tokens",
    "input_tokens",
    "output_tokens",
    "seconds",
    "prompt_tokens_details",
    "cached_tokens",
    "completion_tokens_details",
    "reasoning_tokens",
    "hate",
    "custom_blocklists",
    "filtered",
    "detected",
    "severity",
    "stream",
    "stream_options",
    "include_usage",
    "n",
    "user",
    "input",
    "prompt",
    "tools",
    "parameters",
    "properties",
    "enum",
    "image_url",
    "url",
    "detail",
    "input_audio",
    "instructions",
    "summary",
    "best_of",
    "echo",
    "reason",
    "source_type",
]
VALUES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=12)
    | st.sampled_from(
        [
            "x" * 400,
            "stop",
            "[DONE]",
            "content_filter",
            "response.completed",
            "response.output_text.delta",
            "image_generation.completed",
            "speech.audio.done",
            "error",
            "safe",
            "high",
            "image_url",
            "input_audio",
            "tool",
            2**53,
            2**70,
            -1,
        ]
    )
)
GARBAGE = st.recursive(
    VALUES,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=8), inner, max_size=6)
    ),
    max_leaves=25,
)
OBJECTS = st.dictionaries(st.sampled_from(KEYS), GARBAGE, max_size=8)


@st.composite
def damaged(draw: st.DrawFn) -> Any:
    """A good answer in which some values were replaced by garbage."""
    start = draw(
        st.sampled_from([chat_answer(), chunk({"content": "a"}), usage_chunk(), FIRST_AZURE_FRAME])
    )
    answer = cast("dict[str, Any]", json.loads(json.dumps(start)))
    answer.update(draw(OBJECTS))
    if draw(st.booleans()):
        answer["usage"] = {**CHAT_USAGE, **draw(OBJECTS)}
    return answer


CALLS = st.builds(
    lambda tail, version: recognise("POST", f"/openai/deployments/d/{tail}", version),
    st.sampled_from(TAILS),
    st.sampled_from(["", "api-version=2024-10-21"]),
)
ENCODINGS = st.sampled_from(["", "identity", "gzip", "deflate", "br", "zstd", "x, y"])
TYPES = st.sampled_from(
    ["", "application/json", "text/event-stream", "text/html", "audio/mpeg", "text/plain"]
)
REQUESTS = st.builds(
    RequestFacts,
    stream=st.booleans(),
    images=st.none() | st.integers(1, 10),
    characters=st.none() | st.integers(0, 10),
    audio=st.none() | st.binary(max_size=40),
)
JSON_BODIES = (OBJECTS | damaged() | GARBAGE).map(lambda value: json.dumps(value).encode())
STREAMS = st.lists(
    (OBJECTS | damaged()).map(frame) | st.sampled_from([b"data: [DONE]\n\n", b": x\n\n", b"\n"]),
    max_size=6,
).map(b"".join)
BODIES = JSON_BODIES | STREAMS | st.binary(max_size=200)
STATUSES = st.sampled_from([200, 202, 400, 401, 404, 429, 500, 503])


def event_of(call: Call, request: RequestFacts, facts: AnswerFacts, usage: Usage) -> UsageEvent:
    """An event with everything that was read in it."""
    event: dict[str, Any] = {
        "event_id": "01931f0a-8f6e-7d3a-9c1b-0123456789ab",
        "schema_version": 1,
        "started_at": "2026-11-21T09:00:00.000000Z",
        "gateway": "test",
        "auth_type": "none",
        "duration_ms": 1.0,
        "status_code": facts.status_code,
        "operation": call.operation,
        "deployment": call.deployment,
        "api_version": call.api_version,
        "stream": request.stream,
        "request_model": request.model,
        "response_id": facts.response_id,
        "response_model": facts.response_model,
        "service_tier": facts.service_tier or request.service_tier,
        "finish_reasons": facts.finish_reasons,
        "error_type": facts.error_type,
        "error_code": facts.error_code,
        "content_filter": facts.content_filter,
        "prompt_shield": facts.prompt_shield,
        "attempts": [{"backend": "b", "throttle": facts.throttle}] if facts.throttle else None,
    }
    fields = dataclasses.asdict(usage)
    event["usage_source"] = fields.pop("source")
    event.update(fields)
    return cast("UsageEvent", {key: value for key, value in event.items() if value is not None})


def check(call: Call, request: RequestFacts, facts: AnswerFacts, usage: Usage) -> None:
    """The event must survive the log and its own schema."""
    line = msgspec.json.encode(event_of(call, request, facts, usage))
    validate_line(line)


def feed(reader: AnswerReader, body: bytes, places: list[int]) -> AnswerFacts:
    """Read a body in chunks."""
    edges = [0, *sorted(place % (len(body) + 1) for place in places), len(body)]
    for start, end in itertools.pairwise(edges):
        reader.feed(body[start:end])
    return reader.finish()


@settings(deadline=None, max_examples=120)
@given(
    call=CALLS,
    status=STATUSES,
    body=BODIES,
    content_type=TYPES,
    encoding=ENCODINGS,
    request=REQUESTS,
    places=st.lists(st.integers(0, 3000), max_size=5),
    max_bytes=st.sampled_from([MAX_BYTES, 50]),
)
def test_any_answer_fits_an_event(
    *,
    call: Call,
    status: int,
    body: bytes,
    content_type: str,
    encoding: str,
    request: RequestFacts,
    places: list[int],
    max_bytes: int,
) -> None:
    """No answer raises, whatever it claims to be, and what is read of it is a valid event."""
    headers = {"content-type": content_type, "content-encoding": encoding}
    reader = answer_reader(call, status, headers, request, max_bytes)
    facts = feed(reader, body, places)
    usage = facts.usage or derived_usage(call, request, facts) or Usage("none")
    check(call, request, facts, usage)


@settings(deadline=None, max_examples=100)
@given(CALLS, BODIES, TYPES | st.just("multipart/form-data; boundary=B"))
def test_any_request_fits_an_event(call: Call, body: bytes, content_type: str) -> None:
    """No request raises, what is read of it is valid, and so is the estimate made from it."""
    request = read_request(call, content_type, body)
    answer = AnswerFacts(200, completion_text=["some text"])
    check(call, request, answer, rough_usage(call, body, request, answer))


@settings(deadline=None)
@given(CALLS, OBJECTS, st.booleans() | st.none())
def test_asking_for_usage_changes_one_field(
    call: Call,
    fields: dict[str, Any],
    stream: bool | None,  # noqa: FBT001 - drawn by hypothesis
) -> None:
    """A changed body differs in `stream_options` and nowhere else; others are not touched."""
    body = json.dumps({**fields, "stream": stream}).encode()
    asked = ask_for_usage(call, body)
    if asked is None:
        return
    before, after = json.loads(body), json.loads(asked)
    assert after.pop("stream_options")["include_usage"] is True
    before.pop("stream_options", None)
    assert after == before


@settings(deadline=None)
@given(STREAMS, st.lists(st.integers(0, 3000), max_size=6))
def test_chunks_do_not_change_what_is_read(stream: bytes, places: list[int]) -> None:
    """The same stream gives the same facts wherever the network cut it."""
    call = recognise("POST", "/openai/deployments/d/chat/completions", "")

    def reader() -> AnswerReader:
        return answer_reader(
            call, 200, {"content-type": "text/event-stream"}, RequestFacts(stream=True), MAX_BYTES
        )

    assert feed(reader(), stream, places) == feed(reader(), stream, [])


@given(st.text(max_size=6), st.text(max_size=60), st.text(max_size=30))
def test_any_request_line_is_some_call(method: str, path: str, query: str) -> None:
    """Recognising never raises, and its names fit an event."""
    call = recognise(method, "/openai/deployments/" + path, query)
    check(call, RequestFacts(), AnswerFacts(200), Usage("none"))


HEADERS = st.dictionaries(
    st.sampled_from(
        [
            "x-ratelimit-limit-tokens",
            "x-ratelimit-remaining-tokens",
            "x-ratelimit-remaining-requests",
            "azure-openai-deployment-utilization",
        ]
    ),
    st.text(max_size=12) | st.integers().map(str) | st.floats().map(str),
)


@given(HEADERS, st.sampled_from([429, 503]), st.none() | st.text(max_size=80))
def test_any_limit_fits_an_attempt(
    headers: dict[str, str], status: int, message: str | None
) -> None:
    """No header raises, and what is read of it is valid in an attempt."""
    attempt = {"backend": "b", **rate_limit_fields(headers)}
    kind = throttle_kind(status, headers, message)
    if kind is not None:
        attempt["throttle"] = kind
    event = event_of(recognise("GET", "/", ""), RequestFacts(), AnswerFacts(status), Usage("none"))
    event["attempts"] = [cast("Any", attempt)]
    validate_line(msgspec.json.encode(event))
