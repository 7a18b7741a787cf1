"""LiteLLM's payloads in files and buckets become what its callback records."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tests.ingest.feeds.made_logs import body, litellm, shuffled

if TYPE_CHECKING:
    from tests.ingest.feeds.conftest import Desk


def test_every_key_lands_where_it_belongs(desk: Desk) -> None:
    """Key, team, model, tokens and backend, and nothing of the conversation."""
    (event,) = desk.events(body(litellm(1, stream=True)))
    assert event["started_at"] == "2026-11-20T09:30:01.000000Z"
    assert (event["feed"], event["gateway"]) == ("litellm_payload", "gw-test")
    assert (event["key_name"], event["team"]) == ("search-app", "search")
    assert event["key_id"].startswith("k_")
    assert (event["request_model"], event["response_model"]) == ("gpt-4o", "gpt-4o-2024-11-20")
    assert (event["input_tokens"], event["cached_input_tokens"]) == (1000, 200)
    assert (event["duration_ms"], event["time_to_first_chunk_ms"]) == (900.0, 300.0)
    assert event["attempts"][0]["region"] == "swedencentral"
    for secret in ("CANARY", "0f0f", "someone", "203.0.113"):
        assert secret not in str(event)


@pytest.mark.parametrize(
    "changes",
    [
        {"metadata": {}},
        {"metadata": None, "prompt_tokens": "1000"},
        {"metadata": {"usage_object": {}}},
        {"metadata": {"usage_object": {"prompt_tokens": 0, "completion_tokens": 0}}},
        {"metadata": "not JSON, but a text", "response": "neither"},
        {
            "metadata": {"usage_object": None},
            "response": {"usage": {"prompt_tokens": 1000, "completion_tokens": 100}},
        },
    ],
)
def test_usage_is_found_where_older_versions_have_it(desk: Desk, changes: dict[str, Any]) -> None:
    """The payload's own counts stand in for a usage object that is not there."""
    (event,) = desk.events(body(litellm(1, **changes)))
    assert (event["input_tokens"], event["output_tokens"]) == (1000, 100)


@pytest.mark.parametrize("outcome", ["success", "failure"])
def test_objects_and_flags_that_became_texts_are_read(desk: Desk, outcome: str) -> None:
    """A table or a queue on the way keeps JSON in a text; caller and costs are the same."""
    error = {"error_class": "RateLimitError", "error_code": "429"} if outcome == "failure" else None
    changes = {"cache_hit": True, "status": outcome, "error_information": error}
    plain = litellm(1, stream=True, request_tags=["app:shop"], **changes)
    texts = {
        key: json.dumps(value) if isinstance(value, dict | list) else value
        for key, value in plain.items()
    } | {"cache_hit": "True", "stream": "true"}
    assert desk.events(body(texts)) == desk.events(body(plain))
    (event,) = desk.events(body(texts))
    assert (event["key_name"], event["cache_hit"]) == ("search-app", True)


def test_streams_that_asked_for_usage_report_it(desk: Desk) -> None:
    """LiteLLM counts by itself what a stream did not report, and does not tell."""
    options = {"stream_options": {"include_usage": True}}
    (asked,) = desk.events(body(litellm(1, stream=True, model_parameters=options)))
    (not_asked,) = desk.events(body(litellm(2, stream=True)))
    assert (asked["usage_source"], not_asked["usage_source"]) == ("reported", "estimated")


def test_a_failure_is_an_error_without_tokens(desk: Desk) -> None:
    """Throttled calls cost nothing, and are counted."""
    record = litellm(
        1,
        status="failure",
        response=None,
        error_str="RateLimitError: CANARY",
        error_information={"error_class": "RateLimitError", "error_code": "429"},
    )
    (event,) = desk.events(body(record))
    assert (event["status_code"], event["throttled_by"]) == (429, "backend")
    assert (event["usage_source"], "input_tokens" in event) == ("none", False)
    assert "CANARY" not in str(event)


def test_an_answer_from_the_cache_costs_nothing(desk: Desk) -> None:
    """It repeats the tokens of the answer that was cached, and its response id."""
    assert (
        desk.load([body([litellm(1), litellm(2, cache_hit=True, id="chatcmpl-made0001")])]).stored
        == 2
    )
    costs = desk.store.frame("SELECT cost FROM usage_events ORDER BY started_at").rows()
    assert costs == [(Decimal("0.00325"),), (Decimal(0),)]


def test_loading_twice_and_shuffled_changes_nothing(desk: Desk) -> None:
    """Loggers of LiteLLM retry, and buckets are exported again."""
    records = [litellm(number) for number in range(20)]
    assert desk.load([body(records)]).stored == 20
    before = desk.totals()
    records = shuffled(records)
    assert desk.load([body(record, indent=1) for record in records]).duplicates == 20
    assert desk.totals() == before
    assert before["traffic"] == [(20, 0, 20_000, 2000, 20, 0)]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"startTime": "soon"}, "startTime is no time"),
        ({"startTime": 1e300}, "startTime is no time"),
        ({"id": None, "litellm_call_id": None}, "id is empty"),
        ({"status": "pending"}, "status is neither"),
        ({"status": ["success"]}, "status is neither"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_reason(
    desk: Desk, changes: dict[str, Any], reason: str
) -> None:
    """Nothing is guessed."""
    (rejected,) = desk.read(body(litellm(1, **changes))).rejected
    assert reason in rejected.reason


@pytest.mark.parametrize("field", sorted(litellm(1)))
@pytest.mark.parametrize("wrong", [None, 5, -1.5, "text", [], {}, {"a": [None]}, True, 10**30])
def test_wrong_types_never_raise(desk: Desk, field: str, wrong: object) -> None:
    """A payload of another version is a request or a dead letter, and the consumer goes on."""
    made = desk.read(body(litellm(1, **{field: wrong})))
    assert made.rows + len(made.rejected) == 1
