"""What a gateway says of its calls to backends reaches the event of the request they serve."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from gateway_hooks.attempts import annotate, current_exchange, open_exchange, record_attempt
from gateway_hooks.exchange import Exchange
from gateway_hooks.meter import Meter
from gateway_hooks.settings import HookSettings
from gateway_hooks.sink import MemorySink
from tests.gateway_hooks.conftest import SALT
from tests.gateway_hooks.fakes import CHAT_PATH, QUERY, FakeClock, only


@pytest.fixture
def exchange(timed_meter: Meter) -> Iterator[Exchange]:
    """A chat that is being served here."""
    yield from serving(timed_meter, CHAT_PATH)


def serving(meter: Meter, path: str) -> Iterator[Exchange]:
    """A request that is being served in this context."""
    exchange = meter.begin("POST", path, QUERY, {})
    assert exchange is not None
    token = current_exchange.set(exchange)
    yield exchange
    current_exchange.reset(token)


def test_an_attempt_has_its_times(exchange: Exchange, sink: MemorySink, clock: FakeClock) -> None:
    """Offset and duration are measured where the call is made."""
    clock.advance(0.25)
    with record_attempt("a.example") as attempt:
        clock.advance(1.5)
        attempt.answered(200, {})
    clock.advance(0.25)
    exchange.start_answer(200, {})
    exchange.settle()
    event = only(sink)
    (recorded,) = event["attempts"]
    assert (recorded["offset_ms"], recorded["duration_ms"]) == (250, 1500)
    assert (event["duration_ms"], event["gateway_overhead_ms"]) == (2000, 500)


def test_an_attempt_that_goes_on_ends_with_its_request(
    exchange: Exchange, sink: MemorySink, clock: FakeClock
) -> None:
    """A stream's attempt is still open when the event is stored before the last bytes."""
    with record_attempt("a.example") as attempt:
        attempt.answered(200, {})
        clock.advance(3)
        exchange.settle()
        clock.advance(3)
    assert only(sink)["attempts"][0]["duration_ms"] == 3000


def test_an_exception_is_an_attempt_that_failed(exchange: Exchange, sink: MemorySink) -> None:
    """The exception goes on; of it the class is kept."""
    with pytest.raises(TimeoutError, match="secret"), record_attempt("a.example"):
        raise TimeoutError("secret")
    exchange.settle()
    (recorded,) = only(sink)["attempts"]
    assert recorded["error_type"] == "TimeoutError"
    assert "status_code" not in recorded
    assert b"secret" not in sink.lines[0]


def test_a_generator_that_is_closed_is_no_failure(exchange: Exchange, sink: MemorySink) -> None:
    """A stream whose client left closes its generator; the backend did nothing wrong."""

    def stream() -> Iterator[int]:
        with record_attempt("a.example") as attempt:
            attempt.answered(200, {})
            yield 1
            yield 2

    chunks = stream()
    assert next(chunks) == 1
    chunks.close()  # type: ignore[attr-defined]
    exchange.settle()
    assert "error_type" not in only(sink)["attempts"][0]


def test_the_settings_name_backends(sink: MemorySink, clock: FakeClock) -> None:
    """Names, regions and types that hosts do not tell come from the operator's file."""
    settings = HookSettings.load(
        key_salt=SALT,
        backends={
            "a.example:8443": {"name": "east-1", "region": "eastus", "deployment_type": "ptu"}
        },
    )
    meter = Meter(settings, sink, clock=clock)
    for exchange in serving(meter, CHAT_PATH):
        with record_attempt("a.example:8443") as attempt:
            attempt.answered(200, {"x-ms-region": "West US"})
        exchange.settle()
    (recorded,) = only(sink)["attempts"]
    assert (recorded["backend"], recorded["region"]) == ("east-1", "eastus")
    assert recorded["deployment_type"] == "ptu"


def test_what_the_call_says_wins_over_the_settings(sink: MemorySink, clock: FakeClock) -> None:
    """A gateway that knows the deployment's type of this very call is believed."""
    settings = HookSettings.load(
        key_salt=SALT, backends={"a.example": {"deployment_type": "ptu", "region": "eastus"}}
    )
    for exchange in serving(Meter(settings, sink, clock=clock), CHAT_PATH):
        with record_attempt("a.example", deployment_type="global", region="UK South"):
            pass
        exchange.settle()
    (recorded,) = only(sink)["attempts"]
    assert (recorded["deployment_type"], recorded["region"]) == ("global", "uksouth")


def test_a_served_deployment_wins_over_the_called_one(exchange: Exchange, sink: MemorySink) -> None:
    """A full PTU that spills over is billed where it was served."""
    with record_attempt("a.example", deployment="gpt-4o-ptu") as attempt:
        attempt.answered(200, {"X-MS-Deployment-Name": "gpt-4o-standard"})
    exchange.settle()
    assert only(sink)["attempts"][0]["deployment"] == "gpt-4o-standard"


def test_what_azure_itself_sent_on_is_not_of_the_provisioned_type(
    sink: MemorySink, clock: FakeClock
) -> None:
    """A request that a full PTU of a backend handed over is billed by the token."""
    settings = HookSettings.load(key_salt=SALT, backends={"a.example": {"deployment_type": "ptu"}})
    headers = {
        "X-MS-Deployment-Name": "gpt-4o-standard",
        "X-MS-Spillover-From-Deployment": "gpt-4o-ptu",
    }
    for exchange in serving(Meter(settings, sink, clock=clock), CHAT_PATH):
        with record_attempt("a.example", deployment="gpt-4o-ptu") as attempt:
            attempt.answered(200, headers)
        exchange.settle()
    (recorded,) = only(sink)["attempts"]
    assert recorded["deployment"] == "gpt-4o-standard"
    assert "deployment_type" not in recorded


@pytest.mark.parametrize(
    ("statuses", "final", "expected"),
    [
        ([429], 429, "backend"),
        ([429, 429], 503, "backend"),
        ([], 429, "gateway"),
        ([200], 429, "gateway"),
        ([500], 429, "gateway"),
        ([429, 200], 200, None),
        ([503], 503, None),
    ],
)
def test_who_throttled(
    exchange: Exchange, sink: MemorySink, statuses: list[int], final: int, expected: str | None
) -> None:
    """A refusal is the backend's when it came from one, also behind a 503 of the gateway's own."""
    for status in statuses:
        with record_attempt("a.example") as attempt:
            attempt.answered(status, {})
    exchange.start_answer(final, {})
    exchange.settle()
    assert only(sink).get("throttled_by") == expected


async def test_attempts_of_tasks_and_threads_belong_to_their_request(
    exchange: Exchange, sink: MemorySink
) -> None:
    """A context variable carries the request wherever its work is done."""

    def call(backend: str) -> None:
        with record_attempt(backend) as attempt:
            attempt.answered(200, {})

    async def call_async(backend: str) -> None:
        call(backend)

    await asyncio.create_task(call_async("task"))
    await asyncio.to_thread(call, "thread")
    exchange.settle()
    assert [attempt["backend"] for attempt in only(sink)["attempts"]] == ["task", "thread"]


def test_outside_of_requests_attempts_go_nowhere(sink: MemorySink) -> None:
    """The same code runs in scripts and tests without a meter."""
    with record_attempt("a.example") as attempt:
        attempt.answered(200, {})
    annotate(team="moon")
    assert open_exchange() is None
    assert sink.lines == []


def test_no_attempts_of_what_is_no_llm_call(timed_meter: Meter) -> None:
    """An application's own request does not swallow the model calls made to serve it."""
    for exchange in serving(timed_meter, "/my/own/page"):
        assert open_exchange() is None
        assert exchange.attempts == []


def test_annotations(exchange: Exchange, sink: MemorySink) -> None:
    """What only the gateway knows is added; a later word wins, tags add up."""
    annotate(key_name="apollo", team="moon", session_id="s-1", tags={"a": "1"})
    annotate(team="mars", cache_hit=True, tags={"b": "2"})
    exchange.settle()
    event = only(sink)
    assert (event["key_name"], event["team"], event["session_id"]) == ("apollo", "mars", "s-1")
    assert event["tags"] == {"a": "1", "b": "2"}
    assert event["cache_hit"] is True


def test_headers_that_cannot_be_read_cost_their_attempt_only(
    exchange: Exchange, sink: MemorySink
) -> None:
    """Nothing that a gateway hands over makes its own code fail."""
    with record_attempt("a.example") as attempt:
        attempt.answered(200, 7)  # type: ignore[arg-type]
    exchange.start_answer(200, {})
    exchange.settle()
    event = only(sink)
    assert event["status_code"] == 200
    assert exchange.meter.counters.errors == {"attempt": 1}


def test_a_gateways_own_calls_count_whatever_the_path(timed_meter: Meter, sink: MemorySink) -> None:
    """A path that is no known operation still tells which backend answered it."""
    for exchange in serving(timed_meter, "/openai/models"):
        with record_attempt("a.example") as attempt:
            attempt.answered(200, {})
        exchange.start_answer(200, {})
        exchange.settle()
    event = only(sink)
    assert event["operation"] == "other"
    assert [attempt["backend"] for attempt in event["attempts"]] == ["a.example"]
