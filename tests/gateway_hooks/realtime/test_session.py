"""What becomes an event of a realtime session, frame by frame."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway_hooks.attempts import AttemptRecorder
from gateway_hooks.event import UsageEvent
from gateway_hooks.meter import Meter
from gateway_hooks.reading.usage import Usage
from gateway_hooks.realtime import RealtimeSession
from gateway_hooks.settings import HookSettings
from gateway_hooks.sink import MemorySink
from tests.gateway_hooks.fakes import FakeClock, recorded

USAGE = {
    "total_tokens": 130,
    "input_tokens": 100,
    "output_tokens": 30,
    "input_token_details": {
        "text_tokens": 40,
        "audio_tokens": 60,
        "cached_tokens": 48,
        "cached_tokens_details": {"text_tokens": 32, "audio_tokens": 16},
    },
    "output_token_details": {"text_tokens": 10, "audio_tokens": 20},
}


SALT = "a salt for tests only"


class Talk:
    """A session whose events are stored as the metering stores them."""

    def __init__(self, meter: Meter, sink: MemorySink, clock: FakeClock) -> None:
        self.clock = clock
        self._sink = sink
        query = "api-version=2025-04-01-preview&deployment=voice"
        handshake = meter.begin("GET", "/openai/realtime", query, {"api-key": "k"})
        assert handshake is not None
        reached = AttemptRecorder("east", deployment="voice", deployment_type="global")
        handshake.attempts.append(reached)
        self.session = RealtimeSession(handshake)
        self.session.accepted([(b"x-ms-region", b"East US")])
        self.server("session.created", session={"id": "sess_1", "model": "gpt-realtime"})

    def client(self, kind: str, **fields: object) -> None:
        """The client says something."""
        self.session.from_client(json.dumps({"type": kind, **fields}))

    def server(self, kind: str, **fields: object) -> None:
        """The backend says something."""
        for exchange in self.session.from_server(json.dumps({"type": kind, **fields})):
            exchange.settle()

    def end(self, error: str | None = None) -> None:
        """Somebody hangs up."""
        for exchange in self.session.ended(error):
            exchange.settle()
        self.session.tell_nothing_was_used()

    @property
    def events(self) -> list[UsageEvent]:
        """What was stored."""
        return recorded(self._sink)


@pytest.fixture
def talk(timed_meter: Meter, sink: MemorySink, clock: FakeClock) -> Talk:
    """A session that has just begun."""
    return Talk(timed_meter, sink, clock)


def done(status: str = "completed", **fields: object) -> dict[str, Any]:
    """The object of `response.done`."""
    return {"id": "resp_1", "status": status, **fields}


def test_a_response_is_one_event_from_create_to_done(talk: Talk) -> None:
    """With its own usage, its own times, and the session's caller, backend and limits."""
    talk.client("response.create")
    talk.clock.advance(0.1)
    talk.server("response.created", response={"id": "resp_1"})
    talk.clock.advance(0.2)
    talk.server("response.audio.delta", response_id="resp_1", delta="AAAA")
    talk.server(
        "rate_limits.updated", rate_limits=[{"name": "tokens", "limit": 900, "remaining": 800}]
    )
    talk.clock.advance(0.3)
    talk.server("response.done", response=done(usage=USAGE))
    (event,) = talk.events
    assert event["operation"] == "realtime"
    assert event["duration_ms"] == pytest.approx(600)
    assert event["time_to_first_chunk_ms"] == pytest.approx(300)
    assert (event["status_code"], event["usage_source"]) == (200, "reported")
    assert (event["response_id"], event["session_id"]) == ("resp_1", "sess_1")
    assert (event["deployment"], event["response_model"]) == ("voice", "gpt-realtime")
    assert (event["input_tokens"], event["cached_input_tokens"]) == (100, 48)
    assert (event["output_tokens"], event["audio_output_tokens"]) == (30, 20)
    assert event["finish_reasons"] == ["completed"]
    (attempt,) = event["attempts"]
    assert (attempt["backend"], attempt["region"]) == ("east", "eastus")
    assert attempt["deployment_type"] == "global"
    assert (attempt["limit_tokens"], attempt["remaining_tokens"]) == (900, 800)


def test_cached_sound_is_counted_once(talk: Talk) -> None:
    """Sound from the cache has the cache's price and not the price of sound."""
    talk.server("response.done", response=done(usage=USAGE))
    assert talk.events[0]["audio_input_tokens"] == 60 - 16


def test_a_response_that_the_server_begins_lasts_from_its_creation(talk: Talk) -> None:
    """When the user stops speaking nobody sends `response.create`."""
    talk.clock.advance(5)
    talk.server("response.created", response={"id": "resp_1"})
    talk.clock.advance(1)
    talk.server("response.done", response=done(usage=USAGE))
    assert talk.events[0]["duration_ms"] == pytest.approx(1000)


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        (
            done("failed", status_details={"error": {"code": "rate_limit_exceeded"}}),
            {"status_code": 429, "error_code": "rate_limit_exceeded", "throttled_by": "backend"},
        ),
        (
            done("failed", status_details={"error": {"type": "server_error"}}),
            {"status_code": 500, "error_type": "server_error"},
        ),
        (
            done("failed", status_details={"error": {"type": "invalid_request_error"}}),
            {"status_code": 400, "error_type": "invalid_request_error"},
        ),
        (
            done("cancelled", status_details={"reason": "turn_detected"}),
            {"status_code": 200, "finish_reasons": ["turn_detected"]},
        ),
        (
            done(
                "incomplete",
                status_details={"reason": "content_filter"},
                content_filter_results={"hate": {"filtered": True, "severity": "high"}},
            ),
            {
                "finish_reasons": ["content_filter"],
                "content_filter": {"completion": {"hate": {"filtered": True, "severity": "high"}}},
            },
        ),
    ],
)
def test_how_a_response_ended_is_in_the_event(
    talk: Talk, response: dict[str, Any], expected: dict[str, object]
) -> None:
    """In the words and with the statuses of any other request; nothing is charged for nothing."""
    talk.client("response.create")
    talk.server("response.created", response={"id": "resp_1"})
    talk.server("response.done", response=response)
    (event,) = talk.events
    assert expected.items() <= dict(event).items()
    assert event["usage_source"] == "none"


@pytest.mark.parametrize("name", [None, "mine"])
def test_a_refused_create_is_an_event_of_its_own(talk: Talk, name: str | None) -> None:
    """An error that names it is all that ever comes; other errors are no responses."""
    talk.client("response.create", event_id=name)
    talk.server("error", error={"type": "invalid_request_error", "event_id": "another"})
    assert not talk.events
    talk.server("error", error={"type": "invalid_request_error", "event_id": name})
    (event,) = talk.events
    assert (event["status_code"], event["error_type"]) == (400, "invalid_request_error")
    assert not talk.session.is_busy


def test_what_breaks_off_is_estimated_by_what_was_seen(talk: Talk) -> None:
    """A second of sound and twelve letters, of a client that left."""
    talk.client("response.create")
    talk.server("response.created", response={"id": "resp_1"})
    talk.server("response.output_audio_transcript.delta", response_id="resp_1", delta="a" * 12)
    talk.server("response.output_audio.delta", response_id="resp_1", delta="A" * 64_000)
    talk.end()
    (event,) = talk.events
    assert (event["status_code"], event["client_disconnected"]) == (200, True)
    assert event["usage_source"] == "estimated"
    assert (event["output_tokens"], event["audio_output_tokens"]) == (23, 20)
    assert "input_tokens" not in event


def test_a_backend_that_hangs_up_is_an_error(talk: Talk) -> None:
    """Of the response under way, and of the one that was only asked for."""
    talk.client("response.create")
    talk.server("response.created", response={"id": "resp_1"})
    talk.client("response.create")
    talk.end("UpstreamBroke")
    begun, asked = talk.events
    assert (begun["status_code"], begun["error_type"]) == (200, "UpstreamBroke")
    assert (asked["status_code"], asked["error_type"]) == (500, "UpstreamBroke")
    assert "client_disconnected" not in begun


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"type": "duration", "seconds": 1.5}, {"audio_seconds": 1.5}),
        (
            {
                "type": "tokens",
                "input_tokens": 20,
                "output_tokens": 4,
                "total_tokens": 24,
                "input_token_details": {"text_tokens": 0, "audio_tokens": 20},
            },
            {"input_tokens": 20, "audio_input_tokens": 20, "output_tokens": 4},
        ),
    ],
)
def test_writing_down_what_was_said_is_charged_by_itself(
    talk: Talk, usage: dict[str, Any], expected: dict[str, object]
) -> None:
    """By the model that does it, which is not the session's, from the end of the speech on."""
    talk.server(
        "session.updated", session={"input_audio_transcription": {"model": "gpt-4o-transcribe"}}
    )
    talk.server("input_audio_buffer.committed", item_id="item_1")
    talk.clock.advance(0.4)
    kind = "conversation.item.input_audio_transcription.completed"
    talk.server(kind, item_id="item_1", transcript="my secret", usage=usage)
    (event,) = talk.events
    assert event["operation"] == "transcription"
    assert expected.items() <= dict(event).items()
    assert event["response_model"] == "gpt-4o-transcribe"
    assert event["duration_ms"] == pytest.approx(400)
    assert "deployment" not in event
    assert "deployment" not in event["attempts"][0]


def test_a_failed_transcription_is_an_error_and_costs_nothing(talk: Talk) -> None:
    """The session goes on."""
    error = {"type": "server_error", "code": "no_speech"}
    talk.server("conversation.item.input_audio_transcription.failed", item_id="i", error=error)
    (event,) = talk.events
    assert (event["status_code"], event["error_code"]) == (500, "no_speech")
    assert event["usage_source"] == "none"


def test_policies_hear_of_every_event_and_their_decisions_are_told_once(talk: Talk) -> None:
    """Limits count what a session uses while it goes on."""
    told: list[Usage] = []
    talk.session.handshake.observers.append(told.append)
    talk.session.handshake.notes.decisions.append({"policy": "p", "action": "warned"})
    for _ in range(2):
        talk.server("response.done", response=done(usage=USAGE))
    talk.end()
    assert [usage.output_tokens for usage in told] == [30, 30]
    first, second = talk.events
    assert first["decisions"] == [{"policy": "p", "action": "warned"}]
    assert "decisions" not in second


def test_policies_hear_of_a_session_that_used_nothing(talk: Talk) -> None:
    """What they had set aside for it is free again."""
    told: list[Usage] = []
    talk.session.handshake.observers.append(told.append)
    talk.end()
    assert told == [Usage("none")]
    assert not talk.events


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda part: (
        st.lists(part, max_size=3) | st.dictionaries(st.text(max_size=8), part, max_size=3)
    ),
    max_leaves=8,
)
_KINDS = st.sampled_from(
    [
        "response.created",
        "response.done",
        "response.audio.delta",
        "session.updated",
        "rate_limits.updated",
        "input_audio_buffer.committed",
        "conversation.item.input_audio_transcription.completed",
        "conversation.item.input_audio_transcription.failed",
        "error",
    ]
)
_FIELDS = st.sampled_from(
    ["response", "session", "usage", "error", "rate_limits", "item_id", "response_id", "delta"]
)


@settings(deadline=None)
@given(
    frames=st.lists(
        st.tuples(_KINDS, st.dictionaries(_FIELDS, _JSON, max_size=4))
        | st.text(max_size=20)
        | st.binary(max_size=20),
        max_size=12,
    )
)
def test_no_frame_can_do_harm(frames: list[Any], tmp_path_factory: pytest.TempPathFactory) -> None:
    """Whatever passes, nothing is raised, and every event is valid."""
    sink = MemorySink()
    home = tmp_path_factory.getbasetemp()
    meter = Meter(HookSettings.load(home=home, key_salt=SALT), sink)
    talk = Talk(meter, sink, FakeClock())
    for frame in frames:
        data = json.dumps({"type": frame[0], **frame[1]}) if isinstance(frame, tuple) else frame
        talk.session.from_client(data)
        for exchange in talk.session.from_server(data):
            exchange.settle()
    talk.end()
    assert len(talk.events) == len(sink.lines)
    assert meter.counters.errors == {}
    meter.close()
