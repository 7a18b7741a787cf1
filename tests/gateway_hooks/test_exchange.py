"""Whatever passes through a gateway, the event made of it fits its definition."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from gateway_hooks.attempts import AttemptRecorder
from gateway_hooks.counters import CountersSnapshot
from gateway_hooks.event import validate_line
from gateway_hooks.exchange import MAX_ATTEMPTS, Exchange
from gateway_hooks.meter import Meter
from gateway_hooks.settings import HookSettings
from gateway_hooks.sink import MemorySink
from tests.gateway_hooks.fakes import CHAT_PATH, QUERY, chat_answer, chat_body, frame, only

PATHS = [
    CHAT_PATH,
    "/openai/deployments/d/completions",
    "/openai/deployments/d/embeddings",
    "/openai/v1/responses",
    "/openai/deployments/d/images/generations",
    "/openai/deployments/d/audio/transcriptions",
    "/openai/deployments/d/audio/speech",
    "/openai/deployments/d/extensions/chat/completions",
    "/openai/responses/resp_1",
    "/anything",
]

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(max_size=300),
)
USAGE_KEYS = [
    "prompt_tokens",
    "completion_tokens",
    "total_tokens",
    "input_tokens",
    "output_tokens",
    "prompt_tokens_details",
    "completion_tokens_details",
    "input_tokens_details",
    "cached_tokens",
    "reasoning_tokens",
    "audio_tokens",
]
usages = st.dictionaries(
    st.sampled_from(USAGE_KEYS),
    st.one_of(
        st.integers(-5, 2**60), st.dictionaries(st.sampled_from(USAGE_KEYS), scalars), scalars
    ),
)
ANSWER_KEYS = [
    "id",
    "model",
    "choices",
    "usage",
    "error",
    "service_tier",
    "data",
    "duration",
    "type",
    "response",
    "output",
    "status",
    "prompt_filter_results",
    "content_filter_results",
]
values = st.recursive(
    st.one_of(scalars, usages),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.one_of(
                st.sampled_from([*ANSWER_KEYS, "delta", "message", "content", "finish_reason"]),
                st.text(max_size=5),
            ),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=12,
)
answers = st.dictionaries(st.sampled_from(ANSWER_KEYS), values, max_size=6)
header_values = st.one_of(
    st.text(st.characters(max_codepoint=255), max_size=300),
    st.integers(-(10**20), 10**20).map(str),
    st.floats().map(str),
    st.sampled_from(["Sat, 21 Nov 2026 09:00:00 GMT", "text/event-stream", "gzip", "identity"]),
)
HEADER_NAMES = [
    "x-ms-region",
    "x-request-id",
    "apim-request-id",
    "retry-after",
    "retry-after-ms",
    "x-ratelimit-limit-tokens",
    "x-ratelimit-remaining-tokens",
    "x-ratelimit-remaining-requests",
    "azure-openai-deployment-utilization",
    "x-ms-deployment-name",
    "x-ms-spillover-from-deployment",
    "content-type",
    "content-encoding",
    "content-length",
    "x-gatemeter-tags",
    "x-session-id",
    "authorization",
    "api-key",
]
headers = st.dictionaries(st.sampled_from(HEADER_NAMES), header_values, max_size=8)
requests = st.dictionaries(
    st.sampled_from(
        ["model", "stream", "messages", "input", "n", "size", "quality", "user", "service_tier"]
    ),
    values,
    max_size=6,
)


def encoded(value: object) -> bytes:
    """JSON as some backend might write it, NaN and lone surrogates included."""
    return json.dumps(value).encode("utf-8", "surrogatepass")


bodies = st.one_of(
    answers.map(encoded),
    st.lists(answers, max_size=4).map(
        lambda many: b"".join(map(frame, many)) + b"data: [DONE]\n\n"
    ),
    st.binary(max_size=200),
)


@hypothesis_settings(
    max_examples=120,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_every_event_is_valid(settings: HookSettings, data: st.DataObject) -> None:
    """Random requests, answers, headers, attempts and interruptions: one event, a valid one."""
    sink = MemorySink()
    meter = Meter(settings, sink)
    draw = data.draw
    request_headers = draw(headers)
    exchange = meter.begin(
        draw(st.sampled_from(["POST", "GET", "delete", ""])),
        draw(st.one_of(st.sampled_from(PATHS), st.text(max_size=40))),
        draw(st.one_of(st.just(QUERY), st.text(max_size=40))),
        {**request_headers, "content-type": "application/json"},
    )
    assert exchange is not None
    if draw(st.booleans()):
        exchange.read_request(draw(st.one_of(requests.map(encoded), st.binary(max_size=100))))
    for _ in range(draw(st.integers(0, 3))):
        exchange.add_attempt(attempt(exchange, data))
    if draw(st.booleans()):
        exchange.start_answer(draw(st.integers(-5, 1000)), draw(headers))
        body = draw(bodies)
        cut = draw(st.integers(0, len(body)))
        exchange.feed_answer(body[:cut])
        exchange.feed_answer(body[cut:])
    if draw(st.booleans()):
        exchange.client_left()
    if draw(st.booleans()):
        exchange.failed(draw(st.one_of(st.text(max_size=300), st.just(ValueError("secret")))))
    draw(st.sampled_from([exchange.settle, exchange.settle_roughly]))()
    exchange.settle()
    meter.close()
    (line,) = sink.lines
    event = validate_line(line)
    assert line.endswith(b"\n")
    assert b"\n" not in line[:-1]
    assert None not in event.values()
    assert meter.counters == CountersSnapshot(
        events=1, rough_estimates=meter.counters.rough_estimates
    )


def attempt(exchange: Exchange, data: st.DataObject) -> AttemptRecorder:
    """A call to a backend that went somehow."""
    draw = data.draw
    recorder = AttemptRecorder(
        draw(st.text(max_size=300)),
        deployment=draw(st.one_of(st.none(), st.text(max_size=300))),
        region=draw(st.one_of(st.none(), st.text(max_size=300))),
        deployment_type=draw(st.sampled_from([None, "ptu", "global"])),
        exchange=exchange,
    )
    if draw(st.booleans()):
        recorder.answered(draw(st.integers(-5, 1000)), draw(headers))
    if draw(st.booleans()):
        recorder.failed(draw(st.text(max_size=300)))
    if draw(st.booleans()):
        recorder.end()
    return recorder


def begun(meter: Meter, **request_headers: str) -> Exchange:
    """A chat that has come in."""
    named = {name.replace("_", "-"): value for name, value in request_headers.items()}
    exchange = meter.begin("POST", CHAT_PATH, QUERY, named)
    assert exchange is not None
    return exchange


def test_attempts_are_bounded(meter: Meter, sink: MemorySink) -> None:
    """A gateway that retries for ever makes no event without end."""
    exchange = begun(meter)
    for number in range(MAX_ATTEMPTS + 40):
        exchange.add_attempt(AttemptRecorder(f"backend-{number}", exchange=exchange))
    exchange.settle()
    assert len(only(sink)["attempts"]) == MAX_ATTEMPTS


def test_tags_are_bounded_and_forgiving(meter: Meter, sink: MemorySink) -> None:
    """Sixteen tags at most; what is no pair is left out, what is too long is cut."""
    pairs = ["nonsense", "=x", "a=", " b = 1 ", "c=" + "x" * 999, "b=2"]
    pairs += [f"k{number}=v" for number in range(50)]
    exchange = begun(meter, x_gatemeter_tags=",".join(pairs))
    exchange.settle()
    tags = only(sink)["tags"]
    assert len(tags) == 16
    assert tags["b"] == "1"
    assert len(tags["c"]) == 256
    assert "nonsense" not in tags


def test_nothing_is_kept_after_the_event(meter: Meter) -> None:
    """Prompts do not stay in memory with whoever still holds the exchange."""
    exchange = begun(meter)
    exchange.read_request(chat_body())
    exchange.start_answer(200, {"content-type": "application/json"})
    exchange.feed_answer(chat_answer())
    exchange.settle()
    assert exchange.body == b""
    assert exchange._reader is None


def test_an_attempt_after_the_end_is_no_part_of_it(meter: Meter, sink: MemorySink) -> None:
    """A background task that goes on after the answer does not change the event."""
    exchange = begun(meter)
    exchange.start_answer(200, {})
    before = exchange.takes_attempts
    exchange.settle()
    assert (before, exchange.takes_attempts) == (True, False)
    only(sink)


def test_the_alias_of_the_settings_wins_over_the_gateways(sink: MemorySink) -> None:
    """A name in the operator's file is the name, whatever the gateway calls the key."""
    plain = HookSettings.load(key_salt="0123456789abcdef")
    key_id = Meter(plain, sink).fingerprints.key_id("k")
    named: dict[str, Any] = {key_id: {"name": "apollo"}}
    meter = Meter(HookSettings.load(key_salt="0123456789abcdef", keys=named), sink)
    exchange = begun(meter, api_key="k")
    exchange.notes.key_name = "other"
    exchange.notes.team = "moon"
    exchange.settle()
    event = only(sink)
    assert (event["key_name"], event["team"]) == ("apollo", "moon")
