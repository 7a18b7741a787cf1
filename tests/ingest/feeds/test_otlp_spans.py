"""Spans of GenAI calls become requests, under every name that their attributes had."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.ingest.feeds.made_logs import attribute, body, otlp, shuffled, span

if TYPE_CHECKING:
    from tests.ingest.feeds.conftest import Desk


def test_every_attribute_lands_where_it_belongs(desk: Desk) -> None:
    """Service, model, tokens, backend and times, and nothing of the messages."""
    extra: dict[str, Any] = {
        "gen_ai__conversation__id": "c-1",
        "gen_ai__request__stream": True,
        "gen_ai__response__time_to_first_chunk": 0.25,
        "user__id": "someone",
        "gatemeter__team": "search",
        "gen_ai__usage__reasoning__output_tokens": 30,
    }
    (event,) = desk.events(body(otlp(span(1, **extra))))
    assert event["started_at"] == "2026-11-20T09:30:01.000000Z"
    assert (event["gateway"], event["feed"], event["team"]) == ("gw-otel", "otlp_spans", "search")
    assert (event["operation"], event["stream"], event["session_id"]) == ("chat", True, "c-1")
    assert (event["duration_ms"], event["time_to_first_chunk_ms"]) == (900.0, 250.0)
    assert (event["input_tokens"], event["cached_input_tokens"]) == (1000, 200)
    assert (event["output_tokens"], event["reasoning_output_tokens"]) == (100, 30)
    assert event["finish_reasons"] == ["stop"]
    assert event["attempts"][0]["backend"] == "sweden.openai.azure.com"
    assert event["end_user"].startswith("u_")
    assert "CANARY" not in str(event)


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        (
            {"gen_ai__usage__input_tokens": None, "gen_ai__usage__prompt_tokens": 7},
            {"input_tokens": 207},
        ),
        (
            {"gen_ai__usage__output_tokens": None, "gen_ai__usage__completion_tokens": 7},
            {"output_tokens": 7},
        ),
        ({"gen_ai__usage__cache_creation__input_tokens": 9}, {"cache_write_tokens": 9}),
        ({"gen_ai__usage__cache_write__input_tokens": 9}, {"cache_write_tokens": 9}),
        (
            {
                "gen_ai__usage__cache_read__input_tokens": None,
                "gen_ai__usage__cache_read_input_tokens": 8,
            },
            {"cached_input_tokens": 8},
        ),
        ({"gen_ai__operation__name": None, "gen_ai__system": "openai"}, {"operation": "chat"}),
        ({"gen_ai__operation__name": "embeddings"}, {"operation": "embeddings"}),
        (
            {"gen_ai__usage__input_tokens": 0, "gen_ai__usage__prompt_tokens": 900},
            {"input_tokens": 900},
        ),
        (
            {
                "gen_ai__usage__cache_write__input_tokens": 40,
                "gen_ai__usage__cache_creation__input_tokens": 40,
            },
            {"input_tokens": 1000, "cache_write_tokens": 40},
        ),
        ({"gen_ai__operation__name": "rerank"}, {"operation": "other", "input_tokens": 1000}),
        ({"error__type": "429"}, {"status_code": 429, "throttled_by": "backend"}),
        ({"error__type": "timeout"}, {"status_code": 500, "error_type": "timeout"}),
        ({"http__response__status_code": 503}, {"status_code": 503}),
    ],
    ids=str,
)
def test_names_that_changed_are_all_read(
    desk: Desk, attributes: dict[str, Any], expected: dict[str, Any]
) -> None:
    """Libraries are of many versions, and a gateway's spans come from several of them."""
    (event,) = desk.events(body(otlp(span(1, **attributes))))
    assert {key: event[key] for key in expected} == expected


@pytest.mark.parametrize("operation", ["invoke_agent", "execute_tool", "create_agent"])
def test_spans_around_calls_are_not_counted(desk: Desk, operation: str) -> None:
    """An agent's span repeats the tokens of the calls inside it."""
    made = desk.read(body(otlp(span(1), span(2, gen_ai__operation__name=operation))))
    assert (made.rows, made.ignored, made.rejected) == (1, 1, ())


def test_spans_of_other_things_are_no_errors(desk: Desk) -> None:
    """A trace holds HTTP and database spans as well."""
    other = {**span(1), "attributes": [attribute("http.request.method", "GET")]}
    assert desk.read(body(otlp(other))).ignored == 1


def test_loading_twice_and_shuffled_changes_nothing(desk: Desk) -> None:
    """Collectors retry whole exports."""
    spans = [span(number) for number in range(20)]
    assert desk.load([body(otlp(*spans))]).stored == 20
    before = desk.totals()
    spans = shuffled(spans)
    assert desk.load([body(otlp(one), indent=2) for one in spans]).duplicates == 20
    assert desk.totals() == before
    assert before["traffic"] == [(20, 0, 20_000, 2000, 20, 0)]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"startTimeUnixNano": "0"}, "startTimeUnixNano is no time"),
        ({"startTimeUnixNano": "9" * 30}, "startTimeUnixNano is no time"),
        ({"startTimeUnixNano": None}, "startTimeUnixNano is no time"),
        ({"traceId": ""}, "traceId or spanId"),
        ({"spanId": {"CANARY": 1}}, "traceId or spanId"),
    ],
    ids=str,
)
def test_what_cannot_be_read_is_refused_with_a_reason(
    desk: Desk, changes: dict[str, Any], reason: str
) -> None:
    """Without its ids a span could not be told from its copies."""
    made = desk.read(body(otlp({**span(1), **changes})))
    (rejected,) = made.rejected
    assert reason in rejected.reason
    assert "CANARY" not in rejected.line


@pytest.mark.parametrize(
    "value",
    [None, [], {"resourceSpans": [None, 5, {"scopeSpans": [None, {"spans": [None, 3, {}]}]}]}],
    ids=str,
)
def test_envelopes_with_nothing_in_them_never_raise(desk: Desk, value: object) -> None:
    """Empty exports happen."""
    made = desk.read(body(value))
    assert made.rows == 0
